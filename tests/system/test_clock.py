"""A system clock that is set: nothing fires early, nothing is lost, and what others compare with their clocks is right."""
import contextlib
import http.client
import time
import unittest

import harness
from harness import Case, agent_reply, event, hook, instant, opened

HOUR = 3600
LEAP = 40 * 24 * HOUR


@unittest.skipIf(harness.FAKETIME is None or harness.SANITIZED, "libfaketime is not installed, or would not go with a sanitizer")
class Clock(Case):
	def setUp(self):
		super().setUp()
		self.offset = self.d.dir / "offset"
		self.hooks = self.sink()

	def set_clock(self, seconds):
		tmp = self.offset.with_suffix(".new")
		tmp.write_text(f"{seconds:+d}\n")
		tmp.replace(self.offset)

	def run_at(self, seconds, ready=True):
		self.set_clock(seconds)
		self.d.start(ready, env={"LD_PRELOAD": str(harness.FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.offset), "FAKETIME_NO_CACHE": "1",
					 "FAKETIME_DONT_FAKE_MONOTONIC": "1"})

	def run_behind(self):
		"""By a good clock, which is behind the journal: time stands still, so it is not ready, but it takes events."""
		def takes():
			# Of its sockets that for events is the last to listen.
			with contextlib.suppress(OSError, http.client.HTTPException):
				return b"ok recovered" in self.d.get("/readyz", token=None).body
		self.run_at(0, ready=False)
		harness.wait_for("an answer", 10, takes)

	def now(self):
		return harness.parse_instant(harness.request(self.d.socket, "GET", "/v1/status").json["now"])

	def an_hour_ahead_and_corrected(self, target, **sections):
		"""Started by a clock that is an hour ahead, stopped cleanly so that the journal is empty, and started by a good one."""
		self.d.configure({"hook": hook(self.hooks)}, target=target, **sections)
		self.run_at(HOUR)
		time.sleep(2)
		received = time.time() + HOUR
		self.d.accept(opened("AHEAD", at=instant(HOUR)), at=received)
		self.d.stop()
		self.run_behind()
		return received

	def test_time_does_not_go_back_by_a_restart(self):
		received = self.an_hour_ahead_and_corrected("2h")
		self.assertGreaterEqual(self.now(), received - 0.001)

	def test_signatures_go_by_the_clock_on_the_wall(self):
		self.an_hour_ahead_and_corrected("2s")
		opening = time.time()
		self.d.accept(opened("NOW"))
		breach = self.hooks.wait(10, type="sla.breach", ticket="NOW")[0]
		self.assertTrue(breach.valid, "the receiver sees a signature of the future")
		self.assertGreaterEqual(breach.when, opening + 2 - 0.1, "a breach was told before it was due")
		self.assertLess(breach.alert["late_s"], HOUR / 2, "as if it were late by as much as time is ahead")

	def test_what_is_news_is_told_at_once_while_time_stands_still(self):
		"""Its `at` is where time stands: not for the clock on the wall to wait for."""
		self.an_hour_ahead_and_corrected({"P1": "1h", "P2": "9h"}, defaults={"calendar": "always", "escalation": "standard", "notify": ["hook"]})
		self.d.accept(opened("NOBODYS", contract=None))
		self.hooks.wait(10, type="daemon.unmatched", ticket="NOBODYS")
		# A breach by a change, too: its instant is the change's.
		self.d.accept(opened("CHANGED", at=instant(-3 * HOUR), priority="P2"))
		self.d.accept(event("CHANGED", "changed", priority="P1"))
		self.hooks.wait(10, type="sla.breach", ticket="CHANGED")

	def test_what_is_met_in_time_by_the_clock_on_the_wall_is_no_breach(self):
		self.an_hour_ahead_and_corrected("4s")
		def met(i):
			e = opened(f"MET{i}")
			self.d.accept(e)
			self.d.accept(agent_reply(e["ticket"]))
			return e["ticket"] if time.time() < harness.parse_instant(e["at"]) + 2 else None
		name = harness.undisturbed(met)
		self.d.accept(opened("LATER"))
		self.hooks.wait(10, type="sla.breach", ticket="LATER")
		self.assertEqual(self.hooks.tries(ticket=name), [])

	def test_a_jump_that_is_taken_back_leaves_no_trace(self):
		for jump in (HOUR, -HOUR):
			with self.subTest(jump=jump):
				self.d.configure({"hook": hook(self.hooks)}, target={"P1": "4s", "P2": "30m"})
				self.run_at(0)
				names = [f"P1{jump}", f"P2{jump}"]
				self.d.accept([opened(names[0]), opened(names[1], priority="P2")])
				time.sleep(1)
				self.set_clock(jump)
				breach = self.hooks.wait(8, type="sla.breach", ticket=names[0])[0]
				self.assertGreater(breach.when, harness.parse_instant(breach.alert["due"]) - 0.1, "told early")
				self.set_clock(0)
				time.sleep(0.5)
				self.assertEqual(self.hooks.alerts(ticket=names[1]), [])
				self.d.stop()

	def is_kept(self, ticket):
		return self.d.ctl("ticket", ticket).returncode == 0

	def test_a_clock_that_was_wrong_for_a_while_deletes_nothing(self):
		"""What goes by the retention is gone for good: not by a start that finds another year, nor by the time that stands still behind it."""
		self.d.configure({"hook": hook(self.hooks)}, store={"retention": "1d"})
		self.run_at(0)
		self.d.accept([opened("OLD"), event("OLD", "closed")])
		self.d.stop()
		self.run_at(LEAP)
		harness.wait_for("a word of it", 10, lambda: "sweep-waits" in self.d.log())
		self.d.accept(opened("AHEAD", at=instant(LEAP)), at=time.time() + LEAP)
		self.assertTrue(self.is_kept("OLD"), "deleted at a start with a clock that is wrong")
		self.d.stop()
		self.run_behind()
		self.d.accept(opened("NOW"))
		# The sweep of the start goes before the first event.
		self.assertTrue(self.is_kept("OLD"), "deleted by time that stands still")


if __name__ == "__main__":
	harness.main()
