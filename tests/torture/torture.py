"""What the torture tests share: the harness of the system tests, and how often each thing is tried: seldom in `make check`, often in `make torture`."""
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "system"))

import harness                 # noqa: E402
import redis_rig               # noqa: E402,F401

WHOLE = os.environ.get("PLAZO_TORTURE", "") != ""


def times(often, seldom):
	"""How often something is tried: fewer times under a sanitizer."""
	return harness.scaled(often if WHOLE else seldom)


def seeded(name):
	"""A random.Random of which the seed is printed; PLAZO_SEED gives it again."""
	seed = int(os.environ.get("PLAZO_SEED", time.time_ns() % 1_000_000))
	print(f"{name}: PLAZO_SEED={seed}", flush=True)
	return random.Random(seed)


def main():
	harness.main()
