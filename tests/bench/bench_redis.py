#!/usr/bin/python3
"""What plazod reads from a Redis stream, every event journaled on a real disk and then acknowledged, beside a bare hiredis consumer of the
same stream that keeps nothing. redis-server on core 0, the bare consumer on core 1, plazod on both (or, by --cores one, on core 1 alone); a
unix socket; rounds are interleaved and medians told. What limits a run is the thread that is busy all the time: the server's, or the loop's; or
the processors, where all threads together are busy for twice the time.

Measured twice: with a server that keeps what it is given (appendonly, appendfsync everysec), which is what an event needs that must outlive both
sides, and with one that forgets all when it ends. The first writes each entry that a group reads and acknowledges to its file again. That file lies
in --aof, a disk that plazod does not share: memory here, where there is room.

/usr/bin/python3 tests/bench/bench_redis.py [--build build] [--rounds 3] [--events 400000] [--cores both|one] [--only group|own] [--keeps yes|no] [--aof DIR]
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
import harness  # noqa: E402
import redis_rig  # noqa: E402
import rig  # noqa: E402
from bench_durable import drop, fdatasync_us  # noqa: E402

SERVER, CLIENT = "0", "1"                          # cores


def bare(args, redis, mode):
	command = ["taskset", "-c", CLIENT, str(args.build / "tests/bench/redis_bare"), mode, str(redis.path), "filled", str(args.events)]
	before = rig.cpu_s(redis.process.pid)
	out = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
	if out.returncode != 0:
		sys.exit(f"redis_bare {mode}: {out.stderr or out.stdout}")
	r = json.loads(out.stdout)
	return figures(r["events"], r["seconds"], [r["cpu_s"]], rig.cpu_s(redis.process.pid) - before)


def figures(events, seconds, threads_s, server_s):
	"""threads_s: processor time of each thread of the consumer."""
	return {"rate": events / seconds, "us_event": sum(threads_s) / events * 1e6, "server_us_event": server_s / events * 1e6,
		"busy": 100 * max(threads_s) / seconds, "server_busy": 100 * server_s / seconds, "all_busy": 100 * (sum(threads_s) + server_s) / seconds}


def threads_s(pid):
	"""Processor time of each thread."""
	return {p.parent.name: int(p.read_text().split()[0]) / 1e9 for p in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")}


@contextlib.contextmanager
def plazod(args, redis, mode, group):
	where = pathlib.Path(tempfile.mkdtemp(dir=args.dir))
	p = harness.Plazod(where)
	bus = {"url": f"unix://{redis.path}?db=0", "stream": "filled", **({"cursor": "own"} if mode == "own" else {"group": group})}
	p.write({"server": {"listen": f"127.0.0.1:{p.port}", "metrics": f"127.0.0.1:{harness.free_port()}"}, "store": {"path": "plazo.db"}, **rig.CONFIG,
		 "sources": {"bus": {"redis": bus, "contracts": ["acme"]}}})
	with open(p.log_path, "ab") as log:
		p.process = subprocess.Popen(["taskset", "-c", "0,1" if args.cores == "both" else CLIENT, str(args.build / "plazod"), "-c", str(p.conf)],
					     stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=where)
	try:
		yield p
	finally:
		drop(p.process)
		shutil.rmtree(where, ignore_errors=True)


def through(p, mode):
	"""How many events are on disk, and in group mode acknowledged; None while plazod starts."""
	host, port = p.cfg["server"]["metrics"].split(":")
	with contextlib.suppress(OSError):
		text = harness.request(int(port), "GET", "/metrics", timeout=5).body.decode()
		found = {k: float(v) for k, v in re.findall(r'^plazod_stream_(\w+)_total\{[^}]*\} (\S+)$', text, re.M)}
		if mode == "group":
			return found.get("acked", 0)
		return found.get("events", 0) + found.get("duplicates", 0)
	return None


def watch(args, redis, mode, group):
	"""The rate between the first twentieth and the end, so that starting and connecting are not in it."""
	with plazod(args, redis, mode, group) as p:
		first, end = None, time.monotonic() + 120
		while time.monotonic() < end:
			n, now, spent, server = through(p, mode), time.perf_counter(), threads_s(p.process.pid), rig.cpu_s(redis.process.pid)
			if p.process.poll() is not None:
				break
			if n and first is None and n >= args.events / 20:
				first = (n, now, spent, server)
			if n and n >= args.events:
				return figures(n - first[0], now - first[1], [v - first[2].get(k, 0) for k, v in spent.items()], server - first[3])
			time.sleep(0.03)
		sys.exit(f"plazod has {n} of {args.events}:\n{p.log()[-3000:]}")


def median(runs, key):
	return statistics.median(r[key] for r in runs)


def tell(runs):
	print(f"{'':34} {'':>10} {'us of processor time':>20} {'% of the time busy':>24}")
	print(f"{'':34} {'events/s':>10} {'an event, of server':>20} {'thread  server  all of 200':>24}   thousand events/s of each round")
	for (who, mode), r in runs.items():
		name = f"{'plazod, durable' if who == 'plazod' else 'bare hiredis'}, {'XREADGROUP, XACK' if mode == 'group' else 'XREAD'}"
		print(f"{name:34} {median(r, 'rate'):10.0f} {median(r, 'us_event'):9.2f} {median(r, 'server_us_event'):10.2f} {median(r, 'busy'):8.0f} "
		      f"{median(r, 'server_busy'):7.0f} {median(r, 'all_busy'):11.0f}   " + " ".join(f"{x['rate'] / 1000:.0f}" for x in r))


def judge(runs, modes, what):
	rate = {key: median(r, "rate") for key, r in runs.items()}
	if "group" in modes:
		mine, theirs = rate["plazod", "group"], rate["bare", "group"]
		rig.tell(f"{what}, group, beside a bare consumer", mine, "events/s", ("bare", theirs), ">= 0.9 of it", mine >= 0.9 * theirs)
	if "own" in modes:
		mine, theirs = rate["plazod", "own"], rate["bare", "own"]
		print(f"{what}, own cursor, beside a bare XREAD: ratio {mine / theirs:.2f}")
	if len(modes) == 2:
		mine, theirs = rate["plazod", "own"], rate["plazod", "group"]
		rig.tell(f"{what}, own cursor, beside group", mine, "events/s", ("group", theirs), ">= 1.5 of it", mine >= 1.5 * theirs)


def measure(args, keeps):
	modes = [args.only] if args.only else ["group", "own"]
	runs = {(who, mode): [] for mode in modes for who in ("bare", "plazod")}
	aof = tempfile.mkdtemp(prefix="aof-", dir=args.aof)
	redis = redis_rig.Redis(appendonly=keeps, appendfsync="everysec", auto_aof_rewrite_percentage=0, dir=aof)
	try:
		redis.start()
		subprocess.run(["taskset", "-a", "-p", "-c", SERVER, str(redis.process.pid)], check=True, capture_output=True)
		bare(args, redis, "fill")
		bytes_each = redis("MEMORY", "USAGE", "filled", "SAMPLES", "0") / args.events
		disk = fdatasync_us(args.dir)
		for i in range(args.rounds):
			for who, mode in runs:
				runs[who, mode].append(bare(args, redis, mode) if who == "bare" else watch(args, redis, mode, f"plazo{i}"))
	finally:
		redis.close()
		shutil.rmtree(aof, ignore_errors=True)
	print(f"appendonly {keeps}{f' in {args.aof}' if keeps == 'yes' else ''}; {args.events} entries, {bytes_each:.0f} bytes each in Redis; bare fdatasync of "
	      f"16 KiB {disk:.0f} us; redis-server on core 0, bare consumer on core 1, plazod on core{'s 0 and 1' if args.cores == 'both' else ' 1'}; "
	      f"{args.rounds} rounds, medians; load average {os.getloadavg()[0]:.1f}")
	tell(runs)
	judge(runs, modes, "Redis that keeps" if keeps == "yes" else "Redis that forgets")


def aof_dir(args):
	"""Memory where there is room for what the rounds write, some 1.5 KiB an event and round; else beside plazod's database."""
	memory = pathlib.Path("/dev/shm")
	need = args.events * 1536 * (args.rounds + 1)
	return memory if memory.is_dir() and shutil.disk_usage(memory).free > need else args.dir


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument("--build", type=pathlib.Path, default=harness.BUILD)
	parser.add_argument("--rounds", type=int, default=3)
	parser.add_argument("--events", type=int, default=400_000)
	parser.add_argument("--cores", choices=["both", "one"], default="both")
	parser.add_argument("--only", choices=["group", "own"])
	parser.add_argument("--keeps", choices=["yes", "no"])
	parser.add_argument("--aof", type=pathlib.Path)
	args = parser.parse_args()
	args.build = args.build.resolve()
	args.dir = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=args.build))
	args.aof = args.aof or aof_dir(args)
	try:
		for keeps in [args.keeps] if args.keeps else ["yes", "no"]:
			measure(args, keeps)
	finally:
		shutil.rmtree(args.dir, ignore_errors=True)


if __name__ == "__main__":
	main()
