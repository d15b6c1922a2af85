#!/usr/bin/env python3
"""Receivers of alerts for tests and for the demonstration: a webhook and a mail server, each as well or as badly behaved as asked.

    sinks.py webhook [--mode MODE] [--modes M1,M2,…] [--secret whsec_…] [--port N] [--out FILE]
    sinks.py smtp    [--mode MODE] [--modes M1,M2,…] [--tls] [--auth USER:PASSWORD] [--port N] [--out FILE]

The first line on standard output is the port; what is received follows, one JSON object a line, there or in FILE. --modes are for the first
requests (or mails) in turn; --mode is for all that follow. With --tls a certificate is made for the occasion; its path is the
second line, to be trusted by whoever connects. Only the standard library and, for the certificate, openssl(1).

Modes of webhook: ok, hang, reset, close, slow-head, slow-body, huge-body, huge-head, redirect, retry-after:SECONDS[:STATUS], or a status.
Modes of smtp: ok, greylist (451 at RCPT), later (451 after the message), refuse:TEXT (550 for recipients that contain TEXT), busy (421 at once),
hang, close (after the message, without an answer), no-quit (no answer to QUIT), slow.
"""
import argparse
import asyncio
import base64
import contextlib
import email
import email.policy
import hashlib
import hmac
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

LIMIT = 1 << 20


class Out:
	"""Where received things are written, line by line."""

	def __init__(self, path):
		self.file = open(path, "a", encoding="utf-8") if path else sys.stdout

	def put(self, **what):
		self.file.write(json.dumps({"when": round(time.time(), 3), **what}, ensure_ascii=False) + "\n")
		self.file.flush()


class Modes:
	"""The mode of the next request: first those of the list, then the one that stays."""

	def __init__(self, first, then):
		self.first, self.then = list(first), then

	def next(self):
		return self.first.pop(0) if self.first else self.then


def signature_ok(secret, headers, body, now=None):
	"""Standard Webhooks 1.0.0, the receiver's side: one of the signatures fits, and the timestamp is fresh."""
	key = base64.b64decode(secret[6:] + "==") if secret.startswith("whsec_") else secret.encode()
	try:
		fresh = abs((now or time.time()) - int(headers.get("webhook-timestamp", ""))) <= 300
	except ValueError:
		return False
	signed = f'{headers.get("webhook-id", "")}.{headers["webhook-timestamp"]}.'.encode() + body
	want = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
	given = [s[3:] for s in headers.get("webhook-signature", "").split(" ") if s.startswith("v1,")]
	return fresh and any(hmac.compare_digest(g, want) for g in given)


# ---- webhook ----

class Webhook:
	def __init__(self, args, out):
		self.args, self.out, self.modes = args, out, Modes(args.modes, args.mode)

	async def serve(self, reader, writer):
		try:
			while await self.one(reader, writer):
				pass
		except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
			pass
		finally:
			writer.close()

	async def one(self, reader, writer):
		head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
		method, path, _ = head[0].split(" ", 2)
		headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in head[1:] if ":" in line)}
		body = await reader.readexactly(min(int(headers.get("content-length", "0")), LIMIT))
		mode = self.modes.next()
		valid = signature_ok(self.args.secret, headers, body) if self.args.secret else None
		try:
			alert = json.loads(body)
		except ValueError:
			alert = None
		self.out.put(method=method, path=path, id=headers.get("webhook-id"), valid=valid, mode=mode, headers=headers, alert=alert)
		return await self.answer(writer, mode)

	async def answer(self, writer, mode):
		if mode == "hang":
			await asyncio.sleep(3600)
			return False
		if mode == "reset":
			sock = writer.get_extra_info("socket")
			sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
			writer.transport.abort()
			return False
		if mode == "close":
			return False
		return await self.say(writer, mode)

	async def say(self, writer, mode):
		status, more, body = 200, "", b"ok"
		if mode == "slow-head":
			return await self.drip(writer, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		if mode in ("slow-body", "huge-body"):
			writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n" if mode == "slow-body" else b"HTTP/1.1 200 OK\r\n\r\n")
			return await (self.drip(writer, b"x" * 3600) if mode == "slow-body" else self.flood(writer, b"x" * 65536))
		if mode == "huge-head":
			writer.write(b"HTTP/1.1 200 OK\r\n")
			return await self.flood(writer, b"X-More: yes\r\n" * 1000)
		if mode == "redirect":
			status, more = 301, "Location: http://127.0.0.1:1/elsewhere\r\n"
		elif mode.startswith("retry-after:"):
			parts = mode.split(":")
			status, more = int(parts[2]) if len(parts) > 2 else 429, f"Retry-After: {parts[1]}\r\n"
		elif mode != "ok":
			status, body = int(mode), b"no" if int(mode) >= 300 else b"ok"
		writer.write(f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body)
		await writer.drain()
		return True

	async def drip(self, writer, what):
		for i in range(len(what)):
			writer.write(what[i:i + 1])
			await writer.drain()
			await asyncio.sleep(1)
		return False

	async def flood(self, writer, what):
		for _ in range(100000):
			writer.write(what)
			await writer.drain()
		return False


# ---- mail ----

class Smtp:
	def __init__(self, args, out, context):
		self.args, self.out, self.context, self.modes = args, out, context, Modes(args.modes, args.mode)

	async def serve(self, reader, writer):
		try:
			await Session(self, reader, writer).run()
		except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
			pass
		finally:
			writer.close()


class Session:
	def __init__(self, sink, reader, writer):
		self.sink, self.reader, self.writer = sink, reader, writer
		self.mode, self.tls, self.user = sink.modes.next(), False, None
		self.sender, self.to, self.refused = None, [], []

	async def say(self, text):
		for c in [text] if self.mode != "slow" else text:
			self.writer.write(c.encode())
			await self.writer.drain()
			if self.mode == "slow":
				await asyncio.sleep(0.5)

	async def run(self):
		if self.mode == "hang":
			await asyncio.sleep(3600)
		await self.say("421 4.3.2 busy\r\n" if self.mode == "busy" else "220 sink.example ESMTP\r\n")
		while self.mode != "busy":
			line = (await self.reader.readuntil(b"\r\n")).decode("utf-8", "replace").rstrip("\r\n")
			verb = line.split(" ")[0].upper()
			if verb == "QUIT" and self.mode == "no-quit":
				await asyncio.sleep(3600)
			if verb == "DATA":
				if not await self.data():
					return
				continue
			if not await self.command(verb, line):
				return

	async def command(self, verb, line):
		handler = getattr(self, "on_" + verb.lower(), None)
		await (handler(line) if handler else self.say("250 2.0.0 fine\r\n"))
		return verb != "QUIT"

	async def on_ehlo(self, _):
		more = "250-STARTTLS\r\n" if self.sink.context and not self.tls else ""
		more += "250-AUTH PLAIN LOGIN\r\n" if self.sink.args.auth and (self.tls or not self.sink.context) else ""
		await self.say(f"250-sink.example\r\n{more}250 8BITMIME\r\n")

	async def on_starttls(self, _):
		if not self.sink.context or self.tls:
			return await self.say("454 4.7.0 no\r\n")
		await self.say("220 2.0.0 go ahead\r\n")
		loop, protocol = asyncio.get_running_loop(), self.writer.transport.get_protocol()
		transport = await loop.start_tls(self.writer.transport, protocol, self.sink.context, server_side=True)
		self.writer._transport = self.reader._transport = transport     # StreamWriter.start_tls() comes with Python 3.11.4
		protocol._over_ssl = True
		self.tls = True

	async def on_auth(self, line):
		parts = line.split(" ")
		if len(parts) < 3 and parts[1].upper() == "PLAIN":
			await self.say("334 \r\n")
			parts.append((await self.reader.readuntil(b"\r\n")).decode().strip())
		elif parts[1].upper() == "LOGIN":
			await self.say("334 VXNlcm5hbWU6\r\n")
			user = base64.b64decode(await self.reader.readuntil(b"\r\n")).decode()
			await self.say("334 UGFzc3dvcmQ6\r\n")
			given = user + ":" + base64.b64decode(await self.reader.readuntil(b"\r\n")).decode()
			return await self.judge(given)
		await self.judge(":".join(base64.b64decode(parts[2]).decode().split("\0")[1:]))

	async def judge(self, given):
		if given != self.sink.args.auth:
			return await self.say("535 5.7.8 wrong user or password\r\n")
		self.user = given.split(":")[0]
		await self.say("235 2.7.0 welcome\r\n")

	async def on_mail(self, line):
		if self.sink.args.auth and not self.user:
			return await self.say("530 5.7.0 authenticate first\r\n")
		self.sender, self.to, self.refused = line, [], []
		await self.say("250 2.1.0 fine\r\n")

	async def on_rcpt(self, line):
		if self.mode == "greylist":
			self.refused.append(line)
			return await self.say("451 4.7.1 greylisted, come back later\r\n")
		if self.mode.startswith("refuse:") and self.mode[7:] in line:
			self.refused.append(line)
			return await self.say("550 5.1.1 no such user\r\n")
		self.to.append(line)
		await self.say("250 2.1.5 fine\r\n")

	async def on_quit(self, _):
		await self.say("221 2.0.0 bye\r\n")

	async def data(self):
		await self.say("354 go on\r\n")
		lines = []
		while (line := await self.reader.readuntil(b"\n")) != b".\r\n":
			lines.append(line[1:] if line.startswith(b".") else line)
		raw = b"".join(lines)
		if self.mode == "later":
			await self.say("451 4.3.0 later\r\n")
		self.put(raw)
		if self.mode == "close":
			return False
		if self.mode != "later":
			await self.say("250 2.0.0 kept\r\n")
		return True

	def put(self, raw):
		m = email.message_from_bytes(raw, policy=email.policy.default)
		part = {p: (m.get_body((p,)).get_content() if m.get_body((p,)) else None) for p in ("plain", "html")}
		bare = any(line.endswith(b"\n") and not line.endswith(b"\r\n") for line in raw.splitlines(keepends=True))
		self.sink.out.put(sender=self.sender, to=self.to, refused=self.refused, tls=self.tls, user=self.user, kept=self.mode not in ("later",),
				  headers=[[k, str(v)] for k, v in m.items()], subject=str(m["Subject"]), plain=part["plain"], html=part["html"],
				  defects=[str(d) for d in m.defects], bare_lf=bare, longest=max(len(line) for line in raw.split(b"\r\n")), type=m.get_content_type())


def certificate(directory):
	"""A key and a certificate for 127.0.0.1 and localhost that nobody trusts yet."""
	path = os.path.join(directory, "sink.pem")
	subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
			"/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path + ".key", "-out", path],
		       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(path, path + ".key")
	return path, context


async def main(args):
	# Many are killed, and would leave it behind: so only where something lies in it.
	with tempfile.TemporaryDirectory(prefix="plazo-sink-") if args.tls else contextlib.nullcontext() as directory:
		path, context = certificate(directory) if args.tls else (None, None)
		out = Out(args.out)
		sink = Webhook(args, out) if args.kind == "webhook" else Smtp(args, out, context)
		server = await asyncio.start_server(sink.serve, "127.0.0.1", args.port, limit=LIMIT, ssl=context if args.kind == "webhook" else None)
		print(server.sockets[0].getsockname()[1], flush=True)
		if path:
			print(path, flush=True)
		async with server:
			await server.serve_forever()


def arguments():
	p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
	p.add_argument("kind", choices=["webhook", "smtp"])
	p.add_argument("--mode", default="ok")
	p.add_argument("--modes", default=[], type=lambda s: s.split(","))
	p.add_argument("--port", type=int, default=0)
	p.add_argument("--out")
	p.add_argument("--secret", help="of a webhook: signatures are verified")
	p.add_argument("--tls", action="store_true", help="of mail: STARTTLS; of a webhook: https")
	p.add_argument("--auth", help="of mail: USER:PASSWORD")
	return p.parse_args()


if __name__ == "__main__":
	try:
		asyncio.run(main(arguments()))
	except KeyboardInterrupt:
		pass
