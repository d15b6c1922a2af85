"""Zones of the system: their names, their transitions as Python's zoneinfo sees them, and a comparison with ours."""
import bisect
import datetime
import hashlib
import pathlib
import zoneinfo

ROOT = pathlib.Path("/usr/share/zoneinfo")
UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)
FIRST = 0
LAST = int((datetime.datetime(2100, 1, 1) - EPOCH).total_seconds())
WEEK = 7 * 86400


def names():
    """All there are, and of files with the same bytes each name: what links to what is not our business."""
    return sorted(n for n in zoneinfo.available_timezones() if (ROOT / n).is_file() and n not in ("localtime", "posixrules"))


def distinct(all_names):
    """One name for each content."""
    seen = {}
    for n in all_names:
        seen.setdefault(hashlib.sha256((ROOT / n).read_bytes()).digest(), n)
    return sorted(seen.values())


def offset(zone, t):
    return int(datetime.datetime.fromtimestamp(t, zone).utcoffset().total_seconds())


def instant(zone, local):
    at = (EPOCH + datetime.timedelta(seconds=local)).replace(tzinfo=zone, fold=0)
    return local - int(at.utcoffset().total_seconds())


def transitions(zone, first=FIRST, last=LAST):
    """Found by looking every week and halving; two that undo one another within a week are missed."""
    found, before = [], offset(zone, first)
    for t in range(first, last, WEEK):
        after = offset(zone, min(t + WEEK, last))
        if after == before:
            continue
        low, high = t, min(t + WEEK, last)
        while high - low > 1:
            middle = (low + high) // 2
            if offset(zone, middle) == before:
                low = middle
            else:
                high = middle
        found.append(high)
        before = after
    return found


def probes(zone, changes):
    """Instants and local times on both sides of every transition, and some between them."""
    instants, locals_ = [FIRST, LAST], [FIRST, LAST]
    for t in changes:
        a, b = offset(zone, t - 1), offset(zone, t)
        instants += [t - 1, t, t + 1, t + 86400 * 40]
        for edge in (t + a, t + b):
            locals_ += [edge - 1, edge, edge + 1]
        locals_ += [t + (a + b) // 2, t + 86400 * 40]
    return instants, locals_


def compare(ask, all_names):
    """ask(list of questions) gives one list of numbers for each. Gives (number of things compared, list of differences)."""
    ours = ask([f"changes {n} {FIRST - 1} {LAST}" for n in all_names])
    questions, expected, wrong = [], [], []
    for name, changes in zip(all_names, ours):
        zone = zoneinfo.ZoneInfo(name)
        missed = [t for t in transitions(zone) if t not in set(changes)]
        if missed:
            wrong.append(f"{name}: no transition at {missed[:5]}")
        instants, locals_ = probes(zone, changes + missed)
        questions += [f"offset {name} " + " ".join(map(str, instants)), f"instant {name} " + " ".join(map(str, locals_))]
        expected += [[offset(zone, t) for t in instants], [instant(zone, t) for t in locals_]]
    for question, want, got in zip(questions, expected, ask(questions), strict=True):
        what, name, *at = question.split()
        wrong += [f"{what} {name} {t}: {g}, zoneinfo says {w}" for t, w, g in zip(at, want, got, strict=True) if w != g]
    return sum(map(len, expected)), wrong


class Changes:
    """Transitions of a zone, found when first asked for."""

    def __init__(self):
        self.known = {}

    def of(self, name):
        if name not in self.known:
            # Fewer years than the comparison: enough to draw from.
            first, last = (int((datetime.datetime(y, 1, 1) - EPOCH).total_seconds()) for y in (1975, 2060))
            self.known[name] = transitions(zoneinfo.ZoneInfo(name), first, last)
        return self.known[name]

    def between(self, name, a_ms, b_ms):
        """True when the clock is changed in (a, b]."""
        low, high = sorted((a_ms, b_ms))
        found = self.of(name)
        return bisect.bisect_right(found, high // 1000) > bisect.bisect_right(found, low // 1000)
