"""SIGHUP: a refused configuration changes nothing, an accepted one loses no request, no timer and no connection."""
import base64
import http.client
import json
import os
import random
import re
import signal
import time

import harness
from harness import Case, base_config, event, hook, opened

RELOADS = int(os.environ.get("PLAZO_RELOADS", "50"))
STOPS = int(os.environ.get("PLAZO_STOPS", "4"))
SENDERS = 50 if os.environ.get("PLAZO_TORTURE") else 2


class Reload(Case):
	def test_reloads_under_load(self):
		sink = self.sink()
		receivers = {"hook": hook(sink)}
		good = base_config(self.d.port, receivers, target="4s")
		other = base_config(self.d.port, receivers, target="5s")
		self.d.write(good)
		self.d.start()
		pid = self.d.process.pid
		files, kib = len(os.listdir(f"/proc/{pid}/fd")), harness.memory_kib(pid)
		load = harness.Load(self.d, senders=SENDERS, pause=0.01 * SENDERS)
		rnd = random.Random(1)
		bad = ["server: [", "nonsense: true\n", json.dumps({**good, "calendars": {"always": {"zone": "Europe/Atlantis", "hours": {}}}}),
		       json.dumps({**good, "policies": {}}), "", "a: &a [*a]\n"]
		for i in range(harness.scaled(RELOADS)):
			if i % 3 == 0:
				self.d.write(other if i % 2 else good)
			elif i % 3 == 1:
				self.d.write_text(bad[i // 3 % len(bad)])
			else:
				self.d.write(good if i % 2 else other)
			self.d.hup()
			time.sleep(rnd.uniform(0.0, 0.15))
		self.d.write(good)
		self.d.hup()
		time.sleep(0.5)
		load.wait(50)
		load.stop()
		self.assertEqual(load.failures, [])
		names = set(load.acked)
		harness.wait_for("every breach", 30, lambda: {r.alert["ticket"] for r in sink.alerts(type="sla.breach")} >= names, 0.2)
		seen = [(r.alert["ticket"], r.alert["step"], r.alert["occurrence"]) for r in sink.alerts()]
		self.assertEqual(len(seen), len(set(seen)), "an alert was sent twice")
		# Connections to the one receiver stay open for a while; tickets and their alerts take some KiB each, the store caches up to 32 MiB of its
		# file, and rules that are no longer in force leave.
		self.assertLessEqual(len(os.listdir(f"/proc/{pid}/fd")), files + 20)
		if not harness.SANITIZED:
			self.assertLess(harness.memory_kib(pid) - kib, (64 << 10) + 4 * len(names))

	def test_rules_leave_memory(self):
		"""A calendar's tables are some 140 KiB, and so many old ones would be 30 MiB; what the disk holds is cached, 8 KiB a revision here."""
		def rules(i):
			cfg = base_config(self.d.port, target=f"{4 + i % 2}h")
			cfg["calendars"] = {**cfg["calendars"], **{f"c{k}": {"zone": "Europe/Madrid", "hours": {"mon-fri": ["09:00-14:00", "15:00-18:30"]}} for k in range(2)}}
			for p in cfg["policies"].values():
				p["calendar"] = f"c{i % 2}"
			return cfg

		def reload(i):
			self.d.write(rules(i))
			p = self.d.ctl("reload")
			self.assertEqual(p.returncode, 0, p.stdout + p.stderr)

		self.d.write(rules(0))
		self.d.start()
		self.d.accept(opened("T1"))
		for i in range(1, 20):
			reload(i)
		pid = self.d.process.pid
		kib = harness.memory_kib(pid)
		for i in range(20, 120):
			reload(i)
		if not harness.SANITIZED:
			self.assertLess(harness.memory_kib(pid) - kib, 8 << 10)
		self.d.stop()
		self.d.start()
		if not harness.SANITIZED:
			self.assertLess(harness.memory_kib(self.d.process.pid) - kib, 8 << 10)
		self.assertEqual(json.loads(self.d.ctl("ticket", "T1", "--json").stdout)["contract"], "acme")

	def test_a_refused_reload_changes_nothing(self):
		sink = self.sink()
		self.run_with({"hook": hook(sink)}, target="3s")
		self.d.accept(opened("T1"))
		cfg = self.d.cfg
		self.d.write({**cfg, "contracts": {}, "sources": {}, "metrics": "typo"})
		p = self.d.ctl("reload")
		self.assertNotEqual(p.returncode, 0)
		self.assertRegex(p.stdout + p.stderr, r"plazod\.yaml:\d+:\d+: error: ")
		self.d.accept(opened("T2"))
		sink.wait(8, type="sla.breach", ticket="T1")
		sink.wait(8, type="sla.breach", ticket="T2")
		self.d.write(cfg)
		p = self.d.ctl("reload")
		self.assertEqual(p.returncode, 0, p.stdout + p.stderr)

	def test_a_changed_target_replans_what_is_open(self):
		sink = self.sink()
		self.run_with({"hook": hook(sink)}, target="1h")
		self.d.accept(opened("T1"))
		self.d.write(base_config(self.d.port, {"hook": hook(sink)}, target="2s"))
		self.d.hup()
		r = sink.wait(8, type="sla.breach", ticket="T1")[0]
		self.assertEqual(r.alert["target"], "2s")

	def test_a_connection_stays(self):
		self.run_with()
		conn = http.client.HTTPConnection("127.0.0.1", self.d.port, timeout=10 * harness.PATIENCE)
		conn.connect()
		sock = conn.sock
		for i in range(5):
			body = json.dumps(opened(f"T{i}")).encode()
			conn.request("POST", "/v1/events/helpdesk", body, {"Content-Type": "application/json", **harness.signed_headers(body)})
			r = conn.getresponse()
			self.assertEqual((r.status, r.read()), (202, b'{"accepted":1,"duplicates":0}'))
			self.assertIs(conn.sock, sock)
			p = self.d.ctl("reload")
			self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
		conn.close()

	def test_a_source_that_goes_and_a_new_secret(self):
		self.run_with()
		self.d.accept(opened("T1"))
		cfg = base_config(self.d.port)
		other = "whsec_" + base64.b64encode(b"b" * 32).decode()
		cfg["sources"]["helpdesk"]["webhook"]["verify"]["secret"] = other
		self.d.write(cfg)
		self.assertEqual(self.d.ctl("reload").returncode, 0)
		self.assertEqual(self.d.post(event("T1", "acknowledged")).status, 401)
		self.assertEqual(self.d.post(event("T1", "acknowledged"), sign_with=other).status, 202)

	def test_what_a_source_was_allowed_holds_after_a_crash(self):
		"""What was accepted is not refused by the replay, and what was refused not accepted, because the source may touch other contracts by then."""
		cfg = self.run_with(target="1h").cfg
		self.d.accept(opened("T1"))
		other = "whsec_" + base64.b64encode(b"b" * 32).decode()
		both = {**cfg, "sources": {**cfg["sources"], "second": {"webhook": {"verify": {"kind": "standard-webhooks", "secret": other}},
									"namespace": "helpdesk", "contracts": ["other"]}}}
		self.d.write(both)
		self.assertEqual(self.d.ctl("reload").returncode, 0)
		self.assertEqual(self.d.post(event("T1", "resolved"), source="second", sign_with=other).status, 403)
		narrow = json.loads(json.dumps(both))
		narrow["sources"]["helpdesk"]["contracts"], narrow["sources"]["second"]["contracts"] = ["other"], ["acme"]
		self.d.write(narrow)
		self.assertEqual(self.d.ctl("reload").returncode, 0)
		for _ in range(2):
			self.d.kill()
			self.d.start()
			r = self.d.get("/v1/tickets/T1")
			self.assertEqual((r.status, [c["state"] for c in r.json.get("clocks", [])]), (200, ["running"]))


class Told(Case):
	"""What `reload` and `reload --dry-run` say of it."""

	def reload(self, *args):
		p = self.d.ctl("reload", "--json", *args)
		self.assertEqual(p.returncode, 0, p.stdout + p.stderr)
		return json.loads(p.stdout)

	def waits(self, cfg):
		"""The keys that a reload says must wait for a restart; a dry run says the same, before and after."""
		self.d.write(cfg)
		told = [self.reload(*args)["warnings"] for args in (("--dry-run",), (), (), ("--dry-run",))]
		self.assertEqual([w for w in told if w != told[0]], [])
		found = [re.fullmatch(r"\S+plazod\.yaml:(\d+):\d+: warning: (\S+) waits for a restart: plazod runs with (\S+)", w)
			 for w in told[0] if "restart" in w]
		self.assertNotIn(None, found)
		return {m[2]: (int(m[1]) > 1, m[3]) for m in found}

	def test_which_sections_change(self):
		self.run_with({"hook": hook(self.sink())})
		secret, extra, good = self.d.dir / "secret", self.d.dir / "extra.yaml", self.d.cfg
		secret.write_text("one secret of thirty-two bytes ..")
		extra.write_text(json.dumps({"receivers": {"third": {"log": {}}}}))
		changed = {**good, "include": ["extra.yaml"], "server": {**good["server"], "public_url": "https://other.example.com"},
			   "store": {**good["store"], "retention": "2y"}, "email": {"smtp": "smtp://127.0.0.1:2525", "from": "a@example.com"},
			   "sources": {**good["sources"], "bare": {"webhook": {"verify": {"kind": "token", "header": "X-Token", "secret": {"file": "secret"}}}}}}
		self.assertEqual(self.reload()["differences"], [])
		self.d.write(changed)
		want = ["server", "store", "receivers", "email", "sources"]
		before = self.reload("--dry-run")
		self.assertEqual((before["changed"], before["differences"]), (True, want))
		self.assertIn("would change server, store, receivers, email, sources\n", self.d.ctl("reload", "--dry-run").stdout)
		self.assertEqual(self.d.ctl("reload").stdout.splitlines()[0], "reloaded: server, store, receivers, email, sources")
		self.assertIn("changed=server,store,receivers,email,sources ", self.d.log())
		after = self.reload()
		self.assertEqual((after["changed"], after["differences"]), (False, []))
		self.assertIn("and is what is in force\n", self.d.ctl("reload", "--dry-run").stdout)

		secret.write_text("another secret of thirty-two byte")
		self.assertEqual(self.reload("--dry-run")["differences"], ["sources"])
		self.assertEqual(self.reload()["differences"], ["sources"])
		extra.write_text(json.dumps({"receivers": {"third": {"log": {}, "language": "es"}}}))
		self.assertEqual(self.reload()["differences"], ["receivers"])
		self.assertEqual(self.reload()["differences"], [])

	def test_rules_alone_make_a_revision(self):
		"""Receivers change where alerts go, not what is due: running clocks are not planned anew."""
		self.run_with()
		digest = lambda: json.loads(self.d.ctl("status", "--json").stdout)["config"]["digest"]
		was, good = digest(), self.d.cfg
		self.d.write({**good, "server": {**good["server"], "limits": {"body": "2MiB"}}})
		self.assertEqual((self.reload()["differences"], digest()), (["server"], was))
		self.d.write(base_config(self.d.port, target="9s"))
		self.assertEqual(self.reload()["differences"], ["server", "policies"])
		self.assertNotEqual(digest(), was)
		was, cfg = digest(), base_config(self.d.port, target="9s")
		cfg["sources"]["helpdesk"]["contracts"] = ["acme", "other"]
		self.d.write(cfg)
		self.assertEqual(self.reload()["differences"], ["sources"])
		self.assertNotEqual(digest(), was, "a replay must know what was allowed")

	def test_what_waits_for_a_restart(self):
		self.run_with()
		good, listen = self.d.cfg, f"127.0.0.1:{self.d.port}"
		server = lambda **more: {**good, "server": {**good["server"], **more}}
		other, metrics = f"127.0.0.1:{harness.free_port()}", f"127.0.0.1:{harness.free_port()}"
		moved = {**server(listen=other, metrics=metrics, socket=str(self.d.dir / "other.sock")), "store": {"path": str(self.d.dir / "other.db")}}
		self.assertEqual(self.waits(server(listen=other)), {"server.listen": (True, listen)})
		self.assertEqual(self.waits(moved), {"server.listen": (True, listen), "server.metrics": (True, "none"),
						     "server.socket": (True, str(self.d.socket)), "store.path": (True, good["store"]["path"])})
		self.assertEqual(self.waits(good), {}, "it runs with these")

		self.d.stop()
		self.d.write(server(metrics=metrics))
		self.d.start(args=("--socket", str(self.d.socket)))
		self.assertEqual(self.waits(good), {"server.metrics": (False, metrics)})
		self.assertEqual(self.waits(server(metrics=metrics, socket=str(self.d.dir / "third.sock"))), {}, "the command line decides it")


class Stop(Case):
	def test_socket_files_go(self):
		"""Its own, not one that somebody else has put there since."""
		path = self.d.dir / "http.sock"
		ready = lambda: harness.wait_for("ready", 10, lambda: self.d.ctl("status").returncode == 0)
		self.d.configure(server={"listen": f"unix:{path}"})
		self.d.start(ready=False)
		ready()
		self.assertTrue(path.is_socket())
		self.d.stop()
		self.assertEqual((path.exists(), self.d.socket.exists()), (False, False))
		self.d.start(ready=False)
		ready()
		path.rename(self.d.dir / "kept.sock")
		path.write_text("not a socket of ours")
		self.d.stop()
		self.assertTrue(path.exists())

	def test_stop_under_load(self):
		"""SIGTERM: exit status 0, and what was answered 202 is there afterwards."""
		self.run_with(target="1h")
		for _ in range(harness.scaled(STOPS)):
			load = harness.Load(self.d, senders=2, pause=0.0)
			time.sleep(0.7)
			load.wait(6)
			self.d.stop()
			load.ending.set()
			self.d.start()
			load.stop()
			events = [e for es in load.acked.values() for e in es]
			self.assertEqual(self.d.accept(events), {"accepted": 0, "duplicates": len(events)})
			self.d.close()
			self.d = harness.Plazod()
			self.addCleanup(self.d.close)
			self.run_with(target="1h")

	def test_a_second_sigterm_cuts_nothing_short(self):
		self.run_with(target="1h")
		for i in range(harness.scaled(40)):
			self.d.accept([opened(f"T{i}-{k}") for k in range(50)])
			self.d.process.send_signal(signal.SIGTERM)
			end = time.monotonic() + 0.05
			while self.d.process.poll() is None and time.monotonic() < end:
				self.d.process.send_signal(signal.SIGTERM)
				time.sleep(0.0005)
			self.assertEqual(self.d.wait_end(), 0)
			self.d.start()

	def test_a_sighup_before_there_is_a_loop_is_a_reload(self):
		self.d.configure()
		for delay_ms in range(0, 40, 4):
			self.d.start(ready=False, preexec=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP}))
			time.sleep(delay_ms / 1000)
			self.d.hup()
			self.d.wait_ready()
			harness.wait_for("a reload", 5, lambda: "reload: accepted" in self.d.log())
			self.d.stop()
			self.d.log_path.unlink()


if __name__ == "__main__":
	harness.main()
