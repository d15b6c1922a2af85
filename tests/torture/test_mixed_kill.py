"""
kill -9 at random moments of a mixed load: single events, NDJSON, a stream of Redis, alerts that go out by webhook and by mail, backups that are
being made. Ledgers of what was acknowledged and of what arrived decide: every event is there once, every alert arrives, and what comes
again has the id of the first.
"""
import contextlib
import json
import sqlite3
import threading
import time

import torture
from torture import harness, redis_rig

STEPS = [{"at": "50%", "notify": ["hook"]}, {"at": "breach", "notify": ["hook", "mail"]}]


class Lines(harness.Load):
	"""Senders of NDJSON, five events a request."""

	def __init__(self, plazod, **more):
		super().__init__(plazod, make=lambda name: [harness.opened(f"N{name}-{i}") for i in range(5)], **more)

	def try_once(self, name, events):
		body = "".join(json.dumps(e) + "\n" for e in events)
		try:
			r = self.plazod.post_raw(body, content_type="application/x-ndjson", timeout=15)
		except (OSError, harness.http.client.HTTPException):
			return False
		if r.status == 202:
			self.acked[name] = events
		return r.status == 202


class Backups:
	"""Makes one backup after the other, and looks at each that was said to be whole."""

	def __init__(self, plazod):
		self.d, self.whole, self.broken_off = plazod, 0, 0
		self.faults = []
		self.ending = threading.Event()
		self.thread = threading.Thread(target=self.run, daemon=True)
		self.thread.start()

	def run(self):
		n = 0
		while not self.ending.is_set():
			n += 1
			path = self.d.dir / f"backup-{n}.db"
			if self.d.ctl("backup", str(path), timeout=30).returncode != 0:
				self.broken_off += 1
				if path.exists():
					self.faults.append(f"{path} is there, though it is not whole")
				self.ending.wait(0.1)
				continue
			with contextlib.closing(sqlite3.connect(path)) as db:
				answer = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
			if answer != "ok":
				self.faults.append(f"{path}: {answer}")
			self.whole += 1
			path.unlink()
			self.ending.wait(0.2)

	def stop(self):
		self.ending.set()
		self.thread.join(60)


class MixedKill(redis_rig.Case):
	def test_kills(self):
		rnd = torture.seeded("mixed kill")
		n = torture.times(200, 5)
		hook, mail = self.sink(), self.sink(kind=harness.SmtpSink)
		self.r = self.server()
		self.d.configure({"hook": harness.hook(hook), "mail": {"email": {"to": ["desk@mail.test"]}}}, steps=STEPS, target="4s",
				 email={"smtp": f"smtp://127.0.0.1:{mail.port}", "from": "SLA watch <sla@example.com>", "tls": "none"},
				 sources=redis_rig.source(self.r)).start(ready=False)
		self.wait_serving()
		singles, lines = harness.Load(self.d, senders=1, pause=0.05), Lines(self.d, senders=1, pause=0.25)
		stream, backups = redis_rig.Producer(self.r.port, batch=3, pause=0.1), Backups(self.d)
		for _ in range(n):
			time.sleep(rnd.uniform(0.02, 1.2))
			self.d.kill()
			self.d.start(ready=False)
			self.wait_serving()
		time.sleep(0.5)
		for part in (singles, lines, stream, backups):
			part.stop()
		self.check_events(singles, lines, stream)
		names = {e["ticket"] for load in (singles, lines) for events in load.acked.values() for e in events} | set(stream.sure)
		repeats = self.check_alerts(hook, names)
		again = self.check_mails(hook, mail)
		self.assertEqual(backups.faults, [])
		print(f"{n} kills: {len(names)} tickets acknowledged, {len(hook.alerts())} alerts by webhook, {repeats} of them repeats, {len(mail.mails())} mails, "
		      f"{again} repeats; {backups.whole} whole backups, {backups.broken_off} broken off")

	def check_events(self, singles, lines, stream):
		for load in (singles, lines):
			self.assertGreater(len(load.acked), 0, "that was no load")
			self.assert_known(e for events in load.acked.values() for e in events)
		self.assertGreater(len(stream.sure), 0, "that was no load")
		self.settle(seconds=40)
		self.assert_known(stream.sure.values())

	def check_alerts(self, sink, names):
		def missing():
			return names - {r.alert["ticket"] for r in sink.alerts(type="sla.breach")}
		harness.wait_for(lambda: f"breaches of {sorted(missing())[:5]}", 60, lambda: not missing(), 0.3)
		ids, repeats = {}, 0
		for r in sink.alerts():
			a = r.alert
			key = (a["type"], a["ticket"], a["metric"], a["cycle"], a["step"], a["occurrence"])
			repeats += key in ids
			self.assertTrue(r.valid)
			self.assertEqual(ids.setdefault(key, r.id), r.id, f"two ids for {key}")
			self.assertEqual(a["occurrence"], 1)
		self.assertEqual(len(set(ids.values())), len(ids))
		return repeats

	def check_mails(self, hook, sink):
		"""Each breach that went out by webhook went by mail, too: a Message-ID begins with the id of its alert."""
		breaches = {r.id for r in hook.alerts(type="sla.breach")}

		def ids():
			return [m["Message-ID"] for m in sink.mails()]
		harness.wait_for("every mail", 60, lambda: {i[1:].split(".")[0] for i in ids()} >= breaches, 0.5)
		self.assertEqual(len({i[1:].split(".")[0] for i in ids()}), len(set(ids())), "two names for one message")
		return len(ids()) - len(set(ids()))


if __name__ == "__main__":
	torture.main()
