"""What a calendar answers, worked out the long way: no tables, no cleverness, Python's zoneinfo for the clock.

Written from the rules of include/core/calendar.h alone. A calendar is here, for each local date, a list of stretches of naive
local time; these become stretches of UTC milliseconds; everything is asked of their sorted union.
"""
import datetime

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
DAY = datetime.timedelta(days=1)
NEVER, PAST = 2**63 - 1, -2**63


def instant(naive, zone):
    """Milliseconds since the epoch at which that local time is shown: fold=0, gaps moved forward (PEP 495)."""
    return round((naive.replace(tzinfo=zone, fold=0) - EPOCH) / datetime.timedelta(milliseconds=1))


def local(ms, zone):
    """The local time at an instant, naive."""
    return (EPOCH + datetime.timedelta(milliseconds=ms)).astimezone(zone).replace(tzinfo=None)


def without(stretches, begin, end):
    """The stretches with [begin, end) taken out."""
    left = []
    for a, b in stretches:
        if a < begin:
            left.append((a, min(b, begin)))
        if b > end:
            left.append((max(a, end), b))
    return [(a, b) for a, b in left if a < b]


class Calendar:
    """week: seven lists of (from, to) in seconds; holidays: of (year or 0, month, day); breaks, shifts: {date: list}."""

    def __init__(self, zone, week, holidays, breaks, shifts):
        self.zone, self.week, self.holidays, self.breaks, self.shifts = zone, week, set(holidays), breaks, shifts
        self.seen = {}

    def is_holiday(self, date):
        if date in self.shifts:
            return False
        return (date.year, date.month, date.day) in self.holidays or (0, date.month, date.day) in self.holidays

    def local_hours(self, date):
        midnight = datetime.datetime.combine(date, datetime.time())
        hours = self.shifts[date] if date in self.shifts else self.week[date.weekday()]
        left = [(midnight + datetime.timedelta(seconds=a), midnight + datetime.timedelta(seconds=b)) for a, b in hours]
        for near in (date - DAY, date, date + DAY):
            start = datetime.datetime.combine(near, datetime.time())
            if self.is_holiday(near):
                left = without(left, start, start + DAY)
            for a, b in self.breaks.get(near, []):
                left = without(left, start + datetime.timedelta(seconds=a), start + datetime.timedelta(seconds=b))
        return left

    def hours(self, date):
        """The windows of a date as (first ms, end ms, begins before midnight)."""
        if date not in self.seen:
            midnight = datetime.datetime.combine(date + DAY, datetime.time())
            got = [(instant(a, self.zone), instant(b, self.zone), a < midnight) for a, b in self.local_hours(date)]
            self.seen[date] = [(a, b, own) for a, b, own in got if a < b]
        return self.seen[date]

    def union(self, begin, end):
        """Open time in [begin, end), as sorted stretches that do not touch. Nothing was open before 1970."""
        begin = max(begin, 0)
        date = (EPOCH + datetime.timedelta(milliseconds=begin)).date() - 4 * DAY
        last = (EPOCH + datetime.timedelta(milliseconds=end)).date() + 3 * DAY
        found, joined = [], []
        while date <= last:
            found += [(max(a, begin), min(b, end)) for a, b, own in self.hours(date) if a < end and b > begin]
            date += DAY
        for a, b in sorted(found):
            if joined and a <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(b, joined[-1][1]))
            else:
                joined.append((a, b))
        return joined

    def reaches(self):
        """Ever longer times to look at, in days; the last one is longer than any random case needs."""
        return (10, 40, 160, 640, 5000)

    def add(self, at, ms, next_open):
        if ms == 0:
            return self.next_open(at)
        for days in self.reaches():
            left = abs(ms)
            if ms > 0:
                for a, b in self.union(at, at + days * 86400000):
                    if left <= b - a:
                        return self.next_open(a + left) if next_open else a + left
                    left -= b - a
            else:
                for a, b in reversed(self.union(at - days * 86400000, at)):
                    if left <= b - a:
                        return b - left
                    left -= b - a
        return NEVER if ms > 0 else PAST

    def next_open(self, at):
        for days in self.reaches():
            found = self.union(at, at + days * 86400000)
            if found:
                return found[0][0]
        return NEVER

    def between(self, begin, end):
        return sum(b - a for a, b in self.union(begin, end)) if begin < end else 0

    def is_open(self, at):
        return int(bool(self.union(at, at + 1)))

    def window(self, at):
        """Not asked of calendars whose windows have no end."""
        for days in (15, 700):
            begin, end = at - days * 86400000, at + days * 86400000
            a, b = next(((a, b) for a, b in self.union(begin, end) if b > at), (NEVER, NEVER))
            # One that goes on beyond what was looked at may be longer than it seems.
            if max(begin, 0) < a and b < end:
                break
        return a, b

    def starts(self, date):
        return any(own for a, b, own in self.hours(date))

    def add_days(self, at, days, eod):
        here = local(at, self.zone)
        date, left = here.date(), abs(days)
        if days == 0 and not eod:
            return self.next_open(at)
        if days == 0:
            date, left = date - DAY, 1
        for _ in range(1000):
            date += -DAY if days < 0 else DAY
            left -= self.starts(date)
            if left == 0:
                break
        else:
            return PAST if days < 0 else NEVER
        if eod:
            return max(b for a, b, own in self.hours(date))
        then = instant(datetime.datetime.combine(date, here.time()), self.zone)
        return then if days < 0 else self.next_open(then)
