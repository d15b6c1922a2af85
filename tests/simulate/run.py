#!/usr/bin/python3
"""Runs the scenarios beside it against `plazoctl simulate`: whole lives of tickets, with what must come out worked out by hand.

    tests/simulate/run.py [--build DIR] [-v] [FILE.json ...]

A FILE is a list of scenarios (or one), each with `config`, `events`, optionally `until`, and what is expected: `alerts` (all of them, in
order; `only` some types), `clocks` (each must be among those printed), or `refused` (part of what it says on standard error, with `exit`).
To keep them readable:
- `config` is merged into base.json (null takes away); `metrics`, `steps` and `defaults` stand for policies.p.metrics (whole),
  escalations.std (whole) and defaults (merged);
- an instant may be written `mon 09:30`, of the week of 2026-11-23, UTC; `tue+1 09:30` is a week later;
- an event may be written [at, type, role, {more}], an alert [at, type, step, {more}]. The ticket is T1, and `opened` names the contract
  acme, unless they say otherwise.
"""
import argparse
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MONDAY = datetime.datetime(2026, 11, 23, tzinfo=datetime.timezone.utc)
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
INSTANTS = ("at", "due", "started", "stopped", "received")


def instant(text):
	"""As written in a scenario, to RFC 3339."""
	m = re.fullmatch(r"(mon|tue|wed|thu|fri|sat|sun)([+-]\d+)? (\d\d):(\d\d)(:\d\d(\.\d+)?)?", text)
	if not m:
		return text
	day = MONDAY + datetime.timedelta(days=DAYS.index(m[1]) + 7 * int(m[2] or 0))
	return f"{day:%Y-%m-%d}T{m[3]}:{m[4]}{m[5] or ':00'}Z"


def milliseconds(text):
	return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def merge(base, patch):
	"""RFC 7386."""
	if not isinstance(patch, dict) or not isinstance(base, dict):
		return patch
	out = dict(base)
	for k, v in patch.items():
		if v is None:
			out.pop(k, None)
		else:
			out[k] = merge(out.get(k, {}) if isinstance(v, dict) else None, v)
	return out


def with_instants(record):
	return {k: instant(v) if k in INSTANTS and isinstance(v, str) else v for k, v in record.items()}


def config_of(sc):
	config = merge(json.loads((HERE / "scenarios" / "base.json").read_text()), sc.get("config", {}))
	if "metrics" in sc:
		config["policies"]["p"]["metrics"] = sc["metrics"]
	if "steps" in sc:
		config["escalations"]["std"] = sc["steps"]
	config["defaults"] = merge(config["defaults"], sc.get("defaults", {}))
	return config


def event_of(row, n):
	if isinstance(row, dict):
		return with_instants(row)
	e = {"id": f"e{n}", "ticket": "T1", "at": row[0], "type": row[1]}
	more = row[-1] if isinstance(row[-1], dict) else {}
	if len(row) > 2 and isinstance(row[2], str):
		e["actor"] = {"role": row[2]}
	if row[1] == "opened":
		e["contract"] = "acme"
	e.update(more)
	return with_instants({k: v for k, v in e.items() if k != "contract" or v is not None})


def alert_of(row):
	if isinstance(row, dict):
		return with_instants(row)
	kind = row[1] if "." in row[1] else "sla." + row[1]
	return with_instants({"at": row[0], "type": kind, **({"step": row[2]} if len(row) > 2 else {}), **(row[3] if len(row) > 3 else {})})


def matches(want, got):
	for k, v in want.items():
		g = got.get(k)
		if k in INSTANTS and isinstance(v, str) and isinstance(g, str):
			if milliseconds(v) != milliseconds(g):
				return False
		elif g != v or k not in got:
			return False
	return True


def simulate(ctl, sc, tmp, *flags):
	(tmp / "plazod.yaml").write_text(json.dumps(config_of(sc)))
	events = "".join(json.dumps(event_of(e, n)) + "\n" for n, e in enumerate(sc["events"]))
	until = ["--until", instant(sc["until"])] if "until" in sc else []
	p = subprocess.run([ctl, "simulate", "-c", tmp / "plazod.yaml", *until, *flags, "-"], input=events, capture_output=True, text=True, timeout=60)
	return p.returncode, p.stdout, p.stderr


def listed(what, want, got, keys):
	lines = [f"{what}: wanted"] + [f"    {json.dumps(w)}" for w in want] + ["  got"]
	return "\n".join(lines + [f"    {json.dumps({k: g[k] for k in keys if k in g})}" for g in got])


def run_scenario(ctl, sc, tmp):
	if "refused" in sc:
		code, out, err = simulate(ctl, sc, tmp)
		return None if code == sc["exit"] and sc["refused"] in err else f"exit {code}, wanted {sc['exit']}: {err}"
	if "alerts" in sc:
		code, out, err = simulate(ctl, sc, tmp)
		if code != 0:
			return f"exit {code}: {err}"
		got = [a for a in map(json.loads, out.splitlines()) if a["type"] in sc.get("only", [a["type"]])]
		want = [alert_of(a) for a in sc["alerts"]]
		if len(got) != len(want) or not all(map(matches, want, got)):
			return listed("alerts", want, got, ("at", "ticket", "type", "metric", "cycle", "step", "occurrence", "due", "receivers", "elapsed_s",
							    "remaining_s", "late_s", "priority", "target"))
	if "clocks" in sc:
		code, out, err = simulate(ctl, sc, tmp, "--clocks")
		if code != 0:
			return f"exit {code}: {err}"
		got = [json.loads(line) for line in out.splitlines()]
		want = [with_instants(c) for c in sc["clocks"]]
		if not all(any(matches(w, g) for g in got) for w in want) or len(got) != sc.get("n_clocks", len(got)):
			return listed("clocks", want, got, list(got[0]) if got else ())
	if not {"alerts", "clocks"} & sc.keys():
		return "it expects nothing"
	return None


def main():
	ap = argparse.ArgumentParser()
	ap.add_argument("--build", default="build")
	ap.add_argument("-v", action="store_true", help="name those that pass, too")
	ap.add_argument("files", nargs="*", type=pathlib.Path)
	args = ap.parse_args()
	files = args.files or sorted(p for p in (HERE / "scenarios").glob("*.json") if p.name != "base.json")
	passed = failed = 0
	with tempfile.TemporaryDirectory() as d:
		for f in files:
			data = json.loads(f.read_text())
			for sc in data if isinstance(data, list) else [data]:
				why = run_scenario(f"{args.build}/plazoctl", sc, pathlib.Path(d))
				passed, failed = passed + (why is None), failed + (why is not None)
				if why is not None:
					print(f"FAIL {f.name}: rule {sc.get('rule', '?')}: {sc['note']}\n  {why}")
				elif args.v:
					print(f"ok   {f.name}: rule {sc.get('rule', '?')}: {sc['note']}")
	print(f"{passed} passed, {failed} failed")
	return 1 if failed or not passed else 0


if __name__ == "__main__":
	sys.exit(main())
