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
		self.d.wait_sent(2, receiver="hook")

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
		self.assertEqual(self.json("dead", "show", "0" * 32, status=NO), {"deliveries": []})

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
		self.assertIn("no such alert that was given up", self.d.ctl("dead", "retry", dead["id"]).stderr)
		self.assertEqual([v["ticket"] for v in self.json("dead", "list")["deliveries"]], ["INC-2"])

	def test_retry_of_all_that_fails_again(self):
		n = len(self.picky.tries())
		self.assertEqual(self.text("dead", "retry", "--all"), "all: 2 sent again, 0 still under way\n")
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
		self.assertEqual(self.text("dead", "drop", "--all", "--receiver", "hook"), "no dead letters for hook\n")
		self.text("dead", "drop", second["id"], "--receiver", "", status=NO)
		self.assertEqual(self.json("dead", "drop", "--all", "--receiver", ""), {"dropped": 0, "pending": 0})
		self.assertEqual(self.json("dead", "drop", "--all"), {"dropped": 1, "pending": 0})
		harness.wait_for("none", 5, lambda: "no dead letters" in self.text("dead", "list"))
		self.assertEqual(self.json("dead", "retry", "--all"), {"resent": 0, "pending": 0})
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
		self.assertIn("There is no receiver nobody", self.d.ctl("resend", sent.id, "--receiver", "nobody").stderr)
		self.assertIn("no delivery to the receiver console", self.d.ctl("resend", sent.id, "--receiver", "console").stderr)
		self.assertIn("There is no such alert.", self.d.ctl("resend", "0" * 32, "--receiver", "nobody").stderr)

	def test_resend_survives_a_kill(self):
		"""Asked for while nobody answers: it is still asked for after a restart, whatever has become of the clock."""
		sent = self.well.alerts(ticket="INC-2")[0]
		self.d.accept(agent_reply("INC-2"))
		self.well.wait(8, ticket="INC-2", type="sla.cleared")
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


def clocks(d, names=None):
	"""What these tickets are like, or every ticket in memory, by name."""
	out = {}
	for name in names or [t["ticket"] for t in json.loads(d.ctl("tickets", "--json", "--limit", "1000").stdout)["tickets"]]:
		v = json.loads(d.ctl("ticket", f"helpdesk/{name}", "--json").stdout)
		out[name] = [(c["metric"], c["cycle"], c["state"], c["due"], c["breached"], c["waived"]) for c in v["clocks"]]
	return out


class Backup(Ops):
	def setUp(self):
		super().setUp()
		self.well = self.sink()
		self.file = self.d.dir / "backup.db"

	def start(self, **more):
		return self.run_with({"hook": hook(self.well)}, policies={"quick": {"metrics": {
			"response": {"target": {"P1": "1s", "default": "1h"}}, "resolution": {"target": "300h"}}, "escalation": "standard"}}, **more)

	def restore(self, file):
		"""As README says: the daemon stopped, the file in the place of the old one, no log beside it."""
		path = pathlib.Path(self.d.cfg["store"]["path"])
		for suffix in ("-wal", "-shm"):
			path.with_name(path.name + suffix).unlink(missing_ok=True)
		path.write_bytes(pathlib.Path(file).read_bytes())

	def test_a_restore_beside_the_old_log(self):
		"""The log of the old database does not belong to the backup: that is told, both stay as they are, and without the log it starts."""
		self.start()
		self.d.accept(opened("INC-1", priority="P2"))
		self.text("backup", str(self.file))
		self.d.accept([opened(f"INC-{i}", priority="P2") for i in range(2, 200)])
		self.d.kill()
		path = pathlib.Path(self.d.cfg["store"]["path"])
		log = path.with_name(path.name + "-wal")
		path.write_bytes(self.file.read_bytes())
		before = path.read_bytes(), log.read_bytes()
		self.assertGreater(len(before[1]), 0)
		self.d.start(ready=False)
		self.assertNotEqual(self.d.wait_end(), 0)
		self.assertIn(f"{path} is a backup, and {log} the log of the database that it replaces: take the log away, then start again", self.d.log())
		self.assertEqual((path.read_bytes(), log.read_bytes()), before)
		log.unlink()
		self.d.start()
		self.assertEqual(list(clocks(self.d)), ["INC-1"])
		# It is a database like any other now: after a crash its own log counts.
		self.d.accept(opened("INC-5", priority="P2"))
		self.d.kill()
		self.d.start()
		self.assertEqual(sorted(clocks(self.d)), ["INC-1", "INC-5"])

	def test_backup_and_restore(self):
		self.start()
		self.d.accept([opened("INC-1", subject="Core switch"), opened("INC-2", priority="P2"), opened("INC-3", priority="P2")])
		self.d.accept(event("INC-3", "changed", status="pending"))
		self.well.wait(8, type="sla.breach", ticket="INC-1")
		harness.wait_for("settled", 5, lambda: not self.deliveries(state="pending"))
		before, sent = clocks(self.d), len(self.well.tries())
		self.assertRegex(self.text("backup", str(self.file)), rf"^{re.escape(str(self.file))}: \d+ bytes\n$")
		self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
		self.assertEqual([p.name for p in self.d.dir.iterdir() if "part" in p.name or "copying" in p.name], [])
		self.assertRegex(self.d.log(), r"backup: sent bytes=\d+ of=\d+ by=\w+")
		# What comes later is not in it, and is gone with the disk.
		self.d.accept(opened("INC-9", priority="P2"))
		self.d.kill()
		self.restore(self.file)
		self.d.start()
		self.assertEqual(clocks(self.d), before)
		time.sleep(1.5)
		self.assertEqual(len(self.well.tries()), sent, "an alert that was delivered before the backup was sent again")
		# A sender that is not sure sends again: what is in the backup is known, the rest is taken.
		first = self.d.accept([opened("INC-2", priority="P2", at="2020-01-01T00:00:00Z", id="INC-2-open-b"), opened("INC-9", priority="P2")])
		self.assertEqual(first["accepted"], 2)
		self.assertIn("INC-9", clocks(self.d))

	def test_duplicates_are_known_after_a_restore(self):
		self.start()
		events = [opened("INC-1", priority="P2"), agent_reply("INC-1")]
		self.d.accept(events)
		self.text("backup", str(self.file))
		self.d.stop()
		self.restore(self.file)
		self.d.start()
		self.assertEqual(self.d.accept(events), {"accepted": 0, "duplicates": 2})

	def test_nothing_is_replaced(self):
		self.start()
		self.file.write_text("mine")
		p = self.d.ctl("backup", str(self.file))
		self.assertEqual((p.returncode, self.file.read_text()), (NO, "mine"))
		self.assertIn("not replaced", p.stderr)
		self.text("backup", str(self.d.dir / "nowhere" / "x.db"), status=NO)
		self.text("backup", status=USAGE)

	def test_with_a_token(self):
		self.start()
		for token, status in ((harness.TOKEN_READ, NO), (harness.TOKEN_ACT, FINE)):
			file = self.d.dir / "token"
			file.write_text(token)
			p = harness.plazoctl("backup", str(self.file), "--url", f"http://127.0.0.1:{self.d.port}", "--token-file", str(file))
			self.assertEqual(p.returncode, status, p.stderr)
		self.assertEqual(harness.plazoctl("backup", str(self.file) + "2", "--socket", "/nowhere").returncode, 69)
		self.assertEqual(sorted(p.name for p in self.d.dir.glob("backup*")), ["backup.db"])

	def test_under_load(self):
		"""Everything that was answered before the backup began is in it, and nobody was kept waiting."""
		self.start()
		self.d.accept([opened(f"OLD-{i}", priority="P2", subject="x" * 400) for i in range(harness.scaled(3000))])
		load = harness.Load(self.d, make=lambda name: [opened(name, priority="P2")])
		self.addCleanup(load.stop)
		load.wait(20)
		for i in range(5):
			acked = set(load.acked)
			file = f"{self.file}{i}"
			self.text("backup", file)
			with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as db:
				self.assertEqual(db.execute("PRAGMA integrity_check").fetchone(), ("ok",))
		load.stop()
		self.assertEqual(load.failures, [])
		self.d.stop()
		self.restore(file)
		self.d.start()
		missing = [name for name in acked if self.d.get(f"/v1/tickets/{name}").status != 200]
		self.assertEqual(missing, [])

	def test_a_client_that_goes_away(self):
		self.start()
		self.d.accept([opened(f"OLD-{i}", priority="P2", subject="x" * 400) for i in range(harness.scaled(4000))])
		head = f"POST /v1/backup HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {harness.TOKEN_ACT}\r\nContent-Length: 0\r\n\r\n".encode()
		with harness.socket.create_connection(("127.0.0.1", self.d.port)) as s:
			s.sendall(head)
			self.assertIn(b"200 OK", s.recv(1000))
			r = harness.request(self.d.port, "POST", "/v1/backup", b"", {"Authorization": f"Bearer {harness.TOKEN_ACT}"})
			self.assertIn(r.status, (200, 503))
		harness.wait_for("over", 5, lambda: "backup: " in self.d.log())
		harness.wait_for("another", 5, lambda: self.d.ctl("backup", str(self.file)).returncode == FINE)
		fds = [p.readlink() for p in pathlib.Path(f"/proc/{self.d.process.pid}/fd").iterdir()]
		self.assertEqual([p for p in fds if "copying" in str(p)], [])

	def test_stopped_meanwhile(self):
		self.start()
		self.d.accept([opened(f"OLD-{i}", priority="P2", subject="x" * 400) for i in range(harness.scaled(4000))])
		done = []
		t = harness.threading.Thread(target=lambda: done.append(self.d.ctl("backup", str(self.file))))
		t.start()
		self.d.stop()
		t.join(20 * harness.PATIENCE)
		if self.file.exists():
			with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro&immutable=1", uri=True)) as db:
				self.assertEqual(db.execute("PRAGMA integrity_check").fetchone(), ("ok",))
		self.assertEqual(done[0].returncode == FINE, self.file.exists())


class DryRun(Ops):
	def setUp(self):
		super().setUp()
		self.run_with(policies={"quick": {"metrics": {"response": {"target": {"P1": "4h", "default": "8h"}},
							      "resolution": {"target": "40h"}}, "escalation": "standard"}})
		self.d.accept([opened("INC-1"), opened("INC-2", priority="P2"), opened("INC-3", priority="P2"), opened("INC-4")])
		self.d.accept([event("INC-3", "changed", status="pending"), agent_reply("INC-4")])

	def change(self, **metrics):
		cfg = json.loads(json.dumps(self.d.cfg))
		cfg["policies"]["quick"]["metrics"].update(metrics)
		cfg["policies"]["quick"]["metrics"] = {k: v for k, v in cfg["policies"]["quick"]["metrics"].items() if v is not None}
		self.d.write(cfg)

	def moves(self):
		got = self.json("reload", "--dry-run")
		return {(m["ticket"], m["metric"]): m for m in got["moves"]}, got

	def due(self):
		return {(t, c[0]): c[3] for t, cs in clocks(self.d).items() for c in cs if c[2] in ("running", "paused", "breached")}

	def test_nothing_moves(self):
		self.assertNotIn("moves", self.json("reload", "--dry-run"))
		cfg = json.loads(json.dumps(self.d.cfg))
		cfg["contracts"]["third"] = {"customer": "Third", "policy": "quick"}
		self.d.write(cfg)
		moves, got = self.moves()
		self.assertEqual((moves, got["moved"], got["looked_at"], got["tickets"]), ({}, 0, 4, 4))
		self.assertIn("no due time would move", self.text("reload", "--dry-run"))

	def test_what_would_move_is_what_moves(self):
		before = self.due()
		self.change(response={"target": {"P1": "2h", "default": "8h"}}, resolution={"target": "50h"})
		moves, got = self.moves()
		self.assertEqual(self.due(), before, "a dry run moved something")
		self.assertEqual({k: m["why"] for k, m in moves.items()}, {
			("INC-1", "response"): "the target is 2h, was 4h",
			**{(t, "resolution"): "the target is 50h, was 40h" for t in ("INC-1", "INC-2", "INC-3", "INC-4")}})
		self.assertEqual({k: m["from"] for k, m in moves.items()}, {k: before[k] for k in moves})
		self.assertEqual((got["moved"], got["more"], got["breaches"]), (5, 0, 0))
		self.text("reload")
		harness.wait_for("the new plan", 5, lambda: self.due() != before)
		after = self.due()
		self.assertEqual({k: m["to"] for k, m in moves.items()}, {k: after[k] for k in moves})
		self.assertEqual({k for k in after if after[k] != before[k]}, {k for k, m in moves.items() if m["to"]})

	def test_breaches_and_metrics_that_come_and_go(self):
		self.change(response={"target": "1ms"}, resolution=None, update={"target": "8h"})
		moves, got = self.moves()
		self.assertTrue(moves[("INC-1", "response")]["breach"])
		self.assertEqual(moves[("INC-2", "resolution")]["why"], "no longer promised")
		self.assertIsNone(moves[("INC-2", "resolution")]["to"])
		self.assertEqual(moves[("INC-2", "update")]["why"], "newly promised")
		self.assertNotIn(("INC-4", "response"), moves, "a clock that has stopped is asked nothing")
		self.assertEqual(got["breaches"], 3)
		self.assertEqual(self.deliveries(type="sla.breach"), [])

	def test_the_output_is_bounded(self):
		self.d.accept([opened(f"M-{i}") for i in range(300)])
		self.change(response={"target": "3h"})
		got = self.json("reload", "--dry-run")
		self.assertEqual((len(got["moves"]), got["more"]), (100, got["moved"] - 100))
		got = self.json("reload", "--dry-run", "--limit", "7")
		self.assertEqual((len(got["moves"]), got["moved"]), (7, 303))
		text = self.text("reload", "--dry-run", "--limit", "7")
		self.assertRegex(text, r"303 clocks would move, 296 of them not shown, 0 would be breached at once; looked at 304 of 304 tickets")

	def test_a_refused_file(self):
		self.d.write({**self.d.cfg, "contract": {}})
		self.text("reload", "--dry-run", status=BAD_CONFIG)


class Forget(Ops):
	NAMES = ("INC-1", "INC-2", "INC-3", "INC-5")
	EVA = "eva.ruiz@acme.example"

	def setUp(self):
		super().setUp()
		self.well = self.sink()
		self.run_with({"hook": hook(self.well)}, policies={"quick": {"metrics": {
			"response": {"target": {"P1": "1s", "default": "1h"}}, "resolution": {"target": "300h"}}, "escalation": "standard"}},
			contracts={"acme": {"customer": "ACME, S.A.", "policy": "quick", "match": {"domain": ["acme.example"]}}})
		url = "https://desk.example.com/INC-1"
		by_domain = opened("INC-5", priority="P2", requester=self.EVA, subject="Her printer")
		del by_domain["contract"]
		self.events = [
			opened("INC-1", requester=self.EVA, subject="Her mail is broken", url=url), opened("INC-2", requester="bob@acme.example", priority="P2"),
			opened("INC-3", requester=self.EVA, priority="P2", subject="Her phone"), by_domain,
			event("INC-2", "replied", actor={"role": "agent", "name": self.EVA}),
			event("INC-3", "replied", actor={"role": "customer", "name": "Eva Ruiz"}),
			event("INC-1", "changed", subject="Her mail is still broken")]
		self.d.accept(self.events)
		self.d.accept([event("INC-3", "resolved", actor={"role": "agent", "name": "Ana"}), event("INC-3", "closed")])
		self.well.wait(8, type="sla.breach", ticket="INC-1")
		harness.wait_for("settled", 5, lambda: not self.deliveries(state="pending"))

	def on_disk(self, *words):
		"""Which of the words are anywhere in the database, as a backup would carry them away."""
		path = pathlib.Path(self.d.cfg["store"]["path"])
		if self.d.process is not None:
			data = b"".join(p.read_bytes() for p in path.parent.glob(path.name + "*"))
		else:
			# What SQLite has freed before may still stand there; README tells how it goes.
			with contextlib.closing(sqlite3.connect(path)) as db:
				db.execute("VACUUM")
			data = path.read_bytes()
		return {w for w in words if w.encode() in data}

	def test_it_is_gone_everywhere(self):
		words = (self.EVA, "Eva Ruiz", "Her mail", "Her phone", "Her printer", "desk.example.com/INC-1")
		before, ids = clocks(self.d, self.NAMES), {v["id"] for v in self.deliveries()}
		over = self.json("ticket", "INC-3")["clocks"]
		self.assertEqual(self.on_disk(*words), set(words))
		text = self.text("forget", self.EVA)
		self.assertRegex(text, r"^forgotten in 3 tickets, 4 events, 2 alerts and 0 refused events\n$")
		self.assertEqual(clocks(self.d, self.NAMES), before)
		self.assertEqual(self.json("ticket", "INC-3")["clocks"], over)
		for name in ("INC-1", "INC-3", "INC-5"):
			t = self.json("ticket", name)
			self.assertEqual([t.get(k) or "" for k in ("requester", "subject", "url", "contract")], ["", "", "", "acme"])
		self.assertEqual(self.json("ticket", "INC-2")["requester"], "bob@acme.example")
		self.assertEqual(self.json("ticket", "INC-2")["subject"], "Subject of INC-2")
		got = self.deliveries()
		self.assertEqual({v["id"] for v in got}, ids)
		self.assertNotIn("Her", json.dumps(got))
		self.assertRegex(self.d.log(), r"api: forget tickets=3 events=4 alerts=\d+ refused=0 by=\w+")
		self.assertNotIn(self.EVA, self.d.log())
		# A repeat is still known by its id, and another body still is a conflict.
		self.assertEqual(self.d.accept(self.events), {"accepted": 0, "duplicates": len(self.events)})
		self.assertEqual(self.d.post({**self.events[0], "priority": "P2"}).status, 409)
		self.d.stop()
		self.assertEqual(self.on_disk(*words), set())
		self.d.start()
		self.assertEqual(clocks(self.d, self.NAMES), before)
		self.assertEqual(self.d.accept(self.events), {"accepted": 0, "duplicates": len(self.events)})
		self.assertIn("forgotten in 0 tickets", self.text("forget", self.EVA))

	def test_the_files_of_a_running_plazod(self):
		"""Nobody has to stop it, nor to wait: neither the database nor its log has the name once the command is over, nor a backup from then on."""
		words = (self.EVA, "Eva Ruiz", "Her mail", "Her phone", "Her printer", "desk.example.com/INC-1")
		self.assertEqual(self.on_disk(*words), set(words))
		self.text("forget", self.EVA)
		self.assertEqual(self.on_disk(*words), set())
		backup = self.d.dir / "after.db"
		self.text("backup", str(backup))
		data = backup.read_bytes()
		self.assertEqual([w for w in words if w.encode() in data], [])

	def test_pages_that_were_freed(self):
		"""The journal's are, once the tickets stand for it. What is left is what SQLite has moved inside its tables, a row here and there."""
		self.d.accept([opened(f"M-{i}", priority="P2", requester=self.EVA, subject="Her many tickets") for i in range(3000)])
		self.text("forget", self.EVA)
		data = pathlib.Path(self.d.cfg["store"]["path"]).read_bytes()
		self.assertLess(data.count(b"Her many"), 30)
		self.text("forget", "nobody")
		self.d.stop()
		with contextlib.closing(sqlite3.connect(self.d.cfg["store"]["path"])) as db:
			self.assertEqual(db.execute("SELECT count(*) FROM meta WHERE key GLOB 'scrub.*'").fetchone(), (0,))
			self.assertEqual(db.execute("PRAGMA integrity_check").fetchone(), ("ok",))

	def test_alerts_that_wait(self):
		"""What is tried again, and what goes to a fallback, has forgotten, too; so has what their receivers answered."""
		late, backup = self.sink(default=503), self.sink()
		self.well.rule = lambda got: (401, {}, "no: " + got.alert.get("subject", "")) if got.alert["ticket"] == "INC-8" else None
		self.d.configure({"hook": {**hook(self.well), "fallback": "late"}, "late": hook(late)}, policies=self.d.cfg["policies"],
				 contracts=self.d.cfg["contracts"])
		self.text("reload")
		self.d.accept(opened("INC-8", requester=self.EVA, subject="Her desk is broken"))
		harness.wait_for("tried", 8, lambda: late.tries(ticket="INC-8", type="sla.breach"))
		harness.wait_for("answered", 8, lambda: "Her desk" in json.dumps(self.deliveries(ticket="INC-8", receiver="hook")))
		self.assertIn("Her desk", late.tries(ticket="INC-8", type="sla.breach")[0].alert["subject"])
		self.text("forget", self.EVA)
		late.default = 200
		got = late.wait(20, ticket="INC-8", type="sla.breach")
		self.assertNotIn("subject", got[0].alert)
		harness.wait_for("settled", 5, lambda: self.deliveries(ticket="INC-8", receiver="late", state="sent"))
		self.assertNotIn("Her", json.dumps(self.deliveries()))
		self.assertEqual(self.on_disk("Her desk"), set())

	def test_a_kill_right_after(self):
		before = clocks(self.d, self.NAMES)
		self.text("forget", self.EVA)
		self.d.kill()
		self.d.start()
		self.assertEqual(clocks(self.d, self.NAMES), before)
		self.assertNotIn("Her", json.dumps([self.json("ticket", t) for t in before]))

	def test_kills_under_way(self):
		"""Wherever it is cut, the clocks are the same, and asked again it is done."""
		before = clocks(self.d, self.NAMES)
		for i in range(harness.scaled(12)):
			t = harness.threading.Thread(target=lambda: self.d.ctl("forget", self.EVA))
			t.start()
			time.sleep(0.004 * i)
			self.d.kill()
			t.join()
			self.d.start()
			self.assertEqual(clocks(self.d, self.NAMES), before)
		self.text("forget", self.EVA)
		self.d.stop()
		self.assertEqual(self.on_disk(self.EVA, "Her mail"), set())

	def test_under_load(self):
		load = harness.Load(self.d, make=lambda name: [opened(name, priority="P2", requester="bob@acme.example"), event(name, "closed")])
		self.addCleanup(load.stop)
		load.wait(20)
		for _ in range(5):
			self.text("forget", self.EVA)
		load.stop()
		self.assertEqual(load.failures, [])
		sample = sorted(load.acked)[::max(1, len(load.acked) // 50)]
		self.assertEqual([n for n in sample if self.json("ticket", n)["requester"] != "bob@acme.example"], [])

	def test_refusals(self):
		self.text("forget", "", status=NO)
		self.text("forget", "x" * 300, status=NO)
		self.text("forget", status=USAGE)
		r = harness.request(self.d.port, "POST", "/v1/forget", b'{"requester":"x"}', {"Authorization": f"Bearer {harness.TOKEN_READ}"})
		self.assertEqual(r.status, 403)
		self.assertIn("forgotten in 0 tickets", self.text("forget", "nobody@example.com"))


class Parameters(Ops):
	def ask(self, method, path):
		return harness.request(self.d.port, method, path, b"" if method == "POST" else None, {"Authorization": f"Bearer {harness.TOKEN_ACT}"})

	def test_what_cannot_be_read_is_refused(self):
		"""A filter that is passed over acts on more than was meant."""
		picky, other = self.sink(default=410), self.sink(default=410)
		self.run_with({"picky": hook(picky), "other": hook(other)}, target="1s", steps=[{"at": "breach", "notify": ["picky", "other"]}])
		self.d.accept(opened("INC-1", at=harness.instant(-5)))
		harness.wait_for("two dead letters", 10, lambda: len(self.json("dead", "list")["deliveries"]) == 2)
		alert = self.json("dead", "list")["deliveries"][0]["id"]
		self.d.write({**self.d.cfg, "contracts": {**self.d.cfg["contracts"], "third": {"customer": "Third", "policy": "quick"}}})
		for method, path in (
			("POST", f"/v1/deliveries/{alert}/drop?receiver=%zz"), ("POST", f"/v1/deliveries/{alert}/drop?receiver="),
			("POST", f"/v1/deliveries/{alert}/drop?receiver=picky&receiver=other"), ("POST", f"/v1/deliveries/{alert}/drop?reciever=picky"),
			("POST", f"/v1/deliveries/{alert}/drop?receiver=" + "x" * 2000), ("POST", f"/v1/deliveries/{alert}/drop?&"),
			("POST", "/v1/reload?dry-run=1"), ("POST", "/v1/reload?dry_run=maybe"), ("POST", "/v1/reload?dry_run=1&dry_run=0"),
			("POST", "/v1/reload?dry_run"), ("POST", "/v1/import?source=helpdesk&alert=maybe"), ("POST", "/v1/forget?dry_run=1"),
			("GET", "/v1/tickets?contract=" + "x" * 2000), ("GET", "/v1/tickets?limit=0"), ("GET", "/v1/next?limit=abc"),
			("GET", "/v1/tickets?limit=99999999999"), ("GET", "/v1/deliveries?ticket=%zz"), ("GET", "/v1/deliveries?died=1"), ("GET", "/v1/status?x")):
			r = self.ask(method, path)
			self.assertEqual((r.status, "parameter" in r.json["detail"]), (400, True), f"{method} {path:.80}: {r}")
		self.assertEqual(len(self.json("dead", "list")["deliveries"]), 2)
		self.assertTrue(self.json("reload", "--dry-run")["changed"], "a dry run that was misspelt was none")
		self.assertEqual(self.ask("GET", "/readyz?probe=1").status, 200)
		self.assertEqual(self.ask("POST", f"/v1/deliveries/{alert}/drop?receiver=picky").status, 200)
		harness.wait_for("one", 5, lambda: [v["receiver"] for v in self.json("dead", "list")["deliveries"]] == ["other"])

	def test_import_into_the_only_namespace(self):
		self.run_with(target="1h")
		file = self.d.dir / "past.ndjson"
		file.write_text(json.dumps(opened("OLD-1", at=harness.instant(-60))) + "\n")
		self.assertIn("1 accepted", self.text("import", str(file)))
		more = {"webhook": {"verify": {"kind": "bearer", "secret": "x" * 40}}, "contracts": ["acme"]}
		self.d.write({**self.d.cfg, "sources": {**self.d.cfg["sources"], "second": more}})
		self.text("reload")
		p = self.d.ctl("import", str(file))
		self.assertEqual((p.returncode, "source" in p.stderr), (NO, True), p.stderr)
		self.assertIn("1 duplicates", self.text("import", str(file), "--source", "helpdesk"))


class Version1(Ops):
	def test_a_database_of_version_1(self):
		"""A daemon of today goes on where one of version 1 stopped: the same tickets, clocks and alerts; the old file is kept."""
		well = self.sink()
		self.d.configure({"hook": hook(well), "gone": hook(well)}, policies={"quick": {"metrics": {
			"response": {"target": {"P1": "1s", "default": "1h"}}, "resolution": {"target": "4000h"}}, "escalation": "standard"}},
			steps=[{"at": "50%", "notify": ["hook"]}, {"at": "breach", "notify": ["hook", "gone"]}])
		path = pathlib.Path(self.d.cfg["store"]["path"])
		with contextlib.closing(sqlite3.connect(path)) as db:
			db.executescript((harness.ROOT / "tests/unit/data/v1.sql").read_text())
		path.chmod(0o600)
		self.d.start()
		got = clocks(self.d)
		self.assertEqual(sorted(got), ["INC-1", "INC-2", "INC-3", "INC-5"])
		self.assertEqual([c[2:] for c in got["INC-1"] if c[0] == "response"][0][0], "breached")
		self.assertTrue([c for c in got["INC-1"] if c[0] == "response"][0][5], "the waiver is lost")
		self.assertEqual([c[2] for c in got["INC-3"] if c[0] == "resolution"], ["paused"])
		self.assertEqual(self.json("ticket", "INC-4")["state"], "over")
		self.assertEqual([r for r in well.tries() if r.alert["ticket"] in ("INC-1", "INC-4") and r.alert["metric"] == "response"], [])
		self.assertRegex(self.d.log(), r"store: migrated path=\S+ from=1 to=\d+ kept=\S+plazo\.db\.v1\.bak")
		with contextlib.closing(sqlite3.connect(f"{path}.v1.bak")) as db:
			self.assertEqual(db.execute("PRAGMA user_version").fetchone(), (1,))
		self.d.stop()
		self.d.start()
		self.assertEqual(self.d.log().count("store: migrated"), 1)


if __name__ == "__main__":
	harness.main()
