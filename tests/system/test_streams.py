#!/usr/bin/python3
"""What the daemon makes of its streams, beyond reading them: what nobody hears refused is kept, told and not lost, and it says how they are."""
import contextlib
import json
import subprocess

import harness
from harness import TOKEN_ACT, TOKEN_READ, opened, wait_for
from redis_rig import Case, source


class Refused(Case):
	def refused(self, *args):
		return json.loads(self.d.ctl("refused", "--json", *args).stdout)["refused"]

	def wait_refused(self, n):
		wait_for(lambda: f"{n} refused; {self.refused()}\n{self.d.log()[-2000:]}", 10, lambda: len(self.refused()) == n)
		return self.refused()

	def test_who_is_forgotten(self):
		"""It is kept as it came, so a name may stand there in the escapes of JSON, also of what is no JSON as a whole."""
		self.run_bus()
		eva = "Eva Mu\u00f1oz <eva/1@acme.example>"
		escaped = r"Eva Mu\u00f1oz \u003Ceva\/1@acme.example>"
		for i, name in enumerate((eva, escaped, "Bob")):
			self.r.add(f'{{"id":"r{i}","ticket":"T1","nonsense":"{name}"}}')
			self.r.add(f'{{"id":"s{i}","requester":"{name}", and no more')
		rows = self.wait_refused(6)
		text = self.d.ctl("forget", eva).stdout
		self.assertIn("4 refused events", text)
		bodies = [json.loads(self.d.ctl("refused", "show", str(r["id"]), "--json").stdout)["body"] for r in rows]
		self.assertEqual(sorted(len(b) > 0 and "Bob" in b for b in bodies), [False] * 4 + [True] * 2)

	def test_what_the_engine_refuses(self):
		"""A webhook is told 409 and 403; of a stream it is kept, once, also when it comes again, and through a kill."""
		self.run_bus()
		first = opened("T1", id="e1")
		other = {**first, "priority": "P4"}
		foreign = opened("T2", id="e2", contract="other")
		self.r.add(first, other, foreign)
		self.settle()
		rows = self.wait_refused(2)
		self.assertEqual({r["place"] for r in rows}, {"event e1", "event e2"})
		self.assertTrue(all(r["source"] == "bus" and r["at"].endswith("Z") for r in rows))
		shown = json.loads(self.d.ctl("refused", "show", str(rows[0]["id"]), "--json").stdout)
		self.assertEqual(len(shown["body"].encode()), rows[0]["bytes"])
		self.r.add(other, foreign)
		self.settle()
		self.d.kill()
		self.d.start()
		self.wait_state("reading")
		self.settle()
		self.assertEqual({(r["id"], r["place"]) for r in self.refused()}, {(r["id"], r["place"]) for r in rows})
		self.assertFalse(self.has("T2"))

	def test_a_kill_before_it_is_kept_loses_none(self):
		"""The event is on disk and the refusal may be not: the replay brings it."""
		self.run_bus()
		self.r.add(opened("T0", id="e0"))
		self.settle()
		for i in range(5):
			before = len(self.refused())
			self.r.add(*[{**opened("T0", id="e0"), "subject": f"{i} {k}"} for k in range(200)])
			harness.wait_for("some of them", 10, lambda: self.count("entries_total") > 0 and len(self.refused("--limit", "1000")) > before)
			self.d.kill()
			self.d.start()
			self.wait_state("reading")
			self.settle()
			n = min(200 * (i + 1), 1000)
			wait_for(f"{n} refused", 10, lambda n=n: len(self.refused("--limit", "1000")) >= n)
			self.assertEqual(len(self.refused("--limit", "1000")), n)

	def test_lists_and_pages(self):
		self.run_bus()
		for i in range(5):
			self.r("XADD", "tickets", "*", "event", b"\xff\x00" + bytes([i]))
		self.settle()
		rows = self.wait_refused(5)
		self.assertEqual([r["id"] for r in rows], sorted((r["id"] for r in rows), reverse=True))
		page = self.refused("--limit", "2")
		self.assertEqual([r["id"] for r in page + self.refused("--limit", "9", "--after", str(page[-1]["id"]))], [r["id"] for r in rows])
		self.assertEqual(self.refused("--source", "bus", "--limit", "3"), rows[:3])
		self.assertEqual(self.refused("--source", "helpdesk"), [])
		shown = json.loads(self.d.ctl("refused", "show", str(rows[-1]["id"]), "--json").stdout)
		self.assertEqual((shown["bytes"], shown["body_base64"]), (3, "/wAA"))
		self.assertIn("nothing was refused", self.d.ctl("refused", "--source", "nobody").stdout)
		for bad in ("0", "999", "x", "-1"):
			self.assertEqual(self.d.ctl("refused", "show", "--", bad).returncode, 1, bad)
		self.assertEqual(self.d.get("/v1/refused?after=x").status, 400)

	def test_who_may(self):
		self.run_bus()
		self.assertEqual(self.d.get("/v1/refused", token=TOKEN_READ).status, 200)
		self.assertEqual(self.d.get("/v1/refused", token=None).status, 401)
		self.assertEqual(self.d.get("/v1/refused/1", token="wrong").status, 401)
		self.assertEqual(self.d.get("/v1/refused", token=TOKEN_ACT).status, self.d.get("/v1/deliveries", token=TOKEN_ACT).status)


class Seen(Case):
	def test_ready_and_not(self):
		"""A refusal needs somebody: it is told at once. A loss may pass: it is told when it lasts."""
		self.run_bus()
		harness.wait_for("its lag", 3, lambda: "ok stream bus: lag 0\n" in self.d.get("/readyz", token=None).body.decode())
		with contextlib.closing(self.r.client()) as c:
			c("CONFIG", "SET", "requirepass", "s3cret")
			c("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		self.wait_state("refused")
		r = self.d.get("/readyz", token=None)
		self.assertEqual(r.status, 503)
		self.assertRegex(r.body.decode(), r"fail stream bus: .*NOAUTH")
		self.assertEqual(self.metric("plazod_stream_up", source="bus"), 0)
		self.assertEqual(self.metric("plazod_stream_state", source="bus", state="refused"), 1)
		self.assertIn("NOAUTH", self.d.ctl("status").stdout)
		self.still_serves()
		self.d.configure(target="1h", sources=source(self.r, password="s3cret"))
		self.assertEqual(self.d.ctl("reload").returncode, 0)
		self.wait_state("reading")
		self.assertEqual(self.d.get("/readyz", token=None).status, 200)
		self.assertNotIn("s3cret", self.d.log() + self.d.ctl("status", "--json").stdout + self.d.ctl("config", "show", "-c", str(self.d.conf)).stdout)

	def test_a_name_that_is_used_again_at_once(self):
		"""The source goes and comes back while its stream is ending; then another one takes its name."""
		self.run_bus()
		mine = self.d.conf.read_text()
		for i in range(6):
			self.d.configure(target="1h", sources={k: v for k, v in source(self.r).items() if k != "bus"})
			self.d.hup()
			self.d.write_text(mine)
			self.assertEqual(self.d.ctl("reload").returncode, 0)
			self.r.add(opened(f"A{i}"))
			self.wait_ticket(f"A{i}")
		self.settle()
		self.assertEqual(len(json.loads(self.d.ctl("status", "--json").stdout)["streams"]), 1)

	def test_tls_that_cannot_be_had(self):
		"""Where hiredis has no TLS, the check says so and what to do; where it has, it is fine."""
		self.d.configure(target="1h", sources={"bus": {"redis": {"url": "rediss://127.0.0.1:6380", "stream": "t"}, "contracts": ["acme"]}})
		r = subprocess.run([str(harness.BUILD / "plazod"), "-t", "-c", str(self.d.conf)], capture_output=True, text=True, timeout=20 * harness.PATIENCE, check=False)
		self.assertIn(r.returncode, (0, 78))
		if r.returncode:
			self.assertIn("stunnel", r.stderr)


if __name__ == "__main__":
	harness.main()
