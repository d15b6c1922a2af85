"""Servers that speak broken RESP, or answer what nobody asked: plazod stays up, says what is wrong, serves webhooks, and recovers."""
import functools
import itertools
import json
import time

import harness
import redis_rig
from fake_redis import HANG, Beside, Drip, FakeRedis, Reset, Slow
from harness import opened, wait_for

# Whatever is asked, this comes back.
ALWAYS = {
	"an error with binary": b"-ERR \xff\xfe\x01 \x80%s%n\r\n",
	"an empty error": b"-\r\n",
	"arrays, a thousand deep": b"*1\r\n" * 1000 + b"$-1\r\n",
	"512 MiB are announced": b"$536870912\r\n" + b"x" * 4096,
	"a nil array": b"*-1\r\n",
	"a nil": b"$-1\r\n",
	"an empty array": b"*0\r\n",
	"a number that is none": b":garbage\r\n",
	"a number beyond 64 bits": b":99999999999999999999999\r\n",
	"a length below nil": b"$-7\r\n",
	"a count below nil": b"*-7\r\n",
	"a million elements announced": b"*1000000\r\n",
	"2^31 elements announced": b"*2147483647\r\n",
	"2^63 elements announced": b"*9223372036854775807\r\n",
	"a type that is none": b"!?\r\n",
	"another protocol": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
	"a line without an end": b"+" + b"x" * 200_000,
	"a push that nobody wanted": b">2\r\n$7\r\nmessage\r\n$1\r\nx\r\n",
	"fine, to everything": b"+OK\r\n",
	"42, to everything": b":42\r\n",
	"many replies to one question": b"+OK\r\n:1\r\n*0\r\n$-1\r\n" * 500,
	"half a reply, then a reset": Reset(b"*2\r\n$5\r\nab"),
	"a reset at once": Reset(),
	"a byte every tenth of a second": Drip(b"+" + b"y" * 300 + b"\r\n"),
	"nothing": HANG,
}


def entries(*items):
	"""One stream, `tickets`, with what is given as its entries."""
	return b"*1\r\n*2\r\n$7\r\ntickets\r\n*%d\r\n" % len(items) + b"".join(items)


# To this command alone; the rest is a real server's.
WRONG_SHAPES = {
	b"XREADGROUP": {
		"a number": b":42\r\n",
		"a text": b"$3\r\nabc\r\n",
		"nils": b"*3\r\n$-1\r\n*-1\r\n:1\r\n",
		"a stream that is nil": b"*1\r\n*2\r\n$-1\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$5\r\nevent\r\n$2\r\n{}\r\n",
		"a stream that was not asked for": b"*1\r\n*2\r\n$5\r\nother\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$5\r\nevent\r\n$2\r\n{}\r\n",
		"a stream of three": b"*1\r\n*3\r\n$7\r\ntickets\r\n*0\r\n:1\r\n",
		"entries that are a number": b"*1\r\n*2\r\n$7\r\ntickets\r\n:7\r\n",
		"entries that are numbers": entries(b":1\r\n", b":2\r\n"),
		"an id that is none": entries(b"*2\r\n$6\r\nno id!\r\n*2\r\n$5\r\nevent\r\n$2\r\n{}\r\n"),
		"an id that is a number": entries(b"*2\r\n:1\r\n*2\r\n$5\r\nevent\r\n$2\r\n{}\r\n"),
		"an id that is nil": entries(b"*2\r\n$-1\r\n*2\r\n$5\r\nevent\r\n$2\r\n{}\r\n"),
		"an id of a kilobyte": entries(b"*2\r\n$1024\r\n" + b"1" * 1024 + b"\r\n*2\r\n$5\r\nevent\r\n$2\r\n{}\r\n"),
		"an odd number of fields": entries(b"*2\r\n$3\r\n1-1\r\n*1\r\n$5\r\nevent\r\n"),
		"a value that is an array": entries(b"*2\r\n$3\r\n1-1\r\n*2\r\n$5\r\nevent\r\n*1\r\n:1\r\n"),
		"a value that is nil": entries(b"*2\r\n$3\r\n1-1\r\n*2\r\n$5\r\nevent\r\n$-1\r\n"),
		"an entry of one": entries(b"*1\r\n$3\r\n1-1\r\n"),
	},
	b"XGROUP": {"nil": b"$-1\r\n", "an array": b"*1\r\n:1\r\n", "an unknown error": b"-WHATEVER no such thing\r\n"},
	b"XINFO": {"nil": b"$-1\r\n", "numbers": b"*2\r\n:1\r\n:2\r\n", "an odd map": b"*1\r\n*3\r\n$4\r\nname\r\n$1\r\nx\r\n$4\r\nidle\r\n",
		   "a name that is a number": b"*1\r\n*6\r\n$4\r\nname\r\n:1\r\n$7\r\npending\r\n$1\r\nx\r\n$4\r\nidle\r\n$-1\r\n"},
	b"XAUTOCLAIM": {"nil": b"$-1\r\n", "a number": b":3\r\n", "one element": b"*1\r\n$3\r\n0-0\r\n",
			"numbers": b"*3\r\n:1\r\n:2\r\n:3\r\n", "nils": b"*3\r\n$-1\r\n*-1\r\n*-1\r\n",
			"a cursor that never ends": b"*3\r\n$3\r\n5-5\r\n*0\r\n*0\r\n"},
	b"XACK": {"nil": b"$-1\r\n", "a text": b"$2\r\nno\r\n", "minus one": b":-1\r\n", "more than asked": b":999999\r\n", "an array": b"*1\r\n:1\r\n"},
}


# Of XINFO CONSUMERS: one that died with an entry in its hands, so that there is something to claim.
DEAD = b"*1\r\n*6\r\n$4\r\nname\r\n$4\r\ndead\r\n$7\r\npending\r\n:1\r\n$4\r\nidle\r\n:99999999\r\n"


def rule_of(verb, answer, key):
	"""The answer to one verb, or to all, with the source's own stream (seven letters too) in the place of `tickets`."""
	if isinstance(answer, bytes):
		answer = answer.replace(b"tickets", key.encode())
	queued = [False]

	def rule(command):
		queued[0] = command[0] == b"MULTI" or (queued[0] and command[0] != b"EXEC")
		if verb == b"XAUTOCLAIM" and not queued[0] and command[:2] == [b"XINFO", b"CONSUMERS"]:
			return DEAD
		if verb is not None and command[0] != verb:
			return None
		time.sleep(0.05)                   # a read that is answered at once would otherwise be asked ten thousand times a second
		return answer
	return rule


def endless_claim(step, asked):
	"""A server whose claims find nothing and never end, at once; `asked` has how often it was asked."""
	def make(_):
		queued, n = [False], [5]

		def rule(command):
			queued[0] = command[0] == b"MULTI" or (queued[0] and command[0] != b"EXEC")
			if not queued[0] and command[:2] == [b"XINFO", b"CONSUMERS"]:
				return DEAD
			if command[0] != b"XAUTOCLAIM":
				return None
			asked.append(time.monotonic())
			n[0] += step
			text = f"{n[0]}-5".encode()
			return b"*3\r\n$%d\r\n%s\r\n*0\r\n*0\r\n" % (len(text), text)
		return rule
	return make


def key_of(source):
	return source.replace("bus", "tick-")


class Broken(redis_rig.Case):
	def sources(self, rules):
		"""A source of its own for each rule (what makes one for a stream), all at once: {name: (fake, source)}."""
		self.r = self.server()
		out = {}
		for i, (name, make) in enumerate(rules.items()):
			fake = FakeRedis(self.r.port, make(f"tick-{i:02}"))
			self.addCleanup(fake.close)
			out[name] = (fake, f"bus{i:02}")
		sources = redis_rig.source(self.r)
		for fake, source in out.values():
			sources[source] = {"redis": {"url": fake.url, "stream": key_of(source), "group": "plazo", "takeover": "10s"},
					   "contracts": ["acme"], "namespace": "desk"}
		self.d.configure(target="1h", sources=sources)
		return out

	def test_claims_that_never_end(self):
		"""They are asked for at leisure, and one that does not even go on is a fault."""
		stays, goes = [], []
		rules = {"stays": endless_claim(0, stays), "goes on": endless_claim(1, goes)}
		fakes = self.sources(rules)
		for _, source in fakes.values():
			self.r.add(opened(f"{source}-first"), stream=key_of(source))
		self.d.start(ready=False)
		self.wait_serving()
		wait_for("claims of both", 20, lambda: len(stays) > 1 and len(goes) > 1, 0.1)
		time.sleep(2)
		# In its first second the one begins anew a few times, each time twice as late, with two questions each.
		self.assertLess(len([t for t in stays if t < stays[0] + 1]), 20)
		self.assertLess(len([t for t in goes if t < goes[0] + 1]), 120)
		self.still_serves()

	def run_all(self, rules, seconds=20):
		fakes = self.sources(rules)
		for _, source in fakes.values():
			self.r.add(opened(f"{source}-first"), stream=key_of(source))
		self.d.start(ready=False)
		self.wait_serving()
		wait_for(lambda: "each fault; never asked: " + ", ".join(n for n, (f, _) in fakes.items() if f.n_broken == 0), seconds,
			 lambda: all(f.n_broken > 0 for f, _ in fakes.values()), 0.1)
		self.settle()                      # the sane source beside them is not held up
		for _ in range(10):
			self.still_serves()
			time.sleep(0.1)
		self.assertLess(harness.memory_kib(self.d.process.pid), 400_000 * harness.SLOWER)
		return fakes

	def heal_all(self, fakes, seconds=30):
		for fake, source in fakes.values():
			fake.heal()
			self.r.add(opened(f"{source}-second"), stream=key_of(source))
		for name, (_, source) in fakes.items():
			with self.subTest(name):
				wait_for(lambda: f"{name}: to be well again; {self.stream(source)}", seconds,   # noqa: B023
					 lambda: self.has(f"{source}-first") and self.has(f"{source}-second"), 0.1)   # noqa: B023
				self.wait_state("reading", name=source, seconds=15)
		self.assertIsNone(self.d.process.poll())

	def test_broken_replies(self):
		fakes = self.run_all({name: functools.partial(rule_of, None, answer) for name, answer in ALWAYS.items()})
		for name, (fake, source) in fakes.items():
			with self.subTest(name):
				stream = self.stream(source)
				self.assertNotEqual(stream["state"], "reading", stream)
				self.assertNotEqual(stream["why"], "")
				self.assertLess(fake.n_connections, 60, "reconnects without waiting")
		self.heal_all(fakes)

	def test_wrong_shapes(self):
		fakes = self.run_all({f"{verb.decode()}: {name}": functools.partial(rule_of, verb, answer)
				      for verb, answers in WRONG_SHAPES.items() for name, answer in answers.items()})
		for name, (fake, _) in fakes.items():
			with self.subTest(name):
				self.assertLess(fake.n_connections, 60, "reconnects without waiting")
		self.heal_all(fakes)

	def test_acknowledgements_of_which_the_server_knows_nothing(self):
		fakes = self.run_all({"XACK of none": functools.partial(rule_of, b"XACK", b":0\r\n")})
		((fake, source),) = fakes.values()
		wait_for("it is counted", 10, lambda: self.count("ack_lost_total", source) >= 1)
		# It is read and acknowledged once more where the connection ended before the answer was there.
		self.assertLessEqual(self.count("ack_lost_total", source), fake.n_broken)
		self.assertEqual(self.count("acked_total", source), 0)
		self.assertEqual(self.stream(source)["state"], "reading")
		self.assertRegex(self.d.log(), "ack_lost")

	def test_a_line_that_is_slow(self):
		"""A reply that takes longer than an answer may is asked for again in smaller pieces, until one comes through."""
		self.r = self.server()
		fake = FakeRedis(self.r.port, lambda command: Slow(4_000_000) if command[0] == b"XREADGROUP" else None)
		self.addCleanup(fake.close)
		self.r.add(*(json.dumps(opened(f"T{i}")) + " " * 60_000 for i in range(400)))
		self.run_bus(self.r, ready=False, url=fake.url)
		self.settle(seconds=60)
		self.assertEqual(len(self.tickets()), 400)
		self.assertGreater(self.count("failures_total"), 0)

	def test_a_group_that_is_gone_again_and_again(self):
		gone = b"-NOGROUP No such key 'tickets' or consumer group 'plazo' in XREADGROUP with GROUP option\r\n"

		def of_reads(_key):
			queued = [False]

			def rule(command):
				queued[0] = command[0] == b"MULTI" or (queued[0] and command[0] != b"EXEC")
				return gone if command[0] == b"XREADGROUP" and not queued[0] else None
			return rule
		fakes = self.run_all({"to every read": of_reads,
				      "to every look": lambda _key: lambda command: gone if command[:2] == [b"XINFO", b"CONSUMERS"] else None})
		asked = {name: fake.n_broken for name, (fake, _) in fakes.items()}
		lines = self.d.log().count("\n")
		time.sleep(3)
		for name, (fake, source) in fakes.items():
			with self.subTest(name):
				self.assertLess(fake.n_broken - asked[name], 40, "it makes the group again without waiting")
				wait_for("it is told", 10, lambda source=source: "NOGROUP" in (self.stream(source)["why"] or ""))
		self.assertLess(self.d.log().count("\n") - lines, 60)
		self.heal_all(fakes)

	def test_a_server_that_does_not_wait(self):
		"""BLOCK is ignored: it is not asked as fast as it can answer."""
		fakes = self.run_all({"nil at once": lambda _key: lambda command: b"*-1\r\n" if b"BLOCK" in command else None})
		((fake, _),) = fakes.values()
		asked = fake.n_broken
		time.sleep(3)
		self.assertLess(fake.n_broken - asked, 60, "it asks without an end")
		self.heal_all(fakes)

	def test_replies_that_nobody_asked_for(self):
		def every(n, answer):
			count = itertools.count(1)
			return lambda _key: lambda command: answer if next(count) % n == 0 else None
		self.heal_all(self.run_all({
			"a true reply and another": every(5, Beside(b"+OK\r\n")),
			"a true reply and a thousand": every(7, Beside(b"$-1\r\n" * 1000)),
			"every fifth command": every(5, b"-ERR made up\r\n"),
			"every third connection hangs": every(9, HANG),
			"every sixth is reset": every(6, Reset(b"*1\r\n")),
		}))


if __name__ == "__main__":
	harness.main()
