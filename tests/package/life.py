#!/usr/bin/python3
"""The life of the Debian package in a fresh Debian: installed, run, upgraded, removed, reinstalled, purged. Called by tests/package/run.

    life.py DIRECTORY-OF-THE-PACKAGE [SUITE]

Needs root, debootstrap and a mirror. Everything happens below a temporary directory and in namespaces of its own, with a systemd of its own
as process 1 there: the unit, its sandbox and the scripts of the package are the real ones, and all of it ends with the test. Once the package is
installed there is no network but a loopback. Each step wants the ones before it; the first that fails ends the run.
"""
import base64
import contextlib
import ctypes
import datetime
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time

MIRROR = os.environ.get("PLAZO_MIRROR", "http://deb.debian.org/debian")
CLONE_NEWNET = 0x40000000
CONF = "/etc/plazo/plazod.yaml"
SECRET = "/etc/plazo/secrets/helpdesk"
NO_QUESTIONS = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
# Arguments: a control group, a root directory. A root of a mount of its own, not of chroot: else systemd can give no unit a sandbox.
BOOT = """echo $$ >"$1/cgroup.procs"
exec unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child sh -ec '
	mount --make-rprivate /
	mount --bind "$1" "$1"
	cd "$1"
	mount -t proc proc proc
	mount -t tmpfs tmpfs run
	mount -t sysfs -o ro sysfs sys
	mount -t cgroup2 cgroup2 sys/fs/cgroup
	pivot_root . mnt
	exec env -i container=test PATH=/usr/sbin:/usr/bin sh -ec "umount -l /mnt; mount --make-rshared /; exec /lib/systemd/systemd"
' sh "$2"
"""


def need(condition, what):
	if not condition:
		raise AssertionError(what)


class Root:
	"""A Debian below a directory: first for chroot, then with a systemd of its own."""

	def __init__(self, work, suite):
		self.dir = pathlib.Path(work) / "root"
		self.enter = ["chroot", str(self.dir)]
		self.init = None
		out = subprocess.run(["debootstrap", "--variant=minbase", suite, str(self.dir), MIRROR], capture_output=True, text=True, check=False)
		need(out.returncode == 0, "debootstrap: " + out.stdout[-800:] + out.stderr[-800:])
		shutil.copy("/etc/resolv.conf", self.dir / "etc/resolv.conf")
		subprocess.run(["mount", "-t", "proc", "proc", self.dir / "proc"], check=True)
		self.groups = pathlib.Path(work) / "groups"
		self.groups.mkdir()
		subprocess.run(["mount", "-t", "cgroup2", "none", self.groups], check=True)
		self.group = self.groups / f"plazo-package-{os.getpid()}"
		self.group.mkdir()

	def boot(self):
		self.init = subprocess.Popen(["sh", "-ec", BOOT, "sh", str(self.group), str(self.dir)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
		children = pathlib.Path(f"/proc/{self.init.pid}/task/{self.init.pid}/children")

		def process_1():
			pid = children.read_text().split()
			return pid and pathlib.Path(f"/proc/{pid[0]}/comm").read_text() == "systemd\n" and pid[0]
		pid = until("there is no systemd", process_1)
		self.enter = ["nsenter", "-t", pid, "-m", "-p", "-n", "-C", "-u", "-i", "-r", "-w"]
		with open(f"/proc/{pid}/ns/net", encoding="ascii") as net:
			need(ctypes.CDLL(None).setns(net.fileno(), CLONE_NEWNET) == 0, "no way into the network")

	def end(self):
		if self.init is not None:
			self.init.kill()
			self.init.wait()
		subprocess.run(["umount", "-l", self.dir / "proc"], check=False)
		for group in sorted(self.group.rglob("*"), reverse=True):
			if group.is_dir():
				until("a control group is in use", lambda g=group: not (g / "cgroup.procs").read_text())
				group.rmdir()
		self.group.rmdir()
		subprocess.run(["umount", "-l", self.groups], check=False)

	def run(self, *args, user=None, good=True):
		who = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups" if user.isdigit() else "--init-groups"]
		env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "HOME": "/root"}
		p = subprocess.run([*self.enter, *who, *args], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
				   text=True, timeout=600, check=False)
		need(not good or p.returncode == 0, f"{' '.join(args)}: status {p.returncode}\n{p.stdout[-2000:]}")
		return p

	def path(self, inside):
		return self.dir / inside.lstrip("/")

	def install(self, deb, *more):
		shutil.copy(deb, self.dir / "root" / deb.name)
		self.run("apt-get", "install", "-y", "--no-install-recommends", *NO_QUESTIONS, "./root/" + deb.name, *more)

	def like(self, inside, mode, group):
		"""A file of root, with this mode and group."""
		st = self.path(inside).stat()
		gid = int(self.run("getent", "group", group).stdout.split(":")[2])
		need((stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (mode, 0, gid), f"{inside}: {oct(st.st_mode)} {st.st_uid}:{st.st_gid}")

	def unit(self, key):
		return self.run("systemctl", "show", "plazod", "--value", "-p", key).stdout.strip()

	def up(self):
		"""The process of plazod, once it is ready."""
		try:
			until("not ready", lambda: get("/readyz") == 200)
		except AssertionError as e:
			raise AssertionError(self.run("journalctl", "-u", "plazod", "-n", "30", "--no-pager", good=False).stdout) from e
		need(self.unit("ActiveState") == "active", "plazod.service is " + self.unit("ActiveState"))
		return self.unit("MainPID")

	def forget_starts(self):
		"""More than five within ten seconds, and systemd would think that something is broken."""
		if self.init is not None:
			self.run("systemctl", "reset-failed")

	def post(self, event):
		"""As the source of the configuration that comes with the package."""
		body = json.dumps(event).encode()
		key = base64.b64decode(self.path(SECRET).read_text().strip().removeprefix("whsec_"))
		mid, ts = "msg_" + os.urandom(8).hex(), str(int(time.time()))
		sig = base64.b64encode(hmac.new(key, f"{mid}.{ts}.".encode() + body, hashlib.sha256).digest()).decode()
		c = http.client.HTTPConnection("127.0.0.1", 8970, timeout=10)
		with contextlib.closing(c):
			c.request("POST", "/v1/events/helpdesk", body, {"Content-Type": "application/json", "webhook-id": mid, "webhook-timestamp": ts,
									"webhook-signature": "v1," + sig})
			r = c.getresponse()
			return r.status, json.loads(r.read())


def until(what, fn, seconds=30):
	end = time.monotonic() + seconds
	while True:
		value = fn()
		if value:
			return value
		need(time.monotonic() < end, what)
		time.sleep(0.05)


def get(path):
	c = http.client.HTTPConnection("127.0.0.1", 8970, timeout=10)
	with contextlib.closing(c), contextlib.suppress(OSError, http.client.HTTPException):
		c.request("GET", path)
		return c.getresponse().status
	return 0


def successor(deb, work, version):
	"""The same package as `version`, whose configuration has a line more."""
	tree = pathlib.Path(work) / version
	subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
	control = tree / "DEBIAN/control"
	control.write_text(re.sub(r"^Version: .*$", "Version: " + version, control.read_text(), flags=re.M))
	conf = tree / CONF.lstrip("/")
	conf.write_text(conf.read_text() + f"# as of {version}\n")
	out = pathlib.Path(work) / f"plazo_{version}.deb"
	subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, out], check=True, stdout=subprocess.DEVNULL)
	return out


OPENED = {"id": "e1", "ticket": "INC-1", "type": "opened", "contract": "acme", "priority": "P1",
	  "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}


def installed(root, deb, _work):
	root.install(deb, "systemd", "dbus", "python3")
	entry = root.run("getent", "passwd", "plazo").stdout.strip().split(":")
	need(entry[5:] == ["/var/lib/plazo", "/usr/sbin/nologin"], f"the user: {entry}")
	root.like("/etc/plazo", 0o750, "plazo")
	root.like(CONF, 0o640, "plazo")
	root.like("/etc/plazo/secrets", 0o750, "plazo")
	root.like(SECRET, 0o640, "plazo")
	wants = root.path("/etc/systemd/system")
	need((wants / "multi-user.target.wants/plazod.service").is_symlink(), "the service is not enabled")
	need(not (wants / "sockets.target.wants/plazod.socket").is_symlink(), "the socket is enabled")
	need(root.run("plazod", "-t", user="plazo").stdout.startswith(CONF + ": fine"), "plazod -t")
	need(root.run("plazod", "-t", user="65534", good=False).returncode == 78, "nobody reads the configuration")
	files = root.run("dpkg", "-L", "plazo").stdout
	for page in ("man8/plazod.8", "man1/plazoctl.1", "man5/plazod.yaml.5"):
		need(f"/usr/share/man/{page}.gz" in files, f"{page} is missing")
	problems = root.run("systemd-analyze", "verify", "plazod.service", "plazod.socket", good=False).stdout
	problems = [line for line in problems.splitlines() if "plazod" in line and "'man " not in line]
	need(not problems, f"units: {problems}")


def tests_itself(root, _deb, _work):
	"""debian/tests, as autopkgtest runs it."""
	tests = pathlib.Path(__file__).resolve().parents[2] / "packaging/debian/tests"
	for name in re.search(r"^Tests: (.*)$", (tests / "control").read_text(), re.M).group(1).split():
		shutil.copy(tests / name, root.path("/usr/local/bin") / name)
		root.run("/usr/local/bin/" + name, user="65534")


def runs(root, _deb, _work):
	"""As systemd starts it, with nothing configured, and in its sandbox."""
	root.boot()
	status = root.run("cat", f"/proc/{root.up()}/status").stdout
	need(re.search(r"^NoNewPrivs:\s1$", status, re.M) and re.search(r"^Seccomp:\s2$", status, re.M), "there is no sandbox:\n" + status)
	need(root.post(OPENED) == (202, {"accepted": 1, "duplicates": 0}), "the first event")
	root.run("useradd", "--groups", "plazo", "ana")
	need("INC-1" in root.run("plazoctl", "tickets", user="ana").stdout, "a member of the group asks")
	need(root.run("plazoctl", "status", user="65534", good=False).returncode == 69, "nobody asks")
	need(root.run("stat", "-c", "%a %U", "/var/lib/plazo/plazo.db").stdout == "600 plazo\n", "who reads the database")


def is_steered(root, _deb, _work):
	"""Reload, good and bad; a crash; a credential; the socket, as README.Debian says it."""
	pid, good = root.up(), root.path(CONF).read_text()
	root.run("systemctl", "reload", "plazod")
	root.path(CONF).write_text(good + "nonsense: 1\n")
	root.run("systemctl", "reload", "plazod")
	need(root.run("plazoctl", "reload", good=False).returncode == 78, "a bad configuration is taken")
	need(root.up() == pid, "a reload starts another process")
	root.path(CONF).write_text(good)
	root.run("systemctl", "kill", "-s", "KILL", "plazod")
	until("it is not started again", lambda: root.unit("NRestarts") == "1" and root.up() != pid)
	need("INC-1" in root.run("plazoctl", "tickets").stdout, "forgotten by a crash")
	drop_in = root.path("/etc/systemd/system/plazod.service.d")
	drop_in.mkdir()
	(drop_in / "credentials.conf").write_text(f"[Service]\nLoadCredential=desk:{SECRET}\n")
	root.path(CONF).write_text(good.replace(f"{{file: {SECRET}}}", "{credential: desk}"))
	need("credential" in root.path(CONF).read_text(), "the configuration is not what it was")
	root.run("sh", "-ec", "systemctl daemon-reload; systemctl stop plazod; systemctl enable --now plazod.socket; systemctl start plazod")
	root.up()
	need(root.post(OPENED) == (202, {"accepted": 0, "duplicates": 1}), "by way of the socket, with a credential")
	root.path(CONF).write_text(good)
	shutil.rmtree(drop_in)
	root.run("sh", "-ec", "systemctl disable --now plazod.socket; systemctl daemon-reload; systemctl restart plazod")
	root.up()


def remembers(root):
	root.up()
	need("INC-1" in root.run("plazoctl", "tickets").stdout, "the ticket is forgotten")
	need(root.post(OPENED) == (202, {"accepted": 0, "duplicates": 1}), "the first event again")


def upgraded(root, deb, work):
	"""A configuration that nobody has touched follows the package; one that somebody has changed is theirs. Secrets and tickets stay."""
	before, pid = root.path(SECRET).read_text(), root.up()
	root.install(successor(deb, work, "0.1.0-2"))
	need(root.up() != pid, "the old program goes on")
	conf = root.path(CONF)
	need(conf.read_text().endswith("# as of 0.1.0-2\n"), "a configuration as it came is not renewed")
	conf.write_text(conf.read_text() + "# ours\n")
	root.install(successor(deb, work, "0.2.0-1"))
	need(conf.read_text().endswith("# ours\n") and "0.2.0" not in conf.read_text(), "a configuration of somebody's own is lost")
	need(root.path(CONF + ".dpkg-dist").exists(), "the new configuration is not beside it")
	root.like(CONF, 0o640, "plazo")
	root.like(SECRET, 0o640, "plazo")
	need(root.path(SECRET).read_text() == before, "another secret")
	need(root.run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", "plazo").stdout == "installed 0.2.0-1", "the version")
	remembers(root)


def removed(root, deb, _work):
	before = root.path(SECRET).read_text()
	root.run("apt-get", "remove", "-y", "plazo")
	need(get("/readyz") == 0, "it still runs")
	need(not root.path("/usr/sbin/plazod").exists() and root.path(CONF).exists() and root.path("/var/lib/plazo/plazo.db").exists(), "what a removal leaves")
	root.install(deb)
	need(root.path(SECRET).read_text() == before and root.path(CONF).read_text().endswith("# ours\n"), "what a reinstallation finds")
	remembers(root)


def purged(root, _deb, _work):
	mine = root.path("/etc/plazo/secrets/mine")
	mine.write_text("of the administrator\n")
	root.run("apt-get", "purge", "-y", "plazo")
	need(mine.exists() and not root.path(SECRET).exists(), "secrets after a purge")
	shutil.rmtree(root.path("/etc/plazo"))
	root.run("sh", "-c", "rm -rf /root/*.deb")
	left = root.run("find", "/", "-xdev", "-name", "*plazo*", "-print").stdout.split()
	need(not left, f"left after a purge: {left}")
	need(root.run("find", "/run", "-name", "*plazo*", "-print").stdout == "", "left in /run")
	root.run("getent", "passwd", "plazo")


STEPS = (("installed", installed), ("its own test", tests_itself), ("runs", runs), ("reloaded, killed, with a credential, behind the socket", is_steered),
	 ("upgraded", upgraded), ("removed and reinstalled", removed), ("purged", purged))


def main():
	if "PLAZO_ALONE" not in os.environ:
		os.execvpe("unshare", ["unshare", "--mount", sys.executable, *sys.argv], dict(os.environ, PLAZO_ALONE="1"))
	deb = next(p for p in pathlib.Path(sys.argv[1]).glob("plazo_*.deb"))
	passed = 0
	with tempfile.TemporaryDirectory(prefix="plazo-package-", ignore_cleanup_errors=True) as work:
		root = Root(work, sys.argv[2] if len(sys.argv) > 2 else "bookworm")
		try:
			root.run("apt-get", "update", "-q")
			for name, step in STEPS:
				root.forget_starts()
				step(root, deb, work)
				passed += 1
				print(f"ok   {name}", flush=True)
		except (AssertionError, OSError, subprocess.SubprocessError) as e:
			print(f"FAIL {STEPS[passed][0]}: {e}\n{passed} passed, 1 failed")
			return 1
		finally:
			root.end()
	print(f"{passed} passed, 0 failed")
	return 0


if __name__ == "__main__":
	sys.exit(main())
