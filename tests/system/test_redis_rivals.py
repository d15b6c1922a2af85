"""A group splits what it reads among its consumers, and a ticket must stay with one plazod: so one of them reads, and takes over from the dead."""
import contextlib
import json
import random
import signal
import threading
import time

import harness
import redis_rig
from harness import event, opened, wait_for
from redis_rig import GROUP, STREAM, Client, source

TAKEOVER = {"takeover": "10s"}


class Foreign:
	"""Another consumer that is alive: it reads without an end, and acknowledges what it got."""

	def __init__(self, redis, name):
		self.redis, self.name, self.got = redis, name, []
		self.ending = threading.Event()
		self.thread = threading.Thread(target=self.run, daemon=True)
		self.thread.start()

	def run(self):
		with contextlib.closing(Client(self.redis.port)) as c:
			while not self.ending.is_set():
				# In Redis 7.0 one that only waits for entries looks idle.
				c("XREADGROUP", "GROUP", GROUP, self.name, "COUNT", 1, "STREAMS", STREAM, "0")
				for _, entries in c("XREADGROUP", "GROUP", GROUP, self.name, "COUNT", 10, "BLOCK", 200, "STREAMS", STREAM, ">") or []:
					for i, fields in entries:
						self.got.append(json.loads(fields[1])["ticket"])
						c("XACK", STREAM, GROUP, i)

	def stop(self):
		self.ending.set()
		self.thread.join(5)


class Rivals(redis_rig.Case):
	def plazod(self, redis, **bus):
		d = harness.Plazod()
		self.addCleanup(d.close)
		d.configure(target="1h", sources=source(redis, **TAKEOVER, **bus))
		return d

	def tickets_of(self, d):
		mine, self.d = self.d, d
		try:
			return self.tickets()
		finally:
			self.d = mine

	def test_a_live_consumer_is_waited_for_and_a_dead_one_replaced(self):
		r = self.server()
		r("XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM")
		foreign = Foreign(r, "somebody-else")
		wait_for("the other one", 5, lambda: "somebody-else" in r.consumers())
		self.run_bus(r, ready=False, **TAKEOVER)
		state = self.wait_state("waiting", why="somebody-else")
		self.assertEqual(state["rival"], "somebody-else")
		r.add(*(opened(f"T{i}") for i in range(50)))
		wait_for("the other to read", 10, lambda: len(foreign.got) == 50)
		self.assertEqual(self.count("entries_total"), 0)
		wait_for("readyz to say why", 20, lambda: "somebody-else" in harness.request(self.d.port, "GET", "/readyz").body.decode(), 0.2)
		self.assertEqual(harness.request(self.d.port, "GET", "/readyz").status, 503)
		self.still_serves()
		foreign.stop()
		r.add(opened("A1"))
		self.wait_ticket("A1", 25)
		self.wait_state("reading")
		self.assertEqual(self.d.get("/readyz").status, 200)

	def test_what_a_dead_consumer_had_is_claimed(self):
		r = self.server()
		r("XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM")
		ids = r.add(*(opened(f"T{i}") for i in range(2500)))
		r("XREADGROUP", "GROUP", GROUP, "dead", "COUNT", 2500, "STREAMS", STREAM, ">")
		r("XDEL", STREAM, *ids[:10])
		self.run_bus(r, ready=False, **TAKEOVER)
		wait_for(lambda: f"2490 tickets, {len(self.tickets())}; {self.stream()}\n{self.d.log()[-2000:]}", 40, lambda: len(self.tickets()) == 2490, 0.2)
		self.settle()
		wait_for("they are counted", 5, lambda: self.count("claimed_total") == 2490 and self.count("trimmed_total") == 10)

	def test_two_start_at_once(self):
		for _ in range(harness.scaled(3)):
			r = self.server()
			a, b = self.plazod(r), self.plazod(r)
			r.add(*(opened(f"T{i}") for i in range(500)))
			for d in (a, b):
				d.start(ready=False)
			for d in (a, b):
				self.wait_serving(d)
			states = {}

			def decided():
				states.update({d: self.stream(d=d).get("state") for d in (a, b)})   # noqa: B023
				return sorted(states.values()) == ["reading", "waiting"]
			wait_for(lambda: f"one reads, one waits: {list(states.values())}\n{a.log()[-1500:]}\n{b.log()[-1500:]}", 25, decided, 0.1)
			r.add(*(event(f"T{i}", "changed", status="x") for i in range(500)))
			self.r = r
			wait_for(lambda: f"all is read {r.group()}", 15, r.settled, 0.1)
			reads, waits = (a, b) if states[a] == "reading" else (b, a)
			self.d, mine = reads, self.d
			try:
				self.assertEqual(len(self.tickets()), 500)
				self.wait_count("events_total", 1000)
				self.d = waits
				self.assertEqual(self.tickets(), set(), "both have read")
				self.assertEqual(self.count("entries_total"), 0)
			finally:
				self.d = mine
			for d in (a, b):
				d.stop()

	def test_the_second_takes_over_from_one_that_was_killed(self):
		r = self.server()
		a, b = self.plazod(r), self.plazod(r)
		for d in (a, b):
			d.start(ready=False)
			self.wait_serving(d)
			if d is a:
				self.wait_state("reading", d=a)
		self.wait_state("waiting", d=b, seconds=15)
		p = redis_rig.Producer(r.port, batch=20, pause=0.02)
		time.sleep(1)
		killed = time.monotonic()
		a.kill()
		self.wait_state("reading", d=b, seconds=30)
		self.assertGreater(time.monotonic() - killed, 7, "it did not wait for what may be alive")
		p.stop()
		wait_for(lambda: f"all is read {r.group()}", 30, r.settled, 0.1)
		a.start(ready=False)
		self.wait_serving(a)
		self.wait_state("waiting", d=a, seconds=15)
		# Together they have everything: what the first acknowledged it has on disk, and what it had read and not acknowledged was claimed.
		self.assertEqual(set(p.sure) - self.tickets_of(a) - self.tickets_of(b), set())

	def test_one_that_was_stopped_for_long_has_lost_its_right(self):
		"""What the server had put into its hands is the other's by now, and must not be taken by both."""
		r = self.server()
		a, b = self.plazod(r), self.plazod(r)
		for d, state in ((a, "reading"), (b, "waiting")):
			d.start(ready=False)
			self.wait_serving(d)
			self.wait_state(state, d=d, seconds=15)
		r.add(opened("T1"))
		wait_for("T1", 5, r.settled)
		a.process.send_signal(signal.SIGSTOP)
		try:
			r.add(*(opened(f"S{i}") for i in range(100)))
			self.wait_state("reading", d=b, seconds=40)
			wait_for(lambda: f"all is read {r.group()}", 20, r.settled, 0.1)
		finally:
			a.process.send_signal(signal.SIGCONT)
		self.wait_state("waiting", d=a, seconds=15)
		r.add(opened("T2"))
		wait_for("T2", 5, r.settled)
		self.assertEqual(self.tickets_of(a), {"T1"})
		self.assertEqual(self.tickets_of(b), {"T2"} | {f"S{i}" for i in range(100)})

	def test_one_that_reads_tells_an_intruder_and_goes_on(self):
		# One that stood still for half of that would have to ask first.
		self.run_bus(takeover="30s")
		self.r.add(opened("T1"))
		self.wait_ticket("T1")
		foreign = Foreign(self.r, "intruder")
		self.addCleanup(foreign.stop)
		wait_for(lambda: f"it is told; {self.stream()}", 20, lambda: self.stream().get("rival") == "intruder", 0.1)
		self.assertEqual(self.stream()["state"], "reading")
		for i in range(200):
			self.r.add(opened(f"B{i}"))
			time.sleep(0.005)
		wait_for("all are read by one or the other", 10, self.r.settled, 0.1)
		have = self.tickets() - {"T1"}
		self.assertEqual(have | set(foreign.got), {f"B{i}" for i in range(200)})

	def test_names_do_not_repeat(self):
		"""A copy of a database is another consumer only if the names say so: two stores never share one."""
		r = self.server()
		names = set()
		for _ in range(2):
			d = self.plazod(r, group=f"g{random.getrandbits(32)}")
			d.start(ready=False)
			self.wait_serving(d)
			self.wait_state("reading", d=d)
			group = d.cfg["sources"]["bus"]["redis"]["group"]
			names |= set(wait_for("a consumer", 5, lambda: r.consumers(group=group)))   # noqa: B023
			d.stop()
		self.assertEqual(len(names), 2)


if __name__ == "__main__":
	harness.main()
