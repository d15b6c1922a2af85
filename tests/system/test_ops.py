"""What operators do beside watching: dead letters, sending again, backup and restore, what a reload would change, forgetting a person."""
import contextlib
import json
import pathlib
import re
import sqlite3
import time

import harness
from harness import Case, agent_reply, event, hook, opened

FINE, NO, USAGE, BAD_CONFIG = 0, 1, 64, 78


class Ops(Case):
	def text(self, *args, status=FINE):
		p = self.d.ctl(*args)
		self.assertEqual(p.returncode, status, p.stdout + p.stderr)
		return p.stdout

	def json(self, *args, status=FINE):
		p = self.d.ctl(*args, "--json")
		self.assertEqual(p.returncode, status, p.stdout + p.stderr)
		return json.loads(p.stdout)

	def deliveries(self, **want):
		return [v for v in self.json("deliveries", "--limit", "1000")["deliveries"] if all(v[k] == x for k, x in want.items())]


class DeadLetters(Ops):
	def setUp(self):
		super().setUp()
		self.well = self.sink()
		self.picky = self.sink(default=410)
		self.run_with({"hook": hook(self.well), "picky": hook(self.picky)}, target="1s",
			      steps=[{"at": "breach", "notify": ["hook", "picky"]}])
		self.d.accept([opened("INC-1", at=harness.instant(-5)), opened("INC-2", at=harness.instant(-4))])
		harness.wait_for("two dead letters", 10, lambda: len(self.json("dead", "list")["deliveries"]) == 2)

	def test_list_and_show(self):
		text = self.text("dead", "list")
		self.assertEqual(len(text.splitlines()), 3)
		self.assertRegex(text, r"INC-1 +sla\.breach +picky +\d +.*410")
		dead = self.json("dead", "list", "--limit", "1")["deliveries"]
		self.assertEqual([v["ticket"] for v in dead], ["INC-2"])
		shown = self.text("dead", "show", dead[0]["id"])
		self.assertIn("picky", shown)
		self.assertIn("INC-2", shown)
		self.assertNotIn("INC-1", shown)
		self.text("dead", "show", "0" * 32, status=NO)

	def test_retry_of_one(self):
		dead = next(v for v in self.json("dead", "list")["deliveries"] if v["ticket"] == "INC-1")
		self.picky.default = 200
		self.assertRegex(self.text("dead", "retry", dead["id"]), "1 sent again, 0 still under way")
		got = self.picky.wait(8, ticket="INC-1")
		self.assertEqual([r.id for r in got], [dead["id"]])
		self.assertTrue(got[0].valid)
		harness.wait_for("settled", 5, lambda: self.deliveries(id=dead["id"], receiver="picky", state="sent"))
		self.assertEqual(len(self.well.alerts(ticket="INC-1")), 1, "who had it was told again")
		self.assertRegex(self.d.log(), rf"api: resend id={dead['id']} receiver=picky ticket=helpdesk/INC-1 by=\w+")
		self.text("dead", "retry", dead["id"], status=NO)
		self.assertEqual([v["ticket"] for v in self.json("dead", "list")["deliveries"]], ["INC-2"])

	def test_retry_of_all_that_fails_again(self):
		n = len(self.picky.tries())
		self.text("dead", "retry", "--all")
		harness.wait_for("tried again", 8, lambda: len(self.picky.tries()) == n + 2)
		harness.wait_for("dead again", 8, lambda: len(self.json("dead", "list")["deliveries"]) == 2)
		self.assertEqual({r.alert["ticket"] for r in self.picky.tries()[n:]}, {"INC-1", "INC-2"})

	def test_a_clock_that_was_met_since(self):
		"""Somebody wants it: it is sent, though nothing would be sent by itself any more."""
		dead = next(v for v in self.json("dead", "list")["deliveries"] if v["ticket"] == "INC-1")
		self.d.accept(agent_reply("INC-1"))
		self.text("waive", "INC-1", "response", "--reason", "agreed")
		self.picky.default = 200
		self.text("dead", "retry", dead["id"], "--receiver", "picky")
		self.picky.wait(8, ticket="INC-1", type="sla.breach")

	def test_drop(self):
		first, second = self.json("dead", "list")["deliveries"]
		self.text("dead", "drop", first["id"])
		harness.wait_for("dropped", 5, lambda: self.deliveries(id=first["id"], state="suppressed"))
		self.assertRegex(self.deliveries(id=first["id"], state="suppressed")[0]["detail"], r"^dropped by \w+$")
		self.assertEqual([v["id"] for v in self.json("dead", "list")["deliveries"]], [second["id"]])
		n = len(self.picky.tries())
		self.text("dead", "drop", "--all")
		harness.wait_for("none", 5, lambda: "no dead letters" in self.text("dead", "list"))
		self.assertEqual(len(self.picky.tries()), n)
		self.text("dead", "drop", first["id"], status=NO)

	def test_usage(self):
		self.text("dead", status=USAGE)
		self.text("dead", "retry", status=USAGE)
		self.text("dead", "retry", "x", "--all", status=USAGE)
		self.text("resend", status=USAGE)

	def test_resend(self):
		sent = self.well.alerts(ticket="INC-1")[0]
		self.assertRegex(self.text("resend", sent.id, "--receiver", "hook"), "1 sent again")
		self.well.wait(8, count=2, ticket="INC-1", type="sla.breach")
		self.assertEqual({r.id for r in self.well.alerts(ticket="INC-1")}, {sent.id})
		self.text("resend", "0" * 32, status=NO)
		self.text("resend", sent.id, "--receiver", "nobody", status=NO)

	def test_resend_survives_a_kill(self):
		"""Asked for while nobody answers: it is still asked for after a restart, whatever has become of the clock."""
		sent = self.well.alerts(ticket="INC-2")[0]
		self.d.accept(agent_reply("INC-2"))
		self.well.default = "hang"
		self.text("resend", sent.id, "--receiver", "hook")
		harness.wait_for("tried", 8, lambda: len(self.well.tries(ticket="INC-2", type="sla.breach")) == 2)
		harness.wait_for("on disk", 8, lambda: self.deliveries(id=sent.id, receiver="hook", state="pending"))
		self.d.kill()
		self.well.default = 200
		self.d.start()
		self.well.wait(10, count=2, ticket="INC-2", type="sla.breach")

	def test_who_may(self):
		sent = self.well.alerts(ticket="INC-1")[0]
		for act in ("resend", "drop"):
			r = harness.request(self.d.port, "POST", f"/v1/deliveries/{sent.id}/{act}", b"",
					    {"Authorization": f"Bearer {harness.TOKEN_READ}"})
			self.assertEqual(r.status, 403)


if __name__ == "__main__":
	harness.main()
