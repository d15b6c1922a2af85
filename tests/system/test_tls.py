"""Who is not who the configuration says gets nothing: receivers and mail servers whose TLS is none, and the sentence that says why."""
import contextlib
import os
import pathlib
import re
import ssl
import subprocess
import tempfile
import warnings

import harness
from harness import Case, hook, opened

# What the system's OpenSSL would refuse by itself, it takes here: plazod's own limits decide.
LAX = """openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = lax
[lax]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
"""

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
PATH = "/hook/T0P-SECRET-PATH"
OTHER_NAME = "no alternative certificate subject name matches target host ?name 'localhost'"


def certificate(directory, name, names="DNS:localhost,IP:127.0.0.1", days_ago=0, issuer=None, days=2):
	"""A pair of paths: a certificate of that name, made so many days ago, by an issuer of the same kind or by itself."""
	cert, key = pathlib.Path(directory) / f"{name}.pem", pathlib.Path(directory) / f"{name}.key"
	env = {**os.environ, "LD_PRELOAD": str(FAKETIME), "FAKETIME": f"-{days_ago}d"} if days_ago else None
	command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days),
		   "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-keyout", str(key), "-out", str(cert)]
	subprocess.run(command, check=True, capture_output=True, env=env)
	if issuer is not None:
		request = cert.with_suffix(".csr")
		subprocess.run(["openssl", "req", "-new", "-key", str(key), "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}", "-out", str(request)],
			       check=True, capture_output=True)
		subprocess.run(["openssl", "x509", "-req", "-in", str(request), "-CA", str(issuer[0]), "-CAkey", str(issuer[1]), "-days", str(days),
				"-copy_extensions", "copy", "-out", str(cert)], check=True, capture_output=True, env=env)
	return cert, key


class TlsSink(harness.Listener):
	"""A webhook receiver behind a TLS of its own: `requests` are those that somebody trusted it enough to send."""

	def __init__(self, pair=None, chain=b"", newest=None, instead=None):
		self.requests, self.shaken, self.instead = [], 0, instead
		self.context = None
		if pair is not None:
			with tempfile.NamedTemporaryFile(suffix=".pem") as f:
				f.write(pair[0].read_bytes() + chain)
				f.flush()
				self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
				self.context.load_cert_chain(f.name, pair[1])
			if newest is not None:
				warnings.simplefilter("ignore", DeprecationWarning)
				self.context.set_ciphers("ALL:@SECLEVEL=0")
				self.context.minimum_version = ssl.TLSVersion.TLSv1
				self.context.maximum_version = newest
		self.listen()

	def serve(self, conn):
		conn.settimeout(20)
		with conn, contextlib.suppress(OSError):
			if self.instead is not None:
				conn.recv(4096)
				conn.sendall(self.instead)
				return
			with self.context.wrap_socket(conn, server_side=True) as tls:
				self.shaken += 1
				if request := tls.recv(65536):
					self.requests.append(request)
					tls.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


def https(sink, host="localhost", ca=None):
	return {"url": f"https://{host}:{sink.port}{PATH}", "secret": harness.SECRET, **({"ca_file": str(ca)} if ca else {})}


class Receivers(Case):
	"""Each receiver is false in its own way; its fallback hears of the breach."""

	def setUp(self):
		super().setUp()
		if FAKETIME is None:
			self.skipTest("no libfaketime, by which a certificate gets old")
		self.dir = pathlib.Path(self.entered(tempfile.TemporaryDirectory()))
		self.good = certificate(self.dir, "good")

	def entered(self, manager):
		value = manager.__enter__()
		self.addCleanup(manager.__exit__, None, None, None)
		return value

	def false_ones(self):
		"""name: (sink, its receiver, what the operator reads, whether the fallback hears at once)"""
		old = certificate(self.dir, "old", days_ago=30)
		other = certificate(self.dir, "other", names="DNS:elsewhere.example")
		authority = certificate(self.dir, "authority", names="DNS:authority")
		issued = certificate(self.dir, "issued", issuer=authority)
		many = b"".join([self.good[0].read_bytes()] * 400)
		made = {
			"expired": (self.sink(old, kind=TlsSink), old[0], "certificate has expired", True),
			"other-name": (self.sink(other, kind=TlsSink), other[0], OTHER_NAME, True),
			"self-signed": (self.sink(self.good, kind=TlsSink), None, "self-signed certificate", True),
			"unknown-issuer": (self.sink(issued, kind=TlsSink), self.good[0], "unable to get local issuer certificate", True),
			"tls-1.0": (self.sink(self.good, newest=ssl.TLSVersion.TLSv1, kind=TlsSink), self.good[0], "alert protocol version", False),
			"tls-1.1": (self.sink(self.good, newest=ssl.TLSVersion.TLSv1_1, kind=TlsSink), self.good[0], "alert protocol version", False),
			"long-chain": (self.sink(self.good, chain=many, kind=TlsSink), self.good[0], "excessive message size", False),
			"cut-short": (self.sink(instead=b"\x16\x03\x03\x00\x7a\x02\x00", kind=TlsSink), self.good[0], "SSL|eof", False),
			"no-tls": (self.sink(instead=b"HTTP/1.1 204 No Content\r\n\r\n", kind=TlsSink), self.good[0], "wrong version number", False),
		}
		return {name: (sink, https(sink, ca=ca), says, at_once) for name, (sink, ca, says, at_once) in made.items()}

	def test_false_receivers(self):
		false = self.false_ones()
		well, true = self.sink(), self.sink(self.good, kind=TlsSink)
		others = {name: self.sink() for name in false}
		receivers = {name: {"webhook": f[1], "fallback": "else-" + name} for name, f in false.items()}
		receivers.update({"else-" + name: hook(s) for name, s in others.items()})
		(self.dir / "openssl.cnf").write_text(LAX)
		self.d.configure({**receivers, "well": hook(well), "true": {"webhook": https(true, ca=self.good[0])}}, target="1s",
				 steps=[{"at": "breach", "notify": [*false, "well", "true"]}])
		self.d.start(env={"OPENSSL_CONF": str(self.dir / "openssl.cnf")})
		self.d.accept(opened("T1"))
		well.wait(8, type="sla.breach")
		harness.wait_for("the true one", 8, lambda: true.requests)
		self.assertIn(PATH.encode(), true.requests[0])
		for name, (sink, _, says, at_once) in false.items():
			with self.subTest(name):
				# A process that stood still may have had another reason first.
				harness.wait_for(f"{says} of an attempt at {name}", 10, lambda name=name, says=says: re.search(
					rf'attempt-failed.* receiver={name} .*detail=".*({says})', self.d.log()))
				harness.wait_for(f"{says} in plazoctl", 5, lambda name=name, says=says: re.search(rf"{name} .*({says})",
						 self.d.ctl("deliveries", "--ticket", "T1").stdout))
				if at_once:
					others[name].wait(4, type="sla.breach")
				self.assertEqual(sink.requests, [], "something was sent to who is not who it should be")
		self.assertNotIn("T0P-SECRET", self.d.log())


class StartTls(harness.Listener):
	"""
	A mail server up to its STARTTLS: what it says to EHLO in clear and under TLS, to STARTTLS, and what it says to all else. `clear` and `hidden` are
	the commands that came in clear and under TLS.
	"""

	def __init__(self, pair, offers=("STARTTLS",), inner=(), answer=b"220 go ahead\r\n", login=b"235 welcome\r\n"):
		self.offers, self.inner, self.answer, self.login = offers, inner, answer, login
		self.clear, self.hidden = [], []
		self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		self.context.load_cert_chain(*pair)
		self.listen()

	def serve(self, conn):
		conn.settimeout(20)
		with conn, contextlib.suppress(OSError):
			conn.sendall(b"220 sink ESMTP\r\n")
			if self.talk(conn, self.clear, self.offers) and self.answer.startswith(b"220"):
				with self.context.wrap_socket(conn, server_side=True) as tls:
					self.talk(tls, self.hidden, self.inner)

	def talk(self, conn, commands, offers):
		"""True when TLS is to begin."""
		while line := self.line(conn):
			commands.append(line)
			verb = line[:4].upper()
			if verb == "STAR":
				conn.sendall(self.answer)
				if self.answer.startswith(b"220"):
					return True
			elif verb == "EHLO":
				conn.sendall("".join(f"250-{word}\r\n" for word in ("sink", *offers)).encode() + b"250 HELP\r\n")
			elif verb == "AUTH":
				conn.sendall(self.login)
			elif verb == "DATA":
				conn.sendall(b"354 go on\r\n")
				while (text := self.line(conn)) != ".":
					commands.append(text)
				conn.sendall(b"250 kept\r\n")
			else:
				conn.sendall(b"221 bye\r\n" if verb == "QUIT" else b"250 fine\r\n")
		return False

	@staticmethod
	def line(conn):
		"""Byte by byte: what follows STARTTLS is for TLS."""
		line = b""
		while not line.endswith(b"\n") and (c := conn.recv(1)):
			line += c
		return line.decode("latin-1").rstrip("\r\n")


# All that could be smuggled in behind the answer to STARTTLS: what the server would say to the rest of the dialogue.
INJECTED = b"220 go ahead\r\n250-sink\r\n250 AUTH PLAIN LOGIN\r\n235 welcome\r\n250 fine\r\n250 fine\r\n354 go on\r\n250 kept\r\n"


class Mail(Case):
	"""A mail server whose TLS is none, or who says in clear what counts under TLS alone: it learns neither password nor message."""

	def setUp(self):
		super().setUp()
		if FAKETIME is None:
			self.skipTest("no libfaketime, by which a certificate gets old")
		directory = tempfile.TemporaryDirectory()
		self.addCleanup(directory.cleanup)
		self.dir = directory.name
		self.good = certificate(self.dir, "good")

	def email(self, sink, ca=None, tls="require"):
		return {"smtp": f"smtp://localhost:{sink.port}", "from": "SLA watch <sla@example.com>", "tls": tls, "ca_file": str(ca or self.good[0]),
			"user": "plazo", "password": "hush-hush"}

	def attempt(self, says, ca=None, tls="require", **more):
		"""Sends a mail to such a server, and gives the server, when the operator has read `says`."""
		d = harness.Plazod()
		self.addCleanup(d.close)
		sink, other = self.sink(more.pop("pair", self.good), kind=StartTls, **more), self.sink()
		d.configure({"mail": {"email": {"to": ["desk@mail.test"]}, "fallback": "other"}, "other": hook(other)}, target="1s",
			    steps=[{"at": "breach", "notify": ["mail"]}],
			    email=self.email(sink, ca, tls))
		d.start()
		d.accept(opened("T1"))
		self.enough(d, sink, other, says)
		self.assertNotIn("hush-hush", d.log())
		return sink, other

	def enough(self, d, sink, other, says):
		harness.wait_for(f"{says} of an attempt", 10, lambda: re.search(rf'attempt-failed.* receiver=mail .*detail=".*{says}', d.log()))
		harness.wait_for(f"{says} in plazoctl", 5, lambda: re.search(says, d.ctl("deliveries", "--ticket", "T1").stdout))
		said = "\n".join(sink.clear + sink.hidden)
		self.assertNotRegex(said, r"(?im)^(MAIL|RCPT|DATA|Subject)", "a message went to who is not who it should be")
		self.assertNotRegex("\n".join(sink.clear), "(?im)^AUTH", "a password went out in clear")

	def test_what_is_injected_before_the_handshake(self):
		sink, other = self.attempt("answers came in clear before the TLS handshake", answer=INJECTED)
		self.assertEqual([c[:4] for c in sink.clear], ["EHLO", "STAR"])
		self.assertEqual(sink.hidden, [])
		other.wait(5, type="sla.breach")

	def test_what_was_offered_in_clear_does_not_count(self):
		"""AUTH before the handshake, none behind it: who certainly is the server offers no login, so there is none."""
		sink = self.sink(self.good, offers=("AUTH PLAIN LOGIN", "STARTTLS"), kind=StartTls)
		self.run_with({"mail": {"email": {"to": ["desk@mail.test"]}}}, target="1s", steps=[{"at": "breach", "notify": ["mail"]}],
			      email=self.email(sink))
		self.d.accept(opened("T1"))
		harness.wait_for("the mail", 10, lambda: "QUIT" in sink.hidden)
		self.assertEqual([c[:4] for c in sink.clear], ["EHLO", "STAR"])
		self.assertIn("DATA", sink.hidden)
		self.assertNotIn("AUTH", [c[:4] for c in sink.hidden])

	def test_no_starttls(self):
		for tls in ("require", "starttls"):
			with self.subTest(tls):
				sink, other = self.attempt("STARTTLS not supported", tls=tls, offers=("AUTH PLAIN LOGIN",))
				self.assertEqual([c[:4] for c in sink.clear if not c.startswith("QUIT")], ["EHLO"])
				other.wait(5, type="sla.breach")

	def test_starttls_refused(self):
		self.attempt("454 4.7.0 not now", answer=b"454 4.7.0 not now\r\n")

	def test_false_certificates(self):
		old = certificate(self.dir, "old", days_ago=30)
		other = certificate(self.dir, "other", names="DNS:elsewhere.example")
		for name, pair, ca, says in (("expired", old, old[0], "certificate has expired"), ("self-signed", self.good, old[0], "self-signed certificate"),
					     ("other-name", other, other[0], OTHER_NAME)):
			with self.subTest(name):
				sink, told = self.attempt(says, pair=pair, ca=ca)
				self.assertEqual(sink.hidden, [])
				told.wait(5, type="sla.breach")

	def test_a_password_that_is_refused(self):
		_, other = self.attempt("535 5.7.8 no", inner=("AUTH PLAIN",), login=b"535 5.7.8 no\r\n")
		other.wait(5, type="sla.breach")


if __name__ == "__main__":
	harness.main()
