"""A man in the middle of a Redis: passes commands and replies on, but for those that a rule answers with something else.

A rule(command) is asked for each command, a list of bytes with the verb first, in upper case. It gives None (pass it on), bytes (sent as
they are, whether they are a reply or not), or one of the classes below. `heal()` ends all interference: connections from then on are sane.
"""
import contextlib
import socket
import struct
import threading

HANG = object()                                    # nothing more is said on this connection, which stays open


class Reset:
	"""These bytes, then a reset."""

	def __init__(self, data=b""):
		self.data = data


class Drip:
	"""These bytes, one every tenth of a second."""

	def __init__(self, data):
		self.data = data


class Beside:
	"""The true reply, and these bytes that nobody asked for after it."""

	def __init__(self, data):
		self.data = data


class Slow:
	"""The true reply, at so many bytes a second."""

	def __init__(self, rate):
		self.piece = rate // 20


def read_reply(f):
	"""One reply as the bytes it came in."""
	line = f.readline()
	if not line.endswith(b"\r\n"):
		raise ConnectionError
	kind, rest = line[:1], line[1:-2]
	if kind == b"$" and int(rest) >= 0:
		return line + f.read(int(rest) + 2)
	if kind == b"*":
		return line + b"".join(read_reply(f) for _ in range(max(0, int(rest))))
	return line


def read_command(f):
	line = f.readline()
	if not line.startswith(b"*"):
		raise ConnectionError
	return [f.read(int(f.readline()[1:]) + 2)[:-2] for _ in range(int(line[1:]))]


def to_bytes(command):
	return b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in command)


class FakeRedis:
	def __init__(self, upstream, rule):
		self.upstream, self.rule = upstream, rule
		self.listener = socket.create_server(("127.0.0.1", 0))
		self.port = self.listener.getsockname()[1]
		self.closing = threading.Event()
		self.n_connections = self.n_broken = 0
		self.verbs = set()
		threading.Thread(target=self.accept, daemon=True).start()

	@property
	def url(self):
		return f"redis://127.0.0.1:{self.port}/0"

	def accept(self):
		while True:
			try:
				conn, _ = self.listener.accept()
			except OSError:
				return
			self.n_connections += 1
			threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

	def serve(self, conn):
		conn.settimeout(120)
		with conn, contextlib.suppress(OSError, ValueError), socket.create_connection(("127.0.0.1", self.upstream), 120) as up:
			asks, replies = conn.makefile("rb"), up.makefile("rb")
			while not self.closing.is_set():
				command = read_command(asks)
				answer = self.rule([command[0].upper(), *command[1:]]) if self.rule else None
				self.n_broken += answer is not None
				self.verbs.add(command[0].upper())
				if isinstance(answer, Slow):
					up.sendall(to_bytes(command))
					self.send_slowly(conn, read_reply(replies), answer.piece)
				elif answer is None or isinstance(answer, Beside):
					up.sendall(to_bytes(command))
					conn.sendall(read_reply(replies) + (answer.data if answer else b""))
				elif not self.answer(conn, answer):
					return

	def send_slowly(self, conn, data, piece):
		for i in range(0, len(data), piece):
			conn.sendall(data[i:i + piece])
			self.closing.wait(0.05)

	def answer(self, conn, answer):
		"""False: this connection is over."""
		if answer is HANG:
			self.closing.wait(120)
			return False
		if isinstance(answer, Drip):
			for i in range(len(answer.data)):
				conn.sendall(answer.data[i:i + 1])
				if self.closing.wait(0.1):
					return False
			return True
		if isinstance(answer, Reset):
			conn.sendall(answer.data)
			# Linger of zero makes close() send a reset in place of an orderly end.
			conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
			return False
		conn.sendall(answer)
		return True

	def heal(self):
		self.rule = None

	def close(self):
		self.closing.set()
		# Only shutdown() wakes a thread that waits in accept().
		with contextlib.suppress(OSError):
			self.listener.shutdown(socket.SHUT_RDWR)
		self.listener.close()
