#!/usr/bin/python3
"""Alerts that are due at once, to one webhook receiver, beside a bare libcurl multi loop that sends as many bodies of the same size to the same
receiver over as many connections. Rounds are interleaved. /usr/bin/python3 tests/bench/bench_delivery.py [--build build] [--alerts 8000] [--rounds 3]
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import rig
import harness

CONNECTIONS = 16                                   # NOTIFY_MAX_FLIGHTS


def ours(p, build, port, prefix, n):
	hook = rig.Hook(build, n, 60, port)
	due = time.time() + 3
	rig.probes(p, prefix, n, due, due + 0.001)
	before = rig.cpu_s(p.process.pid)
	r = hook.result()
	r["us_event"] = (rig.cpu_s(p.process.pid) - before) / n * 1e6
	return r


def bare(build, port, n, size):
	hook = rig.Hook(build, n, 60, port)
	time.sleep(0.2)
	out = subprocess.run([str(build / "tests/bench/curl_loop"), f"http://127.0.0.1:{port}/hook", str(n), str(CONNECTIONS), str(size)],
			     capture_output=True, text=True, timeout=60, check=True)
	hook.result()
	return json.loads(out.stdout)


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument("--build", type=pathlib.Path, default=harness.BUILD)
	parser.add_argument("--alerts", type=int, default=8000)
	parser.add_argument("--rounds", type=int, default=3)
	args = parser.parse_args()
	harness.BUILD = build = args.build.resolve()
	where = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=build))
	p, port = harness.Plazod(where), harness.free_port()
	p.write(rig.config(p.port, port))
	mine, theirs = [], []
	try:
		p.start()
		for i in range(args.rounds):
			mine.append(ours(p, build, port, f"r{i}", args.alerts))
			theirs.append(bare(build, port, args.alerts, mine[0]["bytes"]))
	finally:
		p.close()
		shutil.rmtree(where, ignore_errors=True)
	rate, control = (statistics.median(r["requests_s"] for r in runs) for runs in (mine, theirs))
	cpu, control_cpu = (statistics.median(r["us_event"] for r in runs) for runs in (mine, theirs))
	rig.tell(f"delivery, {args.alerts} alerts of {mine[0]['bytes']} B, {mine[0]['connections']} connections", rate, "/s", ("curl multi", control),
		 "0.8 of it", rate >= 0.8 * control, f"processor {cpu:.0f} us an alert, curl multi {control_cpu:.0f}")


if __name__ == "__main__":
	main()
