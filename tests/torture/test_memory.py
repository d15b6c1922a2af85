"""
Memory that runs out: the Nth allocation fails, once or from then on, in plazoctl and in a short life of plazod. What holds: a clear end or the same
result, never a signal but that of our own abort, never a hang; and what was acknowledged is there at the next start.
"""
import contextlib
import http.client
import json
import os
import resource
import signal
import subprocess
import time
import unittest

import torture
from torture import harness

ABORTED = -signal.SIGABRT
SAYS = "out of memory|[Mm]emory|ENOMEM|Cannot allocate"


def nomem(**more):
	"""The environment in which an allocation fails."""
	return {**os.environ, "LD_PRELOAD": str(harness.BUILD / "tests/nomem.so"), **{k: str(v) for k, v in more.items()}}


@unittest.skipIf(harness.SANITIZED, "a sanitizer has an allocator of its own")
class Allocations(harness.Case):
	def run_ctl(self, args, stdin="", **env):
		return subprocess.run([str(harness.BUILD / "plazoctl"), *args], input=stdin, env=nomem(**env), capture_output=True, text=True,
				      timeout=20 * harness.PATIENCE, check=False)

	def count(self, args, stdin):
		path = self.d.dir / "count"
		p = self.run_ctl(args, stdin, NOMEM_COUNT=path)
		self.assertEqual(p.returncode, 0, p.stderr)
		n = int(path.read_text())
		path.unlink()
		return n, p.stdout

	def attack_ctl(self, what, args, stdin=""):
		n, good = self.count(args, stdin)
		step = max(1, n // torture.times(250, 10))
		ends = {}
		for at in range(torture.seeded(what).randrange(step) + 1, n + 1, step):
			for more in ({}, {"NOMEM_ON": 1}):
				p = self.run_ctl(args, stdin, NOMEM_AT=at, **more)
				where = f"{what}: allocation {at} of {n} {more}: {p.returncode}\n{p.stdout[-300:]}{p.stderr[-600:]}"
				if p.returncode == 0:
					self.assertEqual(p.stdout, good, where)
				else:
					self.assertTrue(p.returncode == ABORTED or p.returncode > 0, where)
					self.assertNotEqual(p.stderr + p.stdout, "", where)
				ends[p.returncode] = ends.get(p.returncode, 0) + 1
		print(f"{what}: {n} allocations; exit statuses {ends}")

	def test_plazoctl(self):
		self.d.configure()
		events = [harness.opened(f"T{i}", at=f"2026-11-23T09:00:0{i}Z") for i in range(3)]
		self.attack_ctl("check", ["check", "-c", str(self.d.conf)])
		self.attack_ctl("simulate", ["simulate", "-c", str(self.d.conf), "-"], "".join(json.dumps(e) + "\n" for e in events))

	def life(self, events, deliver, **env):
		"""Starts, posts one after the other, waits for an alert, stops; gives what was acknowledged and how it ended."""
		acked = []
		self.d.start(ready=False, env=nomem(**env))
		end = time.monotonic() + (6 * harness.PATIENCE if deliver else 6)
		while self.d.process.poll() is None and time.monotonic() < end and len(acked) < len(events):
			try:
				if self.d.post(events[len(acked)], timeout=3).status == 202:
					acked.append(events[len(acked)])
			except (OSError, http.client.HTTPException):
				time.sleep(0.01)
		if deliver:
			with contextlib.suppress(AssertionError):
				harness.wait_for("", 1, lambda: deliver() or self.d.process.poll() is not None)
		if self.d.process.poll() is None:
			self.d.process.send_signal(signal.SIGTERM)
		return acked, self.d.wait_end(15)

	def test_plazod(self):
		sink = self.sink()
		self.d.configure({"hook": harness.hook(sink)}, target="1s", steps=[{"at": "50%", "notify": ["hook"]}])
		path = self.d.dir / "count"
		acked, code = self.life([harness.opened(f"C{i}") for i in range(5)], lambda: sink.alerts(ticket="C0"), NOMEM_COUNT=path)
		self.assertEqual((len(acked), code), (5, 0), self.d.log()[-2000:])
		n, rnd, ends = int(path.read_text()), torture.seeded("plazod"), {}
		for i in range(torture.times(150, 4)):
			events = [harness.opened(f"L{i}-{k}") for k in range(5)]
			said = len(self.d.log())
			# Later ones are less often of the start, which ends at once.
			at = rnd.randrange(1, n) if i % 2 else rnd.randrange(n // 2, n)
			acked, code = self.life(events, None, NOMEM_AT=at, **({"NOMEM_ON": 1} if i % 3 == 0 else {}))
			log = self.d.log()[said:]
			where = f"allocation {at} of {n}: {code}\n{log[-3000:]}"
			self.assertTrue(code == 0 or code == ABORTED or code > 0, where)
			if code != 0:
				self.assertRegex(log, SAYS + "|error|failed", where)
			ends[code] = ends.get(code, 0) + 1
			if acked:
				self.d.start()
				self.assertEqual(self.d.accept(acked), {"accepted": 0, "duplicates": len(acked)}, where)
				self.d.stop()
		print(f"plazod: {n} allocations in a life; exit statuses {ends}")


@unittest.skipIf(harness.SANITIZED, "a sanitizer wants all addresses there are")
class Limits(harness.Case):
	def test_no_more_addresses(self):
		"""RLIMIT_AS is reached under load: events are refused or the process ends with a message; what was acknowledged is there."""
		rnd, ends = torture.seeded("addresses"), {}
		self.d.configure(target="1h")
		for i in range(torture.times(12, 1)):
			self.d.start()
			used = int(harness.re.search(r"VmSize:\s+(\d+)", harness.pathlib.Path(f"/proc/{self.d.process.pid}/status").read_text()).group(1))
			room = rnd.randrange(1, 24) << 20
			resource.prlimit(self.d.process.pid, resource.RLIMIT_AS, (used * 1024 + room, resource.RLIM_INFINITY))
			load = harness.Load(self.d, senders=3, pause=0.0, make=lambda name, i=i: [
				harness.opened(f"A{i}-{name}-{k}", subject="x" * 900) for k in range(200)])
			with contextlib.suppress(subprocess.TimeoutExpired):
				self.d.process.wait(3)
			load.ending.set()
			ended = self.d.process.poll()
			if ended is None:
				resource.prlimit(self.d.process.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
				self.d.stop()
			else:
				self.assertTrue(ended == ABORTED or ended > 0, f"{ended}\n{self.d.log()[-2000:]}")
				self.assertRegex(self.d.log()[-3000:], SAYS)
			load.stop()
			ends[ended] = ends.get(ended, 0) + 1
			self.d.start()
			for events in load.acked.values():
				self.assertEqual(self.d.accept(events), {"accepted": 0, "duplicates": len(events)}, f"{room} bytes")
			self.d.stop()
		print(f"RLIMIT_AS: ended by {ends}")


if __name__ == "__main__":
	torture.main()
