"""The store in trouble: a full disk, a second daemon, and databases that are not ours, broken, or newer than this plazod."""
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import resource
import socket
import sqlite3
import subprocess
import time

import harness
from harness import Case, hook, opened

REFUSED = 78
ARMED = {"P1": "6s", "default": "none"}      # what fills the disk has no clocks, so its alerts do not fill it again


def content(path):
	return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


class Full(Case):
	def fill_until_refused(self, prefix):
		"""Posts until a 503; gives the events that were acknowledged, and the reply."""
		acked = []
		for i in range(4000):
			events = [opened(f"{prefix}-{i}-{j}", priority="P4", subject="x" * 200) for j in range(20)]
			r = self.d.post(events)
			if r.status != 202:
				return acked, r
			acked += events
		self.fail("the disk never was full")

	def check_full(self, sink, make_room):
		self.d.accept(opened("ARMED"))
		acked, r = self.fill_until_refused("FILL")
		self.assertEqual(r.status, 503, r)
		self.assertGreater(int(r.headers["Retry-After"]), 0)
		self.assertEqual(r.headers.get_content_type(), "application/problem+json")
		self.assertEqual(self.d.get("/readyz", token=None).status, 503)
		self.assertEqual(self.d.get("/healthz", token=None).status, 200)
		# What is promised goes on while nothing can be written.
		sink.wait(15, type="sla.breach", ticket="ARMED")
		make_room()
		self.d.wait_ready(20)
		self.d.accept(opened("AFTER"))
		self.d.kill()
		self.d.start()
		for i in range(0, len(acked), 200):
			part = acked[i:i + 200]
			self.assertEqual(self.d.accept(part), {"accepted": 0, "duplicates": len(part)})

	def test_full_disk(self):
		if os.getuid() != 0:
			self.skipTest("a small file system of one's own needs root")
		disk = self.d.dir / "disk"
		disk.mkdir()
		p = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True, text=True, check=False)
		if p.returncode != 0:
			self.skipTest("no mount here: " + p.stderr.strip())
		self.addCleanup(subprocess.run, ["umount", "-l", str(disk)], check=False)
		filler = disk / "filler"
		filler.write_bytes(b"x" * 6 * 1024 * 1024)
		sink = self.sink()
		self.run_with({"hook": hook(sink)}, store={"path": str(disk / "plazo.db")}, target=ARMED)
		# A backup would take the room that the journal needs.
		p = self.d.ctl("backup", str(self.d.dir / "backup.db"))
		self.assertEqual(p.returncode, 1, p.stdout + p.stderr)
		self.assertRegex(self.d.log(), r"a copy beside it needs \d+ MiB, and there are \d")
		self.check_full(sink, filler.unlink)

	def test_files_may_not_grow(self):
		"""RLIMIT_FSIZE: the write fails, and the signal that comes with it must not end the daemon."""
		sink = self.sink()
		self.d.configure({"hook": hook(sink)}, target=ARMED)
		limit = 1024 * 1024
		self.d.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)))
		self.check_full(sink, lambda: resource.prlimit(self.d.process.pid, resource.RLIMIT_FSIZE,
							       (resource.RLIM_INFINITY, resource.RLIM_INFINITY)))

	def no_room(self):
		resource.prlimit(self.d.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

	def room(self):
		resource.prlimit(self.d.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
		self.d.wait_ready(20)

	def target_of(self, ticket):
		return json.loads(self.d.ctl("ticket", ticket, "--json").stdout)["clocks"][0]["target"]

	def test_a_reload_without_room_is_refused_and_holds_nothing_up(self):
		"""A revision must be in the journal before it holds: time may not wait for a disk that is full."""
		sink = self.sink()
		self.run_with({"hook": hook(sink)}, target="4s")
		self.d.accept(opened("ARMED"))
		self.no_room()
		self.assertEqual(self.d.post(opened("NO-ROOM")).status, 503)
		self.d.configure({"hook": hook(sink)}, target="1h")
		r = self.d.ctl("reload")
		self.assertEqual(r.returncode, REFUSED, r)
		self.assertIn("the disk is full", r.stderr)
		sink.wait(10, type="sla.breach", ticket="ARMED")
		self.room()
		self.d.accept(opened("BEFORE"))
		self.assertEqual(self.target_of("BEFORE"), "4s")
		self.assertEqual(self.d.ctl("reload").returncode, 0)
		self.d.accept(opened("AFTER"))
		self.assertEqual(self.target_of("AFTER"), "1h")

	def test_a_start_without_room_goes_by_what_was_in_force(self):
		sink = self.sink()
		self.run_with({"hook": hook(sink)}, target="4s")
		self.d.accept(opened("ARMED"))
		self.d.kill()
		self.d.configure({"hook": hook(sink)}, target="1h")
		self.d.start(ready=False, preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY)))
		sink.wait(10, type="sla.breach", ticket="ARMED")
		self.room()
		harness.wait_for("the new revision", 10, lambda: self.d.accept(opened("T" + os.urandom(4).hex(), id=os.urandom(4).hex())) and
				 "1h" in self.d.ctl("tickets", "--json").stdout)

	def test_many_descriptors_are_taken(self):
		"""With few descriptors and many idle clients, alerts and the journal go on."""
		sink = self.sink()
		self.d.configure({"hook": hook(sink)}, target="2s")
		self.d.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
		self.d.accept(opened("T1"))
		with contextlib.ExitStack() as stack:
			for _ in range(120):
				stack.enter_context(socket.create_connection(("127.0.0.1", self.d.port)))
			before = cpu_seconds(self.d.process.pid)
			sink.wait(10, type="sla.breach", ticket="T1")
			self.assertLess(cpu_seconds(self.d.process.pid) - before, 0.5 * harness.PATIENCE)
		harness.wait_for("room again", 10, lambda: self.d.post(opened("T2")).status == 202)
		self.assertLess(self.d.log().count("\n"), 200, "a flood of log lines")


def cpu_seconds(pid):
	fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
	return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Dead(Case):
	"""A disk that does not keep what it took ends plazod; nobody but its receivers can still be told."""

	def setUp(self):
		super().setUp()
		self.no_disk = self.d.dir / "no-disk"
		self.hooks = self.sink()
		if harness.SANITIZED:
			self.skipTest("what is preloaded does not go with a sanitizer")

	def run_until_dead(self, ticket, receiver, target="2s"):
		self.d.configure({"hook": hook(self.hooks), "ops": receiver}, target=target, defaults={
			"calendar": "always", "escalation": "standard", "notify": ["ops"]})
		self.no_disk.unlink(missing_ok=True)
		self.d.start(env={"LD_PRELOAD": str(harness.BUILD / "tests/nodisk.so"), "PLAZO_NO_DISK": str(self.no_disk)})
		self.d.accept(opened(ticket))
		self.no_disk.touch()
		# Something to write, also if all that the ticket had to tell was told by then.
		with contextlib.suppress(OSError, http.client.HTTPException):
			self.d.post(opened(ticket + "-unheard"))
		return self.d.wait_end(60)

	def test_it_is_told_before_plazod_ends(self):
		ops = self.sink()
		for n, ticket in enumerate(("T1", "T2"), 1):
			self.assertEqual(self.run_until_dead(ticket, hook(ops)), 1, self.d.log())
			failed = ops.wait(10, n, type="daemon.store", step="failed")
		self.assertIn("I/O", failed[0].alert["reason"])
		# In one hour it is one alert, however often plazod is started again.
		self.assertEqual(failed[0].id == failed[1].id, failed[0].alert["at"][:13] == failed[1].alert["at"][:13])
		self.no_disk.unlink()
		self.d.start()
		for ticket in ("T1", "T2"):
			self.hooks.wait(20, type="sla.breach", ticket=ticket)
			self.assertEqual(len({r.id for r in self.hooks.alerts(type="sla.breach", ticket=ticket)}), 1)

	def test_a_receiver_that_hangs_does_not_hold_it_up(self):
		ops = self.sink(default="hang")
		self.assertEqual(self.run_until_dead("T1", hook(ops)), 1, self.d.log())
		harness.wait_for("an attempt", 10, lambda: ops.tries(type="daemon.store", step="failed"))


class Refused(Case):
	"""Exit status 78 and a sentence that names the file; the file stays as it was."""

	def setUp(self):
		super().setUp()
		self.db = self.d.dir / "plazo.db"
		self.d.configure()

	def expect_refusal(self, says):
		before = content(self.db)
		self.d.start(ready=False)
		self.assertEqual(self.d.wait_end(10), REFUSED, self.d.log())
		self.assertIn("plazo.db", self.d.log())
		self.assertRegex(self.d.log().lower(), says)
		self.assertEqual(content(self.db), before)

	def test_second_daemon(self):
		self.d.start()
		second = harness.Plazod()
		self.addCleanup(second.close)
		second.configure(store={"path": str(self.db)})
		began = time.monotonic()
		second.start(ready=False)
		self.assertEqual(second.wait_end(10), REFUSED, second.log())
		self.assertLess(time.monotonic() - began, 3 * harness.PATIENCE)
		self.assertRegex(second.log().lower(), "in use|used by|locked|another")
		self.d.accept(opened("T1"))

	def test_text_file(self):
		self.db.write_text("This is not a database.\n" * 500)
		self.expect_refusal("not a database|corrupt|foreign")

	def test_foreign_database(self):
		with contextlib.closing(sqlite3.connect(self.db)) as db:
			db.executescript("CREATE TABLE customers(name TEXT); INSERT INTO customers VALUES('ACME');")
		self.expect_refusal("not|foreign|another program")

	def test_newer_database(self):
		self.d.start()
		self.d.stop()
		with contextlib.closing(sqlite3.connect(self.db)) as db:
			version = db.execute("PRAGMA user_version").fetchone()[0]
			db.execute(f"PRAGMA user_version = {version + 1000}")
			db.commit()
		self.expect_refusal("newer")

	def test_truncated_database(self):
		self.d.start()
		self.d.accept([opened(f"T{i}", subject="x" * 200) for i in range(500)])
		self.d.stop()
		with open(self.db, "r+b") as f:
			f.truncate(20_000)
		self.expect_refusal("corrupt|malformed|damaged|truncated|cut short")

	def test_overwritten_database(self):
		self.d.start()
		self.d.accept([opened(f"T{i}", subject="x" * 200) for i in range(500)])
		self.d.stop()
		size = self.db.stat().st_size
		with open(self.db, "r+b") as f:
			f.seek(100)
			f.write(os.urandom(min(size - 100, 30_000)))
		self.expect_refusal("corrupt|malformed|damaged|not a database")

	def test_directory_that_is_not_there(self):
		self.d.configure(store={"path": str(self.d.dir / "nowhere" / "plazo.db")})
		self.d.start(ready=False)
		self.assertNotEqual(self.d.wait_end(10), 0)
		self.assertIn("nowhere", self.d.log())


if __name__ == "__main__":
	harness.main()
