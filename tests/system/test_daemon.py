"""plazod as a process and as an API: options, systemd, sockets, operators, and what they may see and do."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import time
import unittest
import urllib.parse

import harness
from harness import Case, SECRET, TOKEN_ACT, TOKEN_READ, agent_reply, base_config, event, hook, instant, opened, request, wait_for


class Options(Case):
	def plazod(self, *args):
		return subprocess.run([str(harness.BUILD / "plazod"), *args], capture_output=True, text=True, timeout=20 * harness.PATIENCE, check=False)

	def test_version_and_help(self):
		self.assertRegex(self.plazod("-V").stdout, r"^plazod \d+\.\d+")
		self.assertIn("--dry-run", self.plazod("--help").stdout)

	def test_usage(self):
		for args in (("--nope",), ("stray",), ("--log-level", "loud")):
			self.assertEqual(self.plazod(*args).returncode, 64, args)

	def test_check(self):
		self.d.configure()
		p = self.plazod("-t", "-c", str(self.d.conf))
		self.assertEqual(p.returncode, 0, p.stderr)
		self.assertIn("2 contracts", p.stdout)
		self.assertEqual(list(self.d.dir.glob("plazo.db*")), [], "a check opens no database")
		self.d.write_text("policies: [\nserver: {}\n")
		p = self.plazod("-t", "-c", str(self.d.conf))
		self.assertEqual(p.returncode, 78)
		self.assertRegex(p.stderr, r"plazod\.yaml:\d+:\d+: error: ")

	def test_check_knows_secrets_that_do_not_fit(self):
		cfg = base_config(1)
		cfg["sources"]["helpdesk"]["webhook"]["verify"]["secret"] = "whsec_not/base64!"
		self.d.write(cfg)
		p = self.plazod("-t", "-c", str(self.d.conf))
		self.assertEqual(p.returncode, 78)
		self.assertNotIn("not/base64", p.stdout + p.stderr)

	def test_check_tells_every_error_with_its_place(self):
		"""A secret that is not there hides none that does not fit; neither is told of as if it were the file's."""
		(self.d.dir / "good").write_text("a secret")
		(self.d.dir / "bad").write_text("whsec_not/base64!")
		self.d.write_text(f"""
calendars: {{always: 24x7}}
defaults: {{calendar: always, notify: [hook]}}
receivers:
  hook:
    webhook:
      url: http://127.0.0.1:1/
      secret: {{file: {self.d.dir}/bad}}
sources:
  desk:
    webhook:
      verify:
        kind: standard-webhooks
        secret: [{{file: {self.d.dir}/good}}, {{file: {self.d.dir}/bad}}]
  gone:
    webhook:
      verify:
        kind: standard-webhooks
        secret: {{file: {self.d.dir}/nowhere}}
  unset:
    webhook:
      verify: {{kind: bearer, secret: {{env: PLAZO_NO_SUCH_VARIABLE}}}}
""")
		p = self.plazod("-t", "-c", str(self.d.conf))
		self.assertEqual(p.returncode, 78)
		errors = [line for line in p.stderr.splitlines() if ": error: " in line]
		places = [re.search(r"plazod\.yaml:(\d+):(\d+): error: (.{20})", e).groups() for e in errors]
		column = 20 + len(f"{{file: {self.d.dir}/good}}, ") - 2
		self.assertEqual([(line, message) for line, _, message in places],
				 [("8", "the secret is not wh"), ("14", "the secret begins wi"), ("19", "file " + str(self.d.dir)[:15]), ("22", "environment variable")])
		self.assertEqual(int(places[1][1]), column)
		self.assertNotIn("not/base64", p.stdout + p.stderr)

	def test_no_configuration(self):
		self.assertEqual(self.plazod("-c", str(self.d.dir / "none.yaml")).returncode, 78)

	def test_dry_run_sends_nothing(self):
		sink = self.sink()
		self.d.configure({"hook": harness.hook(sink)}, target="1s").start(args=("--dry-run",))
		self.d.accept(opened("T1"))
		wait_for("the alert in the log", 8, lambda: '"step":"breach"' in self.d.log())
		rows = wait_for("rows", 5, lambda: self.d.get("/v1/deliveries?ticket=T1").json["deliveries"])
		self.assertEqual({r["state"] for r in rows}, {"suppressed"})
		self.assertEqual({r["detail"] for r in rows}, {"dry run"})
		time.sleep(0.3)
		self.assertEqual(sink.received, [])
		self.assertFalse((self.d.dir / "plazo.db").exists(), "a dry run touched the database")

	def test_the_control_socket_of_another_stays(self):
		self.d.configure({"log": {"log": {}}}).start()
		self.d.socket.unlink()
		self.d.socket.write_text("somebody else's")
		self.d.stop()
		self.assertTrue(self.d.socket.exists())


class Deliveries(Case):
	def test_grace_waits_for_what_is_under_way(self):
		"""A reply that comes late, but within the grace: nobody hears of the breach, nor that it was none; who heard of both its breach and its end hears that, too."""
		sink, other = self.sink(), self.sink()
		cfg = base_config(self.d.port, {"hook": harness.hook(sink), "other": harness.hook(other),
						"later": {"slack": {"url": "https://hooks.slack.com/x"}, "fallback": "other"}},
				  target="1s", steps=[{"at": "breach", "notify": ["hook", "later"]}])
		cfg["sources"]["helpdesk"]["grace"] = "4s"
		self.d.write(cfg)
		self.d.start()

		def replied_within_the_grace(i):
			at, in_time, met, breached = instant(), instant(0.5), f"MET{i}", f"BREACHED{i}"
			self.d.accept([opened(met, at=at), opened(breached, at=at)])
			wait_for("a breach that waits", 8, lambda: self.d.deliveries(ticket=met, type="sla.breach", receiver="hook"))
			self.d.accept(agent_reply(met, at=in_time))
			is_met = self.d.get(f"/v1/tickets/{met}").json["clocks"][0]["state"] == "met"
			return (met, breached, in_time) if is_met and time.time() < harness.parse_instant(at) + 1 + 4 else None
		met, breached, in_time = harness.undisturbed(replied_within_the_grace)
		r = sink.wait(8, type="sla.breach", ticket=breached)[0]
		self.assertGreater(r.when - harness.parse_instant(r.alert["at"]), 3.9)
		other.wait(8, type="sla.breach", ticket=breached)
		self.d.accept(agent_reply(breached))
		sink.wait(8, type="sla.cleared", ticket=breached)
		for s in (sink, other):
			self.assertEqual([x for x in s.received if x.alert["ticket"] == met], [])
		rows = {(x["type"], x["receiver"]): x["detail"] for x in self.d.get(f"/v1/deliveries?ticket={met}").json["deliveries"]}
		self.assertEqual(rows["sla.breach", "hook"], "met meanwhile")
		self.assertEqual(rows["sla.retracted", "hook"], "nobody was told before")
		self.assertIn("not active yet", rows["sla.breach", "later"])
		self.d.accept(agent_reply(breached, at=in_time))
		sink.wait(8, type="sla.retracted", ticket=breached)
		self.assertEqual(len(sink.tries(type="sla.cleared", ticket=breached)), 1)

	def test_a_clear_that_waits_for_its_grace(self):
		"""It outlives a kill, and forgets whom the tickets forget meanwhile."""
		sink = self.sink()
		cfg = base_config(self.d.port, {"hook": harness.hook(sink)}, target="1s", steps=[{"at": "breach", "notify": ["hook"]}])
		self.d.write(cfg)
		self.d.start()
		self.d.accept(opened("T1", requester="eva@acme.example", subject="Her mail is broken"))
		self.assertEqual(sink.wait(12, type="sla.breach")[0].alert["subject"], "Her mail is broken")
		# Longer than what comes next can take.
		cfg["sources"]["helpdesk"]["grace"] = f"{max(20, 10 * harness.SLOWER)}s"
		self.d.write(cfg)
		self.assertEqual(self.d.ctl("reload").returncode, 0)
		self.d.accept(agent_reply("T1"))
		harness.wait_for("the row", 10, lambda: "sla.cleared" in self.d.ctl("deliveries", "--ticket", "T1").stdout)
		self.d.kill()
		self.d.start()
		p = self.d.ctl("forget", "eva@acme.example")
		self.assertEqual(p.returncode, 0, p.stderr)
		self.assertEqual(sink.tries(type="sla.cleared"), [], "too early")
		got = sink.wait(40, type="sla.cleared")
		self.assertEqual((len(got), got[0].alert.get("subject")), (1, None))

	def test_a_breach_is_a_fact(self):
		"""It is told also when its clock has stopped by the time that it can be sent."""
		sink = self.sink()
		cfg = base_config(self.d.port, {"hook": harness.hook(sink)}, target="2s", steps=[{"at": "50%", "notify": ["hook"]}, {"at": "breach", "notify": ["hook"]}])
		cfg["sources"]["helpdesk"]["grace"] = "5s"
		self.d.write(cfg)
		self.d.start()
		self.d.accept(opened("T1"))
		wait_for("a breach that waits", 10, lambda: self.d.deliveries(ticket="T1", type="sla.breach", receiver="hook"))
		self.d.accept(agent_reply("T1"))
		self.assertTrue(sink.wait(20, type="sla.breach")[0].valid)


class Failed(Case):
	def test_what_has_failed_is_listed_before_it_is_given_up(self):
		sink = self.sink(default=500)
		self.run_with({"hook": hook(sink)}, target="1s", steps=[{"at": "breach", "notify": ["hook"]}])
		self.d.accept([opened("T1")])
		failed = lambda: json.loads(self.d.ctl("deliveries", "--failed", "--json").stdout)["deliveries"]
		wait_for("an attempt that failed", 20, failed)
		self.assertEqual([(v["ticket"], v["state"], v["receiver"], v["attempts"] > 0) for v in failed()], [("T1", "pending", "hook", True)])
		self.assertEqual(self.d.ctl("dead", "list").stdout, "no dead letters\n")


class Waivers(Case):
	def test_the_cycle_that_was_breached_is_found(self):
		self.run_with(policies={"quick": {"metrics": {"update": {"target": "10m"}}}})
		self.d.accept([opened("UPD", at=instant(-3600)), agent_reply("UPD", at=instant(-1800)), agent_reply("UPD")])
		answer = json.loads(self.d.ctl("waive", "UPD", "update", "--reason", "agreed", "--json").stdout)
		self.assertEqual((answer["accepted"], answer["cycle"]), (1, 2))
		self.assertEqual(self.d.ctl("waive", "UPD", "update", "--reason", "agreed").stdout, "update of UPD (cycle 1) is waived\n")
		clocks = self.d.get("/v1/tickets/UPD").json["clocks"]
		self.assertEqual([(c["cycle"], c["breached"], c["waived"]) for c in clocks], [(1, True, True), (2, True, True), (3, False, False)])
		self.assertEqual(self.d.ctl("extend", "UPD", "update", "--by", "1h", "--reason", "agreed").stdout, "update of UPD (cycle 3) has 1h more\n")


class Systemd(Case):
	def setUp(self):
		super().setUp()
		self.path = str(self.d.dir / "notify")
		self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		self.addCleanup(self.notify.close)
		self.notify.bind(self.path)
		self.notify.settimeout(0.05)
		self.told = []

	def until(self, word, seconds=10):
		def look():
			try:
				self.told += self.notify.recv(4096).decode().split("\n")
			except TimeoutError:
				pass
			return word in [t.split("=")[0] + "=" + t.split("=", 1)[1] if "=" in t else t for t in self.told] or \
				any(t.startswith(word) for t in self.told)
		wait_for(word, seconds, look, every=0)

	def test_life(self):
		self.d.configure().start(ready=False, env={"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": "600000"})
		self.until("READY=1")
		self.assertTrue(any(t.startswith("EXTEND_TIMEOUT_USEC=") for t in self.told), self.told)
		self.until("WATCHDOG=1")
		self.until("STATUS=")
		for text in (json.dumps(self.d.cfg), "server: [\n"):
			self.d.write_text(text)
			self.told.clear()
			self.d.hup()
			self.until("RELOADING=1")
			self.until("MONOTONIC_USEC=")
			self.until("READY=1")
		self.told.clear()
		self.d.process.send_signal(signal.SIGTERM)
		self.until("STOPPING=1")
		self.assertEqual(self.d.wait_end(), 0)

	def test_sockets_by_name(self):
		"""As systemd passes them: descriptors from 3 on, with names; blocking, too."""
		http, control = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
		path = str(self.d.dir / "ctl.sock")
		control.bind(path)
		control.listen(8)
		port = http.getsockname()[1]
		fds = [http.fileno(), control.fileno()]

		def preexec():
			a, b = os.dup(fds[0]), os.dup(fds[1])
			os.dup2(a, 3)
			os.dup2(b, 4)
			os.environ["LISTEN_PID"] = str(os.getpid())

		self.d.configure()
		# LISTEN_PID must be the process's own: a shell of one line knows it.
		with open(self.d.log_path, "ab") as log:
			self.d.process = subprocess.Popen(
				["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', str(harness.BUILD / "plazod"), "-c", str(self.d.conf)],
				stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False, cwd=self.d.dir, preexec_fn=preexec,
				env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:control"})
		wait_for("ready", 10, lambda: request(port, "GET", "/readyz", timeout=20).status == 200)
		self.assertEqual(request(path, "GET", "/v1/status").status, 200)
		for _ in range(5):
			self.assertEqual(request(port, "GET", "/healthz").status, 200)
		http.close()
		control.close()
		self.d.stop()
		self.assertTrue(pathlib.Path(path).exists(), "a socket of systemd stays")


class Sockets(Case):
	def test_control_socket_is_the_groups(self):
		self.run_with()
		mode = os.stat(self.d.socket).st_mode
		self.assertEqual(stat.S_IMODE(mode), 0o660)
		self.d.stop()
		self.assertFalse(self.d.socket.exists())

	def test_what_a_killed_process_left_is_replaced(self):
		self.run_with()
		self.d.kill()
		self.assertTrue(self.d.socket.exists())
		self.d.start()
		self.assertEqual(request(self.d.socket, "GET", "/v1/status").status, 200)

	@unittest.skipIf(os.getuid() != 0, "needs root, to be somebody else")
	def test_strangers_are_refused(self):
		self.run_with()
		os.chmod(self.d.dir, 0o755)
		os.chmod(self.d.socket, 0o666)
		code = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
			"s.sendall(b'GET /v1/status HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n'); print(s.recv(99).split()[1].decode())")
		p = subprocess.run(["/usr/bin/python3", "-c", code, str(self.d.socket)], user=65534, group=65534, extra_groups=[],
				   capture_output=True, text=True, timeout=20 * harness.PATIENCE, check=True)
		self.assertEqual(p.stdout.strip(), "403")

	def test_metrics_have_an_address_of_their_own(self):
		port = harness.free_port()
		cfg = base_config(self.d.port)
		cfg["server"]["metrics"] = f"127.0.0.1:{port}"
		self.d.write(cfg)
		self.d.start()
		text = request(port, "GET", "/metrics").body.decode()
		self.assertIn('plazod_events_received_total{type="opened"} 0\n', text)
		self.assertIn('plazod_notifications_total{receiver="hook"} 0\n', text)
		turns, longest = (float(re.search(rf"^plazod_turn_{name} (\S+)$", text, re.M).group(1)) for name in ("seconds_count", "longest_seconds"))
		self.assertGreater(turns, 0)
		self.assertTrue(0 < longest < 5, longest)
		self.assertEqual(request(port, "GET", "/readyz").status, 200)
		for path in ("/v1/status", "/v1/tickets", "/v1/events/helpdesk"):
			self.assertEqual(request(port, "GET", path).status, 404, path)
		self.assertEqual(request(self.d.port, "GET", "/metrics").status, 401)
		self.assertEqual(self.d.get("/metrics").status, 200)

	def test_idle_readers_do_not_hold_up_the_end(self):
		with contextlib.ExitStack() as readers:
			def begin():
				self.run_with()
				s = readers.enter_context(socket.socket(socket.AF_UNIX))
				s.settimeout(20 * harness.PATIENCE)
				s.connect(str(self.d.socket))
				s.sendall(b"GET /v1/tail HTTP/1.1\r\nHost: x\r\n\r\n")
				self.assertIn(b" 200 ", s.recv(65536))
			# Requests under way would be given ten seconds.
			harness.soon(3 * harness.PATIENCE, self.d.stop, begin)


class Api(Case):
	def setUp(self):
		super().setUp()
		cfg = base_config(self.d.port, target="1h")
		cfg["sources"]["two"] = {"webhook": {"verify": {"kind": "standard-webhooks", "secret": SECRET}}}
		self.d.write(cfg)
		self.d.start()

	def ask(self, path, body=None, method=None, headers=None):
		return request(self.d.socket, method or ("GET" if body is None else "POST"), path, body, headers)

	def clock(self, ticket):
		return self.ask(f"/v1/tickets/{ticket}").json["clocks"][0]

	def test_who_may(self):
		for path in ("/v1/status", "/v1/tickets", "/v1/next", "/v1/deliveries", "/v1/tail"):
			r = self.d.get(path, token=None)
			self.assertEqual(r.status, 401, path)
			self.assertIn("Bearer", r.headers["WWW-Authenticate"])
			self.assertEqual(self.d.get(path, token=TOKEN_READ[:-1]).status, 401)
		self.assertEqual(self.d.get("/v1/status").status, 200)
		for token, status in ((None, 401), (TOKEN_READ, 403), (TOKEN_ACT, 200)):
			headers = {"Authorization": f"Bearer {token}"} if token else {}
			self.assertEqual(request(self.d.port, "POST", "/v1/reload", headers=headers).status, status)
		r = request(self.d.port, "PUT", "/v1/reload")
		self.assertEqual((r.status, r.headers["Allow"]), (405, "POST"))

	def test_an_ambiguous_id(self):
		self.d.accept(opened("T0"))
		self.d.accept(opened("T0"), source="two")
		r = self.ask("/v1/tickets/T0")
		self.assertEqual((r.status, sorted(r.json["choices"])), (409, ["helpdesk/T0", "two/T0"]))
		self.assertEqual(self.ask("/v1/tickets/two/T0").json["namespace"], "two")
		self.assertEqual(self.ask("/v1/tickets/none/T0").status, 404)

	def test_pages(self):
		self.d.accept([opened(f"T{i}") for i in range(7)])
		seen, after = [], ""
		while True:
			r = self.ask(f"/v1/tickets?limit=3{after}").json
			seen += [t["ticket"] for t in r["tickets"]]
			if r["after"] is None:
				break
			after = "&after=" + r["after"]
		self.assertEqual(seen, [f"T{i}" for i in range(7)])
		self.assertEqual(self.ask("/v1/tickets?contract=other").json["tickets"], [])
		self.assertEqual(self.ask("/v1/tickets?at_risk=1").json["tickets"][0]["ticket"], "T0", "due within the hour")
		self.assertEqual([n["step"] for n in self.ask("/v1/next?limit=2").json["next"]], ["50%", "50%"])

	def pages(self, query, limit):
		seen, after = [], ""
		while True:
			r = self.ask(f"/v1/tickets?limit={limit}{query}{after}").json
			self.assertEqual(len(r["tickets"]) == limit or r["after"] is None, True, "a page that is not the last is full")
			seen += [f"{t['namespace']}/{t['ticket']}" for t in r["tickets"]]
			if r["after"] is None:
				return seen
			after = "&after=" + urllib.parse.quote(r["after"], safe="")

	def test_the_most_urgent_first(self):
		"""In either order each comes once, in whatever order they came into memory, and however many are on a page; what is waived is no hurry."""
		# Half of them overdue, and nothing falls due for twenty minutes.
		age = [1860 + 5 * (i * 37 % 90) + (3600 if i * 37 % 90 >= 45 else 0) for i in range(90)]
		names = [("helpdesk", "two")[i % 2] + f"/T{i // 2:02}" for i in range(90)]
		for k, source in enumerate(("helpdesk", "two")):
			self.d.accept([opened(names[i].split("/")[1], at=instant(-age[i])) for i in range(k, 90, 2)], source=source)
		by_due = [names[i] for i in sorted(range(90), key=lambda i: -age[i])]
		for limit in (1, 7, 45, 89, 90, 1000):
			self.assertEqual(self.pages("&order=due", limit), by_due)
			self.assertEqual(self.pages("&order=name", limit), sorted(names))
		self.assertEqual(self.pages("", 50), sorted(names))
		self.assertEqual(self.pages("&order=due&namespace=two&at_risk=1", 4), [n for n in by_due if n.startswith("two/")])
		text = self.d.ctl("tickets", "--limit", "2").stdout
		self.assertEqual([line.split()[0] for line in text.splitlines()], ["TICKET", *by_due[:2]])
		text = self.d.ctl("tickets", "--limit", "2", "--order", "name").stdout
		self.assertEqual([line.split()[0] for line in text.splitlines()], ["TICKET", "T00", "T01"], "of one namespace")
		steps = self.ask("/v1/next?limit=1000").json["next"]
		self.assertEqual(len(steps), 45)
		self.assertEqual(steps, sorted(steps, key=lambda n: (n["at"], n["namespace"], n["ticket"])))
		self.assertEqual(self.ask("/v1/next?limit=5").json["next"], steps[:5])
		self.assertEqual(self.ask(f"/v1/tickets/{by_due[0]}/waive", json.dumps({"metric": "response", "reason": "x"})).status, 200)
		self.assertEqual(self.pages("&order=due", 7), by_due[1:] + by_due[:1])

	def test_waive_and_extend(self):
		self.d.accept([opened("T1"), opened("T2")])
		due = self.clock("T2")["due"]
		self.assertEqual(self.ask("/v1/tickets/T1/waive", json.dumps({"metric": "response", "reason": "agreed"})).json["accepted"], 1)
		self.assertEqual(self.ask("/v1/tickets/T2/extend", json.dumps({"metric": "response", "by": "2h", "reason": "agreed"})).json["accepted"], 1)
		self.d.kill()
		self.d.start()
		self.assertTrue(self.clock("T1")["waived"])
		self.assertAlmostEqual(harness.parse_instant(self.clock("T2")["due"]) - harness.parse_instant(due), 7200, places=2)

	def test_who_did_it_and_why(self):
		"""Whoever asks for a clock that was changed by hand is told who did that, when, why and by how much: for good, and in every view."""
		self.d.accept([opened("T1"), opened("T2")])
		self.assertEqual(self.ask("/v1/tickets/T1").json["acts"], [])
		self.ask("/v1/tickets/T1/extend", json.dumps({"metric": "response", "by": "90m", "reason": "a part is missing"}))
		self.ask("/v1/tickets/T1/waive", json.dumps({"metric": "response", "reason": "the customer's line was down"}))
		acts = self.ask("/v1/tickets/T1").json["acts"]
		for a in acts:
			self.assertLess(abs(harness.parse_instant(a.pop("at")) - harness.time.time()), 60)
		who = acts[0]["who"]
		self.assertRegex(who, r"\w")
		self.assertEqual(acts, [
			{"act": "extended", "metric": "response", "cycle": 1, "by_s": 5400, "who": who, "reason": "a part is missing", "applied": True},
			{"act": "waived", "metric": "response", "cycle": 1, "who": who, "reason": "the customer's line was down", "applied": True}])
		full = self.ask("/v1/tickets/T1").json["acts"]
		self.assertEqual(self.ask("/v1/tickets/T1/explain").json["acts"], full)
		self.d.accept([agent_reply("T1"), event("T1", "resolved", actor={"role": "agent"}), event("T1", "closed")])
		wait_for("T1 is on disk alone", 15, lambda: self.ask("/v1/status").json["tickets"] == 1, every=0.2)
		self.assertEqual(self.ask("/v1/tickets/T1").json["acts"], full)
		self.d.stop()
		self.d.start()
		self.assertEqual(self.ask("/v1/tickets/T1").json["acts"], full)
		self.assertEqual(self.ask("/v1/tickets/T2").json["acts"], [])

	def test_acts_of_no_use(self):
		"""What would change nothing is refused, by the state of the clock; a breach is waived for ever after, and what comes by other ways stays taken."""
		def act(what, ticket, metric, status, words=""):
			r = self.ask(f"/v1/tickets/{ticket}/{what}", json.dumps({"metric": metric, "reason": "x", **({"by": "1h"} if what == "extend" else {})}))
			self.assertEqual(r.status, status, r)
			if status != 200:
				self.assertEqual(r.headers.get_content_type(), "application/problem+json")
				self.assertIn(words, r.json["detail"])
		self.d.accept([opened("MET"), agent_reply("MET"), opened("LATE", at=harness.instant(-40 * 86400)), agent_reply("LATE"),
			       opened("LIVE"), opened("GONE"), event("GONE", "cancelled")])
		act("extend", "MET", "response", 409, "(cycle 1) is met: it has ended, and cannot be given more time")
		act("waive", "MET", "response", 409, "it was not breached")
		act("extend", "LATE", "response", 409, "(cycle 1) is breached")
		act("waive", "LATE", "response", 200)
		act("waive", "LATE", "response", 409, "waived already")
		act("extend", "LIVE", "response", 200)
		act("waive", "LIVE", "response", 200)
		act("extend", "LIVE", "response", 200)
		for what in ("waive", "extend"):
			act(what, "GONE", "response", 409, "is cancelled")
		self.assertEqual([self.ask(f"/v1/tickets/{t}").json["events"] for t in ("MET", "GONE")], [2, 2])
		# An event of that kind that comes from elsewhere is a fact, and says by itself that it changed nothing.
		late = event("MET", "extended", metric="response", by="1h", reason="imported", actor={"role": "system", "name": "Ana"})
		self.assertEqual(self.ask("/v1/import?source=helpdesk", json.dumps(late)).json["accepted"], 1)
		self.assertEqual([(a["who"], a["applied"]) for a in self.ask("/v1/tickets/MET").json["acts"]], [("Ana", False)])

	def test_acts_that_are_refused(self):
		self.d.accept(opened("T1"))
		for path, body, status in (
				("/v1/tickets/T1/waive", "{", 400), ("/v1/tickets/T1/waive", "[]", 400),
				("/v1/tickets/T1/waive", '{"metric":"response"}', 422), ("/v1/tickets/T1/waive", '{"metric":"none","reason":"x"}', 422),
				("/v1/tickets/T1/waive", '{"metric":"response","reason":"a\\nb"}', 422),
				("/v1/tickets/T1/extend", '{"metric":"response","reason":"x"}', 422),
				("/v1/tickets/T1/extend", '{"metric":"response","reason":"x","by":"-2h"}', 422),
				("/v1/tickets/T1/waive", '{"metric":"response","reason":"x","by":"2h"}', 422),
				("/v1/tickets/T1/extend", '{"metric":"response","reasons":"x","by":"2h"}', 422),
				("/v1/forget", '{"requester":"eva","ticket":"T1"}', 422), ("/v1/forget", '["eva"]', 400), ("/v1/forget", '{"requester":""}', 422),
				("/v1/tickets/NONE/waive", '{"metric":"response","reason":"x"}', 404),
				("/v1/receivers/none/test", "", 404), ("/v1/import?source=none", "{}", 404)):
			r = self.ask(path, body)
			self.assertEqual(r.status, status, (path, body, r))
			self.assertEqual(r.headers.get_content_type(), "application/problem+json")
		self.assertEqual(self.ask("/v1/tickets/T1").json["events"], 1)

	def test_a_closed_ticket_leaves_memory_and_comes_back(self):
		self.d.accept([opened("T1"), agent_reply("T1"), event("T1", "resolved", actor={"role": "agent"}), event("T1", "closed")])
		gone = lambda: self.ask("/v1/status").json["tickets"] == 0
		wait_for("no ticket in memory", 60, gone, every=0.2)
		t = self.ask("/v1/tickets/T1").json
		self.assertEqual((t["state"], t["events"], t["clocks"][0]["state"]), ("over", 4, "met"))
		self.assertEqual(self.ask("/v1/tickets/T1/explain").status, 200)
		self.assertEqual(self.ask("/v1/status").json["tickets"], 0, "looking does not bring it back")
		self.assertEqual(self.d.accept({**opened("T1"), "at": t["opened_at"]}), {"accepted": 0, "duplicates": 1})
		# Nor does what changes nothing, for longer than that takes, now or at a replay.
		self.d.kill()
		self.d.start()
		wait_for("no ticket in memory after a replay", 60, gone, every=0.2)
		self.d.accept(event("T1", "changed", status="again"))
		self.assertEqual(self.ask("/v1/tickets/T1").json["events"], 5)

	def test_import_is_quiet(self):
		sink = self.sink()
		self.d.stop()
		self.d.configure({"hook": harness.hook(sink)}, target="1h").start()
		old = [{**opened(f"OLD-{i}"), "at": instant(-7200)} for i in range(3)] + [{"id": "bad"}]
		r = self.ask("/v1/import?source=helpdesk", "\n".join(json.dumps(e) for e in old), headers={"Content-Type": "application/x-ndjson"})
		self.assertEqual((r.status, r.json["accepted"], [p["index"] for p in r.json["refused"]]), (207, 3, [3]))
		r = self.ask("/v1/import?source=helpdesk", "\n".join(json.dumps(e) for e in old[:3]), headers={"Content-Type": "application/x-ndjson"})
		self.assertEqual((r.status, r.json["duplicates"]), (200, 3))
		self.assertTrue(self.clock("OLD-0")["breached"])
		loud = {**opened("LOUD"), "at": instant(-7200)}
		self.ask("/v1/import?source=helpdesk&alert=1", json.dumps(loud), headers={"Content-Type": "application/json"})
		sink.wait(8, type="sla.breach", ticket="LOUD")
		self.assertEqual([r for r in sink.received if r.alert["ticket"].startswith("OLD")], [])

	def test_reload_tells_all(self):
		good = dict(self.d.cfg)
		self.assertEqual(self.ask("/v1/reload", "").json["changed"], False)
		self.d.accept(opened("T1"))
		due = self.clock("T1")["due"]
		self.d.write_text(json.dumps(good).replace('"1h"', '"2h"'))
		r = self.ask("/v1/reload?dry_run=1", "")
		self.assertEqual((r.status, r.json["changed"], self.clock("T1")["due"]), (200, True, due))
		self.assertEqual(self.ask("/v1/reload", "").json["changed"], True)
		wait_for("the new plan", 5, lambda: self.clock("T1")["due"] != due)
		self.d.write_text(json.dumps(good).replace('"1h"', '"2 lunches"').replace('"policy": "quick"', '"policy": "quik"'))
		r = self.ask("/v1/reload", "")
		self.assertEqual(r.status, 422)
		self.assertGreaterEqual(len(r.json["errors"]), 2)
		self.assertFalse(self.ask("/v1/status").json["config"]["reload_ok"])

	def test_tail(self):
		with subprocess.Popen(["curl", "-sN", "--unix-socket", str(self.d.socket), "http://x/v1/tail?after=0"],
				      stdout=subprocess.PIPE, text=True) as p:
			self.ask("/v1/import?source=helpdesk&alert=1", json.dumps({**opened("LATE"), "at": instant(-7200)}),
				 headers={"Content-Type": "application/json"})
			lines = [json.loads(p.stdout.readline()) for _ in range(2)]
			p.terminate()
		self.assertEqual([line["what"] for line in lines], ["alert", "delivery"])
		self.assertEqual((lines[0]["alert"]["ticket"], lines[1]["id"]), ("LATE", lines[0]["alert"]["id"]))


if __name__ == "__main__":
	harness.main()
