"""What the measurements of a whole plazod share: a configuration, tickets that are due when they should be, receivers, metrics, and how
a figure is told: its value, its control, their ratio, the goal, and whether it is met."""
import json
import pathlib
import random
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))
import harness  # noqa: E402

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TARGET_S = 30                                      # of the contract whose steps are waited for

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


def cpu_s(pid):
	"""Processor time of a process, all its threads."""
	return sum(int(p.read_text().split()[0]) for p in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def tell(what, value, unit, control, goal, met, more=""):
	"""control: (name, value) or None; goal: a text."""
	def figure(v):
		return f"{v:,.0f}" if abs(v) >= 100 or v == int(v) else f"{v:.2f}"
	ratio = f"{control[0]} {figure(control[1])}, ratio {value / control[1]:.2f}" if control else "-"
	print(f"{what:52} {figure(value):>10} {unit:9} {ratio:34} goal {goal:16} {'met' if met else 'MISSED'}{'  ' + more if more else ''}", flush=True)


def config(port, hook_port, **more):
	"""The tickets of the load run for days, those of the contract `probe` for TARGET_S, and their breach is told to a webhook."""
	cfg = json.loads(json.dumps({"server": {"listen": f"127.0.0.1:{port}"}, "store": {"path": "plazo.db"}, **CONFIG}))
	cfg["server"]["operators"] = {"board": {"token": harness.TOKEN_READ, "may": ["read"]}}
	cfg["calendars"]["always"] = "24x7"
	cfg["policies"]["probe"] = {"calendar": "always", "metrics": {"resolution": {"target": f"{TARGET_S}s"}}, "escalation": "probe"}
	cfg["contracts"]["probe"] = {"customer": "Probe", "policy": "probe"}
	cfg["escalations"]["probe"] = [{"at": "breach", "notify": ["hook"]}]
	cfg["receivers"]["hook"] = {"webhook": {"url": f"http://127.0.0.1:{hook_port}/hook", "secret": SECRET}}
	cfg["sources"]["desk"]["contracts"] = ["acme", "probe"]
	cfg.update(more)
	return cfg


def probes(p, prefix, n, first, last):
	"""n tickets whose breach is due between two instants (seconds since the epoch), evenly spread at random."""
	rng = random.Random(prefix)
	for begin in range(0, n, 2000):
		lines = []
		for i in range(begin, min(n, begin + 2000)):
			at = rng.uniform(first, last) - TARGET_S
			stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03d}Z"
			lines.append(f'{{"id":"{prefix}-{i}","ticket":"{prefix}-{i}","type":"opened","at":"{stamp}","contract":"probe"}}\n')
		r = p.post_raw("".join(lines), source="desk", sign_with=SECRET, content_type="application/x-ndjson", timeout=30)
		if r.status != 202:
			raise SystemExit(f"the tickets are refused: {r}")


class Hook:
	"""The webhook receiver of hook.c; its result once `count` have come, or the time is over."""

	def __init__(self, build, count, seconds, port=None):
		self.port = port or harness.free_port()
		self.process = subprocess.Popen([str(build / "tests/bench/hook"), str(self.port), str(count), str(seconds)], stdin=subprocess.DEVNULL,
						stdout=subprocess.PIPE, text=True)

	def result(self, timeout=120):
		out, _ = self.process.communicate(timeout=timeout)
		return json.loads(out)


def metrics(p):
	"""Every sample, by its name with its labels as they stand."""
	text = p.get("/metrics").body.decode()
	return {m.group(1): float(m.group(2)) for m in re.finditer(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.M)}


def load(p, build, **options):
	"""load.c, to its end."""
	return json.loads(start_load(p, build, **options).communicate(timeout=180)[0])


def start_load(p, build, **options):
	command = [str(build / "tests/bench/load"), "--port", str(p.port), "--secret", SECRET]
	for key, value in options.items():
		command += [f"--{key}", str(value)]
	return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def fill(p, build, n):
	"""n open tickets that are not due for hours; all of them are on disk."""
	got = load(p, build, lines=1000, tickets=0, connections=4, requests=(n + 999) // 1000, seconds=150, prefix="fill")["events"]
	if got < n:
		raise SystemExit(f"only {got} of {n} tickets were accepted")


def wait_quiet(p, seconds=120):
	"""Until a snapshot has taken every ticket: what is measured then is not disturbed by it."""
	def quiet():
		m = metrics(p)
		return m["plazod_store_queue"] == 0 and m["plazod_snapshot_pending"] == 0
	harness.wait_for("a snapshot of everything", seconds, quiet, every=0.25)
