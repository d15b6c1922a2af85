"""
A process that is stopped, a clock that is set for good, descriptors that run out, and more alerts due in one second than can be sent in it.
"""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import resource
import signal
import socket
import sys
import time
import unittest

import torture
from torture import harness
from harness import hook, opened

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))

import rig                     # noqa: E402

FAKETIME = next(iter(sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
BREACH = [{"at": "breach", "notify": ["hook"]}]


class Stopped(harness.Case):
	def test_stop_and_continue(self):
		"""SIGSTOP while deadlines pass: each is told once, as of its own instant, with how late it is; nothing that is not due."""
		seconds = 10 if torture.WHOLE else 5
		sink = self.sink()
		self.run_with({"hook": hook(sink)}, steps=BREACH, target={"P1": "3s", "P2": f"{seconds + 4}s"})
		at = harness.instant()
		opening = harness.parse_instant(at)
		self.d.accept([opened(f"T{i}", at=at) for i in range(50)] + [opened("LATER", at=at, priority="P2")])
		self.d.process.send_signal(signal.SIGSTOP)
		time.sleep(max(0, opening + seconds - time.time()))
		self.assertEqual(sink.received, [])
		self.d.process.send_signal(signal.SIGCONT)
		told = sink.wait(10, count=50, type="sla.breach")
		self.assertEqual(sorted(r.alert["ticket"] for r in told), sorted(f"T{i}" for i in range(50)))
		for r in told:
			self.assertGreaterEqual(r.alert["late_s"], seconds - 3.1, r.alert)
			self.assertAlmostEqual(harness.parse_instant(r.alert["at"]), opening + 3, delta=0.002)
		self.d.accept(opened("AFTER"))
		later = sink.wait(10, type="sla.breach", ticket="LATER")[0]
		self.assertGreaterEqual(later.when, opening + seconds + 3.9)
		sink.wait(10, type="sla.breach", ticket="AFTER")
		time.sleep(0.5)
		self.assertEqual(len(sink.received), 52, "an alert came twice")


@unittest.skipIf(FAKETIME is None or harness.SANITIZED, "libfaketime is not installed, or would not go with a sanitizer")
@unittest.skipUnless(torture.WHOLE, "takes minutes: make torture")
class Steps(harness.Case):
	"""The clock is set by an hour and stays there: it is disbelieved for two minutes, and then what is due is told once."""

	def step(self, jump):
		d = harness.Plazod()
		self.addCleanup(d.close)
		sink, offset = self.sink(), d.dir / "offset"
		offset.write_text("+0\n")
		d.configure({"hook": hook(sink)}, steps=BREACH, target={"P1": "3s", "P2": "30m", "P3": "3h"})
		d.start(env={"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
		d.accept([opened("P1"), opened("P2", priority="P2"), opened("P3", priority="P3")])
		time.sleep(1)
		new = offset.with_suffix(".new")
		new.write_text(f"{jump:+d}\n")
		new.replace(offset)
		stepped = time.monotonic()
		sink.wait(10, type="sla.breach", ticket="P1")
		while time.monotonic() < stepped + 110:
			self.assertEqual([r.alert["ticket"] for r in sink.received], ["P1"], f"told in the first two minutes after {jump:+d} s")
			time.sleep(1)
		if jump > 0:
			sink.wait(30, type="sla.breach", ticket="P2")
		time.sleep(max(0, stepped + 135 - time.monotonic()))
		want = ["P1", "P2"] if jump > 0 else ["P1"]
		self.assertEqual([r.alert["ticket"] for r in sink.received], want, f"{jump:+d} s")
		# The sender's clock went along.
		self.assertEqual(d.post(opened("NEW", at=harness.instant(jump)), at=time.time() + jump).status, 202)
		clocks = json.loads(d.ctl("ticket", "P3", "--json").stdout)["clocks"]
		self.assertEqual([c["state"] for c in clocks], ["running"])
		self.assertGreaterEqual(clocks[0]["elapsed_s"], 0)
		return d

	def test_an_hour_for_good(self):
		with concurrent.futures.ThreadPoolExecutor(2) as pool:
			for done in [pool.submit(self.step, jump) for jump in (3600, -3600)]:
				done.result()


class Descriptors(harness.Case):
	def test_idle_connections(self):
		"""
		64 descriptors, of which the clients have four, and 120 clients that say nothing: who has a connection is served at once, who
		comes when those before have given way, a second each four, and afterwards at once.
		"""
		idle = torture.times(120, 16)
		self.d.configure(target="1h")
		self.d.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
		kept = http.client.HTTPConnection("127.0.0.1", self.d.port, timeout=10 * harness.PATIENCE)
		kept.connect()
		with contextlib.ExitStack() as stack:
			for _ in range(idle):
				stack.enter_context(socket.create_connection(("127.0.0.1", self.d.port)))
			longest = max(self.post_by(kept, f"KEPT{i}") for i in range(torture.times(50, 10)))
			self.assertLess(longest, 1.0 * harness.PATIENCE)
			began = time.monotonic()
			self.d.accept(opened("NEW"), timeout=60)
			new = time.monotonic() - began
			self.assertLess(new, (5 + idle / 3) * harness.PATIENCE)
			self.assertEqual(self.d.ctl("status", "--json").returncode, 0)
		began = time.monotonic()
		self.d.accept(opened("AFTER"))
		self.assertLess(time.monotonic() - began, 2.0 * harness.PATIENCE)
		print(f"{idle} idle clients: {longest * 1000:.0f} ms for who was there, {new:.1f} s for who came")
		kept.close()

	def post_by(self, conn, ticket):
		body = json.dumps(opened(ticket)).encode()
		began = time.monotonic()
		conn.request("POST", "/v1/events/helpdesk", body, {"Content-Type": "application/json", **harness.signed_headers(body)})
		r = conn.getresponse()
		r.read()
		self.assertEqual(r.status, 202)
		time.sleep(0.05)
		return time.monotonic() - began - 0.05


class Flood(harness.Case):
	def test_due_in_one_second(self):
		"""10^5 alerts due in one second (fewer in `make check`): each arrives once, memory stays bounded, and events are taken meanwhile."""
		n = torture.times(100_000, 4_000)
		receiver = rig.Hook(harness.BUILD, n, 200)
		self.addCleanup(receiver.process.kill)
		cfg = rig.config(self.d.port, receiver.port)
		cfg["policies"]["probe"]["metrics"]["resolution"]["target"] = "30s"
		self.d.write(cfg)
		self.d.start()
		first = time.time() + (20 if torture.WHOLE else 6)
		rig.probes(self.d, "flood", n, first, first + 1)
		self.assertLess(time.time(), first, "the tickets came too late for this test")
		before, most, posts = harness.memory_kib(self.d.process.pid), 0, []
		while receiver.process.poll() is None and time.time() < first + 180:
			began = time.monotonic()
			e = {**opened(f"M{len(posts)}"), "contract": "acme"}
			self.assertEqual(self.d.post(e, source="desk", sign_with=rig.SECRET).status, 202)
			posts.append(time.monotonic() - began)
			most = max(most, harness.memory_kib(self.d.process.pid))
			time.sleep(0.01)
		r = receiver.result(10)
		self.assertEqual((r["requests"], r["early"]), (n, 0))
		harness.wait_for("all settled", 20, lambda: self.metric("plazod_outbox_depth") == 0, 0.2)
		self.assertEqual(self.metric("plazod_notifications_total", receiver="hook"), n, "more were sent than there are")
		posts.sort()
		p99 = posts[int(len(posts) * 0.99)]
		print(f"{n} due in one second: all there {r['max_us'] / 1e6:.1f} s after their instant at most; memory {before // 1024} to {most // 1024} MiB; "
		      f"POST meanwhile p50 {posts[len(posts) // 2] * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")
		if not harness.SANITIZED:
			self.assertLess(most - before, 64 * 1024 + n * 3, "memory, in KiB")
			self.assertLess(p99, 1.0 * harness.PATIENCE)


if __name__ == "__main__":
	torture.main()
