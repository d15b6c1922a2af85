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


def threads_us(pid):
	"""Processor time of each thread of plazod: the loop, the one of the webhooks, all others."""
	us = {"loop": 0.0, "webhooks": 0.0, "others": 0.0}
	for t in pathlib.Path(f"/proc/{pid}/task").glob("*"):
		name = "loop" if t.name == str(pid) else "webhooks" if "webhooks" in (t / "comm").read_text() else "others"
		us[name] += int((t / "schedstat").read_text().split()[0]) / 1e3
	return us


def ours(p, build, port, prefix, n):
	hook = rig.Hook(build, n, 60, port)
	due = time.time() + 3
	rig.probes(p, prefix, n, due, due + 0.001)
	before = threads_us(p.process.pid)
	r = hook.result()
	after = threads_us(p.process.pid)
	r["us"] = {name: (after[name] - before[name]) / n for name in after}
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
	cpu = {name: statistics.median(r["us"][name] for r in mine) for name in mine[0]["us"]}
	parts = ", ".join(f"{name} {us:.0f}" for name, us in cpu.items())
	control_cpu = statistics.median(r["us_event"] for r in theirs)
	rig.tell(f"delivery, {args.alerts} alerts of {mine[0]['bytes']} B, {mine[0]['connections']} connections", rate, "/s", ("curl multi", control),
		 "0.8 of it", rate >= 0.8 * control, f"processor {sum(cpu.values()):.0f} us an alert ({parts}), curl multi {control_cpu:.0f}")


if __name__ == "__main__":
	main()
