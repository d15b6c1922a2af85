"""POST /v1/events/SOURCE and the rest of the HTTP side: every kind of request, and every refusal."""
import base64
import gzip
import hashlib
import hmac
import json
import pathlib
import re
import socket
import threading
import time

import harness
from harness import Case, event, opened, raw, request, signed_headers


class Events(Case):
	"""One plazod for the whole class: what is refused must not disturb what follows."""

	@classmethod
	def setUpClass(cls):
		cls.shared = harness.Plazod().configure(sources={
			"by-token": {"webhook": {"verify": {"kind": "token", "header": "X-Desk-Token", "secret": "token-secret-of-32-bytes-or-more!"}}},
			"by-bearer": {"webhook": {"verify": {"kind": "bearer", "secret": "bearer-secret-of-32-bytes-or-more"}}},
			"by-basic": {"webhook": {"verify": {"kind": "basic", "user": "desk", "secret": "basic-secret-of-32-bytes-or-more!"}}},
			"by-hub": {"webhook": {"verify": {"kind": "hub-signature-256", "secret": "hub-secret-of-32-bytes-or-more!!!"}}},
		}, server={"limits": {"body": "64KiB", "bulk": "256KiB"}}, target="1h")
		cls.shared.start()

	@classmethod
	def tearDownClass(cls):
		cls.shared.close()

	def setUp(self):
		self.d = self.shared
		self.t = self.id().rsplit(".", 1)[1]

	def tearDown(self):
		self.assertIsNone(self.d.process.poll(), "plazod has ended")

	def refused(self, reply, *statuses):
		self.assertIn(reply.status, statuses, reply)
		self.assertEqual(reply.headers.get_content_type(), "application/problem+json", reply)
		self.assertEqual(reply.json["status"], reply.status)
		self.assertTrue(reply.json["title"])
		return reply.json

	# ---- what is accepted ----
	def test_one_event(self):
		self.assertEqual(self.d.accept(opened(self.t)), {"accepted": 1, "duplicates": 0})
		r = self.d.get(f"/v1/tickets/{self.t}")
		self.assertEqual(r.status, 200, r)
		self.assertEqual(r.json["ticket"], self.t)
		self.assertEqual(r.json["contract"], "acme")

	def test_array(self):
		self.assertEqual(self.d.accept([opened(f"{self.t}-{i}") for i in range(10)]), {"accepted": 10, "duplicates": 0})

	def test_ndjson(self):
		body = "\n".join(json.dumps(opened(f"{self.t}-{i}")) for i in range(10)) + "\n\n"
		r = self.d.post_raw(body, content_type="application/x-ndjson")
		self.assertEqual((r.status, r.json), (202, {"accepted": 10, "duplicates": 0}))

	def test_life(self):
		for e in (opened(self.t), event(self.t, "changed", priority="P2", status="pending", tags=["a", "b"], tier=2),
			  event(self.t, "changed", status="open", team=None), harness.agent_reply(self.t), event(self.t, "attended", mode="remote"),
			  event(self.t, "resolved", actor={"role": "agent"}), event(self.t, "reopened"), event(self.t, "resolved"),
			  event(self.t, "closed")):
			self.d.accept(e)

	def test_duplicate(self):
		e = opened(self.t)
		self.d.accept(e)
		self.assertEqual(self.d.accept(e), {"accepted": 0, "duplicates": 1})
		self.assertEqual(self.d.accept([e, event(self.t, "acknowledged"), e]), {"accepted": 1, "duplicates": 2})

	def test_duplicate_within_one_request(self):
		e = opened(self.t)
		self.assertEqual(self.d.accept([e, e]), {"accepted": 1, "duplicates": 1})

	def test_conflict(self):
		e = opened(self.t)
		self.d.accept(e)
		self.refused(self.d.post({**e, "priority": "P4"}), 409)

	def test_conflict_in_a_batch(self):
		e = opened(self.t)
		self.d.accept(e)
		r = self.d.post([event(self.t, "acknowledged"), {**e, "priority": "P4"}, e])
		self.assertEqual((r.status, r.json["accepted"], r.json["duplicates"]), (207, 1, 1), r)
		self.assertEqual([(p["index"], p["status"], p["id"]) for p in r.json["refused"]], [(1, 409, e["id"])])
		self.assertEqual(self.d.get(f"/v1/tickets/{self.t}").json["priority"], "P1")

	def test_the_same_id_of_another_ticket_is_another_event(self):
		self.d.accept(opened(self.t, id="one"))
		self.assertEqual(self.d.accept(opened(self.t + "-2", id="one")), {"accepted": 1, "duplicates": 0})

	def test_unmatched_contract_is_accepted(self):
		e = opened(self.t)
		del e["contract"]
		self.d.accept({**e, "organization": "Nobody knows us"})

	def test_matched_by_organization(self):
		e = opened(self.t, organization="ACME S.A.")
		del e["contract"]
		self.d.accept(e)
		self.assertEqual(self.d.get(f"/v1/tickets/{self.t}").json["contract"], "acme")
		self.d.accept(opened(self.t + "-null", organization="ACME S.A.", contract=None))
		self.assertEqual(self.d.get(f"/v1/tickets/{self.t}-null").json["contract"], "acme")

	def test_mixed_batch(self):
		good, bad = opened(self.t), opened(self.t + "-bad", type="exploded")
		r = self.d.post([good, bad, opened(self.t + "-2")])
		self.assertEqual(r.status, 207, r)
		self.assertIn("/1/type", r.body.decode())
		self.assertEqual(self.d.accept(good), {"accepted": 0, "duplicates": 1})

	def test_mixed_ndjson(self):
		last = opened(self.t + "-2")
		r = self.d.post_raw(json.dumps(opened(self.t)) + "\n{oops\n" + json.dumps(last), content_type="application/x-ndjson")
		self.assertEqual(r.status, 207, r)
		self.assertEqual(self.d.accept(last), {"accepted": 0, "duplicates": 1})

	def test_unicode_is_kept(self):
		subject = "Ñandú ‮ 🦤 \u0001 \\ \" </script>"
		self.d.accept(opened(self.t, subject=subject))
		self.assertEqual(self.d.get(f"/v1/tickets/{self.t}").json["subject"], subject)

	# ---- who sends ----
	def test_kinds_of_verification(self):
		body = json.dumps(opened(self.t)).encode()
		mac = hmac.new(b"hub-secret-of-32-bytes-or-more!!!", body, hashlib.sha256).hexdigest()
		basic = base64.b64encode(b"desk:basic-secret-of-32-bytes-or-more!").decode()
		for source, good in (("by-token", {"X-Desk-Token": "token-secret-of-32-bytes-or-more!"}),
				     ("by-bearer", {"Authorization": "Bearer bearer-secret-of-32-bytes-or-more"}),
				     ("by-basic", {"Authorization": "Basic " + basic}),
				     ("by-hub", {"X-Hub-Signature-256": "sha256=" + mac})):
			with self.subTest(source):
				name = next(iter(good))
				self.assertEqual(self.d.post_raw(body, source, good, sign_with=None).status, 202)
				self.refused(self.d.post_raw(body, source, {}, sign_with=None), 401)
				self.refused(self.d.post_raw(body, source, {name: good[name][:-1] + "x"}, sign_with=None), 401)
				self.refused(self.d.post_raw(body, source, {name: good[name] + "x"}, sign_with=None), 401)
				self.refused(self.d.post_raw(body, source, {name: ""}, sign_with=None), 401)

	def test_no_or_bad_signature(self):
		body = json.dumps(opened(self.t)).encode()
		good = signed_headers(body)
		one_bit_off = base64.b64decode(good["webhook-signature"][3:])
		one_bit_off = "v1," + base64.b64encode(bytes([one_bit_off[0] ^ 1]) + one_bit_off[1:]).decode()
		for what, headers, sent in (
			("none", dict.fromkeys(good), body),
			("a bit off", {**good, "webhook-signature": one_bit_off}, body),
			("another id", {**good, "webhook-id": "msg_other"}, body),
			("another time", {**good, "webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)}, body),
			("another body", good, body.replace(b"P1", b"P2")),
			("empty", {**good, "webhook-signature": ""}, body),
			("no version", {**good, "webhook-signature": good["webhook-signature"][3:]}, body),
			("a v2", {**good, "webhook-signature": "v2" + good["webhook-signature"][2:]}, body)):
			with self.subTest(what):
				self.refused(self.d.post_raw(sent, headers=headers, sign_with=None), 401)
		self.refused(self.d.post_raw(body, sign_with="whsec_" + base64.b64encode(b"x" * 32).decode()), 401)
		self.assertEqual(self.d.get(f"/v1/tickets/{self.t}").status, 404)

	def test_several_signatures_one_good(self):
		body = json.dumps(opened(self.t)).encode()
		h = signed_headers(body)
		h["webhook-signature"] = "v1,AAAA " + h["webhook-signature"]
		self.assertEqual(self.d.post_raw(body, headers=h, sign_with=None).status, 202)

	def test_stale(self):
		body = json.dumps(opened(self.t)).encode()
		for off in (-400, 400):
			self.refused(self.d.post_raw(body, at=time.time() + off), 401)

	def test_unknown_source_is_like_a_bad_signature(self):
		self.refused(self.d.post(opened(self.t), "nobody"), 401, 404)

	def test_foreign_contract(self):
		# Another's, and one that nobody knows: the source may not tell which is which.
		for contract in ("other", "acne"):
			r = self.d.post(opened(self.t, contract=contract))
			self.refused(r, 403)
			self.assertIn(f'The contract "{contract}"', r.json["detail"])
			self.assertIn("the contracts of the source helpdesk.", r.json["detail"])
		self.assertEqual(self.d.get(f"/v1/tickets/{self.t}").status, 404)

	# ---- what is malformed ----
	def test_no_json(self):
		for body in ("", "{", "nonsense", '{"a":1}x', "\ufeff{}", '{"id":"\\ud800"}', b'{"id":"\xff"}', "[" * 5000, '{"a":01}', '"text"', "null", "7"):
			with self.subTest(body[:20]):
				self.refused(self.d.post_raw(body), 400, 422)

	def test_bad_fields(self):
		good = opened(self.t)
		for field, value in (("id", None), ("id", 7), ("id", ""), ("id", "x" * 129), ("ticket", None), ("ticket", ""), ("ticket", "x" * 129),
				     ("type", None), ("type", "exploded"), ("at", None), ("at", "yesterday"), ("at", "2026-11-23T10:00:00"),
				     ("at", "2026-13-01T00:00:00Z"), ("at", "2026-11-23T24:00:00Z"), ("at", "2026-02-30T00:00:00Z"), ("at", 1700000000),
				     ("priority", 1), ("tags", "a"), ("actor", "agent"), ("public", "yes"), ("prioridad", "P1"), ("received", good["at"])):
			with self.subTest(f"{field}={value!r}"[:60]):
				e = {**good, field: value}
				if value is None:
					del e[field]
				p = self.refused(self.d.post(e), 422, 400)
				if value is not None:
					self.assertEqual(p.get("pointer"), "/" + field, p)
		self.assertEqual(self.d.get(f"/v1/tickets/{self.t}").status, 404)

	def test_duplicate_key(self):
		body = json.dumps(opened(self.t))[:-1] + ', "priority": "P4"}'
		self.refused(self.d.post_raw(body), 400, 422)

	def test_too_large(self):
		r = self.d.post(opened(self.t, subject="x" * 70_000))
		self.refused(r, 413)
		body = ("\n" * 300_000).encode()
		self.refused(self.d.post_raw(body, content_type="application/x-ndjson"), 413)

	def test_content_type(self):
		self.refused(self.d.post_raw(json.dumps(opened(self.t)), content_type="text/plain"), 415)
		body = gzip.compress(json.dumps(opened(self.t)).encode())
		self.refused(self.d.post_raw(body, headers={"Content-Encoding": "gzip"}), 415)

	def test_methods_and_paths(self):
		r = self.d.get("/v1/events/helpdesk")
		self.refused(r, 405)
		self.assertIn("POST", r.headers.get("Allow", ""))
		for path in ("/v1/events", "/v1/events/", "/nothing", "/v1/tickets/no-such-ticket", "/v1/../etc/passwd", "/%00"):
			with self.subTest(path):
				self.refused(self.d.get(path), 400, 404, 405)

	# ---- the wire ----
	def test_malformed_requests_are_refused(self):
		body = json.dumps(opened(self.t)).encode()
		head = b"POST /v1/events/helpdesk HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		signed = "".join(f"{k}: {v}\r\n" for k, v in signed_headers(body).items()).encode()
		n = str(len(body)).encode()
		for what, data in (
			("two lengths", head + signed + b"Content-Length: " + n + b"\r\nContent-Length: 5\r\n\r\n" + body),
			("length and chunked", head + signed + b"Content-Length: " + n + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + body),
			("a signed length", head + signed + b"Content-Length: +" + n + b"\r\n\r\n" + body),
			("a blank before the colon", head + signed + b"Content-Length : " + n + b"\r\n\r\n" + body),
			("an unknown coding", head + signed + b"Transfer-Encoding: pigeons\r\n\r\n" + body),
			("gzip, chunked", head + signed + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
			("obs-fold", head + signed + b"X-A: b\r\n c\r\nContent-Length: " + n + b"\r\n\r\n" + body),
			("a bare LF", head.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n"),
			("NUL in a value", head + b"X-A: a\0b\r\nContent-Length: 0\r\n\r\n"),
			("no Host", b"GET /healthz HTTP/1.1\r\n\r\n"),
			("two Hosts", b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
			("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
			("HTTP/0.9", b"GET /healthz\r\n\r\n"),
			("HTTP/1.9", b"GET /healthz HTTP/1.9\r\nHost: x\r\n\r\n"),
			("an absolute target", b"GET http://evil/healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
			("two signatures", head + signed + signed + b"Content-Length: " + n + b"\r\n\r\n" + body),
			("a negative chunk", head + signed + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n"),
			("too many headers", b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 500 + b"\r\n"),
			("a long header", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + b"b" * 40_000 + b"\r\n\r\n"),
			("a TLS hello", bytes.fromhex("16030100c8010000c40303") + b"\0" * 64),
		):
			with self.subTest(what):
				got = raw(self.d.port, data, half_close=True)
				self.assertRegex(got[:13], rb"^(HTTP/1\.1 (4|505)|$)", got[:200])
				self.assertEqual(got.count(b"HTTP/1.1 2"), 0, got[:500])
		self.assertEqual(self.d.get(f"/v1/tickets/{self.t}").status, 404)
		self.assertEqual(self.d.get("/healthz", token=None).status, 200)

	def test_chunked(self):
		body = json.dumps(opened(self.t)).encode()
		signed = "".join(f"{k}: {v}\r\n" for k, v in signed_headers(body).items()).encode()
		data = b"POST /v1/events/helpdesk HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n" \
			b"Connection: close\r\n" + signed + b"\r\n"
		for i in range(0, len(body), 7):
			data += f"{len(body[i:i + 7]):x}\r\n".encode() + body[i:i + 7] + b"\r\n"
		self.assertIn(b"HTTP/1.1 202", raw(self.d.port, data + b"0\r\n\r\n"))

	def test_pipelined_requests_are_answered_in_order(self):
		data = b"".join(f"GET /healthz?n={i} HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n".encode() for i in range(15))
		got = raw(self.d.port, data + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		codes = re.findall(rb"HTTP/1\.1 (\d+) ", got)
		self.assertEqual(codes, [b"200", b"404"] * 15 + [b"200"])

	def test_continue(self):
		body = json.dumps(opened(self.t)).encode()
		signed = "".join(f"{k}: {v}\r\n" for k, v in signed_headers(body).items()).encode()
		with socket.create_connection(("127.0.0.1", self.d.port), timeout=5 * harness.PATIENCE) as s:
			s.sendall(b"POST /v1/events/helpdesk HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
				  b"Connection: close\r\nContent-Length: " + str(len(body)).encode() + b"\r\n" + signed + b"\r\n")
			self.assertIn(b"100 Continue", s.recv(4096))
			s.sendall(body)
			self.assertIn(b"202", s.recv(4096))

	def test_a_client_that_leaves_early(self):
		body = json.dumps(opened(self.t)).encode()
		signed = "".join(f"{k}: {v}\r\n" for k, v in signed_headers(body).items()).encode()
		with socket.create_connection(("127.0.0.1", self.d.port)) as s:
			s.sendall(b"POST /v1/events/helpdesk HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
				  str(len(body)).encode() + b"\r\n" + signed + b"\r\n" + body)
		harness.wait_for("the ticket", 5, lambda: self.d.get(f"/v1/tickets/{self.t}").status == 200)

	# ---- operators ----
	def test_health_is_open_and_says_nothing(self):
		self.assertEqual(self.d.get("/healthz", token=None).status, 200)
		r = self.d.get("/readyz", token=None)
		self.assertEqual(r.status, 200)
		self.assertNotIn(self.t, r.body.decode())

	def test_reading_needs_a_token(self):
		for path in ("/v1/tickets", f"/v1/tickets/{self.t}", "/metrics"):
			with self.subTest(path):
				self.refused(self.d.get(path, token=None), 401)
				self.refused(self.d.get(path, token="wrong"), 401)
		self.assertEqual(self.d.get("/v1/tickets").status, 200)

	def test_acting_needs_may_act(self):
		self.d.accept(opened(self.t))
		path = f"/v1/tickets/{self.t}/waive"
		bearer = lambda token: {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
		self.refused(request(self.d.port, "POST", path, b"{}", {"Content-Type": "application/json"}), 401)
		self.refused(request(self.d.port, "POST", path, b"{}", bearer(harness.TOKEN_READ)), 403)

	def test_metrics(self):
		text = self.d.get("/metrics").body.decode()
		self.assertRegex(text, r"(?m)^# TYPE plazo\w* \w+$")
		for line in text.splitlines():
			self.assertRegex(line, r'^(# (HELP|TYPE) .*|[a-zA-Z_:][\w:]*(\{.*\})? [-+0-9.eE]+|[a-zA-Z_:][\w:]*(\{.*\})? [+-]Inf|# EOF)$')

	def test_control_socket(self):
		self.d.accept(opened(self.t))
		p = self.d.ctl("status")
		self.assertEqual(p.returncode, 0, p.stderr)
		p = self.d.ctl("tickets", "--json")
		self.assertEqual(p.returncode, 0, p.stderr)
		self.assertIn(self.t, p.stdout)
		self.assertEqual(self.d.socket.stat().st_mode & 0o007, 0, "others may use the control socket")


class Restart(Case):
	def test_what_was_said_of_an_id_holds(self):
		"""Duplicates and conflicts are known after a clean stop, after a kill, and once the ticket is over and out of memory."""
		self.run_with(target="1h")
		e = opened("T1")
		events = [e, event("T1", "resolved", actor={"role": "agent"}), event("T1", "closed")]
		for again in (self.d.stop, self.d.kill):
			self.d.accept(events)
			again()
			self.d.start()
			self.assertEqual(self.d.accept(events), {"accepted": 0, "duplicates": 3})
			self.assertEqual(self.d.post({**e, "priority": "P4"}).status, 409)


class Limits(Case):
	def test_idle_connections_do_not_stop_alerts(self):
		sink = self.sink()
		self.run_with({"hook": harness.hook(sink)}, server={"limits": {"connections": 16}}, target="2s")
		self.d.accept(opened("T1"))
		idle = [socket.create_connection(("127.0.0.1", self.d.port)) for _ in range(40)]
		try:
			sink.wait(8, type="sla.breach", ticket="T1")
		finally:
			for s in idle:
				s.close()
		harness.wait_for("room again", 10, lambda: self.d.get("/healthz", token=None).status == 200)

	def test_a_storm_in_one_ticket_stops_nobody(self):
		"""Late replies, each of which ends a breached cycle and begins the next: thousands of clocks, alerts, and looks at what was told."""
		sink = self.sink()
		n = harness.scaled(1500)
		self.run_with({"hook": harness.hook(sink)}, policies={"quick": {"metrics": {"update": {"target": "1h"}}, "escalation": "standard"}},
			      steps=[{"at": "breach", "notify": ["hook"]},
				     {"at": "breach+1s", "every": "1s", "times": 1000, "notify": ["hook"]}])

		def attempt(i):
			storm = [opened(f"T{i}", at=harness.instant(-900000))]
			storm += [event(f"T{i}", "replied", actor={"role": "agent"}, at=harness.instant(-800000 + 60 * k)) for k in range(n)]
			answers, slow = [], 0.0
			sender = threading.Thread(target=lambda: answers.append(self.d.post_raw("\n".join(json.dumps(e) for e in storm),
											content_type="application/x-ndjson", timeout=60)))
			sender.start()
			while sender.is_alive():
				began = time.monotonic()
				self.assertEqual(self.d.get("/healthz", token=None).status, 200)
				slow = max(slow, time.monotonic() - began)
				time.sleep(0.02)
			self.assertEqual(answers[0].status, 202, answers[0])
			return True if slow < 1.0 * harness.PATIENCE else None
		harness.undisturbed(attempt, 3)
		status = pathlib.Path(f"/proc/{self.d.process.pid}/status").read_text()
		self.assertLess(int(re.search(r"VmHWM:\s+(\d+)", status).group(1)), 300 * 1024, "KiB")

	def test_a_second_secret_during_rotation(self):
		old, new = harness.SECRET, "whsec_" + base64.b64encode(b"n" * 32).decode()
		self.run_with(sources={"helpdesk": {"webhook": {"verify": {"kind": "standard-webhooks", "secret": [new, old]}}}})
		self.assertEqual(self.d.post(opened("T1"), sign_with=old).status, 202)
		self.assertEqual(self.d.post(opened("T2"), sign_with=new).status, 202)


if __name__ == "__main__":
	harness.main()
