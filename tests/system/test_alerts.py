"""Warning, breach, escalation and clear: by signed webhook, and by mail through a real server with STARTTLS and AUTH."""
import email.header
import json
import time

import harness
from harness import APART, Case, agent_reply, event, instant, opened, parse_instant, undisturbed

LATER = f"{APART}s"
STEPS = [{"at": "25%", "notify": ["hook"]}, {"at": "breach", "notify": ["hook", "mail"]},
	 {"at": f"breach+{LATER}", "every": LATER, "times": 2, "notify": ["hook", "mail"]}]


def mail_by(exim, **more):
	return {"email": {"smtp": f"smtp://127.0.0.1:{exim.port}", "from": "SLA watch <sla@example.com>", "tls": "require",
			  "user": exim.USER, "password": exim.PASSWORD, "ca_file": str(exim.ca), **more}}


class Webhooks(Case):
	def test_the_whole_life_of_a_clock(self):
		"""By the wire, and by `plazoctl simulate`, which computes the same alerts with the same ids."""
		sink = self.sink()
		self.run_with({"hook": harness.hook(sink), "mail": {"log": {}}}, steps=STEPS, target="8s")
		events = [opened("INC-1", subject="Mail server is down", url="https://desk.example.com/1")]
		self.d.accept(events[0])
		start = parse_instant(events[0]["at"])
		sink.wait(30, type="sla.escalation", occurrence=2)
		events.append(agent_reply("INC-1"))
		self.d.accept(events[1])
		sink.wait(8, type="sla.cleared")
		got = [(r.alert["type"], r.alert["step"], r.alert["occurrence"]) for r in sink.alerts(ticket="INC-1")]
		self.assertEqual(got, [("sla.warning", "25%", 1), ("sla.breach", "breach", 1), ("sla.escalation", f"breach+{LATER}", 1),
				       ("sla.escalation", f"breach+{LATER}", 2), ("sla.cleared", "cleared", 1)])
		late = []
		for r, at in zip(sink.alerts(ticket="INC-1"), (start + after for after in (2, 8, 8 + APART, 8 + 2 * APART))):
			self.assertAlmostEqual(parse_instant(r.alert["at"]), at, delta=0.002)
			self.assertGreaterEqual(r.when, at - 0.001, "told early")
			late.append(r.when - at)
		# One of them may have found a process that stood still.
		self.assertLess(sorted(late)[1], 1.0 * harness.PATIENCE, "told late")
		self.simulated(events, sink)
		for r in sink.alerts():
			self.assertTrue(r.valid, "the signature does not verify")
			self.assertEqual(r.id, r.alert["id"])
			self.assertEqual(r.headers.get_content_type(), "application/json")
			self.assertEqual((r.alert["contract"], r.alert["metric"], r.alert["cycle"], r.alert["priority"], r.alert["target"]),
					 ("acme", "response", 1, "P1", "8s"))
			self.assertIn("hook", r.alert["receivers"])
		self.assertEqual(len({r.id for r in sink.received}), 5)

	def simulated(self, events, sink):
		"""What was sent is what `plazoctl simulate` makes of these events by now."""
		path = self.d.dir / "events.ndjson"
		path.write_text("".join(json.dumps(e) + "\n" for e in events))
		p = harness.plazoctl("simulate", "-c", str(self.d.conf), "--source", "helpdesk", "--until", instant(), str(path))
		self.assertEqual(p.returncode, 0, p.stderr)
		simulated = [json.loads(line) for line in p.stdout.splitlines()]
		sent = [r.alert for r in sink.alerts()]
		for key in ("id", "type", "at", "ticket", "step", "occurrence", "due", "elapsed_s", "remaining_s", "reason", "receivers"):
			self.assertEqual([a[key] for a in simulated], [a[key] for a in sent], key)

	def test_that_it_is_over_is_told_to_a_crowd(self):
		"""All that two steps told, more than one alert may name; across a restart with one of them unsent, and to the one that is named again."""
		sink, away = self.sink(), self.sink(default=503)
		crowd = [f"log{i}" for i in range(126)]
		steps = [{"at": "breach", "notify": ["hook", *crowd[:63]]}, {"at": f"breach+{LATER}", "notify": ["away", *crowd[63:]]}]
		self.run_with({"hook": harness.hook(sink), "away": harness.hook(away), **{name: {"log": {}} for name in crowd}}, steps=steps)
		self.d.accept(opened("INC-1"))
		harness.wait_for("the last step", 8 + APART, lambda: away.tries(type="sla.escalation"))
		self.d.accept(agent_reply("INC-1"))
		cleared = sink.wait(8, type="sla.cleared")[0]
		self.d.wait_sent(type="sla.cleared", receiver="hook")
		self.d.kill()
		away.default = 200
		self.d.start()
		harness.wait_for("the other one", 15, lambda: [r for r in away.alerts(type="sla.cleared") if r.id == cleared.id])
		self.assertEqual(self.d.ctl("resend", cleared.id, "--receiver", "hook").returncode, 0)
		self.assertEqual(len(sink.wait(8, 2, type="sla.cleared")), 2)
		self.assertNotIn("unreadable", self.d.log())

	def test_a_clock_that_is_met_says_nothing(self):
		sink = self.sink()
		self.run_with({"hook": harness.hook(sink)})
		at = instant()
		self.d.accept([opened("GOOD", at=at), agent_reply("GOOD", at=at)])
		self.d.accept(opened("BAD"))
		sink.wait(8, type="sla.breach", ticket="BAD")
		self.assertEqual(sink.tries(ticket="GOOD"), [])

	def test_what_does_not_answer(self):
		"""Automated and private replies, and those of the customer, leave the clock running."""
		sink = self.sink()
		self.run_with({"hook": harness.hook(sink)})
		self.d.accept([opened("T1"), agent_reply("T1", automated=True), agent_reply("T1", public=False),
			       event("T1", "replied", actor={"role": "customer"})])
		sink.wait(8, type="sla.breach", ticket="T1")

	def test_a_change_of_priority_into_the_past(self):
		sink = self.sink()
		self.run_with({"hook": harness.hook(sink)}, target={"P1": "1s", "default": "1h"})
		self.d.accept(opened("T1", priority="P3", at=harness.instant(-60)))
		self.d.accept(event("T1", "changed", priority="P1"))
		r = sink.wait(8, type="sla.breach", ticket="T1")[0]
		self.assertEqual(r.alert["occurrence"], 1)
		self.assertNotEqual(r.alert["reason"], "")

	def opened_and_stopped(self, first_s):
		"""A ticket of which plazod ends before its first step, so many seconds after its event; gives that."""
		def attempt(i):
			e = opened(f"T{i}")
			self.d.accept(e)
			self.d.stop()
			if time.time() < parse_instant(e["at"]) + first_s:
				return e
			self.d.start()
			return None
		return undisturbed(attempt)

	def test_restart_keeps_what_is_armed(self):
		sink = self.sink()
		self.run_with({"hook": harness.hook(sink)}, target="4s", steps=[{"at": "breach", "notify": ["hook"]}])
		e = self.opened_and_stopped(4)
		self.d.start()
		r = sink.wait(12, type="sla.breach", ticket=e["ticket"])[0]
		self.assertAlmostEqual(parse_instant(r.alert["at"]), parse_instant(e["at"]) + 4, delta=0.002)
		self.assertGreaterEqual(r.when, parse_instant(r.alert["at"]) - 0.001, "told early")

	def test_due_while_down_is_told_late(self):
		sink = self.sink()
		self.run_with({"hook": harness.hook(sink)}, target="5s", steps=[{"at": "80%", "notify": ["hook"]}, {"at": "breach", "notify": ["hook"]}])
		e = self.opened_and_stopped(4)
		time.sleep(max(0, parse_instant(e["at"]) + 6.5 - time.time()))
		self.d.start()
		r = sink.wait(8, type="sla.breach", ticket=e["ticket"])[0]
		self.assertGreater(r.alert["late_s"], 0)
		self.assertEqual(r.alert["at"], r.alert["due"])
		self.assertEqual(sink.tries(type="sla.warning", ticket=e["ticket"]), [], "of the late ones only the highest is sent")


class Mail(Case):
	def setUp(self):
		super().setUp()
		self.exim = self.sink(kind=harness.Exim)

	def run_mail(self, language="en", target="2s", **email):
		self.run_with({"mail": {"email": {"to": ["desk@mail.test", "boss@mail.test"]}, "language": language}},
			      steps=[{"at": "breach", "notify": ["mail"]}], target=target, **mail_by(self.exim, **email))

	def test_by_starttls_and_auth(self):
		self.run_mail()
		self.d.accept(opened("INC-7", subject="Core switch", url="https://desk.example.com/7"))
		harness.wait_for("the breach, for two people", 10, lambda: len(self.exim.mails()) == 2)
		self.d.accept(agent_reply("INC-7"))
		harness.wait_for("the clear, for two people", 10, lambda: len(self.exim.mails()) == 4)
		mails = self.exim.mails()
		log = self.exim.log()
		self.assertIn("P=esmtpsa", log)
		self.assertIn("A=plain:plazo", log)
		self.assertIn("=> desk <desk@mail.test>", log)
		self.assertIn("=> boss <boss@mail.test>", log)
		roots = set()
		for m in mails:
			self.assertEqual(m["From"].addresses[0].addr_spec, "sla@example.com")
			self.assertEqual(m["Auto-Submitted"], "auto-generated")
			self.assertIsNotNone(m["Date"].datetime)
			self.assertRegex(m["Message-ID"], r"^<[^<>\s]+@[^<>\s]+>$")
			self.assertIn("INC-7", m["Subject"])
			self.assertEqual(m.get_content_type(), "multipart/alternative")
			self.assertIn("INC-7", m.get_body(("plain",)).get_content())
			self.assertIn("INC-7", m.get_body(("html",)).get_content())
			self.assertEqual(m.defects, [])
			roots.add((m.get("References") or m["Message-ID"]).split()[0])
		self.assertEqual(len({m["Message-ID"] for m in mails}), 2, "one message for both")
		self.assertEqual(len(roots), 1, "one thread a ticket")

	def test_in_spanish(self):
		self.run_mail("es")
		self.d.accept(opened("INC-8", subject="Impresora de recepción"))
		m = harness.wait_for("a mail", 10, self.exim.mails)[0]
		self.assertRegex(m.get_body(("plain",)).get_content(), r"(?i)aviso|vence|plazo|incumpl|queda")
		self.assertIn("recepción", m.get_body(("plain",)).get_content())

	def test_hostile_subject(self):
		hostile = "x\r\nBcc: evil@example.com\r\n\r\n<script>alert(1)</script>\n.\nQUIT\x1b[2J\u2028\u0085Bcc: a@b\u202e ñ 🦤 " + "y" * 300
		self.run_mail()
		self.d.accept(opened("INC-9", subject=hostile))
		m = harness.wait_for("a mail", 10, self.exim.mails)[0]
		self.assertEqual(m.defects, [])
		self.assertIsNone(m["Bcc"])
		allowed = {"return-path", "envelope-to", "delivery-date", "received", "from", "to", "subject", "date", "message-id", "mime-version",
			   "content-type", "content-transfer-encoding", "auto-submitted", "references", "in-reply-to", "x-auto-response-suppress",
			   "precedence", "list-id", "importance", "x-priority", "reply-to"}
		extra = {k.lower() for k in m.keys() if not k.lower().startswith("x-plazo")} - allowed
		self.assertEqual(extra, set())
		subject = str(email.header.make_header(email.header.decode_header(m["Subject"])))
		self.assertNotRegex(subject, "[\r\n\0\u2028\u0085\u202e]")
		self.assertNotIn("<script>", m.get_body(("html",)).get_content())
		for line in m.as_bytes().split(b"\n"):
			self.assertLessEqual(len(line), 999)
		# One for each of the two recipients; nothing for who was smuggled in.
		self.assertNotIn("evil@example.com>", self.exim.log())

	def test_a_wrong_password_sends_nothing(self):
		self.run_mail(password="wrong")
		self.d.accept(opened("INC-10"))
		harness.wait_for("the refusal", 10, lambda: "535" in self.exim.log())
		self.assertEqual(self.exim.mails(), [])
		self.assertNotIn("wrong", self.d.log())

	def test_an_untrusted_certificate_sends_nothing(self):
		other = self.sink(kind=harness.Exim)
		self.run_mail(ca_file=str(other.ca))
		self.d.accept(opened("INC-11"))
		harness.wait_for("the attempt", 10, lambda: "TLS" in self.exim.log() or "SSL" in self.exim.log())
		self.assertNotIn("A=plain", self.exim.log())
		self.assertEqual(self.exim.mails(), [])

	def test_greylisting(self):
		self.exim.greylist(True)
		self.run_mail()
		self.d.accept(opened("INC-12"))
		harness.wait_for("the deferral", 10, lambda: "greylisted" in self.exim.log())
		self.exim.greylist(False)
		harness.wait_for("a mail for each of the two", 30, lambda: len(self.exim.mails()) >= 2)
		got = [(m["Message-ID"], m["Envelope-to"]) for m in self.exim.mails()]
		self.assertEqual(len(set(got)), len(got), "the same mail came twice to one of them")


if __name__ == "__main__":
	harness.main()
