#!/usr/bin/python3
"""`make run`: a plazod of its own, a dozen tickets, and every alert told in words as it arrives.

    conf/demo/demo.py [--build DIR] [--once]

Starts plazod on plazod.yaml from beside this file, in a fresh directory and on free ports; receives its webhooks and mails in
this process, and checks their signatures as a receiver should. Stays until Ctrl-C, unless --once, DEMO_ONCE=1 or no terminal
is there to type it; then the exit status says whether a warning, a breach, an escalation and a clear arrived, by all three ways.
Where a Redis answers ($PLAZO_REDIS, or one on this machine without a password; PLAZO_REDIS=none: none) the tickets of one contract
come by a stream, which has a name of its own and is deleted afterwards; nothing else is touched there. Needs Python 3 alone.
"""
import argparse
import base64
import email
import email.policy
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

import bus as buses

HERE = pathlib.Path(__file__).resolve().parent
BY_STREAM = "SW-"      # the tickets that come by a stream where there is one

# What happens: seconds from the start, ticket, event. A dozen tickets of three contracts.
STORY = [
	(0.0, "HM-101", {"type": "opened", "contract": "hotel-miramar", "priority": "P3", "subject": "Printer at reception jams"}),
	(0.0, "HM-102", {"type": "opened", "contract": "hotel-miramar", "priority": "P3", "subject": "Access point on floor 4 is dead"}),
	(0.0, "HM-103", {"type": "opened", "contract": "hotel-miramar", "priority": "P4", "subject": "New till in the bar"}),
	(0.0, "AC-201", {"type": "opened", "contract": "acme", "priority": "P1", "subject": "VPN is down for the sales office"}),
	(0.0, "AC-202", {"type": "opened", "contract": "acme", "priority": "P2", "subject": "Mailbox over its quota"}),
	(0.0, "AC-203", {"type": "opened", "contract": "acme", "priority": "P2", "subject": "Laptop does not wake up"}),
	(0.5, "AC-204", {"type": "opened", "contract": "acme", "priority": "P3", "subject": "Wrong tax rate in an invoice"}),
	(1.0, "AC-205", {"type": "opened", "contract": "acme", "priority": "P2", "subject": "Backup failed last night"}),
	(1.0, "SW-301", {"type": "opened", "contract": "steelworks", "priority": "P1", "subject": "Rolling mill 2: terminal is black"}),
	(1.0, "SW-302", {"type": "opened", "contract": "steelworks", "priority": "P1", "subject": "Weighbridge prints nothing"}),
	(1.5, "SW-303", {"type": "opened", "contract": "steelworks", "priority": "P2", "subject": "Badge reader at gate 3"}),
	(2.0, "HM-104", {"type": "opened", "contract": "hotel-miramar", "priority": "P4", "subject": "Cable in the conference room"}),
	(2.2, "SW-302", {"type": "attended", "mode": "onsite"}),
	(2.5, "AC-203", {"type": "changed", "status": "waiting-customer"}),
	(3.0, "SW-303", {"type": "attended", "mode": "onsite"}),
	(4.0, "AC-202", {"type": "attended", "mode": "remote"}),
	(5.0, "AC-204", {"type": "cancelled"}),
	(6.0, "HM-101", {"type": "attended", "mode": "onsite"}),
	(9.5, "AC-205", {"type": "attended", "mode": "remote"}),
	(12.0, "AC-203", {"type": "changed", "status": "open"}),
	(14.0, "AC-203", {"type": "attended", "mode": "remote"}),
	(16.0, "HM-102", {"type": "attended", "mode": "remote"}),
	(17.0, "AC-201", {"type": "attended", "mode": "remote"}),
	(18.0, "SW-301", {"type": "attended", "mode": "onsite"}),
	(19.0, "HM-104", {"type": "attended", "mode": "onsite"}),
	(22.0, "HM-103", {"type": "changed", "status": "waiting-customer"}),
	(31.0, "HM-102", {"type": "attended", "mode": "onsite"}),
]
STORY_ENDS = 33.0
TELLING = {
	"opened": "is opened: “{subject}”",
	"attended": "is attended ({mode})",
	"cancelled": "is cancelled by its customer",
	"changed": "is now “{status}”",
}
ABOUT = """\
plazod watches the promises of three contracts, here scaled to seconds:
  Económica  Hotel Miramar            a technician on site within three business days   24 s: a second is an hour of office time
  Superplus  ACME                     remote attention within two hours                 10 s: a second is twelve minutes
  In-Plant   Altos Hornos del Norte   immediate: somebody there within five minutes      3 s: a second is a hundred seconds
Warnings at 75 % of the time go to the journal, breaches to the manager too, by signed webhook; what is still not attended a while
later goes to the director by mail, in Spanish. AC-203 waits for its customer, so its clock stands; HM-102 is attended remotely,
which its contract does not count.
"""
LEGEND = "Below, what happens at the help desk, and behind each ◀ what plazod sends, by which way.\n"


class Teller:
	"""Prints one line a fact, with the time since the story began, and keeps count of what arrived."""

	def __init__(self):
		self.began = time.monotonic()
		self.lock = threading.Lock()
		self.types, self.ways, self.bad = {}, {}, 0

	def say(self, text):
		with self.lock:
			print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

	def arrived(self, kind, way, text):
		with self.lock:
			self.types[kind] = self.types.get(kind, 0) + 1
			self.ways[way] = self.ways.get(way, 0) + 1
		self.say(f"  ◀ {way:8} {text}")


# ---- the receivers ----
def verify(headers, body, secret):
	"""What a receiver of Standard Webhooks does before it believes a word: signature and age."""
	msg_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
	key = base64.b64decode(secret.removeprefix("whsec_"))
	want = "v1," + base64.b64encode(hmac.new(key, f"{msg_id}.{stamp}.".encode() + body, hashlib.sha256).digest()).decode()
	fits = any(hmac.compare_digest(want, s) for s in headers.get("webhook-signature", "").split())
	return fits and stamp.isdigit() and abs(time.time() - int(stamp)) < 300


def in_words(alert):
	name = alert["type"].removeprefix("sla.")
	s = alert.get("remaining_s", 0)
	left = f"{s:.1f} s left" if s > 0 else f"{-s:.1f} s late" if s < 0 else "at its due time"
	more = {"warning": f"warning at {alert.get('step')} of the time, {left}", "breach": "BREACH: the promise is broken",
		"escalation": f"escalation, {left} and still not attended", "cleared": f"cleared: attended, {left}"}
	return f"{alert['ticket']} {alert['metric']}: {more.get(name, name)}"


def in_journal(text):
	"""The alert of a line of the journal; None of other lines."""
	fields = {k: json.loads(v) if v.startswith('"') else v for k, v in re.findall(r'(\w+)=("(?:\\.|[^"\\])*"|\S+)', text)}
	if not fields.get("type", "").startswith("sla."):
		return None
	return {**fields, "remaining_s": int(fields.get("remaining_ms", 0)) / 1000}


def hook_server(teller, secret):
	class Handler(http.server.BaseHTTPRequestHandler):
		protocol_version = "HTTP/1.1"

		def do_POST(self):
			body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
			good = verify(self.headers, body, secret)
			if good:
				alert = json.loads(body)
				teller.arrived(alert["type"], "webhook", in_words(alert) + "   (signature verified)")
			else:
				teller.bad += 1
				teller.say("a webhook with a bad signature came and was refused")
			self.send_response(204 if good else 401)
			self.send_header("Content-Length", "0")
			self.end_headers()

		def log_message(self, *_):
			pass

	return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def mail_server(teller):
	class Handler(socketserver.StreamRequestHandler):
		def handle(self):
			self.reply("220 demo ESMTP")
			while line := self.rfile.readline():
				verb = line[:4].upper()
				if verb == b"DATA":
					self.reply("354 go on")
					self.message()
				elif verb == b"EHLO":
					self.reply("250 demo")
				elif verb == b"QUIT":
					self.reply("221 bye")
					return
				else:
					self.reply("250 fine")

		def message(self):
			data = b""
			while (line := self.rfile.readline()) not in (b".\r\n", b""):
				data += line[1:] if line.startswith(b".") else line
			mail = email.message_from_bytes(data, policy=email.policy.default)
			kind = "mail: " + str(mail["Subject"])
			teller.arrived(kind, "mail", f"to {mail['To']}: {mail['Subject']}")
			self.reply("250 kept")

		def reply(self, text):
			self.wfile.write(text.encode() + b"\r\n")

	class Server(socketserver.ThreadingTCPServer):
		daemon_threads = True

	return Server(("127.0.0.1", 0), Handler)


def read_log(stream, log_file, teller):
	"""The journal, as systemd would get it: all of it goes to a file, alerts of the receiver `console` are told."""
	with open(log_file, "wb") as out:
		for line in stream:
			out.write(line)
			out.flush()
			text = re.sub(r"^<\d>", "", line.decode("utf-8", "replace").rstrip())
			alert = in_journal(text)
			if alert:
				teller.arrived(alert["type"], "journal", in_words(alert))


# ---- the tickets ----
def event(ticket, fields):
	now = time.time()
	return {"id": f"{ticket}-{os.urandom(6).hex()}", "ticket": ticket,
		"at": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z", **fields}


def post(port, secret, what):
	body = json.dumps(what).encode()
	stamp, msg_id = str(int(time.time())), "msg_" + os.urandom(9).hex()
	key = base64.b64decode(secret.removeprefix("whsec_"))
	mac = hmac.new(key, f"{msg_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
	conn = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
	conn.request("POST", "/v1/events/helpdesk", body, {
		"Content-Type": "application/json", "webhook-id": msg_id, "webhook-timestamp": stamp,
		"webhook-signature": "v1," + base64.b64encode(mac).decode()})
	reply = conn.getresponse()
	text = reply.read().decode("utf-8", "replace")
	conn.close()
	if reply.status != 202:
		raise SystemExit(f"plazod answered {reply.status}: {text}")


def tell_story(port, secret, teller, process, bus):
	for at, ticket, fields in STORY:
		while (wait := at - (time.monotonic() - teller.began)) > 0:
			time.sleep(min(wait, 0.2))
			if process.poll() is not None:
				raise SystemExit(f"plazod ended with status {process.returncode}")
		by_stream = bus is not None and ticket.startswith(BY_STREAM)
		teller.say(f"{ticket} {TELLING[fields['type']].format(**fields)}{'   (by the stream)' if by_stream else ''}")
		if by_stream:
			bus.add(event(ticket, fields))
		else:
			post(port, secret, event(ticket, fields))
	time.sleep(max(0.0, STORY_ENDS - (time.monotonic() - teller.began)))


# ---- all of it ----
def free_port():
	with socket.socket() as s:
		s.bind(("127.0.0.1", 0))
		return s.getsockname()[1]


def new_secret(path):
	path.write_text("whsec_" + base64.b64encode(os.urandom(32)).decode() + "\n")
	path.chmod(0o600)
	return path.read_text().strip()


def wait_ready(port, process):
	for _ in range(100):
		if process.poll() is not None:
			raise SystemExit(f"plazod ended with status {process.returncode}")
		try:
			conn = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
			conn.request("GET", "/readyz")
			if conn.getresponse().status == 200:
				return
		except OSError:
			pass
		time.sleep(0.1)
	raise SystemExit("plazod was not ready within ten seconds")


def look_further(build, work):
	ctl = f"{build}/plazoctl --socket {work}/plazod.sock"
	print(f"""
Look further, in another terminal:
  {ctl} status
  {ctl} tickets --at-risk
  {ctl} ticket HM-103
  {ctl} explain HM-103
  {ctl} deliveries --ticket AC-201
The configuration is {work}/plazod.yaml; the whole journal is {work}/plazod.log.
""", flush=True)


def verdict(teller):
	"""What must have arrived, and did not."""
	missing = [t for t in ("sla.warning", "sla.breach", "sla.escalation", "sla.cleared") if t not in teller.types]
	missing += [w for w in ("journal", "webhook", "mail") if w not in teller.ways]
	if teller.bad:
		missing.append("good signatures")
	return missing


def main():
	ap = argparse.ArgumentParser()
	ap.add_argument("--build", default="build")
	ap.add_argument("--once", action="store_true")
	a = ap.parse_args()
	once = a.once or os.environ.get("DEMO_ONCE") == "1" or not sys.stdin.isatty()
	signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
	with tempfile.TemporaryDirectory(prefix="plazo-demo-") as tmp:
		work = pathlib.Path(tmp)
		teller = Teller()
		helpdesk, manager = new_secret(work / "helpdesk.secret"), new_secret(work / "manager.secret")
		hook, mail, port = hook_server(teller, manager), mail_server(teller), free_port()
		for server in (hook, mail):
			threading.Thread(target=server.serve_forever, daemon=True).start()
		bus = buses.find()
		conf = (HERE / "plazod.yaml").read_text().replace("/tmp/plazo-demo", str(work))
		for written, real in ((8970, port), (8990, hook.server_address[1]), (8925, mail.server_address[1])):
			conf = conf.replace(f"127.0.0.1:{written}", f"127.0.0.1:{real}")
		(work / "plazod.yaml").write_text(conf + (bus.source(["steelworks"], "helpdesk") if bus else ""))
		(work / "plazod.yaml").chmod(0o600)
		process = subprocess.Popen([f"{a.build}/plazod", "-c", str(work / "plazod.yaml")], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
		reader = threading.Thread(target=read_log, args=(process.stderr, work / "plazod.log", teller), daemon=True)
		reader.start()
		code = 0
		try:
			wait_ready(port, process)
			print(ABOUT)
			print(f"It listens on 127.0.0.1:{port} and keeps its database in {work}.")
			if bus:
				print(f"The tickets of steelworks come by the stream {bus.stream} of the Redis at {bus.place}.")
			print(LEGEND)
			teller.began = time.monotonic()
			tell_story(port, helpdesk, teller, process, bus)
			missing = verdict(teller)
			code = 1 if missing else 0
			print("\nArrived: " + ", ".join(f"{n} by {way}" for way, n in sorted(teller.ways.items())) +
			      (f"\nMISSING: {', '.join(missing)}" if missing else ""))
			if not once:
				look_further(os.path.abspath(a.build), work)
				print("HM-103 waits for its customer; its clock stands. Ctrl-C ends plazod and this.", flush=True)
				process.wait()
		except KeyboardInterrupt:
			print("\nending plazod", flush=True)
		except SystemExit:
			sys.stdout.flush()
			log = (work / "plazod.log")
			print(log.read_text("utf-8", "replace")[-3000:] if log.exists() else "", file=sys.stderr)
			raise
		finally:
			if process.poll() is None:
				process.terminate()
				try:
					process.wait(20)
				except subprocess.TimeoutExpired:
					process.kill()
					process.wait()
			reader.join(5)
			if bus:
				bus.close()
		return code


if __name__ == "__main__":
	sys.exit(main())
