"""CloudEvents 1.0 into a real plazod: the three modes, proof of each, and repeats across modes."""
import base64
import json

import harness
from harness import Case, instant

SECRET = "bearer-secret-of-32-bytes-or-more"
BEARER = {"Authorization": f"Bearer {SECRET}"}
STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"


def ticket(name, **fields):
	"""An event that says neither its id nor its time."""
	return {"ticket": name, "type": "opened", "contract": "acme", "priority": "P1", **fields}


def envelope(ce_id, data, **more):
	return {"specversion": "1.0", "id": ce_id, "source": "https://desk.example/7", "type": "example.ticket.opened", "time": instant(),
		"datacontenttype": "application/json", "data": data, **more}


def binary(e):
	"""The same CloudEvent as headers and body."""
	headers = {f"ce-{k}": v for k, v in e.items() if k not in ("data", "datacontenttype")}
	return headers, json.dumps(e["data"]).encode()


class CloudEvents(Case):
	@classmethod
	def setUpClass(cls):
		cls.shared = harness.Plazod().configure(sources={"bus": {"webhook": {"verify": {"kind": "bearer", "secret": SECRET}}}}, target="1h")
		cls.shared.start()

	@classmethod
	def tearDownClass(cls):
		cls.shared.close()

	def setUp(self):
		self.d = self.shared
		self.t = self.id().rsplit(".", 1)[1]

	def send(self, e, content_type=STRUCTURED, headers=None):
		body = e if isinstance(e, bytes) else json.dumps(e).encode()
		return self.d.post_raw(body, "bus", headers={**BEARER, **(headers or {})}, sign_with=None, content_type=content_type)

	def took(self, r, accepted, duplicates=0):
		self.assertEqual((r.status, r.body), (202, b'{"accepted":%d,"duplicates":%d}' % (accepted, duplicates)), r)

	def refused(self, r, status, pointer=None):
		self.assertEqual(r.status, status, r)
		self.assertEqual(r.headers["Content-Type"], "application/problem+json")
		self.assertEqual(r.json.get("pointer"), pointer, r)

	def test_the_same_event_in_every_mode_is_one_event(self):
		e = envelope("A-1", ticket(self.t))
		headers, body = binary(e)
		self.took(self.send(e), 1)
		self.took(self.send(e), 0, 1)
		self.took(self.send([e], BATCH), 0, 1)
		self.took(self.send(body, "application/json", headers), 0, 1)
		shown = self.d.get(f"/v1/tickets/{self.t}")
		self.assertEqual(shown.status, 200, shown)
		self.took(self.send({**e, "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}), 0, 1)
		self.assertEqual(self.send({**e, "data": ticket(self.t, priority="P2")}).status, 409)
		self.assertEqual(self.send({**e, "time": instant(60)}).status, 409)

	def test_what_data_says_itself_wins(self):
		data = ticket(self.t, id=f"{self.t}-1", at=instant())
		self.took(self.send(envelope("A-1", data)), 1)
		self.took(self.send(envelope("A-2", data)), 0, 1)
		self.took(self.d.post_raw(json.dumps(data), "bus", headers=BEARER, sign_with=None), 0, 1)

	def test_a_batch(self):
		e = [envelope(f"B-{i}", ticket(f"{self.t}-{i}")) for i in range(50)]
		e[7]["specversion"] = "0.3"
		e[9]["data"]["prioritty"] = "P1"
		e[11] = {**{k: v for k, v in e[11].items() if k != "data"}, "data_base64": base64.b64encode(b"{}").decode()}
		r = self.send(e, BATCH + "; charset=utf-8")
		self.assertEqual((r.status, r.json["accepted"]), (207, 47), r)
		self.assertEqual([(x["index"], x["status"], x["pointer"]) for x in r.json["refused"]],
				 [(7, 422, "/7/specversion"), (9, 422, "/9/data/prioritty"), (11, 415, "/11/data_base64")])
		self.assertEqual(self.d.get(f"/v1/tickets/{self.t}-49").status, 200)
		self.assertEqual(self.d.get(f"/v1/tickets/{self.t}-9").status, 404)

	def test_refusals(self):
		good = envelope("A-1", ticket(self.t))
		for key in ("specversion", "id", "source", "type"):
			with self.subTest(key):
				self.refused(self.send({k: v for k, v in good.items() if k != key}), 422, f"/{key}")
				headers, body = binary(good)
				del headers[f"ce-{key}"]
				r = self.send(body, "application/json", headers)
				self.refused(r, 422)
				self.assertIn(f"ce-{key}", r.json["detail"])
		self.refused(self.send({**good, "specversion": "2.0"}), 422, "/specversion")
		self.refused(self.send({**good, "datacontenttype": "application/xml"}), 415, "/datacontenttype")
		self.refused(self.send({**good, "data_base64": "e30="}), 415, "/data_base64")
		self.refused(self.send(good, "application/cloudevents+avro"), 415)
		headers, body = binary(good)
		self.refused(self.send(body, "application/xml", headers), 415)
		self.assertEqual(self.d.get(f"/v1/tickets/{self.t}").status, 404)

	def test_a_signature_is_over_the_raw_envelope(self):
		body = json.dumps(envelope("A-1", ticket(self.t)), indent=3).encode()
		self.took(self.d.post_raw(body, content_type=STRUCTURED), 1)
		headers = harness.signed_headers(body)
		self.refused(self.d.post_raw(body.replace(b"A-1", b"A-2"), content_type=STRUCTURED, headers=headers, sign_with=None), 401)

	def test_what_is_not_signed_decides_nothing(self):
		"""In binary mode a signed body could be sent again under another ce-id, or another time: so they are not asked."""
		headers, body = binary(envelope("A-1", ticket(self.t)))
		r = self.d.post_raw(body, headers=headers)
		self.refused(r, 422, "/id")
		self.assertIn("not signed", r.json["detail"])
		headers, body = binary(envelope("A-1", ticket(self.t, id=f"{self.t}-1", at=instant())))
		proof = harness.signed_headers(body)
		self.took(self.d.post_raw(body, headers={**headers, **proof}, sign_with=None), 1)
		headers["ce-id"] = "A-2"
		self.took(self.d.post_raw(body, headers={**headers, **proof}, sign_with=None), 0, 1)


if __name__ == "__main__":
	harness.main()
