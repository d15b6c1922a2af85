"""Webhook receivers that misbehave: what is tried again, what is given up, and who else is told."""
import json
import os
import random
import threading
import time

import harness
from harness import Case, hook, opened

BREACH = [{"at": "breach", "notify": ["hook"]}]


class Webhooks(Case):
	def breach(self, sink, ticket="T1", receivers=None, **more):
		self.run_with({"hook": hook(sink), **(receivers or {})}, steps=BREACH, target="1s", **more)
		self.d.accept(opened(ticket))

	def same_id(self, sink):
		self.assertEqual(len({r.id for r in sink.tries(type="sla.breach")}), 1)
		self.assertTrue(all(r.valid for r in sink.tries()))

	def test_reset_and_close(self):
		sink = self.sink(["reset", "close"])
		self.breach(sink)
		sink.wait(20, type="sla.breach")
		self.assertEqual(len(sink.tries()), 3)
		self.same_id(sink)

	def all_at_once(self, first=(), always=()):
		"""
		One breach for a receiver with each of the answers, given to the first request or to every one, and each with a fallback of
		its own: [(sink, sink of the fallback)].
		"""
		pairs = [(self.sink([answer]), self.sink()) for answer in first] + [(self.sink(default=answer), self.sink()) for answer in always]
		receivers = {}
		for i, (sink, other) in enumerate(pairs):
			receivers.update({f"r{i}": {**hook(sink), "fallback": f"other{i}"}, f"other{i}": hook(other)})
		self.run_with(receivers, steps=[{"at": "breach", "notify": [f"r{i}" for i in range(len(pairs))]}], target="1s")
		self.d.accept(opened("T1"))
		return pairs

	def test_errors_that_pass(self):
		for sink, other in self.all_at_once(first=[500, 502, 408, 425]):
			sink.wait(12, type="sla.breach")
			self.assertEqual(len(sink.tries()), 2)
			self.same_id(sink)
			self.assertEqual(other.tries(), [])

	def test_hang_delays_nobody_else(self):
		hanging, well = self.sink(["hang"]), self.sink()
		self.run_with({"hook": hook(hanging), "well": hook(well)}, target="1s", steps=[{"at": "breach", "notify": ["hook", "well"]}])
		self.d.accept([opened(f"T{i}") for i in range(5)])
		well.wait(5, count=5, type="sla.breach")
		another = opened("T9")
		harness.soon(1.0 * harness.PATIENCE, lambda: self.d.accept(another))
		# The one that hung is tried again after its timeout; tickets beside it did not wait.
		hanging.wait(5, count=4, type="sla.breach")
		hung = next(r.id for r in hanging.tries() if r.answered == "hang")
		self.assertEqual(len([r for r in hanging.tries() if r.id == hung]), 1, "who is well waited for who hangs")
		hanging.wait(40, count=6, type="sla.breach")

	def test_more_than_a_receiver_has_room_for(self):
		"""The queue of a receiver holds ten thousand; what comes over that waits in the outbox, however much it is."""
		n, due = harness.scaled(25_000), harness.instant(harness.scaled(4) * harness.SLOWER - 30)
		sinks = self.sink(kind=harness.PlainSink), self.sink(kind=harness.PlainSink)
		self.run_with({"hook": hook(sinks[0]), "other": hook(sinks[1])}, steps=[{"at": "breach", "notify": ["hook", "other"]}], target="30s")
		for begin in range(0, n, 1000):
			self.d.accept([{"id": f"e{i}", "ticket": f"T{i}", "type": "opened", "at": due, "contract": "acme"} for i in range(begin, begin + 1000)])
		harness.wait_for(lambda: f"{n} alerts each; there are {[len(s.ids) for s in sinks]}", 60, lambda: all(len(s.ids) >= n for s in sinks), every=0.2)

	def test_retry_after(self):
		sink = self.sink([(429, {"Retry-After": "3"})])
		self.breach(sink)
		sink.wait(12, type="sla.breach")
		first, second = sink.tries()
		self.assertGreaterEqual(second.when - first.when, 2.9)
		self.assertLess(second.when - first.when, 6 * harness.PATIENCE)
		self.same_id(sink)

	def test_a_long_retry_after_tells_the_fallback_too(self):
		sink, other = self.sink(default=(503, {"Retry-After": "3600"})), self.sink()
		self.breach(sink, receivers={"hook": {**hook(sink), "fallback": "other"}, "other": hook(other)})
		r = other.wait(8, type="sla.breach")[0]
		self.assertEqual(r.id, sink.tries()[0].id)
		time.sleep(3)
		self.assertEqual(len(sink.tries()), 1)

	def test_refused_goes_to_the_fallback_at_once(self):
		for sink, other in self.all_at_once(always=[401, 403, 404]):
			told = other.wait(6, type="sla.breach")[0]
			self.assertEqual([r.id for r in sink.tries()], [told.id], "tried again before the fallback was told")

	def test_a_common_fallback_is_told_once(self):
		other = self.sink()
		refusing = {f"r{i}": {**hook(self.sink(default=403)), "fallback": "other"} for i in range(3)}
		self.run_with({**refusing, "other": hook(other)}, steps=[{"at": "breach", "notify": list(refusing)}], target="1s")
		self.d.accept(opened("T1"))
		other.wait(6, type="sla.breach")
		time.sleep(1)
		self.assertEqual(len(other.tries()), 1)

	def test_gone_is_disabled(self):
		sink = self.sink(default=410)
		self.breach(sink)
		harness.wait_for("the attempt", 8, sink.tries)
		self.d.accept(opened("T2"))
		harness.wait_for("both are given up", 10, lambda: {row["ticket"] for row in self.d.deliveries(state="dead")} == {"T1", "T2"})
		time.sleep(1)
		self.assertEqual(len(sink.tries()), 1, "a receiver that is gone was tried again")
		self.assertRegex(self.d.log(), r"410|disabled")
		failed = self.d.ctl("deliveries", "--failed")
		self.assertRegex(failed.stdout, r"T1 .* dead .*410")
		# What was given up is kept, and a restart does not send it after all.
		self.d.kill()
		self.d.start()
		self.assertEqual(self.d.ctl("deliveries", "--failed").stdout, failed.stdout)
		time.sleep(1)
		self.assertEqual(len(sink.tries(ticket="T1")), 1)

	def test_redirects_are_not_followed(self):
		away = self.sink()
		location = {"Location": f"http://127.0.0.1:{away.port}/hook"}
		for sink, other in self.all_at_once(always=[(status, location) for status in (301, 302, 307, 308)]):
			other.wait(6, type="sla.breach")
			self.assertEqual(len(sink.tries()), 1)
		self.assertEqual(away.received, [])

	def test_down_and_up_again(self):
		port = harness.free_port()
		sink = harness.HookSink(port=port)
		sink.close()
		self.breach(sink)
		time.sleep(3)
		again = self.sink(port=port)
		again.wait(20, type="sla.breach")

	def test_undelivered_survive_a_kill(self):
		sink = self.sink(default=503)
		self.breach(sink)
		harness.wait_for("an attempt", 8, sink.tries)
		self.d.kill()
		sink.default = 200
		self.d.start()
		sink.wait(20, type="sla.breach")
		self.same_id(sink)

	def test_what_is_met_meanwhile_is_not_sent(self):
		sink = self.sink(default=503)
		self.run_with({"hook": hook(sink)}, steps=[{"at": "50%", "notify": ["hook"]}], target="6s")
		self.d.accept(opened("T1"))
		harness.wait_for("an attempt", 8, lambda: sink.tries(type="sla.warning"))
		self.d.accept(harness.agent_reply("T1"))
		sink.default = 200
		time.sleep(6)
		self.assertEqual(sink.alerts(type="sla.warning"), [])

	def test_killed_between_the_answer_and_the_commit(self):
		"""Nobody can tell whether it was delivered: it comes once more, with its id, and not a third time."""
		sink = self.sink(rule=lambda got: self.d.process.kill() if len(sink.received) == 0 else None)
		self.breach(sink)
		harness.wait_for("the kill", 10, lambda: self.d.process.poll() is not None)
		self.assertEqual(len(sink.tries()), 1)
		self.d.start()
		harness.wait_for("another attempt", 10, lambda: len(sink.tries()) == 2)
		self.same_id(sink)
		time.sleep(3)
		self.d.stop()
		self.d.start()
		time.sleep(1)
		self.assertEqual(len(sink.tries()), 2)

	def refused_first(self, changes, says, target="2s"):
		"""An alert whose first attempt fails, then something happens to its clock: it is not sent, and the operator reads why."""
		sink = self.sink(default=503)
		self.run_with({"hook": hook(sink)}, steps=BREACH, target=target)
		began = harness.instant(-0.5)
		self.d.accept(opened("T1", at=began))
		harness.wait_for("an attempt", 8, lambda: sink.tries(ticket="T1"))
		changes(began)
		sink.default = 200
		harness.wait_for(lambda: self.d.ctl("deliveries", "--ticket", "T1").stdout, 12, lambda: says in self.d.ctl("deliveries", "--ticket", "T1").stdout)
		self.assertEqual([r for r in sink.alerts(ticket="T1") if r.alert["type"] in ("sla.breach", "sla.warning")], [])

	def test_what_is_waived_meanwhile_is_not_sent(self):
		self.refused_first(lambda _: self.assertEqual(self.d.ctl("waive", "T1", "response", "--reason", "agreed").returncode, 0), "waived meanwhile")

	def test_what_was_no_breach_after_all_is_not_sent(self):
		"""A late priority: by that the target was never so short."""
		self.refused_first(lambda began: self.d.accept(harness.event("T1", "changed", priority="P9", at=began)), "no longer breached",
				   target={"P1": "2s", "default": "1h"})

	def test_a_warning_that_waited_behind_a_break_until_the_breach(self):
		"""The receiver asked for a break; by its end the clock is breached, of which another was told."""
		sink, other = self.sink(rule=lambda got: (429, {"Retry-After": "8"}) if got.alert["ticket"].startswith("BREAK") else None), self.sink()
		self.run_with({"hook": hook(sink), "other": hook(other)}, target="2s", steps=[{"at": "50%", "notify": ["hook"]}, {"at": "breach", "notify": ["other"]}])

		def attempt(i):
			self.d.accept(opened(f"BREAK{i}"))
			harness.wait_for("the break", 16, lambda: sink.tries(ticket=f"BREAK{i}") or self.ended(f"BREAK{i}"))
			self.d.accept(opened(f"T{i}"))
			due = harness.parse_instant(other.wait(8, type="sla.breach", ticket=f"T{i}")[0].alert["due"])
			row = harness.wait_for(lambda: self.d.ctl("deliveries", "--ticket", f"T{i}").stdout, 12, lambda: self.ended(f"T{i}"))
			self.assertEqual([r for r in sink.tries(ticket=f"T{i}") if r.when > due], [], "a warning behind the breach")
			# Where plazod stood still, the breach has superseded it, or there was no break.
			return True if "breached meanwhile" in row[0]["detail"] else None
		harness.undisturbed(attempt)

	def ended(self, ticket):
		"""What has become of its warning."""
		return [row for row in self.d.deliveries(ticket=ticket, type="sla.warning", receiver="hook") if row["state"] != "pending"]

	def test_order_per_ticket(self):
		rnd = random.Random(7)
		sink = self.sink(rule=lambda got: 503 if rnd.random() < 0.25 else None)
		self.run_with({"hook": hook(sink)}, target="1s", steps=[{"at": "breach", "notify": ["hook"]},
									{"at": "breach+1s", "every": "1s", "times": 2, "notify": ["hook"]}])
		self.d.accept([opened(f"T{i}") for i in range(6)])
		sink.wait(60, count=6, type="sla.escalation", occurrence=2)
		for i in range(6):
			got = [(r.alert["type"], r.alert["occurrence"]) for r in sink.alerts(ticket=f"T{i}")]
			self.assertEqual(got, sorted(got, key=lambda a: (a[0] != "sla.breach", a[1])))

	def test_more_than_memory_holds(self):
		"""Ten thousand deliveries of a receiver are held; the others stay on disk, also in another life, and come when there is room: each once."""
		n = 50_000 if os.environ.get("PLAZO_TORTURE") else 10_600
		up = threading.Event()
		sink = self.sink(rule=lambda got: None if up.is_set() else 503)
		self.run_with({"hook": hook(sink)}, target="2s", steps=BREACH)
		at = harness.instant()
		for first in range(0, n, 2000):
			lines = [json.dumps(opened(f"T{i}", at=at, subject="")) for i in range(first, min(first + 2000, n))]
			self.assertEqual(self.d.post_raw("\n".join(lines), content_type="application/x-ndjson").status, 202)
		harness.wait_for("the breaches", 60 + n // 1000, lambda: len(sink.tries(type="sla.breach")) > 100)
		for _ in range(2):
			harness.wait_for("that all of them wait", 30, lambda: self.metric("plazod_outbox_depth", receiver="hook") == n, 0.2)
			self.d.kill()
			self.d.start()
		up.set()
		harness.wait_for("all of them", 120 + n // 100, lambda: len({r.alert["ticket"] for r in sink.alerts(type="sla.breach")}) == n, 1)
		self.assertEqual(len(sink.alerts(type="sla.breach")), n, "an alert was delivered twice")

	def test_order_of_what_waits_on_disk(self):
		"""The breach of a ticket is on disk for want of room; what comes after it does not go first because there is some room meanwhile."""
		n, taken, second = 10_050, [], []

		def rule(got):
			taken.append(got)
			if len(taken) == 1:
				return (429, {"Retry-After": "4"})
			# The 501st and those on their way beside it, but nothing that is tried after the break.
			if len(taken) > 500:
				second.append(time.monotonic())
			return (429, {"Retry-After": "6"}) if second and second[-1] - second[0] < 1 else None

		sink = self.sink(rule=rule)
		self.run_with({"hook": hook(sink)}, target="1s", escalations={"standard": BREACH, "twice": [*BREACH, {"at": "breach+6s", "notify": ["hook"]}]},
			      sources={"helpdesk": {"webhook": {"verify": {"kind": "standard-webhooks", "secret": harness.SECRET}}}},
			      contracts={"beta": {"customer": "Beta", "policy": "quick", "escalation": "twice"}})
		at = harness.instant()
		for first in range(0, n, 2000):
			self.d.accept([opened(f"T{i}", at=at, subject="") for i in range(first, min(first + 2000, n))])
		harness.wait_for("the first break", 10, lambda: taken)
		self.d.accept([opened(f"B{i}", contract="beta") for i in range(20)])
		sink.wait(60, count=20, type="sla.escalation")
		sink.wait(60, count=n, type="sla.breach", contract="acme")
		for i in range(20):
			got = [r.alert["type"] for r in sink.alerts(ticket=f"B{i}")]
			self.assertIn(got, (["sla.breach", "sla.escalation"], ["sla.escalation"]))
			self.assertIn("sla.escalation", got)

	def test_answers_that_attack(self):
		"""Endless and crawling answers cost bounded time and memory, and hold up nobody else."""
		modes = ("huge-body", "huge-head", "slow-head", "slow-body")
		bad = {mode: self.sink(mode, kind=harness.BadSink) for mode in modes}
		well = self.sink()
		receivers = {mode: {"webhook": {"url": f"http://127.0.0.1:{s.port}/hook", "secret": harness.SECRET}} for mode, s in bad.items()}
		self.run_with({**receivers, "well": hook(well)}, target="1s", steps=[{"at": "breach", "notify": [*modes, "well"]}])
		before = harness.memory_kib(self.d.process.pid)
		self.d.accept([opened(f"T{i}") for i in range(3)])
		for r in well.wait(6, count=3, type="sla.breach"):
			self.assertLess(r.when - harness.parse_instant(r.alert["at"]), 5 * harness.PATIENCE)
		for mode, s in bad.items():
			harness.wait_for(mode, 10, s.received)
		time.sleep(3)
		self.assertEqual(self.d.post(opened("T9")).status, 202)
		if not harness.SANITIZED:
			self.assertLess(harness.memory_kib(self.d.process.pid) - before, 32 * 1024)

	def test_receiver_test(self):
		sink = self.sink()
		self.run_with({"hook": hook(sink)})
		p = self.d.ctl("receiver", "test", "hook")
		self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
		self.assertTrue(sink.alerts()[0].valid)
		sink.default = 500
		self.assertEqual(self.d.ctl("receiver", "test", "hook").returncode, 1)


if __name__ == "__main__":
	harness.main()
