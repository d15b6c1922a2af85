#!/usr/bin/python3
"""A reload that plans a million open tickets anew: how long turns of the loop are meanwhile, idle and while events come in, and how long a
request waits. /usr/bin/python3 tests/bench/bench_reload.py [--build build] [--tickets 1000000]
"""
import argparse
import pathlib
import shutil
import tempfile
import threading
import time

import rig
import harness

LIMIT_S = 0.010
PARTS = ("events", "answers", "steps", "replan", "alerts", "snapshot")


class Asker:
	"""Asks /healthz again and again; how long each answer took."""

	def __init__(self, port):
		self.port, self.took, self.ending = port, [], threading.Event()
		self.thread = threading.Thread(target=self.run, daemon=True)
		self.thread.start()

	def run(self):
		while not self.ending.wait(0.002):
			began = time.perf_counter()
			harness.request(self.port, "GET", "/healthz")
			self.took.append(time.perf_counter() - began)

	def stop(self):
		self.ending.set()
		self.thread.join(10)
		return sorted(self.took)


def turns_over(m, limit):
	return m["plazod_turn_seconds_count"] - m[f'plazod_turn_seconds_bucket{{le="{limit:g}"}}']


def longest(m):
	parts = sorted(((m[f'plazod_turn_longest_part_seconds{{part="{x}"}}'], x) for x in PARTS), reverse=True)
	return f"longest of late {m['plazod_turn_longest_seconds'] * 1000:.1f} ms: " + ", ".join(f"{x} {s * 1000:.1f}" for s, x in parts if s > 0.0005)


def reload(p, what, hours):
	"""Every target changes, so that every ticket is planned anew."""
	for name, target in (("response", 4), ("update", 8)):
		p.cfg["policies"]["p"]["metrics"][name]["target"] = f"{target + hours}h"
	before = rig.metrics(p)
	p.write(p.cfg)
	asker, began = Asker(p.port), time.monotonic()
	p.hup()
	harness.wait_for("the reload", 60, lambda: rig.metrics(p)['plazod_config_reloads_total{result="accepted"}'] >
			 before['plazod_config_reloads_total{result="accepted"}'] and rig.metrics(p)["plazod_config_replanning"] == 0, every=0.05)
	seconds, took, after = time.monotonic() - began, asker.stop(), rig.metrics(p)
	over = turns_over(after, LIMIT_S) - turns_over(before, LIMIT_S)
	rig.tell(f"reload {what}: turns over 10 ms", over, "turns", None, "none", over == 0,
		 f"{seconds:.1f} s, {after['plazod_turn_seconds_count'] - before['plazod_turn_seconds_count']:,.0f} turns; {longest(after)}; "
		 f"a request waits p50 {took[len(took) // 2] * 1000:.1f}, p99 {took[len(took) * 99 // 100] * 1000:.1f}, at most {took[-1] * 1000:.1f} ms")


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument("--build", type=pathlib.Path, default=harness.BUILD)
	parser.add_argument("--tickets", type=int, default=1_000_000)
	args = parser.parse_args()
	harness.BUILD = build = args.build.resolve()
	where = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=build))
	p = harness.Plazod(where)
	p.write(rig.config(p.port, harness.free_port()))
	try:
		p.start()
		empty = rig.metrics(p)
		rig.fill(p, build, args.tickets)
		full = rig.metrics(p)
		print(f"while {args.tickets} tickets came in: {turns_over(full, LIMIT_S) - turns_over(empty, LIMIT_S):.0f} turns over 10 ms; {longest(full)}")
		rig.wait_quiet(p)
		quiet = rig.metrics(p)
		print(f"while they were saved: {turns_over(quiet, LIMIT_S) - turns_over(full, LIMIT_S):.0f} turns over 10 ms; {longest(quiet)}")
		reload(p, f"of {args.tickets} tickets", 1)
		sender = rig.start_load(p, build, prefix="under", seconds=8, rate=10_000, requests=80_000, connections=16)
		time.sleep(0.5)
		reload(p, "with 10,000 events/s", 2)
		sender.communicate(timeout=60)
	finally:
		p.close()
		shutil.rmtree(where, ignore_errors=True)


if __name__ == "__main__":
	main()
