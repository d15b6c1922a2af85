#!/usr/bin/python3
"""How long plazod takes until it is ready with a million open tickets: after a kill, from the journal (and the rows of those that had been
saved by then), and after a clean stop, from the tickets' rows alone. /usr/bin/python3 tests/bench/bench_recover.py [--build build] [--tickets 1000000]
"""
import argparse
import pathlib
import re
import shutil
import tempfile
import time

import rig
import harness

GOAL_S = 1.5                                       # a million tickets


def seconds_until_ready(p):
	began = time.monotonic()
	p.start(ready=False)
	p.wait_ready(120)
	return time.monotonic() - began


def replayed(p):
	"""What the last start found: tickets' rows, events of the journal."""
	return re.findall(r"tickets=(\d+) events=(\d+)", p.log())[-1]


def tell(p, what, seconds, tickets, more=""):
	rows, events = replayed(p)
	rig.tell(f"start {what}, 10^6 tickets", seconds / tickets * 1e6, "s", None, f"<= {GOAL_S} s", seconds / tickets * 1e6 <= GOAL_S,
		 f"{seconds:.2f} s for {tickets}: {rows} rows, {events} events{more}")


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument("--build", type=pathlib.Path, default=harness.BUILD)
	parser.add_argument("--tickets", type=int, default=1_000_000)
	args = parser.parse_args()
	harness.BUILD = args.build.resolve()
	where = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=harness.BUILD))
	p = harness.Plazod(where)
	p.write({"server": {"listen": f"127.0.0.1:{p.port}"}, "store": {"path": "plazo.db"}, **rig.CONFIG})
	try:
		p.start()
		rig.fill(p, harness.BUILD, args.tickets)
		p.kill()
		tell(p, "after a kill", seconds_until_ready(p), args.tickets)
		began = time.monotonic()
		p.stop(120)
		stopping = time.monotonic() - began
		tell(p, "after a clean stop", seconds_until_ready(p), args.tickets, f"; the stop took {stopping:.1f} s")
		p.kill()
	finally:
		p.close()
		shutil.rmtree(where, ignore_errors=True)


if __name__ == "__main__":
	main()
