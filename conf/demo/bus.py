"""The demo's bus: a Redis that answers, and a stream in it that is the demo's alone and goes with it. Needs Python 3 alone."""
import contextlib
import json
import os
import socket
import urllib.parse

USUAL = ("unix:///run/redis/redis-server.sock", "redis://127.0.0.1:6379/0")
LEFT_BEHIND_S = 3600      # if the demo is killed, the server forgets the stream itself


class Refused(Exception):
	"""An error that the server answered."""


class Bus:
	"""Who can reach a server at `url` and write to it; OSError or Refused when nobody can."""

	def __init__(self, url):
		u = urllib.parse.urlsplit(url)
		self.url, self.stream = url, f"plazo-demo-{os.urandom(6).hex()}"
		self.place = u.path if u.scheme == "unix" else f"{u.hostname}:{u.port or 6379}"
		if u.scheme == "unix":
			self.sock = socket.socket(socket.AF_UNIX)
			self.sock.settimeout(2)
			self.sock.connect(u.path)
			db = urllib.parse.parse_qs(u.query).get("db", ["0"])[0]
		elif u.scheme == "redis":
			self.sock = socket.create_connection((u.hostname, u.port or 6379), timeout=2)
			db = u.path.strip("/") or "0"
		else:
			raise Refused(f"{url}: redis:// or unix:// is wanted")
		self.file = self.sock.makefile("rb")
		if u.password:
			self.ask("AUTH", *([urllib.parse.unquote(u.username)] if u.username else []), urllib.parse.unquote(u.password))
		self.ask("SELECT", db)
		# Streams are there, and we may write.
		self.ask("XADD", self.stream, "*", "demo", "begins")
		self.ask("DEL", self.stream)

	def ask(self, *args):
		parts = [a.encode() for a in args]
		self.sock.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
		return self.answer()

	def answer(self):
		line = self.file.readline()
		if line[:1] == b"-":
			raise Refused(line[1:].decode("utf-8", "replace").strip())
		if line[:1] == b"$" and int(line[1:]) >= 0:
			return self.file.read(int(line[1:]) + 2)[:-2].decode()
		if line[:1] in (b"+", b":", b"$"):
			return line[1:].decode().strip()
		raise Refused("this is no Redis")

	def add(self, event):
		self.ask("XADD", self.stream, "*", "event", json.dumps(event))
		self.ask("EXPIRE", self.stream, str(LEFT_BEHIND_S))

	def close(self):
		"""After plazod has ended, which would make its group anew."""
		with contextlib.suppress(OSError, Refused):
			self.ask("DEL", self.stream)
		self.sock.close()

	def source(self, contracts, namespace):
		"""The lines of the configuration, under `sources:`."""
		return (f"  bus:\n    redis: {{url: {json.dumps(self.url)}, stream: {self.stream}, group: plazo}}\n"
			f"    contracts: {json.dumps(contracts)}\n    namespace: {namespace}\n")


def find():
	"""$PLAZO_REDIS (a URL, or `none`), or one on this machine that lets anybody in; None."""
	asked = os.environ.get("PLAZO_REDIS")
	for url in () if asked == "none" else (asked,) if asked else USUAL:
		try:
			return Bus(url)
		except (OSError, Refused, ValueError) as e:
			if asked:
				raise SystemExit(f"PLAZO_REDIS: {e}") from e
	return None
