#!/usr/bin/python3
"""Random lives of tickets, through `plazoctl simulate` and through a plain model that walks from minute to minute; they must agree.

    tests/simulate/model.py [--build DIR] [--lives N] [--seed N] [-v]

The model shares nothing with the engine, not even a way of thinking: no windows, no sums, no searching. Whether a minute is open is asked of
zoneinfo; a clock is a counter; a step is due in the minute in which the counter says so. It knows response and resolution, pauses, reopening
(resume), targets by priority (retroactive and from-change), and all kinds of steps. A third of the lives arrive out of order: of these the clocks are
compared, and of the alerts, which depend on what was known when, only that everybody hears of the end (rules 14 and 27). PLAZO_LIVES and PLAZO_SEED are the same as the options.
"""
import argparse
import datetime
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import zoneinfo

DAYS = 9                  # of a life
HORIZON = DAYS * 1440
LOOK_AHEAD = 60 * 1440    # to find the due time of a clock that runs at the end
PER_BATCH = 25            # lives that share a configuration
WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
# Local hours as [from, to) in minutes; none of their ends falls into an hour that a change of the clocks skips or repeats.
HOURS = {
	"office": ("Etc/UTC", {d: [(540, 1020)] for d in range(5)}),
	"split": ("Europe/Madrid", {0: [(540, 840), (900, 1110)], 1: [(540, 840), (900, 1110)], 2: [(480, 900)], 4: [(540, 840)]}),
	"night": ("Europe/Madrid", {d: [(1320, 1800)] for d in range(7)}),
	"west": ("America/Bogota", {0: [(480, 720)], 1: [(480, 1440)], 3: [(0, 600)], 5: [(600, 840)]}),
	"always": ("Etc/UTC", {d: [(0, 1440)] for d in range(7)}),
}
MONDAYS = [datetime.datetime(y, m, d, tzinfo=datetime.timezone.utc) for y, m, d in ((2026, 11, 23), (2026, 10, 19), (2026, 3, 23))]


def open_minutes(name, base, holidays):
	zone, hours = zoneinfo.ZoneInfo(HOURS[name][0]), HOURS[name][1]
	out = bytearray(HORIZON + LOOK_AHEAD)
	for m in range(len(out)):
		t = (base + datetime.timedelta(minutes=m)).astimezone(zone)
		if f"{t:%Y-%m-%d}" in holidays:
			continue
		clock, day = t.hour * 60 + t.minute, t.weekday()
		out[m] = any(a <= clock < b for a, b in hours.get(day, ())) or any(a <= clock + 1440 < b for a, b in hours.get((day - 1) % 7, ()))
	return out


class Clock:
	def __init__(self, metric, m):
		self.metric, self.started, self.stopped = metric, m, None
		self.phase = "running"
		self.used = self.idle = self.resolved_idle = 0
		self.base = 0             # the counter when the present target began to count
		self.reached = {}         # counter to the first minute (since then) at which the clock stood there and ran
		self.ticked = False       # the minute before counted
		self.target = self.due = None
		self.breach_at = self.used_at_breach = None
		self.was_breached = False
		self.spent, self.reps, self.counts, self.told = set(), {}, {}, []

	def threshold(self, step):
		kind, x = step["kind"], step["x"]
		return self.base + (self.target * x // 100 if kind == "percent" else max(self.target - x, 0))

	def end(self):
		return self.base + self.target

	def breach(self, m, due):
		self.breach_at, self.used_at_breach, self.due, self.was_breached = m, self.used, due, True
		self.reps = {}


class Life:
	"""One ticket, minute by minute."""

	def __init__(self, world, events):
		self.world, self.open, self.steps = world, world["open"], world["steps"]
		self.events = {e["m"]: e for e in events}
		self.clocks, self.alerts = [], []
		self.status = self.priority = None

	def run(self):
		last = max(self.events)
		for m in range(min(self.events), HORIZON + 1):
			e = self.events.get(m)
			if e:
				self.apply(e, m)
			for c in self.clocks:
				if c.phase == "running" and (c.ticked or self.open[m]):
					c.reached.setdefault(c.used, m)
			if e:
				for c in self.clocks:
					self.after_event(c, m, e)
			for c in self.clocks:
				self.pass_time(c, m)
			if m == HORIZON or (m > last and all(c.phase == "stopped" for c in self.clocks)):
				break
			for c in self.clocks:
				self.tick(c, m)
		return self

	def tick(self, c, m):
		c.ticked = c.phase == "running" and self.open[m] == 1
		c.used += c.ticked
		if self.open[m]:
			c.idle += c.phase == "paused"
			c.resolved_idle += c.phase == "stopped"

	def apply(self, e, m):
		for c in self.clocks:
			c.new_breach = False
		if e["type"] == "opened":
			self.clocks = [Clock(metric, m) for metric in self.world["targets"]]
			for c in self.clocks:
				c.new_breach = False
		if e["type"] == "replied" and e["role"] == "agent" and not e.get("private") and not e.get("automated"):
			self.stop("response", m)
		self.status = e.get("status", self.status)
		self.priority = e.get("priority", self.priority)
		self.retarget(m)
		if e["type"] == "resolved":
			self.stop("response", m)
			self.stop("resolution", m)
		if e["type"] == "reopened":
			for c in self.clocks:
				if c.metric == "resolution" and c.phase == "stopped":
					c.phase, c.stopped, c.ticked = "running", None, False
					c.idle += c.resolved_idle
					self.retarget(m)
		for c in self.clocks:
			if c.metric == "resolution" and c.phase != "stopped":
				if self.status in self.world["pause"]:
					c.phase = "paused"
				elif c.phase == "paused":
					c.phase, c.ticked = "running", False

	def retarget(self, m):
		for c in self.clocks:
			targets = self.world["targets"][c.metric]
			target = targets.get(self.priority, targets["default"])
			if c.phase == "stopped" or target == c.target:
				continue
			if self.world["on_change"] == "from-change" and m > c.started:
				c.base, c.reached, c.ticked = c.used, {}, False
			c.target = target
			due = c.reached.get(c.end())
			if due is None:
				c.breach_at = None
			elif c.breach_at is None:
				c.breach(m, due)
				c.new_breach = True
			c.due = due

	def stop(self, metric, m):
		for c in self.clocks:
			if c.metric != metric or c.phase == "stopped":
				continue
			if c.breach_at is None:
				c.due = c.reached.get(c.end())
				if c.due is None:
					c.due = self.ahead(c, m)
			c.phase, c.stopped, c.resolved_idle = "stopped", m, 0

	def ahead(self, c, m):
		"""When the counter will have reached the target, from minute m on."""
		left = c.end() - c.used
		if left == 0 and c.ticked:
			return m
		while left > 0:
			left -= self.open[m]
			m += 1
			if left == 0:
				return m
		while not self.open[m]:
			m += 1
		return m

	def say(self, c, m, kind, text, receivers, send=True):
		c.counts[text] = c.counts.get(text, 0) + 1
		if not send:
			return
		self.alerts.append((m, "sla." + kind, c.metric, text, c.counts[text], tuple(receivers)))
		if kind != "cleared":
			c.told += [r for r in receivers if r not in c.told]

	def after_event(self, c, m, e):
		past = []
		breached = c.breach_at is not None and not c.new_breach     # what is told of a breach is not followed by warnings
		for i, s in enumerate(self.steps):
			if s["kind"] not in ("percent", "due"):
				continue
			at = c.reached.get(c.threshold(s))
			if i in c.spent and c.phase == "running" and (at is None or at == m):
				c.spent.discard(i)
			elif i not in c.spent and at is not None and at < m:
				past.append((at, s["kind"] == "due", i, s))
		for s in self.steps:
			if s["kind"] == "breach" and c.new_breach:
				past.append((m, True, len(self.steps), s))
		c.new_breach = False
		past.sort(key=lambda p: p[:3])
		over = c.phase == "stopped" and c.breach_at is None
		for p in past:
			c.spent.add(p[2])
			self.say(c, m, "breach" if p[3]["kind"] == "breach" else "warning", p[3]["text"], p[3]["notify"], p is past[-1] and not over and not breached)
		if c.phase == "stopped" and c.told:
			self.say(c, m, "cleared", "cleared", c.told)
			c.told = []

	def pass_time(self, c, m):
		if c.phase == "stopped":
			for i, s in enumerate(self.steps):
				if s["kind"] == "wall" and c.breach_at is not None and m == c.breach_at + s["x"] + c.reps.get(i, 0) * s["every"]:
					c.reps[i] = c.reps.get(i, 0) + 1
			return
		for i, s in enumerate(self.steps):
			if s["kind"] in ("percent", "due") and i not in c.spent and c.reached.get(c.threshold(s)) == m:
				c.spent.add(i)
				self.say(c, m, "warning", s["text"], s["notify"])
		if c.breach_at is None and c.reached.get(c.end()) == m:
			c.breach(m, m)
			for s in self.steps:
				if s["kind"] == "breach":
					self.say(c, m, "breach", "breach", s["notify"])
		for i, s in enumerate(self.steps):
			rep = c.reps.get(i, 0)
			if s["kind"] not in ("after", "wall") or c.breach_at is None or rep >= s["times"]:
				continue
			x = s["x"] + rep * s["every"]
			if m == c.breach_at + x if s["kind"] == "wall" else c.reached.get(c.used_at_breach + x) == m:
				c.reps[i] = rep + 1
				self.say(c, m, "escalation", s["text"], s["notify"])

	def verdicts(self):
		for c in self.clocks:
			due, state = c.due, c.phase
			if state == "stopped":
				state = "breached" if due < c.stopped else "met"
			elif c.breach_at is not None:
				state = "breached"
			else:
				due = None if state == "paused" else self.ahead(c, HORIZON)
			yield {"metric": c.metric, "state": state, "started": c.started, "stopped": c.stopped, "due": due, "elapsed": c.used,
			       "paused": c.idle, "breached": c.was_breached or state == "breached"}


# ---- random worlds and lives ----

def random_steps(rnd):
	steps = [{"kind": "percent", "x": x, "text": f"{x}%"} for x in rnd.sample((25, 50, 75), rnd.randint(0, 3))]
	steps += [{"kind": "due", "x": x, "text": f"due-{x}m"} for x in rnd.sample((10, 30, 50), rnd.randint(0, 1))]
	if rnd.random() < 0.9:
		steps.append({"kind": "breach", "x": 0, "text": "breach"})
	for kind, x in (("after", rnd.choice((10, 30, 45))), ("wall", rnd.choice((20, 40, 55)))):
		if rnd.random() < 0.6:
			steps.append({"kind": kind, "x": x, "text": f"breach+{x}m", "every": rnd.choice((10, 30, 120)), "times": rnd.randint(1, 4)})
	for s in steps:
		s["notify"] = rnd.sample(("l1", "l2", "manager"), rnd.randint(1, 3))
	return steps


def random_targets(rnd):
	return {p: 20 * rnd.choice((1, 2, 3, 6, 9, 12, 24, 30)) for p in ("P1", "P2", "default")}


def random_world(rnd, opens):
	name, base = rnd.choice(list(HOURS)), rnd.choice(MONDAYS)
	holidays = (f"{base + datetime.timedelta(days=rnd.randrange(DAYS)):%Y-%m-%d}",) if rnd.random() < 0.4 and name != "always" else ()
	key = name, base, holidays
	if key not in opens:
		opens[key] = open_minutes(*key)
	metrics = rnd.choice((("response", "resolution"), ("resolution",), ("resolution", "response")))
	return {"calendar": name, "base": base, "holidays": holidays, "open": opens[key], "steps": random_steps(rnd),
		"targets": {m: random_targets(rnd) for m in metrics}, "on_change": rnd.choice(("retroactive", "retroactive", "from-change")),
		"pause": rnd.choice((("pending",), ("pending", "on-hold")))}


def random_life(rnd):
	m = rnd.randrange(0, 3 * 144) * 10 + rnd.choice((0, 0, 0, 5, 7))
	events = [{"m": m, "type": "opened", "priority": rnd.choice(("P1", "P2", "P3")), "status": rnd.choice(("open", "open", "open", "pending"))}]
	for _ in range(rnd.randint(0, 9)):
		m += rnd.choice((10, 20, 30, 60, 90, 120, 240, 480, 960, 1440)) + rnd.choice((0, 0, 0, 0, 1, 5))
		if m > HORIZON:
			break
		e = {"m": m, "type": rnd.choice(("changed", "changed", "changed", "replied", "resolved", "reopened")), "role": rnd.choice(("agent", "customer", "system"))}
		if e["type"] == "resolved":
			e["role"] = rnd.choice(("agent", "system"))
		if e["type"] == "replied":
			e.update(rnd.choice(({}, {}, {"private": True}, {"automated": True})))
		if rnd.random() < 0.5:
			e["status"] = rnd.choice(("open", "pending", "on-hold"))
		if rnd.random() < 0.4:
			e["priority"] = rnd.choice(("P1", "P2", "P3"))
		events.append(e)
	return events


def hhmm(m):
	return f"{m // 60:02d}:{m % 60:02d}"


def config_of(world):
	zone, hours = HOURS[world["calendar"]]
	windows = {WEEK[d]: [f"{hhmm(a)}-{hhmm(b if b <= 1440 else b - 1440)}" for a, b in v] for d, v in hours.items()}
	calendar = "24x7" if world["calendar"] == "always" else {"zone": zone, "hours": windows, "holidays": list(world["holidays"])}
	def step(s):
		out = {"at": s["text"], "notify": s["notify"]}
		if "every" in s:
			out.update(every=f"{s['every']}m", times=s["times"], **({"by": "wall"} if s["kind"] == "wall" else {}))
		return out
	return {
		"calendars": {"cal": calendar}, "defaults": {"calendar": "cal", "on_change": world["on_change"], "pause": {"status": list(world["pause"])}},
		"policies": {"p": {"metrics": {m: {"target": {p: f"{x}m" for p, x in t.items()}} for m, t in world["targets"].items()}, "escalation": "std" if world["steps"] else "none"}},
		"contracts": {"acme": {"customer": "ACME", "policy": "p"}},
		"escalations": {"std": [step(s) for s in world["steps"]]} if world["steps"] else {},
		"receivers": {r: {"log": {}} for r in ("l1", "l2", "manager")},
	}


def rfc3339(world, m):
	return f"{world['base'] + datetime.timedelta(minutes=m):%Y-%m-%dT%H:%M:00Z}"


def minute_of(world, text):
	return text and (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - world["base"]).total_seconds() / 60


def event_json(world, ticket, n, e, received):
	out = {"id": str(n), "ticket": ticket, "type": e["type"], "at": rfc3339(world, e["m"]), "actor": {"role": e.get("role", "system")}}
	out.update({k: e[k] for k in ("status", "priority", "automated") if k in e})
	if e["type"] == "opened":
		out["contract"] = "acme"
	if e.get("private"):
		out["public"] = False
	if received != e["m"]:
		out["received"] = rfc3339(world, received)
	return json.dumps(out)


def simulate(ctl, conf, events, world, *flags):
	p = subprocess.run([ctl, "simulate", "-c", conf, "--until", rfc3339(world, HORIZON), *flags, "-"], input=events, capture_output=True,
			   text=True, timeout=300)
	if p.returncode != 0:
		sys.exit(f"plazoctl says {p.returncode}: {p.stderr}")
	return [json.loads(line) for line in p.stdout.splitlines()]


def what_is_left(alerts, clocks):
	"""Who was told and does not know the end, as text; None when there is nobody. In the order of sending, and nobody hears it twice."""
	for c in clocks:
		to_clear, to_retract = [], set()
		for a in (a for a in alerts if a["metric"] == c["metric"]):
			if a["type"] == "sla.cleared":
				if a["receivers"] != to_clear:
					return f"cleared to {a['receivers']}, told were {to_clear}"
				to_clear = []
			elif a["type"] == "sla.retracted":
				if set(a["receivers"]) != to_retract:
					return f"retracted to {a['receivers']}, told were {to_retract}"
				to_retract = set()
			else:
				to_clear += [r for r in a["receivers"] if r not in to_clear]
				to_retract.update(a["receivers"] if a["type"] != "sla.warning" else ())
		if to_retract and not c["breached"]:
			return f"the breach never was, told were {to_retract}"
		if to_clear and c["stopped"]:
			return f"it is over, told were {to_clear}"
	return None


def compare(world, life, late, alerts, clocks):
	"""What differs, as text; None when nothing does."""
	model = Life(world, life).run()
	want = sorted((c["metric"], c["state"], c["started"], c["stopped"], c["due"], c["elapsed"], c["paused"], c["breached"]) for c in model.verdicts())
	got = sorted((c["metric"], c["state"], minute_of(world, c["started"]), minute_of(world, c["stopped"]), minute_of(world, c["due"]),
		      c["elapsed_s"] / 60, c["paused_s"] / 60, c["breached"]) for c in clocks)
	if want != got:
		return f"clocks (metric, state, started, stopped, due, elapsed, paused, breached):\n    model  {want}\n    plazo  {got}"
	want = sorted(model.alerts)
	got = sorted((minute_of(world, a["at"]), a["type"], a["metric"], a["step"], a["occurrence"], tuple(a["receivers"])) for a in alerts)
	if late:
		return what_is_left(alerts, clocks)
	if want != got:
		return "alerts:\n    model alone  {}\n    plazo alone  {}".format([a for a in want if a not in got], [a for a in got if a not in want])
	return None


def run_batch(ctl, conf, seed, n, opens):
	rnd = random.Random(seed)
	world = random_world(rnd, opens)
	lives = [(random_life(rnd), rnd.random() < 1 / 3) for _ in range(n)]
	lines = []
	for t, (life, late) in enumerate(lives):
		for i, e in enumerate(life):
			received = min(e["m"] + rnd.choice((0, 0, 30, 500, 3000)), HORIZON) if late else e["m"]
			lines.append((received, event_json(world, f"T{t}", i, e, received)))
	lines.sort(key=lambda line: line[0])
	text = "".join(line + "\n" for _, line in lines)
	conf.write_text(json.dumps(config_of(world)))
	by_ticket = {f"T{t}": ([], []) for t in range(n)}
	for a in simulate(ctl, conf, text, world):
		by_ticket[a["ticket"]][0].append(a)
	for c in simulate(ctl, conf, text, world, "--clocks"):
		by_ticket[c["ticket"]][1].append(c)
	failed = 0
	for t, (life, late) in enumerate(lives):
		why = compare(world, life, late, *by_ticket[f"T{t}"])
		if why:
			failed += 1
			print(f"FAIL seed {seed}, life {t}{' (late)' if late else ''}: {why}\n    {life}\n    {json.dumps(config_of(world))}, minute 0 is {rfc3339(world, 0)}")
	return failed


def main():
	ap = argparse.ArgumentParser()
	ap.add_argument("--build", default="build")
	ap.add_argument("--lives", type=int, default=int(os.environ.get("PLAZO_LIVES", 300)))
	ap.add_argument("--seed", type=int, default=int(os.environ.get("PLAZO_SEED", random.SystemRandom().randrange(10 ** 9))))
	ap.add_argument("-v", action="store_true")
	args = ap.parse_args()
	failed = done = 0
	opens = {}
	print(f"{args.lives} lives, seeds from {args.seed}")
	with tempfile.TemporaryDirectory() as d:
		while done < args.lives and failed < 10:
			n = min(PER_BATCH, args.lives - done)
			failed += run_batch(f"{args.build}/plazoctl", pathlib.Path(d) / "plazod.yaml", args.seed + done // PER_BATCH, n, opens)
			done += n
	print(f"{done - failed} passed, {failed} failed")
	return 1 if failed or not done else 0


if __name__ == "__main__":
	sys.exit(main())
