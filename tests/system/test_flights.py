"""Webhooks that are under way, many at once, when something happens to plazod: a reload, a stop, a receiver that goes, an answer that comes first."""
import base64
import signal
import threading
import time

import harness
from harness import Case, base_config, hook, opened

AT_ONCE = 16                                        # of one receiver
OTHER = "whsec_" + base64.b64encode(b"another secret of thirty-two by.").decode()
BREACH = [{"at": "breach", "notify": ["hook"]}]


def signed_by(got, secret):
	stamp = got.headers["webhook-timestamp"]
	return harness.sign(got.body, got.id, stamp, secret) in got.headers["webhook-signature"].split()


class Connections(harness.HookSink):
	"""Knows over how many connections its requests came."""

	def __init__(self, **more):
		self.peers = set()
		super().__init__(**more)

	def answer(self, handler, got):
		self.peers.add(handler.client_address)
		super().answer(handler, got)


class Flights(Case):
	def flood(self, n, **more):
		at = harness.instant()
		self.d.accept([opened(f"T{i}", at=at, **more) for i in range(n)])

	def slow(self, seconds=0.005, **more):
		return self.sink(rule=lambda got: time.sleep(seconds), **more)

	def test_reloads_while_they_fly(self):
		"""Each request is of one configuration whole; none is lost, none comes twice, and those of one ticket come in order."""
		sink = self.slow(secrets=(harness.SECRET, OTHER))
		# So far apart that no stall of the machine makes the escalation supersede a breach that waits.
		steps = [*BREACH, {"at": "breach+12s", "notify": ["hook"]}]
		places = [(f"/{name}", {"webhook": {"url": f"http://127.0.0.1:{sink.port}/{name}", "secret": secret}})
			  for name, secret in (("one", harness.SECRET), ("two", OTHER))]
		n = harness.scaled(240)
		self.run_with({"hook": places[0][1]}, target="2s", steps=steps)
		self.flood(n)
		sink.wait(10, type="sla.breach")
		reloads = 0
		while len(sink.alerts()) < 2 * n and reloads < 1000:
			reloads += 1
			self.d.write(base_config(self.d.port, {"hook": places[reloads % 2][1]}, target="2s", steps=steps))
			self.d.hup()
			time.sleep(0.05)
		sink.wait(30, count=2 * n)
		time.sleep(0.5)
		got = sink.alerts()
		self.assertEqual(len(got), 2 * n, "an alert was sent twice")
		self.assertEqual({(r.path, signed_by(r, harness.SECRET), signed_by(r, OTHER)) for r in got}, {("/one", True, False), ("/two", False, True)})
		for i in range(n):
			self.assertEqual([r.alert["type"] for r in sink.alerts(ticket=f"T{i}")], ["sla.breach", "sla.escalation"])

	def test_a_stop_while_they_fly(self):
		"""Those that are under way have their time; all others leave in the next life, and what comes twice has the same id."""
		sink = self.slow()
		n = harness.scaled(400)
		self.run_with({"hook": hook(sink)}, target="1s", steps=BREACH)
		self.flood(n)
		impatient = 0
		for part in (1, 2, 3):
			sink.wait(30, count=part * n // 4)
			began = time.monotonic()
			self.d.process.send_signal(signal.SIGTERM)
			self.assertEqual(self.d.wait_end(15), 0)
			# They have five seconds, by which one that stood still may not know that it was answered.
			impatient += time.monotonic() - began > 4
			self.d.start()
		harness.wait_for("all of them", 30, lambda: len({r.alert["ticket"] for r in sink.alerts()}) == n)
		self.assertLessEqual(len(sink.alerts()) - n, impatient * AT_ONCE, "one that was answered was sent again")
		self.assertEqual(len({r.id for r in sink.alerts()}), n)

	def test_a_stop_that_waits_for_nobody(self):
		sink = self.sink(script=["hang"] * AT_ONCE)
		self.run_with({"hook": hook(sink)}, target="1s", steps=BREACH)
		self.flood(AT_ONCE + 4)
		harness.wait_for("as many as may fly", 10, lambda: len(sink.tries()) == AT_ONCE)
		self.d.stop()
		self.d.start()
		harness.wait_for("all of them", 20, lambda: len({r.alert["ticket"] for r in sink.alerts()}) == AT_ONCE + 4)
		self.assertEqual(len({r.id for r in sink.tries()}), AT_ONCE + 4)

	def test_a_receiver_that_goes(self):
		sink, other = self.sink(script=["hang"] * AT_ONCE), self.sink()
		self.run_with({"hook": hook(sink), "other": hook(other)}, target="1s", steps=BREACH)
		self.flood(AT_ONCE + 4)
		harness.wait_for("as many as may fly", 10, lambda: len(sink.tries()) == AT_ONCE)
		self.d.write(base_config(self.d.port, {"other": hook(other)}, target="1s", steps=[{"at": "breach", "notify": ["other"]}],
					 defaults={"notify": ["other"]}))
		self.d.cfg["receivers"].pop("hook")
		self.d.write(self.d.cfg)
		p = self.d.ctl("reload")
		self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
		other.wait(10, count=4, type="sla.breach")
		sink.close()
		other.wait(20, count=AT_ONCE + 4, type="sla.breach")
		self.assertEqual(len(sink.tries()), AT_ONCE)

	def test_those_that_hang_cost_nobody_a_connection(self):
		"""Six that never answer have as many connections open as they may; who answers still keeps his, and gets all over the same few."""
		hung = {f"hung{i}": self.sink(default="hang") for i in range(6)}
		well = self.sink(kind=Connections)
		self.run_with({**{name: hook(s) for name, s in hung.items()}, "hook": hook(well)}, target="6s",
			      steps=[{"at": "10%", "notify": [*hung]}, *BREACH])
		n = harness.scaled(300)
		self.flood(n)
		harness.wait_for("as many as may fly", 10, lambda: all(len(s.tries()) == AT_ONCE for s in hung.values()))
		well.wait(20, count=n, type="sla.breach")
		self.assertTrue(all(len(s.tries()) == AT_ONCE for s in hung.values()), "they were to hang all the time")
		self.assertLessEqual(len(well.peers), AT_ONCE)

	def test_what_waits_is_looked_at_when_it_leaves(self):
		gate = threading.Event()
		self.addCleanup(gate.set)
		sink = self.sink(kind=Connections, rule=lambda got: gate.wait(60) and None)
		self.run_with({"hook": hook(sink)}, target="6s", steps=[{"at": "25%", "notify": ["hook"]}])
		self.flood(3 * AT_ONCE)
		harness.wait_for("all of them", 10, lambda: self.metric("plazod_outbox_depth", receiver="hook") == 3 * AT_ONCE)
		harness.wait_for("as many as may fly", 10, lambda: len(sink.peers) == AT_ONCE)
		self.d.accept([harness.agent_reply(f"T{i}") for i in range(3 * AT_ONCE)])
		gate.set()
		harness.wait_for("the end of all", 10, lambda: self.metric("plazod_outbox_depth", receiver="hook") == 0)
		self.assertEqual(len(sink.tries(type="sla.warning")), AT_ONCE)


if __name__ == "__main__":
	harness.main()
