"""A replay of the journal decides as it was decided: after kill -9 every ticket is as it was, whatever its sources may touch by then."""
import base64
import json
import os
import random
import time

import harness
from harness import Case, base_config, event, instant

KILLS = int(os.environ.get("PLAZO_KILLS", "20"))
SECOND = "whsec_" + base64.b64encode(b"the secret of another source ...").decode()
TICKETS = 25
KINDS = ["opened", "opened", "opened", "changed", "changed", "replied", "acknowledged", "resolved", "reopened", "closed", "cancelled"]
GOES_ON = {"elapsed_s", "remaining_s", "paused_s", "counted_s", "to"}       # with the time


def steady(v):
	"""What of an answer does not depend on when it is asked for."""
	if isinstance(v, dict):
		return {k: steady(x) for k, x in v.items() if k not in GOES_ON}
	return [steady(x) for x in v] if isinstance(v, list) else v


class Replay(Case):
	def some_sources(self):
		"""Two that share their tickets; each may touch all contracts or some, and the second is not always there."""
		out = {}
		for name, secret in ("helpdesk", harness.SECRET), ("second", SECOND):
			out[name] = {"webhook": {"verify": {"kind": "standard-webhooks", "secret": secret}}, "namespace": "desk"}
			if n := self.rnd.randrange(3):
				out[name]["contracts"] = self.rnd.sample(["acme", "other"], n)
		if self.rnd.random() < 0.2:
			del out["second"]
		return out

	def configure(self, target):
		"""Nothing is due while the test runs."""
		cfg = base_config(self.d.port, target="1h", policies={"quick": {"metrics": {"response": {"target": "1h"}, "resolution": {"target": target}},
										"escalation": "standard"}})
		self.d.write({**cfg, "sources": self.some_sources()})

	def some_event(self):
		rnd = self.rnd
		self.n += 1
		again = rnd.random() < 0.1
		e = event(f"T{rnd.randrange(TICKETS)}", rnd.choice(KINDS), id=f"e{rnd.randint(1, self.n) if again else self.n}",
			  at=instant(-rnd.choice([0, 0, 0, 5, 600, 4000])), actor={"role": rnd.choice(["agent", "customer", "system"])})
		if rnd.random() < 0.7:
			e["contract"] = rnd.choice(["acme", "acme", "acme", "other", "nobody", None])
		if rnd.random() < 0.3:
			e["organization"] = rnd.choice(["ACME S.A.", "Nobody"])
		return e

	def act(self):
		what = self.rnd.choice(["waive", "extend"])
		body = {"metric": self.rnd.choice(["response", "resolution"]), "reason": "agreed", **({"by": "1h"} if what == "extend" else {})}
		r = harness.request(self.d.port, "POST", f"/v1/tickets/desk/T{self.rnd.randrange(TICKETS)}/{what}", json.dumps(body),
				    {"Authorization": f"Bearer {harness.TOKEN_ACT}"})
		self.assertIn(r.status, (200, 404, 409, 422), r)

	def send(self, n):
		for _ in range(n):
			if self.rnd.random() < 0.2:
				self.act()
			source, secret = self.rnd.choice([("helpdesk", harness.SECRET), ("second", SECOND)])
			r = self.d.post([self.some_event() for _ in range(self.rnd.randint(1, 12))], source=source, sign_with=secret)
			self.assertIn(r.status, (202, 207, 401, 403, 409, 422), r)

	def tickets(self):
		asked = [self.d.get(f"/v1/tickets/desk/T{i}{what}") for i in range(TICKETS) for what in ("", "/explain")]
		return [(r.status, steady(r.json)) for r in asked]

	def test_a_replay_decides_as_it_was_decided(self):
		seed = int(os.environ.get("PLAZO_SEED", time.time_ns() % 1_000_000))
		self.rnd, self.n, target = random.Random(seed), 0, "2h"
		print(f"seed {seed}")
		self.configure(target)
		self.d.start()
		for _ in range(harness.scaled(KILLS)):
			self.send(self.rnd.randint(1, 10))
			if self.rnd.random() < 0.7:
				target = self.rnd.choice(["2h", "3h"])
				self.configure(target)
				self.assertEqual(self.d.ctl("reload").returncode, 0)
				self.send(self.rnd.randrange(5))
			was = self.tickets()
			if self.rnd.random() < 0.5:
				self.configure(target)
			# Tickets come from their rows, from the journal, or from both.
			self.rnd.choice([self.d.kill, self.d.kill, self.d.stop])()
			self.d.start()
			for before, after in zip(was, self.tickets()):
				self.assertEqual(before, after, f"seed {seed}")


if __name__ == "__main__":
	harness.main()
