"""Mail servers that put off, refuse, or do not answer: what is sent again, what is not."""
import time

import harness
from harness import Case, opened

BREACH = [{"at": "breach", "notify": ["hook"]}]


class Mail(Case):
	def run_mail(self, rule, to=("desk@mail.test",)):
		sink = self.sink(rule, kind=harness.SmtpSink)
		self.run_with({"hook": {"email": {"to": list(to)}}}, steps=BREACH, target="1s",
			      email={"smtp": f"smtp://127.0.0.1:{sink.port}", "from": "SLA watch <sla@example.com>", "tls": "none"})
		self.d.accept(opened("T1"))
		return sink

	def once(self, verb, reply):
		"""A rule that answers `reply` to the first such command alone."""
		left = [reply]
		return lambda command: left.pop() if left and command.upper().startswith(verb) else None

	def test_put_off(self):
		for verb, reply in (("RCPT", "451 4.7.1 greylisted\r\n"), ("MAIL", "421 4.3.2 later\r\n"), ("<MESSAGE>", "451 4.3.0 later\r\n")):
			with self.subTest(verb):
				self.d.close()
				self.d = harness.Plazod()
				self.addCleanup(self.d.close)
				sink = self.run_mail(self.once(verb, reply))
				harness.wait_for("the mail", 15, sink.mails)
				self.assertEqual(len(sink.mails()), 1)

	def test_no_answer_to_the_message(self):
		"""Whether it arrived is not known: it is sent again, as the same message."""
		seen = []
		def rule(command):
			if command == "<message>" and not seen:
				seen.append(1)
				return "close"
			return None
		sink = self.run_mail(rule)
		harness.wait_for("the mail", 15, sink.mails)

	def test_one_recipient_of_two_is_refused(self):
		sink = self.run_mail(lambda c: "550 5.1.1 no such user\r\n" if "nobody@" in c else None, ("nobody@mail.test", "desk@mail.test"))
		harness.wait_for("the mail", 15, sink.mails)
		time.sleep(3)
		self.assertEqual(len(sink.mails()), 1, "the one who got it got it again")

	def test_refused_for_good(self):
		sink = self.run_mail(lambda c: "554 5.7.1 no\r\n" if c.startswith("MAIL") else None)
		harness.wait_for("the attempt", 8, lambda: [c for c in sink.commands if c.startswith("MAIL")])
		time.sleep(4)
		self.assertEqual(len([c for c in sink.commands if c.startswith("MAIL")]), 1)
		p = self.d.ctl("deliveries", "--failed")
		self.assertIn("T1", p.stdout)


if __name__ == "__main__":
	harness.main()
