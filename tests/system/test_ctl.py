"""plazoctl against a daemon: every command, as text and as JSON, and every exit status."""
import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import termios
import threading
import unittest

import harness
from harness import Case, agent_reply, event, hook, opened

FINE, NO, USAGE, BAD_EVENTS, NO_INPUT, NO_DAEMON, BAD_CONFIG = 0, 1, 64, 65, 66, 69, 78
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


class Base(Case):
	"""One daemon for a whole class, with a ticket that was breached and answered, and others that run, pause, or fit no contract."""

	@classmethod
	def setUpClass(cls):
		cls.well, cls.gone = harness.HookSink(), harness.HookSink(default=410)
		cls.shared = harness.Plazod().configure({"hook": hook(cls.well), "gone": hook(cls.gone), "later": {"on_call": "rota"}}, policies={"quick": {"metrics": {
			"response": {"target": {"P1": "4s", "default": "1h"}}, "resolution": {"target": "3h"}}, "escalation": "standard"}},
			steps=[{"at": "50%", "notify": ["hook"]}, {"at": "breach", "notify": ["hook", "gone"]}]).start()
		d = cls.shared
		d.accept([opened("INC-1", subject="Core switch in Bogotá\x1b[2J\u009b31m\ris down\n", assignee="ana", tags=["net", "core"]),
			  opened("INC-2", priority="P2", at=harness.instant(-2)), opened("INC-4", priority="P2")])
		d.accept(event("INC-2", "changed", status="pending"))
		stray = opened("INC-3")
		del stray["contract"]
		d.accept(stray)
		cls.well.wait(8, type="sla.breach", ticket="INC-1")
		d.accept(agent_reply("INC-1"))
		cls.well.wait(8, type="sla.cleared", ticket="INC-1")
		d.wait_sent(type="sla.cleared", receiver="hook", ticket="INC-1")
		harness.wait_for("who is gone is given up", 10, lambda: d.deliveries(receiver="gone", state="dead"))

	@classmethod
	def tearDownClass(cls):
		cls.shared.close()
		cls.well.close()
		cls.gone.close()

	def setUp(self):
		self.d = self.shared

	def text(self, *args, status=FINE, **more):
		p = self.d.ctl(*args, **more)
		self.assertEqual(p.returncode, status, p.stdout + p.stderr)
		self.assertNotRegex(p.stdout, "[\x00-\x09\x0b-\x1f\x7f-\x9f]", "what a ticket holds reaches the terminal")
		return p.stdout

	def json(self, *args, status=FINE):
		p = self.d.ctl(*args, "--json")
		self.assertEqual(p.returncode, status, p.stdout + p.stderr)
		return json.loads(p.stdout)

	def write(self, name, text):
		path = self.d.dir / name
		path.write_text(text)
		return str(path)

	def row(self, text, name):
		"""The cells of the row that begins with the name, by the titles of the columns."""
		lines = text.splitlines()
		at = next(i for i, line in enumerate(lines) if line.startswith(name + " "))
		head = next(lines[i] for i in range(at, -1, -1) if re.match(r"[A-Z]+ .*[A-Z]$", lines[i]))
		starts = [m.start() for m in re.finditer(r"(?:(?<=  )|^)\S", head)]
		cut = lambda line: [line[a:b].strip() for a, b in zip(starts, starts[1:] + [None])]
		return dict(zip(cut(head), cut(lines[at])))


class Questions(Base):
	def test_status(self):
		text = self.text("status")
		self.assertRegex(text, rf"^plazod \S+, ready, since {INSTANT}\n")
		self.assertRegex(text, r"(?m)^tickets    4 in memory, 1 without a contract$")
		self.assertRegex(text, rf"(?m)^next step  {INSTANT}, in [12]?\d min")
		self.assertEqual(self.row(text, "gone")["DISABLED"], "true")
		self.assertEqual((self.row(text, "hook")["KIND"], self.row(text, "hook")["ACTIVE"]), ("webhook", "true"))
		self.assertEqual((self.row(text, "later")["KIND"], self.row(text, "later")["ACTIVE"]), ("on_call", "false"))
		got = self.json("status")
		self.assertTrue(got["ready"])
		self.assertEqual((got["tickets"], got["unmatched"], got["store"]["state"]), (4, 1, "well"))

	def test_tickets(self):
		text = self.text("tickets")
		self.assertEqual([line.split()[0] for line in text.splitlines()], ["TICKET", "INC-2", "INC-4", "INC-1", "INC-3"], "what is due first, then what never is")
		text = self.text("tickets", "--order", "name")
		self.assertEqual([line.split()[0] for line in text.splitlines()], ["TICKET", "INC-1", "INC-2", "INC-3", "INC-4"])
		self.assertRegex(self.row(text, "INC-2")["LEFT"], r"^5\d min$")
		self.assertEqual(self.row(text, "INC-3")["STATE"], "unmatched")
		self.assertEqual([t["ticket"] for t in self.json("tickets")["tickets"]], ["INC-2", "INC-4", "INC-1", "INC-3"])
		self.assertEqual([t["ticket"] for t in self.json("tickets", "--contract", "acme")["tickets"]], ["INC-2", "INC-4", "INC-1"])
		self.assertEqual(self.text("tickets", "--contract", "other"), "no tickets\n")
		self.assertNotIn("INC-3", self.text("tickets", "--at-risk"))

	def test_tickets_page_by_page(self):
		for order in ("name", "due"):
			whole, seen, after = [t["ticket"] for t in self.json("tickets", "--order", order)["tickets"]], [], ()
			while after is not None:
				p = self.d.ctl("tickets", "--limit", "1", "--order", order, *after)
				seen += [line.split()[0] for line in p.stdout.splitlines()[1:]]
				said = re.fullmatch(r"plazoctl: there are more: go on with --after (\S+)\n", p.stderr)
				after = ("--after", said[1]) if said else None
				self.assertEqual(p.stderr == "", after is None, p.stderr)
			self.assertEqual(seen, whole)
		for order, place in (("due", "helpdesk/INC-1"), ("due", "never"), ("due", "never/x"), ("name", "INC-1")):
			p = self.d.ctl("tickets", "--order", order, "--after", place)
			self.assertEqual((p.returncode, p.stdout), (NO, ""), p.stderr)

	def test_ticket(self):
		for name in ("INC-1", "helpdesk/INC-1"):
			text = self.text("ticket", name)
			self.assertRegex(text, r"^helpdesk/INC-1  Core switch in Bogotá \[2J 31m is down\n")
			self.assertRegex(text, r"(?m)^tags +core, net$")
			clock = self.row(text, "response")
			self.assertEqual((clock["STATE"], clock["TARGET"]), ("breached", "4s"))
			self.assertRegex(clock["STOPPED"], INSTANT)
			self.assertEqual(self.row(text, "resolution")["NEXT"], "50%")
		self.assertEqual(self.json("ticket", "INC-1")["subject"], "Core switch in Bogotá\x1b[2J\u009b31m\ris down\n")
		self.text("ticket", "INC-99", status=NO)
		self.assertEqual(self.json("ticket", "INC-99", status=NO)["status"], 404)

	def test_explain(self):
		self.assertIn("paused: status=pending", self.text("explain", "INC-2"))
		stretches = self.json("explain", "INC-2")["stretches"]
		self.assertEqual([(s["metric"], s["counts"]) for s in stretches], [("response", True), ("resolution", True), ("resolution", False)])
		self.text("explain", "INC-99", status=NO)

	def test_explain_is_of_one_or_the_other(self):
		for args in (["INC-1", "-c", str(self.d.conf)], ["INC-1", "--until", "2026-11-23T09:00:00Z"], ["INC-1", "/dev/null", "--socket", str(self.d.socket)]):
			p = harness.plazoctl("explain", *args, stdin="")
			self.assertEqual((p.returncode, p.stdout), (USAGE, ""), p.stderr)

	def test_explain_without_a_daemon(self):
		"""What holds, pauses and resolves a clock is named, stretch by stretch."""
		cfg = harness.base_config(1, policies={"quick": {"metrics": {"l2": {"while": {"team": "l2"}, "stop": {"type": "resolved"}, "target": "8h"}}}})
		conf = self.d.dir / "explain.yaml"
		conf.write_text(json.dumps(cfg))
		at = "2026-11-23T09:{:02}:00Z".format
		events = [opened("T", at=at(0)), event("T", "changed", at=at(10), team="l2"), event("T", "changed", at=at(20), status="pending"),
			  event("T", "changed", at=at(30), status=None), event("T", "changed", at=at(40), team="l1"), event("T", "resolved", at=at(50))]
		p = harness.plazoctl("explain", "T", "-c", str(conf), "--json", "-", stdin="".join(json.dumps(e) + "\n" for e in events))
		self.assertEqual(p.returncode, 0, p.stderr)
		for why in ("held: its `while` does not hold", "paused: status=pending"):
			self.assertIn(why, p.stdout)

	def test_explain_of_what_is_never_due(self):
		"""A calendar of some dates alone, which are over: `check` warns of it, and `explain` says so of the clock."""
		cfg = harness.base_config(1, target="2h", calendars={"always": {"zone": "UTC", "hours": {"mon": []}, "shifts": {"2026-12-26": ["10:00-11:00"]}}})
		conf = self.d.dir / "never.yaml"
		conf.write_text(json.dumps(cfg))
		self.assertIn("a clock of 2h is never due", harness.plazoctl("check", "-c", str(conf)).stderr)
		e = opened("T", at="2026-11-23T09:00:00Z")
		p = harness.plazoctl("explain", "T", "-c", str(conf), "-", stdin=json.dumps(e))
		self.assertRegex(p.stdout, r"^response of T, cycle 1: running, target 2h, due never \(.*\), counted 1h, ")

	def test_next(self):
		text = self.text("next")
		self.assertRegex(text.splitlines()[1], rf"^{INSTANT}  [12]?\d min  +INC-[24] ")
		at = [n["at"] for n in self.json("next")["next"]]
		self.assertEqual(at, sorted(at))
		self.assertEqual(len(self.json("next", "--limit", "1")["next"]), 1)

	def test_deliveries(self):
		sent = self.json("deliveries", "--ticket", "INC-1")["deliveries"]
		told = {(v["type"], v["receiver"], v["state"]) for v in sent}
		self.assertLessEqual({("sla.breach", "hook", "sent"), ("sla.breach", "gone", "dead"), ("sla.cleared", "hook", "sent")}, told)
		# Superseded where plazod stood still.
		self.assertTrue({("sla.warning", "hook", "sent"), ("sla.warning", "hook", "suppressed")} & told, told)
		self.assertEqual({v["id"] for v in sent if v["state"] == "sent"}, {r.id for r in self.well.alerts(ticket="INC-1")})
		failed = self.text("deliveries", "--failed").splitlines()
		self.assertEqual(len(failed), 2)
		self.assertRegex(failed[1], rf"^{INSTANT}  INC-1 +sla\.breach +breach +gone +dead +1 +.*410")
		self.assertEqual(self.text("deliveries", "--ticket", "INC-4"), "no deliveries\n")
		self.assertIn("unmatched", self.text("deliveries", "--ticket", "INC-3"))

	# ---- the way there ----
	def test_over_http_with_a_token(self):
		token = pathlib.Path(self.write("token", harness.TOKEN_READ + "\n"))
		there = ("--url", f"http://127.0.0.1:{self.d.port}")
		self.assertIn("ready", harness.plazoctl("status", *there, "--token-file", str(token)).stdout)
		self.assertIn("ready", harness.plazoctl("status", there[0], there[1] + "/", "--token-file", str(token)).stdout)
		p = harness.plazoctl("status", *there)
		self.assertEqual(p.returncode, NO)
		self.assertIn("token", p.stderr)
		p = harness.plazoctl("waive", "INC-1", "response", "--reason", "x", *there, "--token-file", str(token))
		self.assertEqual(p.returncode, NO)
		self.assertIn("may not act", p.stderr)
		self.assertEqual(harness.plazoctl("status", *there, "--token-file", "/nowhere").returncode, NO_INPUT)

	def test_no_daemon(self):
		for args in (["status"], ["tickets"], ["reload"], ["receiver", "test", "hook"], ["tail"], ["import", "/dev/null"]):
			with self.subTest(args):
				p = harness.plazoctl("--socket", str(self.d.dir / "nobody.sock"), *args)
				self.assertEqual(p.returncode, NO_DAEMON)
				self.assertIn("nobody.sock", p.stderr)
		self.assertEqual(harness.plazoctl("status", "--url", f"http://127.0.0.1:{harness.free_port()}").returncode, NO_DAEMON)
		p = harness.plazoctl("status", "--socket", str(self.d.dir / "nowhere"))
		self.assertEqual((p.returncode, "No such file" in p.stderr), (NO_DAEMON, True), p.stderr)
		p = harness.plazoctl("status", "--socket", "/" + "long" * 50)
		self.assertEqual((p.returncode, "path too long" in p.stderr), (NO_DAEMON, True), p.stderr)

	def test_usage(self):
		for args in ([], ["nonsense"], ["receiver"], ["ticket"], ["ticket", "A", "B"], ["status", "--nonsense"], ["status", "--failed"],
			     ["tickets", "--limit"], ["tickets", "--limit", "0"], ["next", "--limit", "x"], ["calendar", "add", "always"], ["receiver", "tset", "hook"]):
			with self.subTest(args):
				p = harness.plazoctl(*args)
				self.assertEqual((p.returncode, p.stdout), (USAGE, ""))
				self.assertNotEqual(p.stderr, "")
		self.assertIn("did you mean `tickets`", harness.plazoctl("tikets").stderr)
		self.assertIn("not active yet", harness.plazoctl("silence", "add").stderr)
		for group, one in (("dead", "dead retry"), ("calendar", "calendar open"), ("receiver", "receiver test"), ("config", "config keys")):
			p = harness.plazoctl(group)
			self.assertEqual((p.returncode, f"`{group}` takes another word:\n" in p.stderr, f"plazoctl {one}" in p.stderr), (USAGE, True, True), p.stderr)

	def test_what_is_wrong_is_named(self):
		for args, words in ((["check", "c.yaml"], "`check` takes no argument c.yaml"), (["ticket", "A", "B"], "`ticket` takes no further argument B"),
				    (["waive", "A"], "`waive` needs TICKET METRIC"), (["-c", "c.yaml"], "a command is wanted beside -c"),
				    (["tickets", "--order", "up"], "--order up: due or name"), (["status", "--socket", "x", "--url", "http://x"], "one of them")):
			p = harness.plazoctl(*args)
			self.assertEqual((p.returncode, p.stdout, words in p.stderr), (USAGE, "", True), p.stderr)

	def test_files_of_another_kind(self):
		"""They are told of in a few lines, with what is wanted; of JSON that is no event, each one."""
		pretty = json.dumps(opened("X"), indent=1)
		for args in (["simulate", "-c", str(self.d.conf), "-"], ["explain", "X", "-c", str(self.d.conf), "-"], ["import", "-", "--socket", str(self.d.socket)]):
			p = harness.plazoctl(*args, stdin=pretty * 20)
			self.assertEqual(p.returncode, BAD_EVENTS, p.stderr)
			self.assertRegex(p.stderr, r"(?m)^standard input: event 1: .*\n[^\0]*^and so on\nstandard input: events are wanted one a line, or as an array: .*jq -c")
			self.assertLess(len(p.stderr.splitlines()), 25)
			p = harness.plazoctl(*args, stdin=json.dumps({**opened("X"), "prority": "P1"}) + "\n{}\n")
			self.assertEqual(p.returncode, BAD_EVENTS, p.stderr)
			self.assertRegex(p.stderr, r"^standard input: event 1: /prority: .*\nstandard input: event 2: [^\n]*\n$")

	def test_options_before_the_command(self):
		self.assertIn("INC-1", self.text("deliveries", "--ticket", "INC-1"))
		self.assertIn("INC-1", harness.plazoctl("--json", "--socket", str(self.d.socket), "deliveries", "--ticket=INC-1").stdout)

	# ---- without a daemon ----
	def test_check(self):
		p = harness.plazoctl("check", "-c", str(self.d.conf))
		self.assertEqual(p.returncode, FINE, p.stdout + p.stderr)
		self.assertRegex(p.stdout, r"2 contracts")
		bad = self.write("bad.yaml", "contracts: {acme: {polcy: x}}\n")
		p = harness.plazoctl("check", "-c", bad)
		self.assertEqual(p.returncode, BAD_CONFIG)
		self.assertRegex(p.stdout + p.stderr, r"bad\.yaml:1:\d+: error: .*did you mean .*policy")
		self.assertEqual(harness.plazoctl("check", "-c", "/nowhere.yaml").returncode, NO_INPUT)

	def test_calendar(self):
		conf = ("-c", str(self.d.conf))
		at = "2026-11-23T10:00:00Z"
		self.assertEqual(harness.plazoctl("calendar", "add", "always", at, "2h", *conf).stdout, "2026-11-23T12:00:00.000Z\n")
		self.assertEqual(harness.plazoctl("calendar", "add", "always", at, *conf, "--", "-2h").stdout, "2026-11-23T08:00:00.000Z\n")
		self.assertEqual(harness.plazoctl("calendar", "add", "always", at, "-2h", *conf).stdout, "2026-11-23T08:00:00.000Z\n")
		self.assertEqual(harness.plazoctl("calendar", "between", "always", at, "2026-11-23T11:00:00.250Z", *conf).stdout, "3600.250\n")
		p = harness.plazoctl("calendar", "open", "always", at, *conf)
		self.assertEqual((p.returncode, p.stdout), (FINE, "open\n"))
		self.assertNotEqual(harness.plazoctl("calendar", "open", "nonsense", at, *conf).returncode, FINE)

	def test_calendar_says_what_is_no_duration(self):
		office = {"zone": "Europe/Madrid", "hours": {"mon-fri": "09:00-17:00"}}
		conf = ("-c", self.write("office.yaml", json.dumps({**self.d.cfg, "calendars": {**self.d.cfg["calendars"], "office": office}})))
		def why(*duration):
			p = harness.plazoctl("calendar", "add", "office", "2026-11-23T10:00:00Z", *conf, "--", *duration)
			self.assertEqual((p.returncode, p.stdout), (USAGE, ""), p.stderr)
			return p.stderr
		self.assertIn("write 3bd for business days", why("3d"))
		self.assertIn("write -2bd for business days", why("-2d12h"))
		self.assertRegex(why("none"), "`none` is no duration: it .")
		self.assertRegex(why("soon"), "`soon` is no duration: .")

	def test_json_without_a_daemon(self):
		conf = ("-c", str(self.d.conf), "--json")
		def ask(*args, status=FINE):
			p = harness.plazoctl(*args)
			self.assertEqual((p.returncode, p.stderr), (status, ""))
			return json.loads(p.stdout)
		a, b = "2026-11-23T10:00:00Z", "2026-11-23T11:00:00.250Z"
		self.assertEqual(ask("calendar", "add", "always", a, "2h", *conf), {"due": "2026-11-23T12:00:00.000Z"})
		self.assertEqual(ask("calendar", "between", "always", a, b, *conf), {"seconds": 3600.25})
		self.assertEqual(ask("calendar", "open", "always", a, *conf), {"open": True})
		self.assertEqual(ask("calendar", "show", "always", a, b, *conf), {"windows": [{"from": "2026-11-23T10:00:00.000Z", "to": "2026-11-23T11:00:00.250Z"}]})
		self.assertEqual(ask("calendar", "show", "always", a, a, *conf), {"windows": []})
		told = ask("check", *conf)
		self.assertEqual((told["ok"], told["contracts"], told["policies"], told["calendars"], told["errors"]), (True, 2, 1, 1, []))
		self.assertTrue(all(": warning: " in w for w in told["warnings"]) and told["warnings"], told)
		told = ask("check", "--json", "-c", self.write("bad.yaml", "contracts: {acme: {polcy: x}}\n"), status=BAD_CONFIG)
		self.assertEqual((told["ok"], ["bad.yaml:1:" in e and ": error: " in e for e in told["errors"]]), (False, [True] * len(told["errors"])))
		self.assertTrue(told["errors"])
		self.assertIn("cannot be read", ask("check", "--json", "-c", "/nowhere.yaml", status=NO_INPUT)["errors"][0])

	def test_an_output_that_takes_nothing(self):
		with open("/dev/full", "w", encoding="ascii") as full:
			for args in (["config", "show"], ["config", "show", "--json"], ["calendar", "add", "always", "2026-11-23T09:00:00Z", "1h"]):
				p = subprocess.run([str(harness.BUILD / "plazoctl"), *args, "-c", str(self.d.conf)], stdout=full, stderr=subprocess.PIPE, text=True,
						   timeout=20 * harness.PATIENCE, check=False)
				self.assertEqual((p.returncode, p.stderr), (NO, "plazoctl: standard output could not be written: No space left on device\n"), args)

	def test_config_show_as_json(self):
		"""It loads again, and is then the same as YAML."""
		p = harness.plazoctl("config", "show", "--json", "-c", str(self.d.conf))
		self.assertEqual((p.returncode, p.stderr), (FINE, ""))
		shown = json.loads(p.stdout)
		self.assertEqual(shown["sources"]["helpdesk"]["webhook"]["verify"]["secret"], "<secret>")
		self.assertEqual(shown["contracts"]["acme"]["policy"], "quick")
		for secret in (harness.SECRET, harness.TOKEN_READ, harness.TOKEN_ACT):
			self.assertNotIn(secret, p.stdout)
		again = harness.plazoctl("config", "show", "-c", self.write("shown.json", p.stdout))
		self.assertEqual((again.returncode, again.stdout), (FINE, harness.plazoctl("config", "show", "-c", str(self.d.conf)).stdout))

	def test_simulate_and_explain_from_a_file(self):
		events = "\n".join(json.dumps(e) for e in (opened("S-1", at="2026-11-23T10:00:00Z"),
							   agent_reply("S-1", at="2026-11-23T10:00:05Z"))) + "\n"
		path = self.write("events.ndjson", events)
		conf = ("-c", str(self.d.conf), "--source", "helpdesk")
		p = harness.plazoctl("simulate", *conf, "--until", "2026-11-23T10:01:00Z", path)
		self.assertEqual(p.returncode, FINE, p.stderr)
		self.assertEqual([json.loads(line)["type"] for line in p.stdout.splitlines()], ["sla.warning", "sla.breach", "sla.cleared"])
		again = harness.plazoctl("simulate", *conf, "--until", "2026-11-23T10:01:00Z", "-", stdin=events)
		self.assertEqual(again.stdout, p.stdout)
		clocks = [json.loads(line) for line in harness.plazoctl("simulate", *conf, "--clocks", path).stdout.splitlines()]
		self.assertEqual({(c["metric"], c["state"]) for c in clocks} & {("response", "breached")}, {("response", "breached")})
		p = harness.plazoctl("explain", "S-1", path, *conf)
		self.assertEqual(p.returncode, FINE, p.stderr)
		self.assertIn("counted", p.stdout)
		stretches = json.loads(harness.plazoctl("explain", "S-1", path, "--json", *conf).stdout)["stretches"]
		self.assertEqual(sum(s["counted_s"] for s in stretches if s["metric"] == "response"), 5)
		acts = [event("S-1", "extended", at=f"2026-11-23T10:00:0{i}Z", metric="response", by=by, reason="asked", actor={"role": "system", "name": "Ana"})
			for i, by in ((0, "2s"), (6, "1h"))]
		more = self.write("acts.ndjson", events + "".join(json.dumps(e) + "\n" for e in acts))
		text = harness.plazoctl("explain", "S-1", more, *conf).stdout
		self.assertRegex(text, r"(?m)^response of S-1, cycle 1: extended by 2s at 2026-11-23T10:00:00\S* by Ana: asked$")
		self.assertRegex(text, r"(?m)^response of S-1, cycle 1: extended by 1h at 2026-11-23T10:00:06\S* by Ana: asked \(it changed nothing\)$")
		acts = json.loads(harness.plazoctl("explain", "S-1", more, "--json", *conf).stdout)["acts"]
		self.assertEqual([(a["by_s"], a["applied"]) for a in acts], [(2, True), (3600, False)])
		self.assertEqual(harness.plazoctl("explain", "S-9", path, *conf).returncode, NO)
		self.assertEqual(harness.plazoctl("simulate", *conf, "-", stdin="{oops\n").returncode, BAD_EVENTS)
		self.assertEqual(harness.plazoctl("simulate", *conf, "/nowhere").returncode, NO_INPUT)
		self.assertEqual(harness.plazoctl("simulate", "-c", "/nowhere.yaml", path).returncode, NO_INPUT)

	def test_secrets_are_not_shown(self):
		p = harness.plazoctl("config", "show", "-c", str(self.d.conf))
		self.assertEqual(p.returncode, FINE, p.stderr)
		self.assertIn("<secret>", p.stdout)
		for secret in (harness.SECRET, harness.TOKEN_READ, harness.TOKEN_ACT):
			self.assertNotIn(secret, p.stdout)


class Acts(Base):
	def test_receiver_test(self):
		n = len(self.well.alerts())
		self.assertIn("hook has taken the test alert", self.text("receiver", "test", "hook"))
		self.assertTrue(self.json("receiver", "test", "hook")["ok"])
		self.assertEqual([r.valid for r in self.well.alerts()[n:]], [True, True])
		self.assertIn("410", self.d.ctl("receiver", "test", "gone").stderr)
		self.text("receiver", "test", "gone", status=NO)
		self.text("receiver", "test", "nobody", status=NO)
		self.assertIn("on_call) are not active yet: nothing is sent", self.d.ctl("receiver", "test", "later").stderr)
		self.text("receiver", "test", "later", status=NO)

	def test_waive(self):
		self.d.accept(opened("INC-W", at=harness.instant(-5)))
		self.assertEqual(self.text("waive", "INC-W", "response", "--reason", "the line was cut by a digger"), "response of INC-W (cycle 1) is waived\n")
		clock = next(c for c in self.json("ticket", "INC-W")["clocks"] if c["metric"] == "response")
		self.assertEqual((clock["breached"], clock["waived"]), (True, True))
		self.assertIn("no clock", self.d.ctl("waive", "INC-W", "nonsense", "--reason", "x").stderr)
		for args in (["ticket", "INC-W"], ["explain", "INC-W"]):
			self.assertRegex(self.text(*args), rf"(?m)^{INSTANT}  waived +response +1 +- +\S+ +true +the line was cut by a digger$")
		p = self.d.ctl("waive", "INC-W", "response", "--reason", "again")
		self.assertEqual((p.returncode, p.stdout), (NO, ""))
		self.assertIn("waived already", p.stderr)
		self.text("waive", "INC-W", "nonsense", "--reason", "x", status=NO)
		self.text("waive", "INC-99", "response", "--reason", "x", status=NO)
		self.text("waive", "INC-W", "response", status=USAGE)
		# What its steps were not sent for is its own reason.
		self.d.accept(opened("INC-V", priority="P3"))
		self.text("waive", "INC-V", "response", "--reason", "agreed by telephone")
		self.d.accept(event("INC-V", "changed", priority="P1"))
		got = harness.wait_for("recorded", 5, lambda: [v for v in self.json("deliveries", "--ticket", "INC-V")["deliveries"] if v["type"] == "sla.breach"])
		self.assertEqual({(v["state"], v["detail"]) for v in got}, {("suppressed", "waived")})
		self.d.accept(event("INC-W", "cancelled"))

	def test_ids_with_slashes(self):
		self.d.accept([opened(t) for t in ("CHG/2026/17", "x/explain", "helpdesk/INC-S", "INC-S")])
		for name in ("CHG/2026/17", "helpdesk/CHG/2026/17", "x/explain", "helpdesk/x/explain", "helpdesk/helpdesk/INC-S"):
			self.assertIn(self.json("ticket", name)["ticket"], name)
			self.assertEqual(self.json("explain", name)["ticket"], self.json("ticket", name)["ticket"])
		self.assertEqual(self.json("ticket", "helpdesk/INC-S", status=NO)["choices"], ["helpdesk/INC-S", "helpdesk/helpdesk/INC-S"])
		self.text("waive", "CHG/2026/17", "response", "--reason", "x")
		self.text("deliveries", "--ticket", "CHG/2026/17")
		self.assertEqual(self.d.get("/v1/tickets/CHG%2F2026%2F17").status, 200)
		self.d.accept([event(t, "cancelled") for t in ("CHG/2026/17", "x/explain", "helpdesk/INC-S", "INC-S")])

	def test_ids_that_no_url_can_name(self):
		"""They are refused at the door, since nobody could ask for them; dots within a name are fine."""
		for name in (".", "..", "CHG/../17"):
			answer = self.d.post(opened(name))
			self.assertEqual((answer.status, json.loads(answer.body).get("pointer")), (422, "/ticket"), answer.body)
			p = self.d.ctl("ticket", name)
			self.assertEqual((p.returncode, "segment" in p.stderr), (NO, True), p.stderr)
		self.d.accept([opened(t) for t in ("...", "v1.2/.x")])
		for name in ("...", "v1.2/.x", "helpdesk/..."):
			self.assertIn(self.json("ticket", name)["ticket"], name)
		self.d.accept([event(t, "cancelled") for t in ("...", "v1.2/.x")])

	def test_on_a_terminal(self):
		"""A subject ends where the line does; what is needed to go on never does."""
		widths = ((200, 1), (100, 1), (60, 2))
		try:
			terminals = [os.openpty() for _ in widths]
		except OSError as e:                            # a container or a chroot may have no /dev/pts
			self.skipTest(f"no terminal to be had: {e.strerror}")
		self.d.accept(opened("INC-T", subject="Ñandú " * 50, priority="P3"))
		for (columns, lines), (ours, its) in zip(widths, terminals):
			self.addCleanup(os.close, ours)
			fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
			p = subprocess.Popen([harness.BUILD / "plazoctl", "tickets", "--socket", str(self.d.socket)], stdin=subprocess.DEVNULL, stdout=its, stderr=subprocess.DEVNULL)
			os.close(its)
			text = b""
			with contextlib.suppress(OSError):      # EIO: nobody has the other end any more
				while chunk := os.read(ours, 65536):
					text += chunk
			self.assertEqual(p.wait(20 * harness.PATIENCE), FINE)
			row = next(line for line in text.decode().split("\r\n") if line.startswith("INC-T"))
			self.assertEqual(len(row), lines * columns)
		self.d.accept(event("INC-T", "cancelled"))

	def test_extend(self):
		self.d.accept(opened("INC-E", priority="P3"))
		before = self.json("ticket", "INC-E")["clocks"][0]["due"]
		self.assertEqual(self.text("extend", "INC-E", "response", "--by", "2h", "--reason", "asked"), "response of INC-E (cycle 1) has 2h more\n")
		after = self.json("ticket", "INC-E")["clocks"][0]["due"]
		self.assertEqual(harness.parse_instant(after) - harness.parse_instant(before), 7200)
		self.assertRegex(self.text("ticket", "INC-E"), rf"(?m)^{INSTANT}  extended +response +1 +2h +\S+ +true +asked$")
		p = self.d.ctl("extend", "INC-1", "response", "--by", "1h", "--reason", "too late")
		self.assertEqual((p.returncode, p.stdout), (NO, ""))
		self.assertIn("is breached: it has ended, and cannot be given more time", p.stderr)
		for by in ("-2h", "0s", "soon", ""):
			self.text("extend", "INC-E", "response", "--by", by, "--reason", "x", status=USAGE)
		self.text("extend", "INC-E", "response", "--by", "2h", status=USAGE)
		self.d.accept(event("INC-E", "cancelled"))

	@unittest.skipUnless(os.getuid() == 0 and shutil.which("setpriv"), "only root can be somebody else")
	def test_who_is_not_in_the_group(self):
		self.d.dir.chmod(0o755)
		program = shutil.copy(harness.BUILD / "plazoctl", self.d.dir)
		p = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "status", "--socket", str(self.d.socket)],
				   capture_output=True, text=True, timeout=20 * harness.PATIENCE, check=False)
		self.assertEqual(p.returncode, NO_DAEMON)
		self.assertIn("Permission denied; it is for root and for the group that it belongs to", p.stderr)

	def test_import(self):
		events = [e for i in range(300) for e in (opened(f"OLD-{i}", at=harness.instant(-3600)),
							   event(f"OLD-{i}", "cancelled", at=harness.instant(-1800)))]
		path = self.write("old.ndjson", "".join(json.dumps(e) + "\n" for e in events))
		self.assertEqual(self.text("import", path, "--source", "helpdesk"), "600 accepted, 0 duplicates, 0 refused\n")
		self.assertEqual(self.json("import", path, "--source", "helpdesk"), {"accepted": 0, "duplicates": 600, "refused": 0})
		self.assertEqual(self.well.tries(ticket="OLD-1"), [], "what was due before the import was sent")
		self.assertEqual(self.json("ticket", "OLD-1")["clocks"][0]["breached"], True)
		got = self.json("deliveries", "--ticket", "OLD-1")["deliveries"]
		self.assertEqual({(v["state"], v["detail"]) for v in got}, {("suppressed", "imported without alerts")})

	def test_import_of_an_array(self):
		"""As most exports are; and one that is written over many lines."""
		events = [opened(f"ARR-{i}", at=harness.instant(-3600), subject="two\nlines") for i in range(3)]
		path = self.write("array.json", "\n" + json.dumps(events, indent=1) + "\n")
		self.assertEqual(self.text("import", path), "3 accepted, 0 duplicates, 0 refused\n")
		self.assertEqual(self.json("ticket", "ARR-2")["subject"], "two\nlines")
		p = self.d.ctl("import", "-", stdin=json.dumps([event("ARR-0", "cancelled"), 7, opened("ARR-3", priority=7), *events]))
		self.assertEqual((p.returncode, p.stdout), (BAD_EVENTS, "1 accepted, 3 duplicates, 2 refused\n"))
		self.assertRegex(p.stderr, r"(?m)^standard input: event 2: .*object[^\0]*^standard input: event 3: /priority: ")
		p = self.d.ctl("import", self.write("torn.json", json.dumps(events)[:-9]))
		self.assertEqual((p.returncode, p.stdout), (BAD_EVENTS, ""))
		self.assertRegex(p.stderr, r"torn\.json:1:\d+: .*jq -c")
		self.assertEqual(self.text("import", "-", stdin=" []"), "0 accepted, 0 duplicates, 0 refused\n")
		self.d.accept([event(f"ARR-{i}", "cancelled") for i in (1, 2)])

	def test_import_refused(self):
		good = json.dumps(opened("OLD-A", at=harness.instant(-60)))
		path = self.write("mixed.ndjson", good + "\n{oops\n" + json.dumps(opened("OLD-B", priority=7)) + "\n")
		p = self.d.ctl("import", path, "--source", "helpdesk")
		self.assertEqual((p.returncode, p.stdout), (BAD_EVENTS, "1 accepted, 0 duplicates, 2 refused\n"))
		self.assertRegex(p.stderr, r"(?m)mixed\.ndjson: event 2: .*JSON")
		self.assertRegex(p.stderr, r"(?m)mixed\.ndjson: event 3: /priority: ")
		self.assertLess(len(self.d.ctl("import", str(self.d.conf), "--source", "helpdesk").stderr.splitlines()), 25)
		self.text("import", path, "--source", "nobody", status=NO)
		self.text("import", status=USAGE)
		self.text("import", str(self.d.dir / "nothing"), "--source", "helpdesk", status=NO_INPUT)
		self.d.accept(event("OLD-A", "cancelled"))

	def test_reload(self):
		self.assertRegex(self.text("reload"), r"^reloaded: nothing has changed\n")
		good = self.d.cfg
		self.addCleanup(lambda: (self.d.write(good), self.text("reload")))
		self.d.write({**good, "contracts": {**good["contracts"], "third": {"customer": "Third", "policy": "quick"}}})
		self.assertRegex(self.text("reload", "--dry-run"), "would change contracts\n")
		self.assertTrue(self.json("reload", "--dry-run")["changed"])
		self.assertEqual(self.json("status")["config"]["contracts"], 2, "a dry run changed something")
		self.assertRegex(self.text("reload"), r"^reloaded: contracts\n")
		self.assertEqual(self.json("status")["config"]["contracts"], 3)
		self.d.write({**good, "contract": {}})
		p = self.d.ctl("reload")
		self.assertEqual((p.returncode, p.stdout), (BAD_CONFIG, ""))
		self.assertRegex(p.stderr, r"plazod\.yaml:\d+:\d+: error: .*contract")
		self.assertEqual(len(self.json("reload", status=BAD_CONFIG)["errors"]), 1)
		self.assertIn("was refused", self.text("status"))

	def test_tail(self):
		path = harness.BUILD / "plazoctl"
		lines = {"text": [], "json": []}
		for kind, more in (("text", []), ("json", ["--json"])):
			p = subprocess.Popen([str(path), "--socket", str(self.d.socket), "tail", *more], stdout=subprocess.PIPE, text=True)
			self.addCleanup(lambda p=p: (p.kill(), p.wait(), p.stdout.close()))
			threading.Thread(target=lambda p=p, kind=kind: lines[kind].extend(iter(p.stdout.readline, "")), daemon=True).start()
		n = iter(range(100))
		def told():
			"""The first breach that each has told; the readers may not be there yet when the first ticket is."""
			name = f"TAIL-{next(n)}"
			self.d.accept([opened(name, at=harness.instant(-30)), event(name, "cancelled")])
			found = [[line for line in got if "sla.breach" in line] for got in lines.values()]
			return [got[0] for got in found] if all(found) else None
		as_text, as_json = harness.wait_for("a breach in each", 10, told, 0.3)
		self.assertRegex(as_text, rf"^{INSTANT}  sla\.breach TAIL-\d+ response breach, due {INSTANT}, to hook gone  [0-9a-f]{{32}}\n$")
		entry = json.loads(as_json)
		self.assertEqual((entry["what"], entry["alert"]["type"]), ("alert", "sla.breach"))


class Stuck(Case):
	def test_a_daemon_that_does_not_answer(self):
		"""Whoever holds the socket and says nothing is no daemon; closing it is an answer too."""
		path = self.d.dir / "mute.sock"
		with socket.socket(socket.AF_UNIX) as s:
			s.bind(str(path))
			s.listen()
			threading.Thread(target=lambda: s.accept()[0].close(), daemon=True).start()
			p = harness.plazoctl("--socket", str(path), "status")
			self.assertEqual(p.returncode, NO_DAEMON, p.stderr)

	def test_who_may_use_the_socket(self):
		if os.getuid() != 0:
			self.skipTest("another user needs root")
		self.run_with()
		self.d.dir.chmod(0o755)
		self.d.socket.chmod(0o666)      # the socket file lets them in: who is asking is checked all the same
		# A copy where anybody may run it: the checkout may lie in somebody's home.
		ctl = self.d.dir / "plazoctl"
		shutil.copy(harness.BUILD / "plazoctl", ctl)
		ctl.chmod(0o755)
		p = subprocess.run([str(ctl), "--socket", str(self.d.socket), "status"], capture_output=True, text=True, cwd="/",
				   timeout=20 * harness.PATIENCE, preexec_fn=lambda: (os.setgroups([]), os.setgid(65534), os.setuid(65534)), check=False)
		self.assertEqual(p.returncode, NO, p.stderr)
		self.assertIn("root", p.stderr)


if __name__ == "__main__":
	harness.main()
