"""Every kind of proof as its senders give it, computed here anew: two secrets in rotation, a rotation by reload, and what must not pass."""
import base64
import hashlib
import hmac
import json
import time

import harness
from harness import Case, instant, opened

OLD, NEW = "old-secret-of-32-bytes-or-more!!!!", "new-secret-of-32-bytes-or-more!!!!"


def mac(secret, data, hash_name="sha256"):
	return hmac.new(secret.encode(), data, hash_name)


def standard(secret, body):
	stamp = str(int(time.time()))
	return {"webhook-id": "msg_1", "webhook-timestamp": stamp,
		"webhook-signature": "v1," + base64.b64encode(mac(secret, f"msg_1.{stamp}.".encode() + body).digest()).decode()}


def zendesk(secret, body):
	# Signed when it was queued, an hour ago.
	stamp = instant(-3600)
	return {"X-Zendesk-Webhook-Signature": base64.b64encode(mac(secret, stamp.encode() + body).digest()).decode(),
		"X-Zendesk-Webhook-Signature-Timestamp": stamp}


def glpi(secret, body):
	stamp = str(int(time.time()) - 3600)
	return {"X-GLPI-signature": mac(secret, body + stamp.encode()).hexdigest(), "X-GLPI-timestamp": stamp}


# By kind: what the configuration says besides, and the headers that prove a body.
KINDS = {
	"standard-webhooks": ({}, standard),
	"hub-signature-256": ({}, lambda secret, body: {"X-Hub-Signature-256": "sha256=" + mac(secret, body).hexdigest()}),
	"hub-signature": ({}, lambda secret, body: {"X-Hub-Signature": "sha1=" + mac(secret, body, hashlib.sha1).hexdigest()}),
	"zendesk": ({}, zendesk),
	"glpi": ({}, glpi),
	"token": ({"header": "X-Gitlab-Token"}, lambda secret, body: {"X-Gitlab-Token": secret}),
	"bearer": ({}, lambda secret, body: {"Authorization": f"Bearer {secret}"}),
	"basic": ({"user": "desk"}, lambda secret, body: {"Authorization": "Basic " + base64.b64encode(f"desk:{secret}".encode()).decode()}),
}
SIGNED = ("standard-webhooks", "hub-signature-256", "hub-signature", "zendesk", "glpi")


def sources(*secrets):
	return {kind: {"webhook": {"verify": {"kind": kind, "secret": list(secrets), **more}}} for kind, (more, _) in KINDS.items()}


class Proof(Case):
	def send(self, kind, secret, ticket, change=None):
		body = json.dumps(opened(f"{kind}-{ticket}", at="2026-01-01T00:00:00Z")).encode()
		headers = KINDS[kind][1](secret, body)
		if change is not None:
			body, headers = change(body, headers)
		return self.d.post_raw(body, kind, headers=headers, sign_with=None)

	def each(self, kinds=tuple(KINDS)):
		for kind in kinds:
			with self.subTest(kind):
				yield kind

	def test_two_secrets_and_their_rotation(self):
		self.run_with(sources=sources(NEW, OLD), target="1h")
		for kind in self.each():
			self.assertEqual(self.send(kind, OLD, "T1").status, 202)
			self.assertEqual(self.send(kind, NEW, "T2").status, 202)
			self.assertEqual(self.send(kind, "a-secret-of-32-bytes-that-is-wrong", "T3").status, 401)
			self.assertEqual(self.d.get(f"/v1/tickets/{kind}-T3").status, 404)
		self.d.write({**self.d.cfg, "sources": sources(NEW)})
		self.assertEqual(self.d.ctl("reload").returncode, 0)
		for kind in self.each():
			self.assertEqual(self.send(kind, OLD, "T4").status, 401)
			self.assertEqual(self.send(kind, NEW, "T4").status, 202)

	def test_what_must_not_pass(self):
		self.run_with(sources=sources(NEW), target="1h")
		for kind in self.each(SIGNED):
			r = self.send(kind, NEW, "T1", lambda body, headers: (body.replace(b"P1", b"P2"), headers))
			self.assertEqual(r.status, 401, "another body")
			r = self.send(kind, NEW, "T1", lambda body, headers: (body + b" ", headers))
			self.assertEqual(r.status, 401, "a blank more")
		for kind in self.each():
			for name in KINDS[kind][1](NEW, b""):
				r = self.send(kind, NEW, "T1", lambda body, headers, name=name: (body, {k: v for k, v in headers.items() if k != name}))
				self.assertEqual(r.status, 401, f"without {name}")
				r = self.send(kind, NEW, "T1", lambda body, headers, name=name: (body, {**headers, name.swapcase(): headers[name]}))
				self.assertIn(r.status, (400, 401), f"{name} twice")
				r = self.send(kind, NEW, "T1", lambda body, headers, name=name: (body, {**headers, name: headers[name] + "x"}))
				self.assertEqual(r.status, 401, f"{name} with a byte more")
			self.assertEqual(self.d.get(f"/v1/tickets/{kind}-T1").status, 404)

	def test_the_proof_of_one_source_is_none_of_another(self):
		self.run_with(sources=sources(NEW), target="1h")
		for kind in self.each():
			body = json.dumps(opened("T1")).encode()
			headers = KINDS[kind][1](NEW, body)
			for other in set(KINDS) - {kind}:
				self.assertEqual(self.d.post_raw(body, other, headers=headers, sign_with=None).status, 401, other)

	def test_a_recorded_request_changes_nothing(self):
		self.run_with(sources=sources(NEW), target="1h")
		for kind in self.each():
			body = json.dumps(opened(f"{kind}-T1")).encode()
			headers = KINDS[kind][1](NEW, body)
			for duplicates in (0, 1, 1):
				r = self.d.post_raw(body, kind, headers=headers, sign_with=None)
				self.assertEqual((r.status, r.json["duplicates"]), (202, duplicates), r)

	def test_a_stale_time_is_told_to_those_who_know_the_secret(self):
		self.run_with(sources=sources(NEW), target="1h")
		body = json.dumps(opened("T1")).encode()
		stamp = str(int(time.time()) - 400)
		for secret, says in ((NEW, "five minutes"), (OLD, "not signed as agreed")):
			signature = base64.b64encode(mac(secret, f"m.{stamp}.".encode() + body).digest()).decode()
			r = self.d.post_raw(body, "standard-webhooks", sign_with=None,
					    headers={"webhook-id": "m", "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"})
			self.assertEqual(r.status, 401)
			self.assertIn(says, r.json["detail"])


if __name__ == "__main__":
	harness.main()
