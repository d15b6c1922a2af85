#!/usr/bin/python3
"""What a durable event costs: plazod with signatures, duplicate check and engine, its journal on a real disk, beside nginx that answers
the same requests by 204 and keeps nothing, and beside the servers of control.c. Rounds are interleaved and medians told; the ratios are what counts, since
since the machine is shared.

/usr/bin/python3 tests/bench/bench_durable.py [--build build] [--rounds 3] [--seconds 4] [--cores one|both] [--only single|bulk]
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
import rig  # noqa: E402

SERVER, LOAD = "0", "1"                            # cores
SINGLE = {"connections": 64, "requests": 900_000}
BULK = {"connections": 8, "requests": 2_500, "lines": 1000}

NGINX = """
daemon off; master_process off; worker_processes 1; error_log stderr crit; pid {dir}/nginx.pid;
events {{ worker_connections 1024; }}
http {{ access_log off; client_max_body_size 8m; client_body_buffer_size 1m; keepalive_requests 100000000; client_body_temp_path {dir}/body;
	proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
	server {{ listen 127.0.0.1:{port} backlog=1024; location / {{ return 204; }} }} }}
"""


NAMES = {"nginx": "nginx 204", "evhttp": "evhttp 204", "receive": "receiving only", "plazod": "plazod durable"}


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
	p.write({"server": {"listen": f"127.0.0.1:{p.port}"}, "store": {"path": "plazo.db"}, **rig.CONFIG})
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


@contextlib.contextmanager
def control(kind, build):
	"""control.c, on the core that nginx has."""
	port = harness.free_port()
	process = subprocess.Popen(["taskset", "-c", SERVER, str(build / "tests/bench/control"), kind, str(port)], stdin=subprocess.DEVNULL)
	try:
		harness.wait_for(kind, 5, lambda: answers(port))
		yield port, process.pid
	finally:
		drop(process)


def evhttp(_, build, *__):
	return control("evhttp", build)


def receive(_, build, *__):
	return control("receive", build)


def answers(port):
	with contextlib.suppress(OSError):
		return harness.request(port, "GET", "/", timeout=1)


def measure(args, server, shape, prefix):
	"""One run: what the load saw, and what the server spent on an event."""
	command = ["taskset", "-c", LOAD, str(args.build / "tests/bench/load"), "--secret", rig.SECRET, "--seconds", str(args.seconds), "--prefix", prefix]
	for key, value in shape.items():
		command += [f"--{key}", str(value)]
	with server(args.dir, args.build, "0,1" if args.cores == "both" else SERVER) as (port, pid):
		before = rig.cpu_s(pid)
		out = subprocess.run([*command, "--port", str(port)], capture_output=True, text=True, timeout=60, check=False)
		spent = rig.cpu_s(pid) - before
	if out.returncode != 0:
		sys.exit(f"load: {out.stderr or out.stdout}")
	r = json.loads(out.stdout)
	r["us_event"] = spent / r["events"] * 1e6
	r["load1"] = os.getloadavg()[0]
	return r


CONTROL = {"single": evhttp, "bulk": receive}
GOALS = (("single", nginx, 0.65), ("single", evhttp, 1.3), ("bulk", receive, 0.3))


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
	parser.add_argument("--seconds", type=float, default=4)
	parser.add_argument("--cores", choices=["one", "both"], default="both")
	parser.add_argument("--only", choices=["single", "bulk"])
	args = parser.parse_args()
	args.build = args.build.resolve()
	args.dir = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=args.build))
	kinds = {"single": SINGLE, "bulk": BULK} if args.only is None else {args.only: {"single": SINGLE, "bulk": BULK}[args.only]}
	runs = {(kind, server): [] for kind in kinds for server in (nginx, CONTROL[kind], plazod)}
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
		tell(f"{'one event a POST' if kind == 'single' else 'NDJSON of 1,000'}, {NAMES[server.__name__]}", r)
	rate = {key: median(r, "events_s") for key, r in runs.items()}
	for kind, server, goal in GOALS:
		if kind in kinds:
			mine, theirs = rate[kind, plazod], rate[kind, server]
			rig.tell(f"durable events, {kind}, beside {NAMES[server.__name__]}", mine, "/s", (NAMES[server.__name__], theirs), f">= {goal} of it", mine >= goal * theirs)
	if "bulk" in kinds:
		rig.tell("durable events, bulk", rate["bulk", plazod], "/s", None, ">= 700,000/s", rate["bulk", plazod] >= 700_000)


if __name__ == "__main__":
	main()
