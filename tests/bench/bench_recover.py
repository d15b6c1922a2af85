#!/usr/bin/python3
"""How long plazod takes until it is ready: after a kill, with every event in the journal still, and after a clean stop, from the
tickets' rows. /usr/bin/python3 tests/bench/bench_recover.py [--build build] [--tickets 200000]; 1000000 is what a large desk has open.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import bench_durable as durable
import harness


def seconds_until_ready(p):
	began = time.monotonic()
	p.start(ready=False)
	p.wait_ready(120)
	return time.monotonic() - began


def fill(p, build, tickets):
	out = subprocess.run([str(build / "tests/bench/load"), "--port", str(p.port), "--secret", durable.SECRET, "--lines", "1000", "--tickets", "0",
			      "--connections", "4", "--requests", str(tickets // 1000), "--seconds", "120"], capture_output=True, text=True, timeout=180, check=False)
	if out.returncode != 0:
		sys.exit(f"load: {out.stderr or out.stdout}")
	return json.loads(out.stdout)["events"]


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument("--build", type=pathlib.Path, default=harness.BUILD)
	parser.add_argument("--tickets", type=int, default=200_000)
	args = parser.parse_args()
	harness.BUILD = args.build.resolve()
	where = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=harness.BUILD))
	p = harness.Plazod(where)
	p.write({"server": {"listen": f"127.0.0.1:{p.port}"}, "store": {"path": "plazo.db"}, **durable.CONFIG})
	try:
		p.start()
		n = fill(p, harness.BUILD, args.tickets)
		p.kill()
		killed = seconds_until_ready(p)
		began = time.monotonic()
		p.stop(120)
		stopping = time.monotonic() - began
		clean = seconds_until_ready(p)
		p.kill()
	finally:
		p.close()
		shutil.rmtree(where, ignore_errors=True)
	print(f"{n} open tickets: ready {killed:.2f} s after a kill ({killed / n * 1e6:.2f} us a ticket), "
	      f"{clean:.2f} s after a clean stop ({clean / n * 1e6:.2f} us), which took {stopping:.2f} s")


if __name__ == "__main__":
	main()
