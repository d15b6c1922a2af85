#!/usr/bin/python3
"""Runs calendar.py, in its two halves, as tests that `make check` finds by itself."""
import sys

# Its folder has a calendar.py that is not Python's own.
HERE = sys.path.pop(0)

import argparse      # noqa: E402
import os            # noqa: E402
import subprocess    # noqa: E402
import unittest      # noqa: E402

BUILD = "build"
YEARS = os.environ.get("PLAZO_YEARS", "2025 2029").split()     # PLAZO_YEARS="1970 2101": all there are, some minutes


class Oracle(unittest.TestCase):
    def run_half(self, *args):
        done = subprocess.run([sys.executable, HERE + "/calendar.py", "--build", BUILD, *args], text=True, capture_output=True)
        print(done.stdout, file=sys.stderr)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_zones_equal_zoneinfo(self):
        self.run_half("--cases", "0")

    def test_hours_around_changes_equal_the_oracle(self):
        self.run_half("--changes", *YEARS)

    def test_calendars_equal_the_oracle(self):
        self.run_half("--no-zones")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default=BUILD)
    args, rest = ap.parse_known_args()
    BUILD = args.build
    unittest.main(argv=[sys.argv[0], *rest])
