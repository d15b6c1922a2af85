#!/usr/bin/python3
"""Zones and calendars against Python: every transition of every zone, and random calendars against oracle.py.

    calendar.py [--build DIR] [--seed N] [--cases N] [--no-zones]
    calendar.py [--build DIR] --changes 1970 2100

Prints the seed, and what was compared; ends with 1 when anything differs. PLAZO_ROUNDS multiplies the number of cases. The second form
asks a calendar that is open at night about the hours around every change of every clock.
"""
import argparse
import collections
import datetime
import os
import random
import subprocess
import sys
import time
import zoneinfo

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oracle   # noqa: E402  (its folder must be on the path first)
import zones    # noqa: E402

MS_DAY = 86400000
QUARTER = 900
QUESTIONS = 5      # about each random calendar
BATCH = 20000      # cases at a time: all of a million would not fit into memory

# One letter each in the program's protocol.
OPS = {"c": "add", "n": "add to next opening", "b": "between", "o": "open", "f": "next opening", "d": "days", "e": "days eod",
       "w": "window from", "W": "window to"}


class Program:
    def __init__(self, build):
        self.path = os.path.join(build, "tests/property/test_calendar")

    def ask(self, questions):
        done = subprocess.run([self.path, "--answer"], input="\n".join(questions) + "\n", capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{self.path}: exit status {done.returncode}: {done.stderr}")
        return done.stdout.splitlines()

    def ask_numbers(self, questions):
        return [list(map(int, line.split())) for line in self.ask(questions)]


# ---- random calendars ----

def random_hours(rng):
    """Windows of one day, in order: some overnight, some to 24:00, some at odd seconds."""
    kind = rng.random()
    if kind < 0.08:
        return [(0, 86400)]
    if kind < 0.16:
        begin = rng.randrange(64, 96) * QUARTER
        return [(begin, begin + rng.randrange(1, 40) * QUARTER)]
    edges = sorted(rng.sample(range(0, 97), 2 * rng.choice((1, 1, 1, 2, 2, 3))))
    step = rng.random() < 0.1
    hours = [(a * QUARTER + step, b * QUARTER) for a, b in zip(edges[::2], edges[1::2])]
    if rng.random() < 0.1:
        hours[-1] = (hours[-1][0], hours[-1][0] + rng.randrange(1, 80) * QUARTER)
    return hours


def near(rng, at, zone, days):
    return oracle.local(at, zone).date() + datetime.timedelta(days=rng.randint(-days, days))


def random_calendar(rng, name, at):
    """Most of what is special about it lies near the instant that will be asked about."""
    zone = zoneinfo.ZoneInfo(name)
    style = rng.random()
    if style < 0.3:
        hours = random_hours(rng)
        week = [hours] * 5 + [[]] * 2
    elif style < 0.45:
        week = [random_hours(rng)] * 7
    elif style < 0.5:
        week = [[(0, 86400)]] * 7
    else:
        week = [random_hours(rng) if rng.random() < 0.75 else [] for _ in range(7)]
    holidays = [near(rng, at, zone, 12) for _ in range(rng.choice((0, 0, 1, 2, 3)))]
    holidays = [(0 if rng.random() < 0.4 else d.year, d.month, d.day) for d in holidays]
    breaks = {near(rng, at, zone, 5): random_hours(rng) for _ in range(rng.choice((0, 0, 0, 1, 2)))}
    shifts = {near(rng, at, zone, 8): random_hours(rng) for _ in range(rng.choice((0, 0, 0, 1, 2)))}
    return oracle.Calendar(zone, week, holidays, breaks, shifts)


def random_instant(rng, changes, name):
    """Mostly shortly before a change of the clock, where the zone has one."""
    known = changes.of(name)
    if not known or rng.random() < 0.15:
        return rng.randrange(5 * 365 * MS_DAY, 90 * 365 * MS_DAY)
    at = rng.choice(known) * 1000 + rng.choice((-1, 0, 0, 1))
    return at - rng.choice((0, rng.randrange(-10, 200) * QUARTER * 1000, rng.randrange(-MS_DAY, 2 * MS_DAY)))


def random_question(rng, calendar, at):
    """(letter of the program's protocol, number, what the oracle says)"""
    op = rng.choice("cccnncnbbbofddeewW")
    if op in "cn":
        n = rng.choice((1, 1, 1, -1, -1)) * rng.choice((rng.randrange(0, 40) * QUARTER * 1000, rng.randrange(0, 5 * MS_DAY), 0))
        if rng.random() < 0.15:      # exactly to a closing time
            n = calendar.between(at, next((b for a, b in calendar.union(at, at + 9 * MS_DAY)), at))
        return op, n, calendar.add(at, n, op == "n")
    if op == "b":
        n = at + rng.choice((rng.randrange(-MS_DAY, 4 * MS_DAY), rng.randrange(0, 40 * MS_DAY)))
        return op, n, calendar.between(at, n)
    if op in "de":
        n = rng.choice((0, 1, 1, 2, 3, 5, 10, -1, -2, -7))
        return op, n, calendar.add_days(at, n, op == "e")
    if op in "wW" and calendar.week[0] != [(0, 86400)]:
        return op, 0, calendar.window(at)[op == "W"]
    if op == "f":
        return op, 0, calendar.next_open(at)
    return "o", 0, calendar.is_open(at)


def hours_text(hours):
    return ",".join(f"{a}-{b}" for a, b in hours)


def dates_text(dates):
    return " ".join(f"{d}={hours_text(h)}" for d, h in dates.items())


def calendar_text(name, c, at):
    year = oracle.local(at, c.zone).year
    return "|".join((name, str(year), str(year), ";".join(map(hours_text, c.week)),
                     " ".join("%d-%d-%d" % h for h in c.holidays), dates_text(c.breaks), dates_text(c.shifts)))


def touched(op, at, n, answer):
    """The other end of the time that a question is about."""
    if op == "b":
        return n
    return at if op == "o" or answer in (oracle.NEVER, oracle.PAST) else answer


def compare_calendars(program, rng, n_cases, all_names, changes):
    """Gives (number of cases across a change of the clock, how many of each kind, list of differences)."""
    lines, wanted, asked, kinds, crossing = [], [], [], collections.Counter(), 0
    while len(asked) < n_cases:
        name = rng.choice(all_names)
        if not changes.of(name) and rng.random() < 0.6:
            name = rng.choice(all_names)
        middle = random_instant(rng, changes, name)
        calendar = random_calendar(rng, name, middle)
        lines.append(calendar_text(name, calendar, middle))
        for _ in range(min(QUESTIONS, n_cases - len(asked))):
            at = middle + rng.choice((0, rng.randrange(-100, 100) * QUARTER * 1000, rng.randrange(-3 * MS_DAY, 3 * MS_DAY)))
            op, n, want = random_question(rng, calendar, at)
            asked.append((len(lines) - 1, f"{op} {at} {n}", str(want)))
            lines.append(asked[-1][1])
            kinds[op] += 1
            crossing += changes.between(name, at, touched(op, at, n, want))
    return crossing, kinds, differences(program, lines, asked)


def differences(program, lines, asked):
    """asked: of each question the line of its calendar, its own, and what the oracle says."""
    got = program.ask(lines) if lines else []
    return [f"{lines[i]}\n    {question}: {g}, the oracle says {want}"
            for g, (i, question, want) in zip(got, asked, strict=True) if g != want]


# ---- every change of every clock ----

# Open at night, when clocks are changed, and all day; with a closing time inside many a gap and overlap.
NIGHTS = [(0, 7200 + 1800), (12600, 43200), (82800, 86400 + 5400)]


def questions_about(t, before, after):
    """Around a change at `t` ms: its very edges, and across it forward, backward and in between."""
    gap = abs(after - before) * 1000
    for at in (t - 1000, t, t + 1000):
        yield from (("o", at, 0), ("f", at, 0))
    for n in (1, gap, 3 * 3600000 + gap):
        yield from (("c", t - 1, n), ("n", t - 3600000, n), ("c", t + 1 + gap, -n), ("b", t - 7200000, t + n), ("b", t - n, t))
    yield from (("d", t - MS_DAY // 2, 1), ("e", t - MS_DAY // 2, 1), ("d", t + MS_DAY // 2, -1))


ASK = {"c": lambda c, at, n: c.add(at, n, False), "n": lambda c, at, n: c.add(at, n, True), "b": lambda c, at, n: c.between(at, n),
       "o": lambda c, at, n: c.is_open(at), "f": lambda c, at, n: c.next_open(at), "d": lambda c, at, n: c.add_days(at, n, False),
       "e": lambda c, at, n: c.add_days(at, n, True)}


def compare_changes(program, name, known):
    """Gives (number of questions, list of differences)."""
    zone, lines, asked = zoneinfo.ZoneInfo(name), [], []
    for t in known:
        nights = oracle.Calendar(zone, [NIGHTS] * 7, [], {}, {})
        lines.append(calendar_text(name, nights, t * 1000))
        calendar_line = len(lines) - 1
        for op, at, n in questions_about(t * 1000, zones.offset(zone, t - 1), zones.offset(zone, t)):
            if at < MS_DAY:
                continue
            asked.append((calendar_line, f"{op} {at} {n}", str(ASK[op](nights, at, n))))
            lines.append(asked[-1][1])
    return len(asked), differences(program, lines, asked)


def report(what, wrong):
    print(f"{what}, {len(wrong)} different", flush=True)
    for w in wrong[:20]:
        print("  " + w)
    return bool(wrong)


def about_zones(program, all_names):
    names = zones.distinct(all_names)
    n, wrong = zones.compare(program.ask_numbers, names)
    return report(f"zones: {len(all_names)} names of {len(names)} zones, {n} offsets and local times", wrong)


def about_changes(program, all_names, first, last):
    total, n_changes, wrong = 0, 0, []
    names = zones.distinct(all_names)
    for name in names:
        known = zones.transitions(zoneinfo.ZoneInfo(name), *(int(datetime.datetime(y, 1, 1, tzinfo=oracle.UTC).timestamp()) for y in (first, last)))
        n, bad = compare_changes(program, name, known)
        total, n_changes, wrong = total + n, n_changes + len(known), wrong + bad
    return report(f"changes: {n_changes} of {len(names)} zones from {first} to {last}, {total} questions around them", wrong)


def about_calendars(program, all_names, seed, cases):
    rng, changes, kinds, wrong, crossing, start = random.Random(seed), zones.Changes(), collections.Counter(), [], 0, time.monotonic()
    for done in range(0, cases, BATCH):
        c, k, w = compare_calendars(program, rng, min(BATCH, cases - done), all_names, changes)
        crossing, kinds, wrong = crossing + c, kinds + k, wrong + w
    failed = report(f"calendars: seed {seed}, {cases} cases, {crossing} across a change of the clock", wrong)
    print("  " + ", ".join(f"{n} {OPS[op]}" for op, n in sorted(kinds.items())) + f"; {time.monotonic() - start:.1f} s in all")
    if crossing * 5 < cases:
        print("  too few cases across a change of the clock: a fifth is what is wanted")
        failed = True
    return failed


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    ap.add_argument("--cases", type=int, default=10000 * int(os.environ.get("PLAZO_ROUNDS", "1")))
    ap.add_argument("--changes", type=int, nargs=2, metavar="YEAR", help="questions around every change from one year to another, not random ones")
    ap.add_argument("--no-zones", action="store_true")
    a = ap.parse_args()
    program, all_names, failed = Program(a.build), zones.names(), False

    if a.changes:
        return 1 if about_changes(program, all_names, *a.changes) else 0
    if not a.no_zones:
        failed |= about_zones(program, all_names)
    if a.cases > 0:
        failed |= about_calendars(program, all_names, a.seed, a.cases)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
