"""
kill -9 of plazod and of redis-server in turn, under load: what Redis acknowledged (appendfsync always) is in plazod, once. And what webhooks
feel of a Redis that hangs. PLAZO_KILLS=100 for the whole number; PLAZO_SEED for the same moments again.
"""
import json
import os
import random
import statistics
import threading
import time

import harness
import redis_rig
from harness import hook, opened, wait_for
from redis_rig import STREAM, RedisError, source

KILLS = int(os.environ.get("PLAZO_KILLS", "8"))


class Kill(redis_rig.Case):
	def kills(self, cursor):
		seed = int(os.environ.get("PLAZO_SEED", time.time_ns() % 1_000_000))
		rnd = random.Random(seed)
		sink = self.sink()
		self.r = r = self.server()
		self.d.configure({"hook": hook(sink)}, steps=[{"at": "breach", "notify": ["hook"]}], target="3s",
				 sources=source(r, cursor=cursor)).start(ready=False)
		self.wait_serving()
		p = redis_rig.Producer(r.port, batch=10, pause=0.01, prefix=f"{cursor}-")
		for i in range(harness.scaled(KILLS)):
			time.sleep(rnd.uniform(0.05, 1.2))
			if i % 2 == 0:
				self.d.kill()
				self.d.start(ready=False)
				self.wait_serving()
			else:
				r.kill()
				time.sleep(rnd.uniform(0, 0.3))
				r.start()
		time.sleep(0.5)
		p.wait(100)
		p.stop()

		entries = [json.loads(fields[1]) for _, fields in r("XRANGE", STREAM, "-", "+")]
		there = {e["ticket"] for e in entries}
		self.assertLessEqual(set(p.sure), there, f"Redis lost what it had acknowledged, seed {seed}")
		wait_for(lambda: f"{len(there)} tickets, there are {len(self.tickets())}, seed {seed}; {self.stream()}\n{self.d.log()[-2000:]}", 40,
			 lambda: self.tickets() >= there, 0.2)
		self.assertEqual(self.tickets(), there, f"seed {seed}")
		if cursor == "group":
			self.settle(seconds=30)
		else:
			self.wait_state("reading")
		self.assert_known({e["ticket"]: e for e in entries}.values())
		repeats = self.check_alerts(sink, there, seed)
		print(f"{cursor}, seed {seed}: {harness.scaled(KILLS)} kills, {len(p.sure)} events acknowledged by Redis, {len(entries)} entries, "
		      f"{len(entries) - len(there)} of them again; {len(there)} breaches told, {repeats} repeats")

	def check_alerts(self, sink, tickets, seed):
		"""Every ticket's breach arrives, and what comes twice has the same id; gives the number of repeats."""
		wait_for("every breach", 40, lambda: {r.alert["ticket"] for r in sink.alerts(type="sla.breach")} >= tickets, 0.2)
		ids, repeats = {}, 0
		for r in sink.alerts():
			a = r.alert
			key = (a["type"], a["ticket"], a["metric"], a["cycle"], a["step"], a["occurrence"])
			repeats += key in ids
			self.assertEqual(ids.setdefault(key, r.id), r.id, f"two ids for {key}, seed {seed}")
			self.assertEqual(a["occurrence"], 1, f"seed {seed}")
		self.assertEqual(len(set(ids.values())), len(ids), f"seed {seed}")
		return repeats

	def test_group(self):
		self.kills("group")

	def test_own(self):
		self.kills("own")


class Webhooks(redis_rig.Case):
	def latencies(self, seconds):
		"""Milliseconds of durable POSTs, one after the other, here and in turn to one that has no stream: other things delay both."""
		out, beside, end = [], [], time.monotonic() + seconds
		while time.monotonic() < end or len(out) < 50:
			for d, ms in ((self.d, out), (self.control, beside)):
				began = time.perf_counter()
				d.accept(opened(f"W{os.urandom(6).hex()}"))
				ms.append((time.perf_counter() - began) * 1000)
		return sorted(out), sorted(beside)

	def wait_for_nobody(self, name, seconds):
		"""Who waits for an answer of Redis waits for seconds, and each time; a process may stand still once."""
		def attempt(_):
			v, beside = self.latencies(seconds)
			p90, control = (ms[int(len(ms) * 0.9)] for ms in (v, beside))
			for where, ms in ((f"while Redis is {name}", v), ("beside it, without a stream", beside)):
				print(f"POST {where}: n {len(ms)}, p50 {statistics.median(ms):.2f} ms, p90 {ms[int(len(ms) * 0.9)]:.2f} ms, "
				      f"p99 {ms[int(len(ms) * 0.99)]:.2f} ms, max {ms[-1]:.2f} ms")
			return True if p90 < max(50 * harness.PATIENCE, 3 * control) and v[-1] < max(1000 * harness.PATIENCE, 3 * beside[-1]) else None
		harness.undisturbed(attempt, 3)

	def test_a_redis_that_hangs_delays_no_webhook(self):
		self.run_bus()
		self.r.add(*(opened(f"T{i}") for i in range(200)))
		self.settle()
		self.control = harness.Plazod().configure(target="1h").start()
		self.addCleanup(self.control.close)
		seconds = float(os.environ.get("PLAZO_SECONDS", "3"))
		self.wait_for_nobody("well", seconds)
		with self.r.hung():
			self.wait_for_nobody("stopped", seconds + 2)
		self.wait_state("reading", 20)
		self.r("CLIENT", "PAUSE", int(seconds * 1000))
		self.wait_for_nobody("paused", seconds)
		self.wait_state("reading", 20)
		ending = threading.Event()

		def reset():
			while not ending.is_set():
				try:
					self.r("CLIENT", "KILL", "TYPE", "normal")
				except (OSError, RedisError):
					pass
				ending.wait(0.02)
		t = threading.Thread(target=reset, daemon=True)
		t.start()
		self.wait_for_nobody("cut again and again", seconds)
		ending.set()
		t.join(15 * harness.PATIENCE)
		self.wait_state("reading", 20)
		self.r.add(opened("Z1"))
		self.wait_ticket("Z1")


if __name__ == "__main__":
	harness.main()
