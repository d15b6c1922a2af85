"""What plazod tells its operators of itself: a source that is not read, entries that are lost, a journal without room, alerts that are given up."""
import re
import resource
import time

import harness
import redis_rig
from harness import Case, hook, opened
from redis_rig import GROUP, SOURCE, STREAM

MINUTE = 60


class Operator(redis_rig.Case):
	def ops(self):
		"""Everything that is the daemon's own goes to this sink."""
		self.told = self.sink()
		return {"ops": hook(self.told)}, {"notify": ["ops"]}

	def mine(self, kind, **want):
		return [r.alert for r in self.told.tries(type=kind, **want)]

	def run_with_ops(self, r, receivers=None, **more):
		ops, defaults = self.ops()
		self.r = r
		self.run_with({**ops, **(receivers or {})}, sources=redis_rig.source(r), defaults=defaults, **more)

	def test_what_lasts_is_told_once_and_when_it_is_over(self):
		"""A minute passes for both at the same time: a key that is no stream, and a disk that takes nothing."""
		r = self.server()
		self.run_with_ops(r)
		self.d.accept(opened("T1"))
		began = time.time()
		r("SET", STREAM, "no stream")
		resource.prlimit(self.d.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
		harness.wait_for("a refusal", 10, lambda: self.d.post(opened("T2")).status == 503)
		stalled = self.told.wait(MINUTE + 30, type="daemon.store")[0].alert
		degraded = self.told.wait(30, type="daemon.stream")[0].alert
		for a in (stalled, degraded):
			self.assertGreaterEqual(harness.parse_instant(a["at"]), began + MINUTE - 0.1, "told before it has lasted")
		self.assertEqual((stalled["step"], stalled["ticket"], stalled["receivers"]), ("stalled", None, ["ops"]))
		self.assertRegex(stalled["reason"], "For a minute or longer: .*(full|large)")
		self.assertEqual((degraded["step"], degraded["ticket"], degraded["receivers"]), ("degraded", SOURCE, ["ops"]))
		self.assertIn("WRONGTYPE", degraded["reason"])
		resource.prlimit(self.d.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
		r("DEL", STREAM)
		for kind in ("daemon.store", "daemon.stream"):
			self.told.wait(30, type=kind, step="well")
			self.assertEqual([a["step"] for a in self.mine(kind)][1:], ["well"])
		self.assertEqual(len({a["id"] for a in self.mine("daemon.store") + self.mine("daemon.stream")}), 4)
		# What went out before it was on disk is there now, and is not sent again, once it is on disk that it was sent.
		for kind in ("daemon.store", "daemon.stream"):
			self.d.wait_sent(2, type=kind, receiver="ops")
		self.d.kill()
		self.d.start()
		time.sleep(2)
		self.assertEqual(len(self.mine("daemon.store")), 2)

	def test_entries_that_were_trimmed(self):
		r = self.server()
		self.run_with_ops(r)
		self.settle()
		name = self.r.consumer()
		self.d.stop()
		ids = r.add(*(opened(f"T{i}") for i in range(10)))
		r("XREADGROUP", "GROUP", GROUP, name, "COUNT", 100, "STREAMS", STREAM, ">")
		r("XDEL", STREAM, *ids[:7])
		self.d.start()
		(lost,) = (t.alert for t in self.told.wait(20, type="daemon.stream"))
		self.assertEqual((lost["step"], lost["ticket"]), ("trimmed", SOURCE))
		self.assertIn("deleted 7 entries", lost["reason"])
		time.sleep(2)
		self.assertEqual(len(self.mine("daemon.stream")), 1)


class GivenUp(Case):
	def test_alerts_that_are_given_up(self):
		"""At most one alert about each receiver, and never to itself. A warning is given up when it would be tried again after its breach."""
		first, second, well = self.sink(default=422), self.sink(default=422), self.sink()
		receivers = {"first": {**hook(first), "fallback": "well"}, "second": hook(second), "well": hook(well)}
		# Two seconds after the opening, and once more five seconds later; half a minute after that would be too late.
		self.run_with(receivers, steps=[{"at": "10%", "notify": ["first", "second"]}], target="20s", defaults={"notify": ["console", "second"]})
		self.d.accept([opened(f"T{i}") for i in range(3)])
		told = well.wait(10, type="daemon.dead")[0].alert
		self.assertEqual((told["ticket"], told["step"], told["receivers"]), ("first", "given-up", ["console", "second", "well"]))
		self.assertRegex(told["reason"], r"^1 given up; the last: sla\.warning T\d \([0-9a-f]{32}\), answered 422$")
		about = harness.wait_for("both are told of", 10, lambda: re.findall(r"type=daemon\.dead receiver=console ticket=\"?(\w+)", self.d.log())[1:])
		time.sleep(2)
		self.assertEqual(len(about), 1)
		self.assertEqual(self.metric("plazod_alerts_total", type="daemon.dead"), 2)
		self.assertEqual({a.alert["ticket"] for a in second.tries(type="daemon.dead")}, {"first"})
		self.assertEqual(len(well.tries(type="daemon.dead")), 1)


if __name__ == "__main__":
	harness.main()
