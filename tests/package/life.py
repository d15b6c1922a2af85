#!/usr/bin/python3
"""The life of the Debian package in a fresh Debian: installed, run, upgraded, removed, reinstalled, purged. Called by tests/package/run.

    life.py DIRECTORY-OF-THE-PACKAGE [SUITE]

Needs root, debootstrap and a mirror. Everything happens below a temporary directory and in namespaces of its own: mounts and
processes end with it, and after the installation there is no network but a loopback. There is no systemd as process 1 in there, so plazod
is started as its unit says: the same command, user and directories. Each step wants the ones before it; the first that fails ends the run.
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
import signal
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


def need(condition, what):
	if not condition:
		raise AssertionError(what)


class Root:
	"""A Debian below a directory."""

	def __init__(self, directory, suite):
		self.dir = pathlib.Path(directory)
		out = subprocess.run(["debootstrap", "--variant=minbase", suite, str(self.dir), MIRROR], capture_output=True, text=True, check=False)
		need(out.returncode == 0, "debootstrap: " + out.stdout[-800:] + out.stderr[-800:])
		shutil.copy("/etc/resolv.conf", self.dir / "etc/resolv.conf")
		subprocess.run(["mount", "-t", "proc", "proc", self.dir / "proc"], check=True)

	def run(self, *args, user=None, good=True):
		who = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups" if user.isdigit() else "--init-groups"]
		env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C", "HOME": "/root"}
		p = subprocess.run(["chroot", str(self.dir), *who, *args], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
				   text=True, timeout=600, check=False)
		need(not good or p.returncode == 0, f"{' '.join(args)}: status {p.returncode}\n{p.stdout[-2000:]}")
		return p

	def path(self, inside):
		return self.dir / inside.lstrip("/")

	def install(self, deb):
		shutil.copy(deb, self.dir / "root" / deb.name)
		return self.run("apt-get", "install", "-y", "--no-install-recommends", *NO_QUESTIONS, "./root/" + deb.name).stdout

	def like(self, inside, mode, group):
		"""A file of root, with this mode and group."""
		st = self.path(inside).stat()
		gid = int(self.run("getent", "group", group).stdout.split(":")[2])
		need((stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) == (mode, 0, gid), f"{inside}: {oct(st.st_mode)} {st.st_uid}:{st.st_gid}")


class Plazod:
	"""The daemon, started as its unit says."""

	def __init__(self, root):
		self.root = root
		unit = next(p for p in (root.path("/lib/systemd/system/plazod.service"), root.path("/usr/lib/systemd/system/plazod.service")) if p.exists()).read_text()

		def says(key):
			return re.search(rf"^{key}=(.*)$", unit, re.M).group(1)
		for base, key in (("/run", "RuntimeDirectory"), ("/var/lib", "StateDirectory")):
			mode = says(key + "Mode")
			root.run("install", "-d", "-o", says("User"), "-g", says("Group"), "-m", mode, f"{base}/{says(key)}")
		uid, gid = (root.run("id", flag, says("User")).stdout.strip() for flag in ("-u", "-g"))
		self.log = open(root.dir / "root/plazod.log", "a", encoding="utf-8")
		self.p = subprocess.Popen(["chroot", str(root.dir), "setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs",
					   *says("ExecStart").split()], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, umask=int(says("UMask"), 8))
		end = time.monotonic() + 20
		while self.get("/readyz") != 200:
			need(self.p.poll() is None and time.monotonic() < end, "plazod does not get ready: " + (root.dir / "root/plazod.log").read_text())
			time.sleep(0.05)

	@staticmethod
	def get(path):
		c = http.client.HTTPConnection("127.0.0.1", 8970, timeout=10)
		with contextlib.closing(c), contextlib.suppress(ConnectionError):
			c.request("GET", path)
			return c.getresponse().status
		return 0

	def post(self, event):
		"""As the source of the configuration that comes with the package."""
		body = json.dumps(event).encode()
		key = base64.b64decode(self.root.path(SECRET).read_text().strip().removeprefix("whsec_"))
		mid, ts = "msg_" + os.urandom(8).hex(), str(int(time.time()))
		sig = base64.b64encode(hmac.new(key, f"{mid}.{ts}.".encode() + body, hashlib.sha256).digest()).decode()
		c = http.client.HTTPConnection("127.0.0.1", 8970, timeout=10)
		with contextlib.closing(c):
			c.request("POST", "/v1/events/helpdesk", body, {"Content-Type": "application/json", "webhook-id": mid, "webhook-timestamp": ts,
									"webhook-signature": "v1," + sig})
			r = c.getresponse()
			return r.status, json.loads(r.read())

	def stop(self):
		self.p.send_signal(signal.SIGTERM)
		need(self.p.wait(20) == 0, f"plazod ended with {self.p.returncode}: " + (self.root.dir / "root/plazod.log").read_text()[-2000:])
		self.log.close()


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


def installed(root, deb):
	need("plazo" in root.install(deb), "nothing was installed")
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


def no_network():
	need(ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0, "no network namespace")
	subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


OPENED = {"id": "e1", "ticket": "INC-1", "type": "opened", "contract": "acme", "priority": "P1",
	  "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}


def runs(root):
	d = Plazod(root)
	need(d.post(OPENED) == (202, {"accepted": 1, "duplicates": 0}), "the first event")
	need(root.run("plazoctl", "ticket", "INC-1").stdout.count("INC-1") > 0, "root asks")
	root.run("useradd", "--groups", "plazo", "ana")
	need("INC-1" in root.run("plazoctl", "tickets", user="ana").stdout, "a member of the group asks")
	need(root.run("plazoctl", "status", user="65534", good=False).returncode == 69, "nobody asks")
	root.run("plazoctl", "reload")
	d.stop()
	need(root.run("stat", "-c", "%a %U", "/var/lib/plazo/plazo.db").stdout == "600 plazo\n", "who reads the database")


def remembers(root):
	d = Plazod(root)
	need("INC-1" in root.run("plazoctl", "tickets").stdout, "the ticket is forgotten")
	need(d.post(OPENED) == (202, {"accepted": 0, "duplicates": 1}), "the first event again")
	d.stop()


def upgraded(root, deb, work):
	"""A configuration that nobody has touched follows the package; one that somebody has changed is theirs. Secrets and tickets stay."""
	before = root.path(SECRET).read_text()
	root.install(successor(deb, work, "0.1.0-2"))
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


def removed(root, deb):
	before = root.path(SECRET).read_text()
	root.run("apt-get", "remove", "-y", "plazo")
	need(not root.path("/usr/sbin/plazod").exists() and root.path(CONF).exists() and root.path("/var/lib/plazo/plazo.db").exists(), "what a removal leaves")
	root.install(deb)
	need(root.path(SECRET).read_text() == before and root.path(CONF).read_text().endswith("# ours\n"), "what a reinstallation finds")
	remembers(root)


def purged(root):
	mine = root.path("/etc/plazo/secrets/mine")
	mine.write_text("of the administrator\n")
	root.run("apt-get", "purge", "-y", "plazo")
	need(mine.exists() and not root.path(SECRET).exists(), "secrets after a purge")
	shutil.rmtree(root.path("/etc/plazo"))
	root.run("rm", "-rf", "/run/plazo", "/root")
	left = root.run("find", "/", "-xdev", "-path", "/proc", "-prune", "-o", "-name", "*plazo*", "-print").stdout.split()
	need(not left, f"left after a purge: {left}")
	root.run("getent", "passwd", "plazo")


def main():
	if "PLAZO_ALONE" not in os.environ:
		os.execvpe("unshare", ["unshare", "--mount", "--pid", "--fork", "--kill-child", sys.executable, *sys.argv], dict(os.environ, PLAZO_ALONE="1"))
	deb = next(p for p in pathlib.Path(sys.argv[1]).glob("plazo_*.deb"))
	passed = 0
	with tempfile.TemporaryDirectory(prefix="plazo-package-", ignore_cleanup_errors=True) as work:
		try:
			root = Root(pathlib.Path(work) / "root", sys.argv[2] if len(sys.argv) > 2 else "bookworm")
			root.run("apt-get", "update", "-q")
			steps = [("installed", lambda: installed(root, deb)), ("", no_network), ("runs", lambda: runs(root)),
				 ("upgraded", lambda: upgraded(root, deb, work)), ("removed and reinstalled", lambda: removed(root, deb)), ("purged", lambda: purged(root))]
			for name, step in steps:
				step()
				if name:
					passed += 1
					print(f"ok   {name}", flush=True)
		except (AssertionError, subprocess.SubprocessError) as e:
			print(f"FAIL {e}\n{passed} passed, 1 failed")
			return 1
		finally:
			subprocess.run(["umount", "-l", f"{work}/root/proc"], stderr=subprocess.DEVNULL, check=False)
	print(f"{passed} passed, 0 failed")
	return 0


if __name__ == "__main__":
	sys.exit(main())
