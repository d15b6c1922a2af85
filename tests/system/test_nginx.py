"""nginx as TLS proxy in front of plazod, as the documentation shows it."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest

import harness
import hostile_requests
from harness import Case, opened, signed_headers

CONF = """
{user}
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 256; }}
http {{
	access_log off;
	client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/proxy;
	fastcgi_temp_path {dir}/fastcgi;
	uwsgi_temp_path {dir}/uwsgi;
	scgi_temp_path {dir}/scgi;
	client_max_body_size 8m;
	upstream plazod {{
		server 127.0.0.1:{upstream};
		keepalive 16;
	}}
	server {{
		listen 127.0.0.1:{port} ssl;
		ssl_certificate {dir}/cert.pem;
		ssl_certificate_key {dir}/key.pem;
		location / {{
			proxy_pass http://plazod;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $host;
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_request_buffering {buffering};
		}}
	}}
}}
"""


class Nginx:
	def __init__(self, upstream, buffering="on"):
		binary = harness.find_server("nginx")
		if binary is None:
			raise unittest.SkipTest("no nginx: tests/system/servers build/servers brings it")
		self.dir = pathlib.Path(tempfile.mkdtemp(prefix="plazo-nginx-"))
		self.port = harness.free_port()
		self.ca, _ = harness.certificate(self.dir)
		(self.dir / "conf").write_text(CONF.format(user="user root;" if os.getuid() == 0 else "", dir=self.dir, port=self.port,
							   upstream=upstream, buffering=buffering))
		self.process = subprocess.Popen([str(binary), "-p", str(self.dir), "-c", str(self.dir / "conf"), "-e", str(self.dir / "error.log")],
						stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
		self.context = ssl.create_default_context(cafile=str(self.ca))
		harness.wait_for("nginx", 10, self.answers)

	def answers(self):
		if self.process.poll() is not None:
			raise AssertionError("nginx ended: " + (self.dir / "error.log").read_text())
		try:
			return self.request("GET", "/healthz").status > 0
		except OSError:
			return False

	def connect(self):
		return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=15 * harness.PATIENCE, context=self.context)

	def request(self, method, path, body=None, headers=None, conn=None, **more):
		c = conn or self.connect()
		c.request(method, path, body, headers or {}, **more)
		r = c.getresponse()
		reply = harness.Reply(r.status, r.headers, r.read())
		if conn is None:
			c.close()
		return reply

	def post(self, body, conn=None, headers=None, **more):
		return self.request("POST", "/v1/events/helpdesk", body, {"Content-Type": "application/json", **(headers or signed_headers(body))},
				    conn, **more)

	def close(self):
		self.process.terminate()
		self.process.wait(10 * harness.PATIENCE)
		shutil.rmtree(self.dir, ignore_errors=True)


class Proxy(Case):
	def setUp(self):
		super().setUp()
		self.run_with(target="1h")
		self.nginx = self.sink(self.d.port, kind=Nginx)

	def test_events(self):
		r = self.nginx.post(json.dumps(opened("T1")).encode())
		self.assertEqual((r.status, r.json), (202, {"accepted": 1, "duplicates": 0}))

	def test_large_batches(self):
		body = json.dumps([opened(f"T{i}", subject="x" * 100) for i in range(3000)]).encode()
		r = self.nginx.post(body)
		self.assertEqual((r.status, r.json["accepted"]), (202, 3000))

	def test_chunked_by_the_client(self):
		body = json.dumps(opened("T1")).encode()
		r = self.nginx.post(iter([body[:20], body[20:]]), headers=signed_headers(body), encode_chunked=True)
		self.assertEqual(r.status, 202, r)

	def test_many_on_kept_connections(self):
		def sender(n):
			conn = self.nginx.connect()
			codes = [self.nginx.post(json.dumps(opened(f"S{n}-{i}")).encode(), conn).status for i in range(harness.scaled(60))]
			conn.close()
			return codes
		with concurrent.futures.ThreadPoolExecutor(4) as pool:
			for codes in pool.map(sender, range(4)):
				self.assertEqual(set(codes), {202})

	def test_refusals_come_through(self):
		body = json.dumps(opened("T1")).encode()
		r = self.nginx.post(body, headers={**signed_headers(body), "webhook-signature": "v1,AAAA"})
		self.assertEqual((r.status, r.headers.get_content_type()), (401, "application/problem+json"))
		r = self.nginx.post(b"{")
		self.assertEqual((r.status, r.headers.get_content_type()), (400, "application/problem+json"))

	def test_behind_a_proxy_loopback_is_the_world(self):
		self.assertEqual(self.nginx.request("GET", "/v1/tickets").status, 401)
		self.assertEqual(self.nginx.request("GET", "/metrics").status, 401)

	def test_restart_behind_the_proxy(self):
		self.d.stop()
		self.assertIn(self.nginx.request("GET", "/healthz").status, (502, 504))
		self.d.start()
		harness.wait_for("an answer", 15, lambda: self.nginx.post(json.dumps(opened("T9")).encode()).status == 202, 0.2)


class Smuggling(Case):
	"""Two readers of one stream: whatever nginx lets through, plazod must see the same requests, and innocents get their own answers."""

	def through(self, nginx, data, seconds=0.3 * harness.SLOWER):
		with socket.create_connection(("127.0.0.1", nginx.port), timeout=5 * harness.PATIENCE) as plain:
			with nginx.context.wrap_socket(plain, server_hostname="127.0.0.1") as s, contextlib.suppress(OSError):
				s.sendall(data)
				# nginx may wait for more of a body. What it has to say otherwise comes at once.
				s.settimeout(seconds)
				while s.recv(65536):
					pass

	def run_table(self, buffering):
		self.run_with(target="1h", sources={"desk": {"webhook": {"verify": {"kind": "bearer", "secret": hostile_requests.TOKEN}}}})
		nginx = self.sink(self.d.port, buffering, kind=Nginx)
		innocent = nginx.connect()
		self.addCleanup(innocent.close)
		for i, (name, data, _) in enumerate(hostile_requests.TABLE):
			if len(data) > 1_000_000:
				continue
			data = data if isinstance(data, bytes) else data.encode()
			with self.subTest(name):
				# The first is a good one, and is answered; whoever leaves before that may take it along.
				self.through(nginx, (data + hostile_requests.AFTER.encode()).replace(b"####", b"%04d" % i), *[5 * harness.PATIENCE] * (i == 0))
				self.assertEqual(self.d.get(f"/v1/tickets/inner-{i:04d}").status, 404, "smuggled")
				r = nginx.post(json.dumps(opened(f"innocent-{i}")).encode(), innocent)
				self.assertEqual((r.status, r.body), (202, b'{"accepted":1,"duplicates":0}'), r)
		self.assertEqual(self.d.get("/v1/tickets/own-0000").status, 200, "the first of the table is a good one")

	def test_bodies_that_nginx_keeps_until_they_are_whole(self):
		self.run_table("on")

	def test_bodies_that_nginx_passes_on_as_they_come(self):
		self.run_table("off")


if __name__ == "__main__":
	harness.main()
