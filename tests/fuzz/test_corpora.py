#!/usr/bin/python3
"""Runs each fuzz target over its corpus and over a few random changes of it, through the plain driver. PLAZO_ROUNDS multiplies the changes."""
import argparse
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT = 100            # seconds of one target
MUTANTS = 20             # of each file
MAX_CORPORA = 200 << 10  # bytes of all corpora together


def main():
	ap = argparse.ArgumentParser()
	ap.add_argument("--build", default="build")
	ap.add_argument("-v", action="store_true")
	args = ap.parse_args()
	mutants = MUTANTS * int(os.environ.get("PLAZO_ROUNDS", "1"))
	passed = failed = 0
	for source in sorted(HERE.glob("fuzz_*.c")):
		noun = source.stem[len("fuzz_"):]
		program = pathlib.Path(args.build) / "tests" / "fuzz" / source.stem
		began = time.monotonic()
		# A reader that does not come to an end is a finding, too.
		p = subprocess.run(["timeout", str(TIMEOUT), program.resolve(), "-m", str(mutants), HERE / "corpus" / noun], stdin=subprocess.DEVNULL,
				   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
		print(f"{noun}: status {p.returncode}, {time.monotonic() - began:.1f} s")
		print(p.stdout.decode("utf-8", "replace"), end="")
		passed += p.returncode == 0
		failed += p.returncode != 0
	size = sum(f.stat().st_size for f in HERE.glob("corpus/*/*"))
	if size > MAX_CORPORA:
		print(f"the corpora have {size} bytes: they are to stay small")
		failed += 1
	print(f"{passed} passed, {failed} failed")
	return 1 if failed else 0


if __name__ == "__main__":
	sys.exit(main())
