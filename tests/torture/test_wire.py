"""
Receivers and mail servers that answer what no server should, byte by byte: each first answers so, and well from the second time on. The alert then
arrives with the id of the first attempt; nobody else waits meanwhile, and memory stays where it was.
"""
import contextlib
import email.utils
import gzip
import socket
import threading
import time
import unittest

import torture
from torture import harness
from harness import opened

OK = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
BOMB = gzip.compress(bytes(64 << 20))


def later(text):
	return b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\nRetry-After: " + text.encode() + b"\r\n\r\n"


# Name, first answer, whether that counts as delivered.
ANSWERS = [
	("http09", b"hello\n", False),
	("nothing-but-a-status", b"HTTP/1.1 200\r\n", False),
	("no-number", b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n", False),
	("another-protocol", b"SSH-2.0-OpenSSH_9.2\r\n", False),
	("status-999", b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", False),
	("status-0", b"HTTP/1.1 000 Odd\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", False),
	("continues-for-ever", b"HTTP/1.1 100 Continue\r\n\r\n" * 200_000, False),
	("million-headers", b"HTTP/1.1 200 OK\r\n" + b"X-More: yes\r\n" * 1_000_000 + b"\r\n", False),
	("long-header", b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 10_000_000 + b"\r\n\r\n", False),
	("nul-in-header", b"HTTP/1.1 503 A\0B\r\nX: \0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", False),
	("retry-never", later("-1"), False),
	("retry-rubbish", later("soon"), False),
	("retry-in-the-past", later(email.utils.formatdate(time.time() - 3600, usegmt=True)), False),
	("chunks-of-rubbish", b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n-1\r\n", False),
	("negative-length", b"HTTP/1.1 503 No\r\nContent-Length: -5\r\n\r\n", False),
	("bomb", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB, True),
	("chunks-and-bomb", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n%x\r\n" % len(BOMB) + BOMB + b"\r\n0\r\n\r\n", True),
]


class Wire(harness.Listener):
	"""A server that reads a request, writes the bytes of its turn, and closes."""

	def __init__(self, first, backlog=16):
		self.answers, self.ids, self.lock = [first], [], threading.Lock()
		self.served = []
		self.listen(backlog)

	def serve(self, conn):
		conn.settimeout(20)
		with conn, contextlib.suppress(OSError):
			head = b""
			while b"\r\n\r\n" not in head:
				part = conn.recv(65536)
				if not part:
					return
				head += part
			lines = head.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
			with self.lock:
				self.ids.append(next(v.split(": ")[1] for v in lines if v.lower().startswith("webhook-id:")))
				answer = self.answers.pop(0) if self.answers else OK
			conn.sendall(answer)
			self.served.append(answer)
			conn.shutdown(socket.SHUT_WR)
			time.sleep(0.05)

	def close(self):
		self.listener.close()


class Answers(harness.Case):
	def test_answers_of_no_server(self):
		wires = {name: (self.sink(first, kind=Wire), done) for name, first, done in ANSWERS}
		well = self.sink()
		receivers = {name: {"webhook": {"url": f"http://127.0.0.1:{w.port}/hook", "secret": harness.SECRET}} for name, (w, _) in wires.items()}
		self.run_with({**receivers, "hook": harness.hook(well)}, target="1s", steps=[{"at": "breach", "notify": [*wires, "hook"]}])
		before = harness.memory_kib(self.d.process.pid)
		self.d.accept(opened("T1"))
		well.wait(5, type="sla.breach")
		for name, (w, done) in wires.items():
			harness.wait_for(lambda w=w, name=name: f"{name}: attempts {w.ids}\n{self.d.log()[-1500:]}", 40,
					 lambda w=w, done=done: len(w.ids) >= (1 if done else 2), 0.1)
		self.d.accept(opened("T2"))
		well.wait(5, type="sla.breach", ticket="T2")
		for name, (w, done) in wires.items():
			first = w.ids[:1 if done else 2]
			self.assertEqual(set(first), {well.alerts(ticket="T1")[0].id}, name)
		if not harness.SANITIZED:
			self.assertLess(harness.memory_kib(self.d.process.pid) - before, 24 * 1024)

	def test_statuses_that_refuse(self):
		"""Not tried in a hurry, and the fallback hears of it."""
		sinks = {f"s{status}": self.sink(default=status) for status in (400, 405, 413, 415, 422)}
		other = self.sink()
		receivers = {name: {**harness.hook(s), "fallback": "other"} for name, s in sinks.items()}
		self.run_with({**receivers, "other": harness.hook(other)}, target="1s", steps=[{"at": "breach", "notify": list(sinks)}])
		self.d.accept(opened("T1"))
		for name, s in sinks.items():
			harness.wait_for(name, 10, s.tries)
		time.sleep(3)
		self.assertTrue(all(len(s.tries()) <= 2 for s in sinks.values()), {n: len(s.tries()) for n, s in sinks.items()})

	@unittest.skipUnless(torture.WHOLE, "waits for a connection that times out: make torture")
	def test_a_full_backlog(self):
		"""SYNs that nobody answers: the connection times out, others do not wait, and the alert arrives when somebody accepts."""
		hole = socket.socket()
		self.addCleanup(hole.close)
		hole.bind(("127.0.0.1", 0))
		hole.listen(0)
		port = hole.getsockname()[1]
		with contextlib.ExitStack() as stack:
			for _ in range(8):
				s = stack.enter_context(socket.socket())
				s.setblocking(False)
				s.connect_ex(("127.0.0.1", port))
			well = self.sink()
			self.run_with({"hook": harness.hook(well), "hole": {"webhook": {"url": f"http://127.0.0.1:{port}/", "secret": harness.SECRET}}},
				      target="1s", steps=[{"at": "breach", "notify": ["hole", "hook"]}])
			self.d.accept([opened(f"T{i}") for i in range(20)])
			self.assertLess(max(r.when for r in well.wait(6, count=20, type="sla.breach")), time.time())
			harness.wait_for("a timeout", 30, lambda: "connect" in self.d.ctl("deliveries", "--ticket", "T1").stdout.lower() or
					 "time" in self.d.ctl("deliveries", "--ticket", "T1").stdout.lower(), 0.5)


class MailWire:
	"""A mail server whose first connection is answered by bytes alone, slowly if so wished; later ones go to a good server."""

	def __init__(self, first, pause=0.0):
		self.first, self.pause, self.n = first, pause, 0
		self.good = harness.SmtpSink()
		self.listener = socket.create_server(("127.0.0.1", 0))
		self.port = self.listener.getsockname()[1]
		self.closing = threading.Event()
		threading.Thread(target=self.accept, daemon=True).start()

	def accept(self):
		with contextlib.suppress(OSError):
			while True:
				conn, _ = self.listener.accept()
				self.n += 1
				threading.Thread(target=self.bad if self.n == 1 else self.good.serve, args=(conn,), daemon=True).start()

	def bad(self, conn):
		with conn, contextlib.suppress(OSError):
			if self.pause == 0:
				conn.sendall(self.first)
				conn.shutdown(socket.SHUT_WR)
				self.closing.wait(2)
			for c in self.first if self.pause else b"":
				conn.sendall(bytes([c]))
				if self.closing.wait(self.pause):
					return

	def close(self):
		self.closing.set()
		self.listener.close()
		self.good.close()


MAILS = [
	("busy", b"421 4.3.2 too many connections\r\n", 0.0),
	("silent", b"", 0.0),
	("no-smtp", b"HTTP/1.1 400 Bad Request\r\n\r\n", 0.0),
	("long-banner", b"220 " + b"a" * 10_000_000 + b"\r\n", 0.0),
	("lines-for-ever", b"220-more\r\n" * 1_000_000, 0.0),
	("nul", b"220 a\0b\r\n250\0\r\n", 0.0),
]
CRAWLING = ("crawls", b"220-" + b"a" * 600, 1.0)


class Mails(harness.Case):
	def deliver(self, name, first, pause):
		d = harness.Plazod()
		self.addCleanup(d.close)
		sink, well = self.sink(first, pause, kind=MailWire), self.sink()
		d.configure({"mail": {"email": {"to": ["desk@mail.test"]}}, "hook": harness.hook(well)}, target="1s",
			    steps=[{"at": "breach", "notify": ["mail", "hook"]}],
			    email={"smtp": f"smtp://127.0.0.1:{sink.port}", "from": "SLA watch <sla@example.com>", "tls": "none"}).start()
		before = harness.memory_kib(d.process.pid)
		d.accept(opened("T1"))
		well.wait(5, type="sla.breach")
		return name, d, sink, before

	def test_servers_that_speak_no_smtp(self):
		waiting = [self.deliver(*m) for m in (MAILS + [CRAWLING] if torture.WHOLE else MAILS[::3])]
		for name, d, sink, before in waiting:
			harness.wait_for(lambda name=name, d=d: f"{name}\n{d.ctl('deliveries').stdout}", 75, sink.good.mails, 0.1)
			self.assertEqual(len(sink.good.mails()), 1, name)
			if not harness.SANITIZED:
				self.assertLess(harness.memory_kib(d.process.pid) - before, 24 * 1024, name)


if __name__ == "__main__":
	torture.main()
