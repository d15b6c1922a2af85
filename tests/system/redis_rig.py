"""Redis for the system tests: real servers in a directory of their own, a client in a page, sentinels, and a producer with a ledger.

Servers listen on a port of loopback that the kernel picked and on a unix socket; they are ended by their pid alone. What a
server keeps (appendfsync always) outlives kill() and start().
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

import harness
from harness import opened, wait_for

STREAM, GROUP, SOURCE = "tickets", "plazo", "bus"


class RedisError(Exception):
	"""An error that the server answered, in its own words."""


class Client:
	"""One connection that asks and waits; the address is a port of loopback or the path of a unix socket."""

	def __init__(self, address, timeout=10, password=None):
		if isinstance(address, int):
			self.sock = socket.create_connection(("127.0.0.1", address), timeout=timeout * harness.PATIENCE)
		else:
			self.sock = socket.socket(socket.AF_UNIX)
			self.sock.settimeout(timeout * harness.PATIENCE)
			self.sock.connect(str(address))
		self.file = self.sock.makefile("rb")
		if password:
			self("AUTH", password)

	def __call__(self, *args):
		(reply,) = self.many([args])
		if isinstance(reply, RedisError):
			raise reply
		return reply

	def many(self, commands):
		"""Sends them in one go; gives the replies, errors as values among them."""
		out = []
		for args in commands:
			out.append(b"*%d\r\n" % len(args))
			for a in args:
				a = a if isinstance(a, bytes) else str(a).encode()
				out.append(b"$%d\r\n%s\r\n" % (len(a), a))
		self.sock.sendall(b"".join(out))
		return [self.read() for _ in commands]

	def read(self):
		line = self.file.readline()
		if not line.endswith(b"\r\n"):
			raise ConnectionError("the server went away")
		kind, rest = line[:1], line[1:-2]
		if kind == b"+":
			return rest.decode()
		if kind == b"-":
			return RedisError(rest.decode("utf-8", "replace"))
		if kind == b":":
			return int(rest)
		n = int(rest)
		if n < 0:
			return None
		if kind == b"$":
			data = self.file.read(n + 2)
			if len(data) != n + 2:
				raise ConnectionError("the server went away")
			return data[:-2].decode("utf-8", "replace")
		return [self.read() for _ in range(n)]

	def close(self):
		self.file.close()
		self.sock.close()


def pairs(flat):
	"""What XINFO answers, as a dict."""
	return dict(zip(flat[::2], flat[1::2]))


def libraries():
	"""The environment in which a server runs that was unpacked beside its libraries."""
	return {**os.environ, "LD_LIBRARY_PATH": str(next(iter(harness.SERVERS.glob("usr/lib/*-linux-gnu")), ""))}


class Redis:
	"""A redis-server; `conf` are lines of its configuration as keywords, "_" for "-". With `sentinel` it is one of those."""

	def __init__(self, sentinel=False, port=None, **conf):
		program = harness.find_server("redis-server")
		if program is None:
			raise unittest.SkipTest("no redis-server: tests/system/servers build/servers brings it")
		self.program = program
		self.dir = pathlib.Path(tempfile.mkdtemp(prefix="plazo-redis-"))
		self.port, self.path = port or harness.free_port(), self.dir / "redis.sock"
		self.sentinel, self.process, self.password = sentinel, None, conf.get("requirepass")
		lines = {"port": self.port, "bind": "127.0.0.1", "dir": self.dir, "protected-mode": "no", "logfile": self.dir / "log"}
		if not sentinel:
			lines.update({"unixsocket": self.path, "unixsocketperm": "700", "save": '""', "appendonly": "yes", "appendfsync": "always",
				      "repl-diskless-sync-delay": "0", "repl-backlog-size": "1mb"})
		lines.update({k.replace("_", "-"): v for k, v in conf.items()})
		self.conf = self.dir / "redis.conf"
		self.conf.write_text("".join(f"{k} {v}\n" for k, v in lines.items()))

	def speak_tls(self):
		"""At `tls_port`, too, from its start on; gives its certificate, which is for localhost."""
		self.tls_port = harness.free_port()
		cert, key = harness.certificate(self.dir)
		self.conf.write_text(self.conf.read_text() + f"tls-port {self.tls_port}\ntls-cert-file {cert}\ntls-key-file {key}\n"
				     f"tls-ca-cert-file {cert}\ntls-auth-clients no\n")
		return cert

	@property
	def url(self):
		return f"redis://127.0.0.1:{self.port}/0"

	def start(self):
		self.process = subprocess.Popen([str(self.program), str(self.conf), *(["--sentinel"] if self.sentinel else [])],
						env=libraries(), stdin=subprocess.DEVNULL,
						stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.dir)
		wait_for("redis-server", 10, self.answers, 0.01)
		return self

	def answers(self):
		if self.process.poll() is not None:
			raise AssertionError("redis-server ended: " + (self.dir / "log").read_text()[-2000:])
		with contextlib.suppress(OSError, RedisError), contextlib.closing(self.client(timeout=1)) as c:
			return c("PING") == "PONG"

	def client(self, timeout=10):
		return Client(self.port, timeout, self.password)

	def __call__(self, *args):
		with contextlib.closing(self.client()) as c:
			return c(*args)

	def kill(self):
		self.process.kill()
		self.process.wait()

	def stop(self):
		self.process.terminate()
		self.process.wait(10 * harness.PATIENCE)

	@contextlib.contextmanager
	def hung(self):
		"""It holds its connections, takes bytes, and answers nothing."""
		self.process.send_signal(signal.SIGSTOP)
		try:
			yield
		finally:
			self.process.send_signal(signal.SIGCONT)

	def close(self):
		if self.process is not None and self.process.poll() is None:
			self.process.send_signal(signal.SIGCONT)
			self.kill()
		shutil.rmtree(self.dir, ignore_errors=True)

	# ---- streams ----
	def add(self, *events, stream=STREAM):
		"""XADD of each, a dict as JSON or bytes as they are; gives the ids."""
		bodies = [e if isinstance(e, (bytes, str)) else json.dumps(e) for e in events]
		with contextlib.closing(self.client()) as c:
			ids = c.many([("XADD", stream, "*", "event", b) for b in bodies])
		for i in ids:
			if isinstance(i, RedisError):
				raise i
		return ids

	def pending(self, stream=STREAM, group=GROUP):
		return self("XPENDING", stream, group)[0]

	def group(self, stream=STREAM, group=GROUP):
		"""XINFO of the group; {} while there is none."""
		with contextlib.suppress(RedisError):
			return next((g for g in map(pairs, self("XINFO", "GROUPS", stream)) if g["name"] == group), {})
		return {}

	def consumer(self):
		"""The name of the one consumer there is; a stream that reads may have asked for nothing yet."""
		(name,) = wait_for("a consumer", 10, self.consumers)
		return name

	def consumers(self, stream=STREAM, group=GROUP):
		with contextlib.suppress(RedisError):
			return {c["name"]: c for c in map(pairs, self("XINFO", "CONSUMERS", stream, group))}
		return {}

	def settled(self, stream=STREAM, group=GROUP):
		"""All that was added has been read and acknowledged."""
		g = self.group(stream, group)
		return bool(g) and g["pending"] == 0 and g["last-delivered-id"] == pairs(self("XINFO", "STREAM", stream))["last-generated-id"]


class Sentinels:
	"""Three sentinels over a master and a replica of it; `master` is their name for it."""
	MASTER = "promised"

	def __init__(self):
		self.servers = [Redis(), Redis()]
		self.servers[0].start()
		self.servers[1].conf.write_text(self.servers[1].conf.read_text() + f"replicaof 127.0.0.1 {self.servers[0].port}\n")
		self.servers[1].start()
		self.sentinels = []
		for _ in range(3):
			s = Redis(sentinel=True)
			s.conf.write_text(s.conf.read_text() + f"sentinel monitor {self.MASTER} 127.0.0.1 {self.servers[0].port} 2\n"
					  f"sentinel down-after-milliseconds {self.MASTER} 1500\nsentinel failover-timeout {self.MASTER} 3000\n")
			self.sentinels.append(s.start())
		wait_for("the sentinels to know each other and the replica", 20, self.whole, 0.1)

	def whole(self):
		infos = [pairs(s("SENTINEL", "MASTER", self.MASTER)) for s in self.sentinels]
		return all(i["num-other-sentinels"] == "2" and i["num-slaves"] == "1" for i in infos)

	@property
	def addresses(self):
		return [f"127.0.0.1:{s.port}" for s in self.sentinels]

	def current(self):
		"""The server that the sentinels name, once it says so itself."""
		for s in self.sentinels:
			with contextlib.suppress(OSError, RedisError):
				_, port = s("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.MASTER)
				found = next(r for r in self.servers if r.port == int(port))
				if found("ROLE")[0] == "master":
					return found
		return None

	def close(self):
		for s in (*self.sentinels, *self.servers):
			s.close()


TUNNEL = """
foreground = yes
pid =
[redis]
client = yes
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{tls_port}
CAfile = {cert}
verifyChain = yes
checkHost = localhost
"""


class Tunnel:
	"""A stunnel in front of a Redis that speaks TLS alone; `port` is the plain side of it."""

	def __init__(self):
		program = harness.find_server("stunnel4")
		if program is None:
			raise unittest.SkipTest("no stunnel: tests/system/servers build/servers brings it")
		self.redis, self.port = Redis(), harness.free_port()
		cert = self.redis.speak_tls()
		self.redis.start()
		conf = self.redis.dir / "stunnel.conf"
		conf.write_text(TUNNEL.format(port=self.port, tls_port=self.redis.tls_port, cert=cert))
		self.process = subprocess.Popen([str(program), str(conf)], env=libraries(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
						stderr=subprocess.DEVNULL)

	def close(self):
		self.process.terminate()
		self.process.wait(10 * harness.PATIENCE)
		self.redis.close()


def source(redis, **more):
	"""The `sources` of a configuration in which the bus is beside the helpdesk; `more` are keys of the bus, None takes one away."""
	bus = {"url": redis.url if redis else None, "stream": STREAM, "group": GROUP, **more}
	if bus.get("cursor") == "own":
		del bus["group"]
	return {"helpdesk": {"webhook": {"verify": {"kind": "standard-webhooks", "secret": harness.SECRET}}, "contracts": ["acme"],
			     "namespace": "desk"},
		SOURCE: {"redis": {k: v for k, v in bus.items() if v is not None}, "contracts": ["acme"], "namespace": "desk"}}


class Producer:
	"""
	Adds opened events, `batch` at a time, from a thread, and keeps a ledger: `sure` are tickets whose XADD was answered. What was
	not answered is sent again with the same event id, as a careful producer does, so that the stream may hold it twice.
	"""

	def __init__(self, address, batch=10, pause=0.01, prefix="S", make=opened, stream=STREAM):
		self.address, self.batch, self.pause, self.prefix, self.make, self.stream = address, batch, pause, prefix, make, stream
		self.sure, self.again, self.n = {}, 0, 0
		self.ending = threading.Event()
		self.thread = threading.Thread(target=self.run, daemon=True)
		self.thread.start()

	def run(self):
		client, events = None, []
		while not self.ending.is_set():
			if not events:
				events = [self.make(f"{self.prefix}{self.n + i}") for i in range(self.batch)]
				self.n += self.batch
			try:
				if client is None:
					client = Client(self.address() if callable(self.address) else self.address, timeout=5)
				replies = client.many([("XADD", self.stream, "*", "event", json.dumps(e)) for e in events])
			except OSError:
				if client is not None:
					client.close()
				client, replies = None, [None] * len(events)
			failed = [e for e, r in zip(events, replies) if not isinstance(r, str)]
			self.sure.update({e["ticket"]: e for e, r in zip(events, replies) if isinstance(r, str)})
			self.again += len(failed)
			events = failed
			self.ending.wait(0.05 if failed else self.pause)
		if client is not None:
			client.close()

	def wait(self, n):
		"""Until there was some load."""
		wait_for(lambda: f"{n} that were acknowledged, of {len(self.sure)}", 30, lambda: len(self.sure) >= n)

	def stop(self):
		self.ending.set()
		self.thread.join(15 * harness.PATIENCE)


class Case(harness.Case):
	"""A test with a plazod (self.d) that reads a stream of a Redis of its own (self.r)."""

	def server(self, **conf):
		r = Redis(**conf)
		self.addCleanup(r.close)
		return r.start()

	def run_bus(self, redis=None, receivers=None, ready=True, sections=None, **bus):
		"""Starts both; `bus` are keys of the source."""
		self.r = redis or self.server()
		self.d.configure(receivers, target="1h", sources=source(self.r, **bus), **(sections or {}))
		self.d.start(ready=False)
		self.wait_serving()
		if ready:
			self.wait_state("reading")
		return self.d

	def wait_serving(self, d=None):
		"""The journal is read and webhooks are taken; the stream may be in any state."""
		d = d or self.d

		def serving():
			if d.process.poll() is not None:
				raise AssertionError(f"plazod ended with {d.process.returncode}:\n{d.log()[-3000:]}")
			with contextlib.suppress(OSError):
				return b"ok recovered" in harness.request(d.port, "GET", "/readyz", timeout=2).body
		wait_for("plazod", 10, serving)

	def stream(self, name=SOURCE, d=None):
		"""What `plazoctl status --json` says of a stream."""
		r = (d or self.d).ctl("status", "--json")
		self.assertIn(r.returncode, (0, 1), r.stderr)
		found = [s for s in json.loads(r.stdout).get("streams", []) if s["source"] == name]
		return found[0] if found else {}

	def wait_state(self, state, seconds=12, why=None, d=None, name=SOURCE):
		"""Until the stream is in that state, and says `why` in its sentence."""
		last = {}

		def there():
			last.clear()
			last.update(self.stream(name, d))
			return last.get("state") == state and (why is None or why.lower() in (last.get("why") or "").lower())
		wait_for(lambda: f"state {state} {why or ''}; it is {last}\n{(d or self.d).log()[-2500:]}", seconds, there, 0.05)
		return last

	def count(self, what, name=SOURCE):
		"""A metric of the stream since this plazod started."""
		return self.metric(f"plazod_stream_{what}", source=name)

	def wait_count(self, what, n, name=SOURCE):
		"""Until a metric is that and not beyond it: it may lag behind what the server says."""
		wait_for(lambda: f"{what} {n}; it is {self.count(what, name)}", 10, lambda: self.count(what, name) >= n)
		self.assertEqual(self.count(what, name), n)

	def settle(self, redis=None, seconds=15, **of):
		r = redis or self.r
		wait_for(lambda: f"all read and acknowledged; {r.group(**of)} {self.stream()}\n{self.d.log()[-2500:]}", seconds,
			 lambda: r.settled(**of), 0.05)

	def tickets(self):
		"""The names of all open tickets."""
		names, path = set(), "/v1/tickets?limit=1000"
		while path:
			page = self.d.get(path).json
			names |= {t["ticket"] for t in page["tickets"]}
			path = f"/v1/tickets?limit=1000&after={urllib.parse.quote(page['after'])}" if page.get("after") else None
		return names

	def has(self, ticket):
		return self.d.get(f"/v1/tickets/{ticket}").status == 200

	def wait_ticket(self, ticket, seconds=10):
		wait_for(lambda: f"ticket {ticket}; {self.stream()}\n{self.d.log()[-2500:]}", seconds, lambda: self.has(ticket), 0.05)

	def assert_known(self, events):
		"""Each is there, once: the same by webhook is a duplicate (both sources have one namespace)."""
		events = list(events)
		for i in range(0, len(events), 200):
			part = events[i:i + 200]
			self.assertEqual(self.d.accept(part), {"accepted": 0, "duplicates": len(part)})

	def still_serves(self):
		"""Webhooks are taken as if there were no Redis."""
		harness.soon(1.0 * harness.PATIENCE, lambda: self.d.accept(opened(f"W{os.urandom(6).hex()}")))

	def back_again(self, ticket, seconds=15):
		"""What is added now is read."""
		self.r.add(opened(ticket))
		self.wait_ticket(ticket, seconds)
		self.wait_state("reading")
		self.settle()

	def not_ready(self, why):
		"""/readyz says so: not at once, a short loss is nobody's business."""
		def says():
			r = harness.request(self.d.port, "GET", "/readyz")
			return r.status == 503 and why.lower() in r.body.decode().lower()
		wait_for(lambda: f"readyz with {why}: {harness.request(self.d.port, 'GET', '/readyz')}", 20, says, 0.2)
