#!/usr/bin/python3
"""How late an alert is: from its instant to its bytes at a webhook receiver, with a million timers armed; idle, under half of the events
that plazod can take (single POSTs, then NDJSON), and when very many are due within one second.
/usr/bin/python3 tests/bench/bench_lateness.py [--build build] [--tickets 1000000] [--burst 100000] [--seconds 5] [--burst-alone]
"""
import argparse
import pathlib
import shutil
import sqlite3
import tempfile
import time

import rig
import harness

SINGLE = {"connections": 64, "requests": 400_000, "tickets": 20_000}
BULK = {"connections": 8, "requests": 2_000, "lines": 1000, "tickets": 20_000}


def lateness(p, build, port, prefix, n, seconds, **load):
	"""n alerts spread over so many seconds, while there is that load, if any."""
	hook = rig.Hook(build, n, seconds + 40, port)
	start = time.time() + 4
	rig.probes(p, prefix, n, start, start + seconds)
	sender = rig.start_load(p, build, prefix=f"load-{prefix}", seconds=seconds + 5, **load) if load else None
	r = hook.result()
	if sender is not None:
		r["events_s"] = rig.json.loads(sender.communicate(timeout=60)[0])["events_s"]
	if r["early"]:
		raise SystemExit(f"{r['early']} alerts came before their instant")
	return r


def tell(what, r, limit_ms):
	rig.tell(f"lateness {what}, p99", r["p99_us"] / 1000, "ms", None, f"<= {limit_ms} ms", r["p99_us"] <= limit_ms * 1000,
		 f"p50 {r['p50_us'] / 1000:.2f} ms, longest {r['max_us'] / 1000:.1f} ms, {r['requests']} alerts" +
		 (f", {r['events_s']:,.0f} events/s meanwhile" if "events_s" in r else ""))


def half(p, build, kind, shape):
	"""What goes in when nothing holds it back, and half of it."""
	full = rig.load(p, build, prefix=f"full-{kind}", seconds=3, **shape)
	return {**shape, "rate": max(1, int(full["requests_s"] / 2))}, full["events_s"]


def spread(p, build, port, args):
	"""A few hundred a second: of an idle plazod, and of one under load."""
	n = int(400 * args.seconds)
	tell(f"idle, {args.tickets} timers", lateness(p, build, port, "idle", n // 2, args.seconds), 5)
	for kind, shape in (("single POSTs", SINGLE), ("NDJSON", BULK)):
		rate, full = half(p, build, kind, shape)
		tell(f"at half of {full:,.0f} events/s ({kind})", lateness(p, build, port, kind.split()[0], n, args.seconds, **rate), 25)


def burst(p, build, port, n):
	"""n alerts due within one second: how long after it until all are decided, and on disk in the outbox; and until all have arrived."""
	hook = rig.Hook(build, n, 90, port)
	before = rig.metrics(p)['plazod_alerts_total{type="sla.breach"}']
	first = time.time() + 6
	rig.probes(p, "burst", n, first, first + 1)
	time.sleep(max(0, first + 0.8 - time.time()))
	decided = committed = None
	while committed is None and time.time() < first + 60:
		m, now = rig.metrics(p), time.time()
		if decided is None and m['plazod_alerts_total{type="sla.breach"}'] - before >= n:
			decided = now - first - 1
		if decided is not None and m["plazod_outbox_uncommitted"] == 0:
			committed = now - first - 1
		time.sleep(0.01)
	r = hook.result()
	return decided, committed, r


def created_late_ms(path):
	"""Of the alerts of the burst: from their instant to when the engine had decided them (p50, p99, most)."""
	with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
		late = sorted(c - a for c, a in db.execute("SELECT created_ms, at_ms FROM outbox WHERE ticket LIKE 'burst-%'"))
	return late[len(late) // 2], late[len(late) * 99 // 100], late[-1]


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument("--build", type=pathlib.Path, default=harness.BUILD)
	parser.add_argument("--tickets", type=int, default=1_000_000)
	parser.add_argument("--burst", type=int, default=100_000)
	parser.add_argument("--seconds", type=float, default=5)
	parser.add_argument("--burst-alone", action="store_true")
	args = parser.parse_args()
	harness.BUILD = build = args.build.resolve()
	where = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=build))
	p, port = harness.Plazod(where), harness.free_port()
	p.write(rig.config(p.port, port))
	try:
		p.start()
		rig.fill(p, build, args.tickets)
		rig.wait_quiet(p)
		if not args.burst_alone:
			spread(p, build, port, args)
			rig.wait_quiet(p)
		decided, committed, r = burst(p, build, port, args.burst)
		p.stop(120)
		p50, p99, most = created_late_ms(where / "plazo.db")
		rig.tell(f"{args.burst} due within 1 s, all in the outbox after", committed, "s", None, "<= 0.2 s", committed <= 0.2,
			 f"decided after {decided:.2f} s (each p50 {p50} ms, p99 {p99}, at most {most}); the last arrived {r['max_us'] / 1e6:.1f} s after its instant, "
			 f"{r['requests_s']:,.0f}/s")
	finally:
		p.close()
		shutil.rmtree(where, ignore_errors=True)


if __name__ == "__main__":
	main()
