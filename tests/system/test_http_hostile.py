"""Hostile HTTP: what is refused is refused alike however it arrives, nothing is smuggled, and all others are served meanwhile."""
import contextlib
import http.client
import json
import os
import re
import resource
import selectors
import socket
import statistics
import threading
import time

import harness
import hostile_requests
from harness import Case, opened, request
from hostile_requests import AFTER, END, G, N, P, TABLE, TE, TOKEN, chunk

SOURCES = {"desk": {"webhook": {"verify": {"kind": "bearer", "secret": TOKEN}}}}
# Of 99 in 100 good requests, each with its commit: far more than on a quiet machine, far less than a loop that stands.
GOOD_MS = 5000 * harness.PATIENCE           # what is looked for is a daemon that hangs; the machine may be busy
BEARER = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


def rss_kib(d):
	with open(f"/proc/{d.process.pid}/status", encoding="ascii") as f:
		return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def n_descriptors(d):
	return len(os.listdir(f"/proc/{d.process.pid}/fd"))


def cpu_s(d):
	with open(f"/proc/{d.process.pid}/stat", encoding="ascii") as f:
		fields = f.read().rpartition(")")[2].split()
	return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def statuses(answer, is_head):
	"""The statuses of what came back, interim ones left out. AssertionError where it is not a row of whole responses."""
	found = []
	while answer:
		head, blank, rest = answer.partition(b"\r\n\r\n")
		m = re.match(rb"HTTP/1\.1 (\d{3}) [^\r\n]+\r\n", head + b"\r\n")
		assert m and blank, answer[:200]
		length = re.search(rb"\r\nContent-Length: (\d+)", head)
		n = int(length.group(1)) if length and not (is_head and not found) else 0
		assert len(rest) >= n, answer[:200]
		if m.group(1) != b"100":
			found.append(m.group(1).decode())
		answer = rest[n:]
	return found


def exchange(port, data, piece, half_close):
	"""Sends in pieces, reads until the other side closes; a side that goes early is no error of ours. None when it does not close."""
	got = b""
	with socket.create_connection(("127.0.0.1", port), timeout=5 * harness.PATIENCE) as s:
		s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		with contextlib.suppress(BrokenPipeError, ConnectionResetError):
			for i in range(0, len(data), piece):
				s.sendall(data[i:i + piece])
			if half_close:
				s.shutdown(socket.SHUT_WR)
		try:
			while part := s.recv(65536):
				got += part
		except ConnectionResetError:
			pass
		except TimeoutError:
			return None
	return got


class Good:
	"""A client that behaves, on a connection that it keeps and on new ones in turn. Any other answer than 2xx is an error."""

	def __init__(self, d, every=0.01):
		self.d, self.every = d, every
		self.seconds, self.errors = [], []
		self.over = threading.Event()
		self.thread = threading.Thread(target=self.run, daemon=True)

	def ask(self, kept, i):
		body = json.dumps(opened(f"good-{id(self)}-{i}")).encode()
		conn = kept if i % 2 else http.client.HTTPConnection("127.0.0.1", self.d.port, timeout=10 * harness.PATIENCE)
		try:
			began = time.monotonic()
			conn.request("POST", "/v1/events/desk", body, BEARER)
			r = conn.getresponse()
			r.read()
			self.seconds.append(time.monotonic() - began)
			if r.status != 202:
				self.errors.append(r.status)
		finally:
			if conn is not kept:
				conn.close()

	def run(self):
		kept = http.client.HTTPConnection("127.0.0.1", self.d.port, timeout=10 * harness.PATIENCE)
		i = 0
		while not self.over.wait(self.every):
			try:
				self.ask(kept, i)
			except (OSError, http.client.HTTPException) as e:
				self.errors.append(repr(e))
				kept.close()
			i += 1
		kept.close()

	def __enter__(self):
		self.thread.start()
		return self

	def __exit__(self, *_):
		self.over.set()
		self.thread.join()

	def p99_ms(self):
		return statistics.quantiles(self.seconds, n=100, method="inclusive")[98] * 1000 if len(self.seconds) > 1 else 0.0


class Table(Case):
	def setUp(self):
		super().setUp()
		self.run_with(sources=SOURCES, target="1h")

	def has(self, ticket):
		return self.d.get(f"/v1/tickets/{ticket}").status == 200

	def check(self, number, case, pieces):
		name, data, verdict = case
		data = data if isinstance(data, bytes) else data.encode()
		whole = (data + AFTER.encode()).replace(b"####", b"%04d" % number)
		began = time.monotonic()
		got = exchange(self.d.port, whole, max(1, len(whole) // pieces), verdict == "-")
		took = time.monotonic() - began
		self.assertIsNotNone(got, "the connection stays open")
		want = [] if verdict == "-" else verdict.rstrip("+").split()
		goes_on = verdict.endswith("+")
		self.assertEqual(statuses(got, data.startswith(b"HEAD")), want + ["202"] * goes_on, got[:600])
		self.assertFalse(self.has(f"inner-{number:04d}"), "smuggled")
		self.assertEqual(self.has(f"after-{number:04d}"), goes_on, "the request behind it")
		self.assertEqual(self.has(f"own-{number:04d}"), "202" in want)
		self.assertLess(took, 3.0 * harness.PATIENCE, name)

	def run_table(self, pieces, first):
		before = rss_kib(self.d)
		with Good(self.d) as good:
			for i, case in enumerate(TABLE):
				with self.subTest(case[0]):
					self.check(first + i, case, pieces)
		self.assertEqual(good.errors, [])
		self.assertLess(good.p99_ms(), GOOD_MS)
		if not harness.SANITIZED:
			self.assertLess(rss_kib(self.d) - before, 32 << 10)

	def test_in_one_piece(self):
		self.assertGreaterEqual(len(TABLE), 150)
		self.assertEqual(len({name for name, _, _ in TABLE}), len(TABLE), "two cases of one name")
		self.run_table(1, 0)

	def test_in_many_pieces(self):
		self.run_table(400, 4000)


# ---- what takes its time ----
# Sent at once, then byte by byte for ever, and how long that may go on: 10 s for a head, for a body 5 s and then as fast as 4 KiB/s.
HEAD_S, BODY_S = 10, 6
SLOW = (
	("nothing", "", "", HEAD_S),
	("a request line", "GET /", "a", HEAD_S),
	("a method", "", "A", HEAD_S),
	("a name", G, "X", HEAD_S),
	("a value", G + "X: ", "a", HEAD_S),
	("headers", G, "X: a\r\n", HEAD_S),
	("all but the last byte of a head", G + "\r", "", HEAD_S),
	("empty lines", "\r\n", "", HEAD_S),
	("half an empty line", "\r", "", HEAD_S),
	("a body", f"{P}Content-Length: 100000\r\n\r\n", " ", BODY_S),
	("all but the last byte of a body", f"{P}Content-Length: {N}\r\n\r\n" + " " * (N - 1), "", BODY_S),
	("a body after 100 Continue", f"{P}Expect: 100-continue\r\nContent-Length: 100000\r\n\r\n", "", BODY_S),
	("the size of a chunk", TE, "0", BODY_S),
	("an extension", TE + "1;", "a", BODY_S),
	("a chunk", TE + "ffff\r\n", " ", BODY_S),
	("small chunks", TE, chunk(" "), BODY_S),
	("a trailer", TE + chunk(" ") + "0\r\nX: ", "a", BODY_S),
	("trailers", TE + chunk(" ") + "0\r\n", "X: a\r\n", BODY_S),
	("the end of chunks", TE + chunk(" ") + END[:-1], "", BODY_S),
	("the second request", G + "\r\n" + G, "X", HEAD_S),
)
DRIP_S = 1.2


class Drip:
	"""One slow client: a byte each time drip() is called, until the other side closes."""

	def __init__(self, port, case):
		self.name, start, self.rest, self.limit = case
		self.at, self.began, self.ended, self.got = 0, time.monotonic(), None, b""
		self.socket = socket.create_connection(("127.0.0.1", port))
		self.socket.setblocking(False)
		self.socket.send(start.encode())

	def drip(self):
		if self.rest and self.ended is None:
			with contextlib.suppress(OSError):
				self.socket.send(self.rest[self.at % len(self.rest)].encode())
			self.at += 1

	def read(self):
		try:
			part = self.socket.recv(65536)
		except OSError:
			part = b""
		self.got += part
		if not part:
			self.ended = time.monotonic()
		return bool(part)


class Slow(Case):
	def drip_all(self, clients, seconds):
		with selectors.DefaultSelector() as sel:
			for c in clients:
				sel.register(c.socket, selectors.EVENT_READ, c)
			end, due = time.monotonic() + seconds, 0.0
			while sel.get_map() and time.monotonic() < end:
				if time.monotonic() >= due:
					due = time.monotonic() + DRIP_S
					for c in clients:
						c.drip()
				for key, _ in sel.select(0.1):
					if not key.data.read():
						sel.unregister(key.fileobj)

	def test_slow_clients_are_cut_in_time(self):
		self.run_with(sources=SOURCES, target="1h")
		fds = n_descriptors(self.d)
		clients = [Drip(self.d.port, case) for case in SLOW for _ in range(10)]
		with Good(self.d, 0.05) as good:
			before, began = cpu_s(self.d), time.monotonic()
			self.drip_all(clients, HEAD_S + 7 * harness.PATIENCE)
			self.assertLess((cpu_s(self.d) - before) / (time.monotonic() - began), 0.2 * harness.PATIENCE, "of a processor")
		for c in clients:
			with self.subTest(c.name):
				self.assertIsNotNone(c.ended, "still open")
				self.assertGreater(c.ended - c.began, c.limit - 2, c.got)
				self.assertLess(c.ended - c.began, c.limit + 5 * harness.PATIENCE, c.got)
			c.socket.close()
		self.assertEqual(good.errors, [])
		self.assertLess(good.p99_ms(), GOOD_MS)
		harness.wait_for("the descriptors back", 5, lambda: n_descriptors(self.d) <= fds + 1)


class Broken(Case):
	STAGES = ("", "GE", G, G + "X: a\r", G + "\r\n", f"{P}Content-Length: {N}\r\n\r\n", f"{P}Content-Length: {N}\r\n\r\n" + " " * 50,
		  TE, TE + "5\r\nab", TE + chunk("ab") + "0\r\nX", (G + "\r\n") * 5 + "GET", hostile_requests.a_post("own"))

	def test_clients_that_close_half_or_reset(self):
		self.run_with(sources=SOURCES, target="1h")
		fds, before = n_descriptors(self.d), rss_kib(self.d)
		with Good(self.d) as good:
			for i in range(harness.scaled(40)):
				for stage in self.STAGES:
					s = socket.create_connection(("127.0.0.1", self.d.port), timeout=5 * harness.PATIENCE)
					s.sendall(stage.encode())
					if i % 2:
						# A linger of no time makes close() a reset.
						s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
					else:
						s.shutdown(socket.SHUT_WR)
						while s.recv(65536):
							pass
					s.close()
		self.assertEqual(good.errors, [])
		harness.wait_for("the descriptors back", 5, lambda: n_descriptors(self.d) <= fds + 1)
		if not harness.SANITIZED:
			self.assertLess(rss_kib(self.d) - before, 16 << 10)


class Many(Case):
	def connect(self, n, start=b"", seconds=60):
		"""So many connections, or as many as can be had in the time."""
		held = []
		self.addCleanup(lambda: [s.close() for s in held])
		end = time.monotonic() + seconds
		while len(held) < n and time.monotonic() < end:
			s = socket.create_connection(("127.0.0.1", self.d.port), timeout=20 * harness.PATIENCE)
			s.sendall(start)
			held.append(s)
		return held

	def connected_at_once(self, n):
		"""How many of n are there at one time; None where the first was cut, after the time of a head, before the last was there."""
		# That is why there is a limit of time, too.
		cut, held = self.metric("plazod_http_timeouts_total"), self.connect(n, G.encode(), seconds=HEAD_S / 2)
		over = lambda: self.metric("plazod_http_timeouts_total") > cut
		harness.wait_for("all of them accepted", 5, lambda: self.metric("plazod_http_connections") >= len(held) or over())
		if not over():
			return len(held)
		for s in held:
			s.close()
		return None

	def test_ten_thousand_connections(self):
		soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
		n = min(10_000, hard - 1000)
		if n < 1000:
			self.skipTest(f"RLIMIT_NOFILE is {hard}")
		resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
		self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
		self.run_with(sources=SOURCES, target="1h", server={"limits": {"connections": n + 500}})
		before = rss_kib(self.d)
		with Good(self.d) as good:
			n = harness.undisturbed(lambda _: self.connected_at_once(n), 3)
			self.assertGreaterEqual(n, 1000)
			time.sleep(1)
		grown = rss_kib(self.d) - before
		print(f"{n} connections: p99 {good.p99_ms():.1f} ms of {len(good.seconds)} good requests, {grown / n:.1f} KiB each", flush=True)
		self.assertEqual(good.errors, [])
		self.assertLess(good.p99_ms(), GOOD_MS)
		if not harness.SANITIZED:
			self.assertLess(grown / n, 16)

	def flood(self, port, over):
		"""As many connections as the kernel takes, each made anew once it is cut. Gives how many there were."""
		kinds = ("", "\r", "GET /", G, f"{P}Content-Length: 100000\r\n\r\n", TE, TE + "ff\r\n")
		held, n = {}, 0
		with selectors.DefaultSelector() as sel:
			while not over.is_set():
				while len(held) < 400:
					s = socket.socket()
					s.setblocking(False)
					s.connect_ex(("127.0.0.1", port))
					held[s] = kinds[n % len(kinds)].encode()
					sel.register(s, selectors.EVENT_WRITE)
					n += 1
				for key, events in sel.select(0.05):
					s, ended = key.fileobj, False
					try:
						if events & selectors.EVENT_WRITE:
							s.send(held[s])
							sel.modify(s, selectors.EVENT_READ)
						else:
							ended = not s.recv(4096)
					except OSError:
						ended = True
					if ended:
						sel.unregister(s)
						s.close()
						del held[s]
			for s in held:
				s.close()
		return n

	def test_a_flood_over_the_cap_delays_others_and_no_more(self):
		"""Connections that do nothing give way to those that wait, so who has a request has his turn."""
		self.run_with(sources=SOURCES, target="1h", server={"limits": {"connections": 100}})
		over = threading.Event()
		flood = threading.Thread(target=self.flood, args=(self.d.port, over), daemon=True)
		flood.start()
		self.addCleanup(flood.join)
		self.addCleanup(over.set)
		time.sleep(1)
		longest = 0.0
		for i in range(2):
			began = time.monotonic()
			self.assertEqual(self.d.post(opened(f"T{i}"), "desk", sign_with=None, headers=BEARER, timeout=60).status, 202)
			longest = max(longest, time.monotonic() - began)
		print(f"behind a flood: {longest:.1f} s at most", flush=True)
		self.assertLess(longest, 15 * harness.PATIENCE)

	def test_clients_that_do_not_read_take_bounded_memory(self):
		"""Pipelined requests whose answers nobody takes: the next is not begun before the last is taken, and no more is read."""
		self.run_with(sources=SOURCES, target="1h")
		asks = f"GET /metrics HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {harness.TOKEN_READ}\r\n\r\n".encode() * 20000
		before = rss_kib(self.d)
		with Good(self.d) as good:
			for s in self.connect(50):
				s.setblocking(False)
				with contextlib.suppress(BlockingIOError):
					s.sendall(asks)
			time.sleep(1)
			grown = rss_kib(self.d) - before
		self.assertEqual(good.errors, [])
		self.assertLess(good.p99_ms(), GOOD_MS)
		if not harness.SANITIZED:
			self.assertLess(grown / 50, 256, "KiB a connection")

	def test_a_pipeline_larger_than_what_is_read_ahead(self):
		"""Requests that wait for the disk, with more behind them than one connection may have in memory."""
		self.run_with(sources=SOURCES, target="1h")
		n = harness.scaled(1000)
		posts = [hostile_requests.a_post("piped", *["Connection: close"] * (i == n - 1)).replace("####", f"{i:04d}") for i in range(n)]
		with Good(self.d) as good, socket.create_connection(("127.0.0.1", self.d.port), timeout=20 * harness.PATIENCE) as s:
			sender = threading.Thread(target=s.sendall, args=("".join(posts).encode(),))
			sender.start()
			got = b"".join(iter(lambda: s.recv(65536), b""))
			sender.join()
		self.assertEqual(statuses(got, False), ["202"] * n)
		self.assertEqual(good.errors, [])
		self.assertLess(good.p99_ms(), GOOD_MS)

	def test_a_pipeline_without_an_end(self):
		"""Answered as fast as it comes, and read: the loop must do its other work all the same."""
		self.run_with(sources=SOURCES, target="1h")
		over = threading.Event()

		def pump(s):
			with contextlib.suppress(OSError):
				while not over.is_set():
					s.sendall((G + "\r\n").encode() * 500)

		def drain(s):
			with contextlib.suppress(OSError):
				while s.recv(1 << 20):
					pass

		threads = [threading.Thread(target=fn, args=(s,)) for s in self.connect(4) for fn in (pump, drain)]
		with Good(self.d) as good:
			for t in threads:
				t.start()
			time.sleep(2)
			harness.wait_for("good requests", 10, lambda: len(good.seconds) > 10)
		over.set()
		self.d.stop()
		for t in threads:
			t.join()
		self.assertEqual(good.errors, [])
		self.assertLess(good.p99_ms(), GOOD_MS)

	def test_bodies_that_never_end_take_bounded_memory(self):
		self.run_with(sources=SOURCES, target="1h")
		size = 8 << 20
		held = self.connect(60)
		refused = 0
		with Good(self.d) as good:
			for s in held:
				s.sendall(f"{P}Content-Length: {size}\r\n\r\n".encode())
				# What comes after it has an answer: so it had its own, or gets none yet.
				self.d.get("/healthz", token=None)
				s.setblocking(False)
				with contextlib.suppress(OSError):
					refused += b" 503 " in s.recv(4096)
				s.settimeout(5 * harness.PATIENCE)
			# One less where the good client's own is among them just then.
			self.assertIn(refused - 60 + (256 << 20) // size, (0, 1), "bodies of 256 MiB in all are taken")
			for s in held[:20]:
				s.sendall(b" " * (size - 1))
			grown = rss_kib(self.d)
		self.assertEqual(good.errors, [])
		if not harness.SANITIZED:
			self.assertLess(grown, 300 << 10)


if __name__ == "__main__":
	harness.main()
