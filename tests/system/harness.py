"""What the system tests share: a plazod of one's own, receivers that misbehave by request, a real mail server, and ledgers.

Each test file runs alone: /usr/bin/python3 tests/system/test_x.py --build build [unittest arguments]. Everything lives in a
temporary directory and on ports that the kernel picked; every wait is bounded; only processes started here are ended, by pid.
"""
import asyncio
import base64
import contextlib
import datetime
import email
import email.policy
import functools
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
SERVERS = ROOT / "build" / "servers"
FAKETIME = next(iter(sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)
SANITIZED = os.environ.get("PLAZO_SAN", "") != ""
SLOWER = 4 if SANITIZED else 1                     # factor on times that are really spent
PATIENCE = 3 * SLOWER                              # factor on limits, which cost nothing where nothing fails: the machine may be slow, and busy
APART = 6                                          # seconds between two steps of a clock, both of which are waited for: no process stands still for so long
SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes of test secret!").decode()
TOKEN_READ = "reader-token-of-thirty-two-bytes!"
TOKEN_ACT = "actor-token-of-thirty-two-bytes!!"


def main():
	"""unittest.main() that understands --build DIR before unittest's own arguments."""
	global BUILD
	args = sys.argv[1:]
	if "--build" in args:
		i = args.index("--build")
		BUILD = pathlib.Path(args[i + 1]).resolve()
		del args[i:i + 2]
	unittest.main(argv=[sys.argv[0], *args])


def scaled(n):
	"""A count of repetitions, fewer where a sanitizer makes each slow."""
	return max(1, n // SLOWER)


def wait_for(what, seconds, fn, every=0.02):
	"""
	The first true value of fn(); else, some patience beyond the time, an AssertionError with `what`, a text or what makes one by then. That something
	comes soon is not claimed by this: for that one looks at what else has come, or not.
	"""
	end = time.monotonic() + seconds * PATIENCE
	while True:
		value = fn()
		if value:
			return value
		if time.monotonic() > end:
			raise AssertionError(f"{what() if callable(what) else what}: not within {seconds * PATIENCE:g} s")
		time.sleep(every)


def soon(seconds, act, begin=lambda: None, times=3):
	"""
	What act() gives, once of a few times within the seconds; begin(), before each, has all the time. A process may stand still at any moment, and then
	everything takes long; but who waits for something waits for it each time.
	"""
	took = []
	for _ in range(times):
		begin()
		began = time.monotonic()
		value = act()
		took.append(time.monotonic() - began)
		if took[-1] < seconds:
			return value
	raise AssertionError(f"it took {took} s")


def undisturbed(attempt, times=8):
	"""
	What attempt(i) gives, tried once more where that is None: then time has passed, since some process stood still, that changes what was to be seen.
	Where all goes well, it is tried once.
	"""
	for i in range(times):
		value = attempt(i)
		if value is not None:
			return value
	raise AssertionError(f"disturbed {times} times: that is no accident")


def plazoctl(*args, stdin="", timeout=20):
	return subprocess.run([str(BUILD / "plazoctl"), *args], input=stdin, capture_output=True, text=True, timeout=timeout * PATIENCE, check=False)


HELD = []


def free_port():
	"""
	A port that the kernel gives to nobody else while this program runs: it stays bound, though nobody listens, so a server of ours takes it (all of them
	set SO_REUSEADDR), leaves it, and takes it again, however long it is down.
	"""
	s = socket.socket()
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(("127.0.0.1", 0))
	HELD.append(s)
	return s.getsockname()[1]


def instant(offset_s=0.0):
	"""Now, or that many seconds from now, in RFC 3339 with milliseconds."""
	t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset_s)
	return t.strftime("%Y-%m-%dT%H:%M:%S.") + f"{t.microsecond // 1000:03d}Z"


def parse_instant(text):
	return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def sign(body, msg_id, timestamp, secret=SECRET):
	"""The signature of Standard Webhooks."""
	key = base64.b64decode(secret.removeprefix("whsec_"))
	mac = hmac.new(key, f"{msg_id}.{timestamp}.".encode() + body, hashlib.sha256)
	return "v1," + base64.b64encode(mac.digest()).decode()


def signed_headers(body, secret=SECRET, at=None):
	msg_id = "msg_" + os.urandom(9).hex()
	timestamp = str(int(time.time() if at is None else at))
	return {"webhook-id": msg_id, "webhook-timestamp": timestamp, "webhook-signature": sign(body, msg_id, timestamp, secret)}


class Reply:
	def __init__(self, status, headers, body):
		self.status, self.headers, self.body = status, headers, body

	@functools.cached_property
	def json(self):
		return json.loads(self.body)

	def __repr__(self):
		return f"<{self.status} {self.body[:300]!r}>"


def request(address, method, path, body=None, headers=None, timeout=10):
	"""One request on a connection of its own; address is a port of loopback, or the path of a unix socket."""
	conn = http.client.HTTPConnection("127.0.0.1" if isinstance(address, int) else "localhost",
					  address if isinstance(address, int) else 80, timeout=timeout * PATIENCE)
	if not isinstance(address, int):
		conn.sock = socket.socket(socket.AF_UNIX)
		conn.sock.settimeout(timeout * PATIENCE)
		conn.sock.connect(str(address))
	try:
		conn.request(method, path, body=body, headers=headers or {})
		r = conn.getresponse()
		return Reply(r.status, r.headers, r.read())
	finally:
		conn.close()


def raw(port, data, timeout=5, half_close=False):
	"""Sends bytes as they are; gives everything that comes back until the other side closes or the time is over."""
	out = b""
	with socket.create_connection(("127.0.0.1", port), timeout=timeout * PATIENCE) as s:
		s.sendall(data)
		if half_close:
			s.shutdown(socket.SHUT_WR)
		with contextlib.suppress(TimeoutError, ConnectionResetError):
			while chunk := s.recv(65536):
				out += chunk
	return out


def opened(ticket, **fields):
	"""An `opened` event; its id is made from the ticket unless one is given."""
	e = {"id": f"{ticket}-open", "ticket": ticket, "type": "opened", "at": instant(), "contract": "acme", "priority": "P1",
	     "subject": f"Subject of {ticket}"}
	e.update(fields)
	return e


def event(ticket, kind, **fields):
	e = {"id": f"{ticket}-{kind}-{os.urandom(4).hex()}", "ticket": ticket, "type": kind, "at": instant()}
	e.update(fields)
	return e


def agent_reply(ticket, **fields):
	return event(ticket, "replied", actor={"role": "agent", "name": "Ana"}, **fields)


def base_config(port, receivers=None, steps=None, target="2s", **sections):
	"""A 24x7 policy with one clock of seconds; what is given replaces or adds whole sections."""
	cfg = {
		"server": {"listen": f"127.0.0.1:{port}", "public_url": "https://sla.example.com",
			   "operators": {"board": {"token": TOKEN_READ, "may": ["read"]},
					 "noc": {"token": TOKEN_ACT, "may": ["read", "act"]}}},
		"store": {"path": "plazo.db"},
		"calendars": {"always": "24x7"},
		"defaults": {"calendar": "always", "escalation": "standard", "notify": ["console"],
			     "pause": {"status": ["pending"]}},
		"policies": {"quick": {"metrics": {"response": {"target": target}}, "escalation": "standard"}},
		"contracts": {"acme": {"customer": "ACME, S.A.", "policy": "quick", "match": {"organization": ["ACME S.A."]}},
			      "other": {"customer": "Other", "policy": "quick"}},
		"escalations": {"standard": steps or [{"at": "50%", "notify": ["hook"]}, {"at": "breach", "notify": ["hook"]}]},
		"receivers": {"console": {"log": {}}, "hook": {"log": {}}},
		"sources": {"helpdesk": {"webhook": {"verify": {"kind": "standard-webhooks", "secret": SECRET}},
					 "contracts": ["acme"]}},
	}
	cfg["receivers"].update(receivers or {})
	for key, value in sections.items():
		if isinstance(value, dict) and isinstance(cfg.get(key), dict):
			cfg[key] = {**cfg[key], **value}
		else:
			cfg[key] = value
	return cfg


def hook(sink, secret=SECRET, **more):
	return {"webhook": {"url": f"http://127.0.0.1:{sink.port}/hook", "secret": secret, **more}}


class Plazod:
	"""One plazod on a directory of its own, which outlives its restarts."""

	def __init__(self, directory=None, port=None):
		self.own = directory is None
		self.dir = pathlib.Path(directory or tempfile.mkdtemp(prefix="plazo-test-"))
		self.port = port or free_port()
		self.socket = self.dir / "plazod.sock"
		self.conf = self.dir / "plazod.yaml"
		self.log_path = self.dir / "plazod.log"
		self.process = None
		self.cfg = None

	def configure(self, receivers=None, **more):
		self.write(base_config(self.port, receivers, **more))
		return self

	def write(self, cfg):
		"""JSON is YAML. Put in place by a rename, as a careful editor does."""
		self.cfg = json.loads(json.dumps(cfg))
		self.cfg.setdefault("server", {}).setdefault("socket", str(self.socket))
		if self.cfg.get("store", {}).get("path") and not self.cfg["store"]["path"].startswith("/"):
			self.cfg["store"]["path"] = str(self.dir / self.cfg["store"]["path"])
		self.write_text(json.dumps(self.cfg, indent=1))

	def write_text(self, text):
		tmp = self.conf.with_suffix(".new")
		tmp.write_text(text)
		tmp.chmod(0o600)
		tmp.replace(self.conf)

	def start(self, ready=True, preexec=None, env=None, args=()):
		with open(self.log_path, "ab") as log:
			self.process = subprocess.Popen([str(BUILD / "plazod"), "-c", str(self.conf), *args],
							stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=preexec,
							env={**os.environ, **(env or {})}, cwd=self.dir)
		if ready:
			self.wait_ready()
		return self

	def wait_ready(self, seconds=10):
		def ready():
			if self.process.poll() is not None:
				raise AssertionError(f"plazod ended with {self.process.returncode}:\n{self.log()[-3000:]}")
			with contextlib.suppress(OSError, http.client.HTTPException):
				return request(self.port, "GET", "/readyz", timeout=2).status == 200
		wait_for("ready", seconds, ready)

	def wait_end(self, seconds=10):
		"""The exit status."""
		return self.process.wait(seconds * PATIENCE)

	def stop(self, seconds=20):
		"""SIGTERM; the exit status must be 0."""
		self.process.send_signal(signal.SIGTERM)
		code = self.wait_end(seconds)
		self.process = None
		if code != 0:
			raise AssertionError(f"exit status {code} after SIGTERM:\n{self.log()[-3000:]}")

	def kill(self):
		self.process.kill()
		self.process.wait()
		self.process = None

	def hup(self):
		self.process.send_signal(signal.SIGHUP)

	def log(self):
		return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

	def close(self):
		"""Ends it if it still runs, and says what a sanitizer found."""
		if self.process is not None and self.process.poll() is None:
			self.process.terminate()
			try:
				self.process.wait(15 * PATIENCE)
			except subprocess.TimeoutExpired:
				self.kill()
		log = self.log()
		if self.own:
			shutil.rmtree(self.dir, ignore_errors=True)
		found = re.search(r"(ERROR: (Address|Leak)Sanitizer|runtime error:|WARNING: ThreadSanitizer|Assertion .* failed).*", log)
		if found:
			raise AssertionError(log[found.start():][:6000])

	# ---- talking to it ----
	def post_raw(self, body, source="helpdesk", headers=None, sign_with=SECRET, content_type="application/json", timeout=10, at=None):
		if isinstance(body, str):
			body = body.encode()
		h = {"Content-Type": content_type}
		if sign_with:
			h.update(signed_headers(body, sign_with, at))
		h.update(headers or {})
		return request(self.port, "POST", f"/v1/events/{source}", body, {k: v for k, v in h.items() if v is not None}, timeout)

	def post(self, events, source="helpdesk", **more):
		"""An event, or a list of them as a JSON array."""
		return self.post_raw(json.dumps(events).encode(), source, **more)

	def accept(self, events, **more):
		"""The same, and it must be answered 202."""
		r = self.post(events, **more)
		if r.status != 202:
			raise AssertionError(f"not accepted: {r}")
		return r.json

	def get(self, path, token=TOKEN_READ, **more):
		return request(self.port, "GET", path, headers={"Authorization": f"Bearer {token}"} if token else {}, **more)

	def ctl(self, *args, **more):
		"""plazoctl, asking this daemon."""
		return plazoctl("--socket", str(self.socket), *args, **more)

	def deliveries(self, **want):
		"""Those on disk whose fields are such; of more than a thousand the latest."""
		rows = request(self.socket, "GET", "/v1/deliveries?limit=1000").json["deliveries"]
		return [row for row in rows if all(row[k] == v for k, v in want.items())]

	def wait_sent(self, count=1, **want):
		"""Until it is on disk that so many were sent: a kill before that lets them come again."""
		wait_for(lambda: f"{count} of {want} that are sent; there are {self.deliveries()}", 10, lambda: len(self.deliveries(state="sent", **want)) >= count)


# ---- receivers ----
class Received:
	"""One request that reached the sink."""

	def __init__(self, path, headers, body, secrets):
		self.when = time.time()
		self.path, self.headers, self.body = path, headers, body
		self.id = headers.get("webhook-id", "")
		stamp = headers.get("webhook-timestamp", "")
		signatures = headers.get("webhook-signature", "").split()
		self.valid = any(hmac.compare_digest(s, sign(body, self.id, stamp, k)) for s in signatures for k in secrets) and \
			stamp.isdigit() and abs(time.time() - int(stamp)) < 300
		self.answered = None
		try:
			self.alert = json.loads(body)
		except ValueError:
			self.alert = None

	def __repr__(self):
		a = self.alert or {}
		return f"<{a.get('type')} {a.get('ticket')} {a.get('step')} answered {self.answered}>"


class HookSink:
	"""
	A webhook receiver. `script` is a list of answers, one a request, used up before `default`; an answer is a status, a
	(status, headers) pair, perhaps with a text behind it, or one of "hang", "reset", "close", "drip". A rule(received) may decide instead by what it is.
	"""

	def __init__(self, script=(), default=200, secrets=(SECRET,), rule=None, port=0):
		self.script, self.default, self.secrets, self.rule = list(script), default, secrets, rule
		self.received = []
		self.lock = threading.Lock()
		self.closing = threading.Event()
		sink = self

		class Handler(http.server.BaseHTTPRequestHandler):
			protocol_version = "HTTP/1.1"
			timeout = 60

			def do_POST(self):
				body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
				sink.answer(self, Received(self.path, self.headers, body, sink.secrets))

			def log_message(self, *_):
				pass

		class Server(http.server.ThreadingHTTPServer):
			daemon_threads = True
			request_queue_size = 256

			def handle_error(self, *_):
				pass

		self.server = Server(("127.0.0.1", port), Handler)
		self.port = self.server.server_address[1]
		threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

	def answer(self, handler, got):
		with self.lock:
			how = self.script.pop(0) if self.script else self.default
			if self.rule is not None:
				ruled = self.rule(got)
				how = how if ruled is None else ruled
			got.answered = how[0] if isinstance(how, tuple) else how
			self.received.append(got)
		if how == "hang":
			self.closing.wait(120)
			handler.close_connection = True
		elif how == "reset":
			# Linger of zero makes close() send a reset in place of an orderly end.
			handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
			handler.close_connection = True
		elif how == "close":
			handler.close_connection = True
		elif how == "drip":
			handler.close_connection = True
			for c in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 600:
				if self.closing.wait(0.5):
					break
				handler.wfile.write(bytes([c]))
		else:
			status, headers, text = (*how, "")[:3] if isinstance(how, tuple) else (how, {}, "")
			handler.send_response(status)
			for k, v in headers.items():
				handler.send_header(k, v)
			handler.send_header("Content-Length", str(len(text.encode())))
			handler.end_headers()
			handler.wfile.write(text.encode())

	def alerts(self, **want):
		"""What came and was answered 2xx, filtered by fields of the alert."""
		with self.lock:
			return [r for r in self.received if r.alert is not None and isinstance(r.answered, int) and 200 <= r.answered < 300
				and all(r.alert.get(k) == v for k, v in want.items())]

	def tries(self, **want):
		with self.lock:
			return [r for r in self.received if r.alert is not None and all(r.alert.get(k) == v for k, v in want.items())]

	def wait(self, seconds=10, count=1, **want):
		wait_for(lambda: f"{count} of {want}; there are {self.received!r:.1500}", seconds, lambda: len(self.alerts(**want)) >= count)
		return self.alerts(**want)

	def close(self):
		self.closing.set()
		self.server.shutdown()
		self.server.server_close()


class PlainSink:
	"""A webhook receiver that does as little as it can: `ids` are those of the alerts that came, in their order, `most` how many connections there were at once."""

	def __init__(self, port=0):
		self.ids, self.open, self.most = {}, 0, 0
		self.loop = asyncio.new_event_loop()
		self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", port))
		self.port = self.server.sockets[0].getsockname()[1]
		self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
		self.thread.start()

	async def serve(self, reader, writer):
		self.open += 1
		self.most = max(self.most, self.open)
		with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
			while True:
				head = (await reader.readuntil(b"\r\n\r\n")).lower()
				await reader.readexactly(int(re.search(rb"content-length: (\d+)", head).group(1)))
				self.ids.setdefault(re.search(rb"webhook-id: (\w+)", head).group(1), len(self.ids))
				writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
		self.open -= 1
		writer.close()

	async def end(self):
		self.server.close()
		for task in asyncio.all_tasks() - {asyncio.current_task()}:
			task.cancel()
		await asyncio.sleep(0.05)
		self.loop.stop()

	def close(self):
		asyncio.run_coroutine_threadsafe(self.end(), self.loop)
		self.thread.join(10)
		self.loop.close()


class BadSink:
	"""sinks.py as a webhook receiver in one of its modes."""

	def __init__(self, mode):
		self.process = subprocess.Popen(["/usr/bin/python3", str(pathlib.Path(__file__).with_name("sinks.py")), "webhook", "--mode", mode],
						stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
		self.port = int(self.process.stdout.readline())
		self.lines = []
		threading.Thread(target=self.read, daemon=True).start()

	def read(self):
		for line in self.process.stdout:
			self.lines.append(line)

	def received(self):
		return list(self.lines)

	def close(self):
		self.process.kill()
		self.process.wait()
		self.process.stdout.close()


class Listener:
	"""Listens on a port of its own; serve(conn) runs in a thread a connection, until the listener is closed."""

	def listen(self, backlog=16):
		self.listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
		self.port = self.listener.getsockname()[1]
		threading.Thread(target=self.accept, daemon=True).start()

	def accept(self):
		with contextlib.suppress(OSError):
			while True:
				conn, _ = self.listener.accept()
				threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

	def close(self):
		# Only this wakes the thread that waits in accept(): it would go on with whatever has the number of its descriptor next, another sink's.
		with contextlib.suppress(OSError):
			self.listener.shutdown(socket.SHUT_RDWR)
		self.listener.close()


class SmtpSink(Listener):
	"""
	A mail receiver without TLS that answers as told: rule(command) gives a whole reply ("451 later\\r\\n"), "hang", "close" or
	None for the usual. Bytes are kept as they came, so that what a hostile text adds to the dialogue is seen.
	"""

	def __init__(self, rule=None):
		self.rule = rule
		self.commands, self.messages = [], []
		self.closing = threading.Event()
		self.listen()

	def serve(self, conn):
		conn.settimeout(60)
		with conn, contextlib.suppress(OSError):
			f = conn.makefile("rb")
			conn.sendall(b"220 sink ESMTP\r\n")
			rcpt = []
			while line := f.readline():
				command = line.rstrip(b"\r\n").decode("latin-1")
				self.commands.append(command)
				reply = self.rule(command) if self.rule else None
				verb = command[:4].upper()
				if reply == "close":
					return
				if reply == "hang":
					self.closing.wait(120)
					return
				if reply is None:
					if verb == "DATA":
						conn.sendall(b"354 go on\r\n")
						data = b""
						while (text := f.readline()) not in (b".\r\n", b""):
							data += text[1:] if text.startswith(b".") else text
						reply = (self.rule("<message>") if self.rule else None) or "250 kept\r\n"
						if reply == "close":
							return
						if reply.startswith("250"):
							self.messages.append((rcpt, data))
						rcpt = []
					else:
						reply = "250-sink\r\n250 SIZE 10000000\r\n" if verb == "EHLO" else "250 fine\r\n"
				if verb == "RCPT" and reply.startswith("250"):
					rcpt.append(command)
				if verb == "QUIT":
					reply = "221 bye\r\n"
				conn.sendall(reply.encode())
				if verb == "QUIT":
					return

	def mails(self):
		return [email.message_from_bytes(data, policy=email.policy.default) for _, data in list(self.messages)]

	def close(self):
		self.closing.set()
		super().close()


# ---- certificates and servers of Debian ----
def certificate(directory):
	"""A self-signed certificate for localhost: (certificate, key)."""
	cert, key = pathlib.Path(directory) / "cert.pem", pathlib.Path(directory) / "key.pem"
	subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
			"-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
			"-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
	key.chmod(0o644)
	return cert, key


def find_server(name):
	"""The path of a server that is installed or was unpacked by tests/system/servers."""
	for path in (pathlib.Path("/usr/sbin") / name, pathlib.Path("/usr/bin") / name, SERVERS / "usr/sbin" / name, SERVERS / "usr/bin" / name):
		if path.exists():
			return path
	return None


EXIM = """
exim_user = Debian-exim
exim_group = Debian-exim
exim_path = {exim}
spool_directory = {dir}/spool
log_file_path = {dir}/log-%s
pid_file_path = {dir}/exim.pid
keep_environment = LD_PRELOAD : LD_LIBRARY_PATH : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
primary_hostname = mail.test
daemon_smtp_ports = {port}
local_interfaces = 127.0.0.1
disable_ipv6 = true
tls_certificate = {dir}/cert.pem
tls_privatekey = {dir}/key.pem
tls_advertise_hosts = *
auth_advertise_hosts = ${{if def:tls_in_cipher{{*}}{{}}}}
acl_smtp_rcpt = rcpt
acl_smtp_data = data
host_lookup =
rfc1413_hosts =
message_logs = false

begin acl
rcpt:
  defer message = greylisted, try again
        condition = ${{if exists{{{dir}/greylist}}}}
  accept authenticated = *
  deny message = authenticate first
data:
  accept

begin routers
all:
  driver = accept
  transport = box

begin transports
box:
  driver = appendfile
  maildir_format
  directory = {dir}/mail
  user = Debian-exim
  create_directory
  delivery_date_add
  envelope_to_add
  return_path_add

begin retry
* * F,1h,1m

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{plazo}}}}{{eq{{$auth3}}{{sesame}}}}}}}}
  server_set_id = $auth2
"""


class Exim:
	"""
	Debian's exim on a random port of loopback: STARTTLS, AUTH offered after it alone, no relaying without. Its user need not
	exist on this machine: libnss_wrapper shows it one, and it runs from a copy that this user can reach. What it delivers lies
	in a Maildir.
	"""
	USER, PASSWORD = "plazo", "sesame"

	def __init__(self):
		libs = next(iter(SERVERS.glob("usr/lib/*-linux-gnu")), None)
		if libs is None or not (SERVERS / "usr/sbin/exim4").exists():
			raise unittest.SkipTest("no exim: tests/system/servers build/servers brings it")
		self.dir = pathlib.Path(tempfile.mkdtemp(prefix="plazo-exim-"))
		self.port = free_port()
		self.ca, _ = certificate(self.dir)
		uid, gid = (65534, 65534) if os.getuid() == 0 else (os.getuid(), os.getgid())
		(self.dir / "passwd").write_text(f"root:x:0:0::/:/bin/sh\nDebian-exim:x:{uid}:{gid}::/:/bin/sh\n")
		(self.dir / "group").write_text(f"root:x:0:\nDebian-exim:x:{gid}:\n")
		exim, libs = shutil.copy(SERVERS / "usr/sbin/exim4", self.dir), shutil.copytree(libs, self.dir / "lib", symlinks=True)
		(self.dir / "conf").write_text(EXIM.format(exim=exim, dir=self.dir, port=self.port))
		for name in ("spool", "mail"):
			(self.dir / name).mkdir()
		if os.getuid() == 0:
			for path in (self.dir, self.dir / "spool", self.dir / "mail"):
				os.chown(path, uid, gid)
		os.chmod(self.dir / "conf", 0o644)
		env = dict(os.environ, LD_LIBRARY_PATH=str(libs), LD_PRELOAD=str(libs / "libnss_wrapper.so"),
			   NSS_WRAPPER_PASSWD=str(self.dir / "passwd"), NSS_WRAPPER_GROUP=str(self.dir / "group"))
		self.process = subprocess.Popen([str(exim), "-C", str(self.dir / "conf"), "-bdf"], env=env, stdin=subprocess.DEVNULL,
						stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
		wait_for("exim", 10, self.answers)

	def answers(self):
		if self.process.poll() is not None:
			raise AssertionError("exim ended: " + self.log())
		with contextlib.suppress(OSError):
			with socket.create_connection(("127.0.0.1", self.port), timeout=2) as s:
				return s.recv(3) == b"220"

	def greylist(self, on):
		(self.dir / "greylist").touch() if on else (self.dir / "greylist").unlink()

	def mails(self):
		"""Parsed messages, in order of arrival."""
		paths = sorted((self.dir / "mail" / "new").glob("*"), key=lambda p: p.stat().st_mtime_ns)
		return [email.message_from_bytes(p.read_bytes(), policy=email.policy.default) for p in paths]

	def log(self):
		return "".join(p.read_text("utf-8", "replace") for p in sorted(self.dir.glob("log-*")))

	def close(self):
		self.process.terminate()
		try:
			self.process.wait(5)
		except subprocess.TimeoutExpired:
			self.process.kill()
			self.process.wait()
		shutil.rmtree(self.dir, ignore_errors=True)


def memory_kib(pid):
	"""What the process holds in memory."""
	return int(re.search(r"^VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M).group(1))


# ---- load ----
class Load:
	"""
	Senders that post opened events of tickets of their own, keep a ledger of what was acknowledged, and send again, with the same
	body, what was not. `failures` are answers other than 202 and broken connections: none is allowed where nothing is killed.
	"""

	def __init__(self, plazod, senders=2, pause=0.01, make=None):
		self.plazod, self.pause = plazod, pause
		self.make = make or (lambda name: [opened(name)])
		self.acked, self.failures = {}, []
		self.lock = threading.Lock()
		self.ending = threading.Event()
		self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(senders)]
		for t in self.threads:
			t.start()

	def run(self, sender):
		n = 0
		while not self.ending.is_set():
			n += 1
			name = f"T{sender}-{n}"
			events = self.make(name)
			while not self.try_once(name, events):
				if self.ending.wait(0.05):
					return
			time.sleep(self.pause)

	def try_once(self, name, events):
		try:
			r = self.plazod.post(events if len(events) > 1 else events[0], timeout=15)
		except (OSError, http.client.HTTPException) as e:
			with self.lock:
				self.failures.append(repr(e))
			return False
		with self.lock:
			if r.status == 202:
				self.acked[name] = events
				return True
			self.failures.append(repr(r))
		return False

	def wait(self, n):
		"""Until there was some load."""
		wait_for(lambda: f"{n} that were acknowledged, of {len(self.acked)}", 30, lambda: len(self.acked) >= n)

	def stop(self):
		self.ending.set()
		for t in self.threads:
			t.join(30 * PATIENCE)


class Case(unittest.TestCase):
	"""A test with a plazod (self.d), and sinks that are closed when it ends."""

	def setUp(self):
		if not (BUILD / "plazod").exists():
			self.fail(f"{BUILD}/plazod is not built")
		self.d = Plazod()
		self.addCleanup(self.d.close)

	def sink(self, *args, kind=HookSink, **more):
		s = kind(*args, **more)
		self.addCleanup(s.close)
		return s

	def run_with(self, receivers=None, **more):
		self.d.configure(receivers, **more).start()
		return self.d

	def metric(self, name, **labels):
		"""The sum of a metric's samples whose labels fit."""
		total, seen = 0.0, False
		for line in self.d.get("/metrics").body.decode().splitlines():
			m = re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)", line)
			if m and m.group(1) == name:
				have = dict(re.findall(r'(\w+)="((?:\\.|[^"\\])*)"', m.group(2) or ""))
				if all(have.get(k) == v for k, v in labels.items()):
					total, seen = total + float(m.group(3)), True
		self.assertTrue(seen, f"no metric {name} {labels}")
		return total
