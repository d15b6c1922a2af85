#!/usr/bin/python3
"""What a durable event costs: plazod with signatures, duplicate check and engine, its journal on a real disk, beside nginx that answers
the same requests by 204 and keeps nothing. Rounds are interleaved and medians told; the ratios are what counts, since the machine is shared.

/usr/bin/python3 tests/bench/bench_durable.py [--build build] [--rounds 3] [--seconds 5.5] [--cores one|both] [--only single|bulk]
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
import harness  # noqa: E402

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SERVER, LOAD = "0", "1"                            # cores
SINGLE = {"connections": 64, "requests": 900_000}
BULK = {"connections": 8, "requests": 2_500, "lines": 1000}

CONFIG = {
	"calendars": {"office": {"zone": "Europe/Madrid", "hours": {"mon-fri": ["08:00-18:00"]}}},
	"defaults": {"calendar": "office", "pause": {"status": ["pending"]}, "notify": ["ops"]},
	"policies": {"p": {"metrics": {"response": {"target": "4h"}, "update": {"target": "8h"},
				       "resolution": {"target": {"P1": "8h", "default": "40h"}}}, "escalation": "s"}},
	"contracts": {"acme": {"customer": "ACME", "policy": "p"}},
	"escalations": {"s": [{"at": "75%", "notify": ["ops"]}, {"at": "breach", "notify": ["ops"]},
			      {"at": "breach+1h", "notify": ["ops"]}]},
	"receivers": {"ops": {"log": {}}},
	"sources": {"desk": {"webhook": {"verify": {"kind": "standard-webhooks", "secret": SECRET}}, "contracts": ["acme"]}},
}

NGINX = """
daemon off; master_process off; worker_processes 1; error_log stderr crit; pid {dir}/nginx.pid;
events {{ worker_connections 1024; }}
http {{ access_log off; client_max_body_size 8m; client_body_buffer_size 1m; keepalive_requests 100000000; client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
	server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 204; }} }} }}
"""


def cpu_s(pid):
	"""Processor time of a process, all its threads."""
	return sum(int(p.read_text().split()[0]) for p in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def drop(process):
	process.terminate()
	try:
		process.wait(20)
	except subprocess.TimeoutExpired:
		process.kill()
		process.wait()


@contextlib.contextmanager
def plazod(directory, build, cores):
	where = pathlib.Path(tempfile.mkdtemp(dir=directory))
	p = harness.Plazod(where)
	p.write({"server": {"listen": f"127.0.0.1:{p.port}"}, "store": {"path": "plazo.db"}, **CONFIG})
	with open(p.log_path, "ab") as log:
		p.process = subprocess.Popen(["taskset", "-c", cores, str(build / "plazod"), "-c", str(p.conf)], stdin=subprocess.DEVNULL,
					     stdout=log, stderr=log, cwd=where)
	try:
		p.wait_ready()
		yield p.port, p.process.pid
	finally:
		drop(p.process)
		shutil.rmtree(where, ignore_errors=True)


@contextlib.contextmanager
def nginx(directory, *_):
	port, conf = harness.free_port(), directory / "nginx.conf"
	conf.write_text(NGINX.format(dir=directory, port=port))
	process = subprocess.Popen(["taskset", "-c", SERVER, "/usr/sbin/nginx", "-c", str(conf)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
	try:
		harness.wait_for("nginx", 5, lambda: answers(port))
		yield port, process.pid
	finally:
		drop(process)


def answers(port):
	with contextlib.suppress(OSError):
		return harness.request(port, "GET", "/", timeout=1)


def measure(args, server, shape, prefix):
	"""One run: what the load saw, and what the server spent on an event."""
	command = ["taskset", "-c", LOAD, str(args.build / "tests/bench/load"), "--secret", SECRET, "--seconds", str(args.seconds), "--prefix", prefix]
	for key, value in shape.items():
		command += [f"--{key}", str(value)]
	with server(args.dir, args.build, "0,1" if args.cores == "both" else SERVER) as (port, pid):
		before = cpu_s(pid)
		out = subprocess.run([*command, "--port", str(port)], capture_output=True, text=True, timeout=60, check=False)
		spent = cpu_s(pid) - before
	if out.returncode != 0:
		sys.exit(f"load: {out.stderr or out.stdout}")
	r = json.loads(out.stdout)
	r["us_event"] = spent / r["events"] * 1e6
	r["load1"] = os.getloadavg()[0]
	return r


def fdatasync_us(directory):
	"""The bare disk: the median of overwriting and syncing 16 KiB of a file that is there."""
	path, times = directory / "probe", []
	with open(path, "wb", buffering=0) as f:
		f.write(bytes(16384 * 64))
		os.fsync(f.fileno())
		for i in range(300):
			os.pwrite(f.fileno(), os.urandom(16384), i % 64 * 16384)
			t = time.perf_counter()
			os.fdatasync(f.fileno())
			times.append((time.perf_counter() - t) * 1e6)
	path.unlink()
	return statistics.median(times)


def median(runs, key):
	return statistics.median(r[key] for r in runs)


def tell(name, runs):
	print(f"{name:34} {median(runs, 'requests_s'):9.0f} {median(runs, 'events_s'):10.0f} {median(runs, 'us_event'):9.2f} "
	      f"{median(runs, 'p50_us') / 1000:8.2f} {median(runs, 'p99_us') / 1000:8.2f}   "
	      + " ".join(f"{r['events_s'] / 1000:.1f}" for r in runs))


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument("--build", type=pathlib.Path, default=harness.BUILD)
	parser.add_argument("--rounds", type=int, default=3)
	parser.add_argument("--seconds", type=float, default=5.5)
	parser.add_argument("--cores", choices=["one", "both"], default="both")
	parser.add_argument("--only", choices=["single", "bulk"])
	args = parser.parse_args()
	args.build = args.build.resolve()
	args.dir = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=args.build))
	kinds = {"single": SINGLE, "bulk": BULK} if args.only is None else {args.only: {"single": SINGLE, "bulk": BULK}[args.only]}
	runs = {(kind, server): [] for kind in kinds for server in (nginx, plazod)}
	try:
		disk = fdatasync_us(args.dir)
		for i in range(args.rounds):
			for kind, server in runs:
				runs[kind, server].append(measure(args, server, kinds[kind], f"r{i}"))
		fs = subprocess.run(["stat", "-f", "-c", "%T", str(args.dir)], capture_output=True, text=True, check=False).stdout.strip()
	finally:
		shutil.rmtree(args.dir, ignore_errors=True)
	print(f"disk {fs}, bare fdatasync of 16 KiB {disk:.0f} us; nginx on core 0, plazod on core{'s 0 and 1' if args.cores == 'both' else ' 0'},"
	      f" load on core 1; {args.rounds} rounds, medians; load average {os.getloadavg()[0]:.1f}")
	print(f"{'':34} {'req/s':>9} {'events/s':>10} {'cpu us/ev':>9} {'p50 ms':>8} {'p99 ms':>8}   thousand events/s of each round")
	for (kind, server), r in runs.items():
		tell(f"{'one event a POST' if kind == 'single' else 'NDJSON of 1,000'}, {'nginx 204' if server is nginx else 'plazod durable'}", r)
	if "single" in kinds:
		ratio = median(runs["single", plazod], "requests_s") / median(runs["single", nginx], "requests_s")
		print(f"one event a POST: {ratio:.2f} of nginx (goal 0.50)")
	if "bulk" in kinds:
		rate = median(runs["bulk", plazod], "events_s")
		print(f"NDJSON of 1,000: {rate:.0f} events/s durable, {rate / 300000:.2f} of the goal of 300,000")


if __name__ == "__main__":
	main()
