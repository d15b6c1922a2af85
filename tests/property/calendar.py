#!/usr/bin/python3
"""Zones and calendars against Python: every transition of every zone, and random calendars against oracle.py.

    calendar.py [--build DIR] [--seed N] [--cases N] [--no-zones]

Prints the seed, and what was compared; ends with 1 when anything differs. PLAZO_ROUNDS multiplies the number of cases.
"""
import argparse
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


def compare_calendars(program, rng, n_cases, all_names):
    """Gives (number of cases across a change of the clock, how many of each kind, list of differences)."""
    changes, lines, wanted, kinds, crossing = zones.Changes(), [], [], {}, 0
    for _ in range(n_cases):
        name = rng.choice(all_names)
        if not changes.of(name) and rng.random() < 0.6:
            name = rng.choice(all_names)
        at = random_instant(rng, changes, name)
        calendar = random_calendar(rng, name, at)
        op, n, want = random_question(rng, calendar, at)
        lines += [calendar_text(name, calendar, at), f"{op} {at} {n}"]
        wanted.append(want)
        kinds[op] = kinds.get(op, 0) + 1
        crossing += changes.between(name, at, touched(op, at, n, want))
    got = program.ask(lines)
    wrong = [f"{lines[2 * i]}\n    {lines[2 * i + 1]}: {g}, the oracle says {w}"
             for i, (g, w) in enumerate(zip(got, wanted, strict=True)) if g != str(w)]
    return crossing, kinds, wrong


def report(what, wrong):
    print(f"{what}, {len(wrong)} different", flush=True)
    for w in wrong[:20]:
        print("  " + w)
    return bool(wrong)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    ap.add_argument("--cases", type=int, default=10000 * int(os.environ.get("PLAZO_ROUNDS", "1")))
    ap.add_argument("--no-zones", action="store_true")
    a = ap.parse_args()
    program, all_names, failed, start = Program(a.build), zones.names(), False, time.monotonic()

    if not a.no_zones:
        names = zones.distinct(all_names)
        n, wrong = zones.compare(program.ask_numbers, names)
        failed |= report(f"zones: {len(all_names)} names of {len(names)} zones, {n} offsets and local times", wrong)
    if a.cases == 0:
        return 1 if failed else 0
    crossing, kinds, wrong = compare_calendars(program, random.Random(a.seed), a.cases, all_names)
    failed |= report(f"calendars: seed {a.seed}, {a.cases} cases, {crossing} across a change of the clock", wrong)
    print("  " + ", ".join(f"{n} {OPS[op]}" for op, n in sorted(kinds.items())) + f"; {time.monotonic() - start:.1f} s in all")
    if crossing * 5 < a.cases:
        print("  too few cases across a change of the clock: a fifth is what is wanted")
        failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
