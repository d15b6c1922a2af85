"""Names of receivers and mail servers: that nobody has, that come late, that lead where nobody may go, and that are right by the next attempt."""
import json
import re
import time

import harness
import redis_rig
from harness import Case, hook, opened

BREACH = [{"at": "breach", "notify": ["hook"]}]


class Names(Case):
	def setUp(self):
		super().setUp()
		self.names = self.d.dir / "names"
		if not (harness.BUILD / "tests/names.so").exists():
			self.fail("tests/names.so is not built")

	def know(self, **names):
		"""answers: an address, none, again, fail; with ("…", seconds) late."""
		lines = [(name, *(answer if isinstance(answer, tuple) else (answer, 0))) for name, answer in names.items()]
		new = self.names.with_suffix(".new")
		new.write_text("".join(f"{name}.test {answer} {seconds}\n" for name, answer, seconds in lines))
		new.replace(self.names)

	def start(self, receivers, steps=BREACH, **more):
		self.d.configure(receivers, steps=steps, target="1s", **more)
		self.d.start(env={"LD_PRELOAD": str(harness.BUILD / "tests/names.so"), "PLAZO_NAMES": str(self.names),
				  "ASAN_OPTIONS": "verify_asan_link_order=0"})

	def by_name(self, sink, name):
		return {"webhook": {"url": f"http://{name}.test:{sink.port}/hook", "secret": harness.SECRET}}

	def told(self, receiver, says, seconds=12):
		"""The operator reads this of an attempt, in the journal and in plazoctl."""
		line = rf'attempt-failed.* receiver={receiver} .*detail="{says}'
		harness.wait_for(lambda: f"{says} in {self.d.log()}", seconds, lambda: re.search(line, self.d.log()))
		row = rf"{receiver} .*{says}"
		harness.wait_for(f"{row} in plazoctl", 5, lambda: re.search(row, self.d.ctl("deliveries", "--ticket", "T1").stdout))

	def test_a_name_that_nobody_has_yet(self):
		sinks = {answer: self.sink() for answer in ("none", "again", "fail")}
		self.know(**{answer: answer for answer in sinks})
		self.start({answer: self.by_name(s, answer) for answer, s in sinks.items()}, steps=[{"at": "breach", "notify": list(sinks)}])
		self.d.accept(opened("T1"))
		for answer in sinks:
			self.told(answer, f"Could not resolve host: {answer}.test")
		self.know(**{answer: "127.0.0.1" for answer in sinks})
		for s in sinks.values():
			s.wait(15, type="sla.breach")
			self.assertEqual(len(s.tries()), 1)

	def test_a_name_that_comes_late(self):
		"""Two seconds are borne, a minute is a failure; neither holds up anybody else."""
		late, later, well = self.sink(), self.sink(), self.sink()
		self.know(late=("127.0.0.1", 2), later=("127.0.0.1", 60))
		self.start({"late": self.by_name(late, "late"), "later": self.by_name(later, "later"), "well": hook(well)},
			   steps=[{"at": "breach", "notify": ["late", "later", "well"]}])
		self.d.accept(opened("T1"))
		well.wait(4, type="sla.breach")
		more = [opened(f"M{i}") for i in range(20)]
		harness.soon(1.0 * harness.PATIENCE, lambda: self.d.accept(more))
		for s in (well, late):
			harness.wait_for("all of them", 12, lambda s=s: len({r.id for r in s.alerts(type="sla.breach")}) == 21)
		self.assertEqual(later.tries(), [], "it was to come a minute later")
		self.told("later", "Resolving timed out after")
		self.know(late="127.0.0.1", later="127.0.0.1")
		later.wait(30, type="sla.breach", ticket="T1")

	def test_the_end_does_not_wait_for_a_name(self):
		sink = self.sink()
		self.know(mail=("127.0.0.1", 60), hook=("127.0.0.1", 60))
		receivers = {"mail": {"email": {"to": ["desk@mail.test"]}}, "hook": self.by_name(sink, "hook")}
		email = {"smtp": "smtp://mail.test:25", "from": "SLA watch <sla@example.com>", "tls": "starttls"}
		self.start(receivers, steps=[{"at": "breach", "notify": ["hook", "mail"]}], email=email)
		self.d.accept(opened("T1"))
		harness.wait_for("the breach", 8, lambda: len(self.d.ctl("deliveries", "--json").stdout) > 100)
		time.sleep(0.5)
		began = time.monotonic()
		self.d.stop()
		self.assertLess(time.monotonic() - began, 8 * harness.PATIENCE)
		self.know(hook="127.0.0.1", mail="none")
		self.start(receivers, email=email)
		sink.wait(10, type="sla.breach")
		self.told("mail", "Could not resolve host: mail.test")

	def test_a_name_that_leads_to_the_neighbourhood(self):
		"""An address of the link is refused where it is connected to: what was asked before decides nothing."""
		sink, six = self.sink(), self.sink()
		self.know(hook="169.254.169.254", six="::ffff:169.254.169.254")
		self.start({"hook": self.by_name(sink, "hook"), "six": self.by_name(six, "six")},
			   steps=[{"at": "breach", "notify": ["hook", "six"]}])
		self.d.accept(opened("T1"))
		self.told("hook", "link-local address refused")
		self.told("six", "link-local address refused")

	def test_a_mail_server_nobody_knows_yet(self):
		sink = self.sink(kind=harness.SmtpSink)
		self.know(mail="none")
		self.start({"hook": {"email": {"to": ["desk@mail.test"]}}},
			   email={"smtp": f"smtp://mail.test:{sink.port}", "from": "SLA watch <sla@example.com>", "tls": "starttls"})
		self.d.accept(opened("T1"))
		self.told("hook", "Could not resolve host: mail.test")
		self.know(mail="127.0.0.1")
		harness.wait_for("the mail", 20, sink.mails)

	def test_a_redis_that_nobody_knows_yet(self):
		"""Not there, then late, then right: each is told, webhooks are taken meanwhile, and the entry that waited is read."""
		redis = self.sink(kind=redis_rig.Redis).start()
		redis("XADD", redis_rig.STREAM, "*", "event", json.dumps(opened("S1")))
		self.know(bus="none")
		self.start({}, sources=redis_rig.source(redis, url=f"redis://bus.test:{redis.port}/0"))
		for answer, why in (("none", "Name or service not known"), (("127.0.0.1", 60), "no answer in time")):
			self.know(bus=answer)
			says = f"the name bus.test is not resolved: {why}"
			harness.wait_for(lambda: self.d.ctl("status").stdout, 25, lambda says=says: says in self.d.ctl("status").stdout, 0.1)
			self.d.accept(opened(f"T-{why[-4:]}"))
		self.know(bus="127.0.0.1")
		harness.wait_for("the entry", 25, lambda: self.d.get("/v1/tickets/desk/S1").status == 200, 0.1)


if __name__ == "__main__":
	harness.main()
