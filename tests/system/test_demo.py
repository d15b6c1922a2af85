"""`make run`: the demo shows a warning, a breach, an escalation and a clear, by all three ways, within a minute, and ends all."""
import os
import re
import subprocess
import time
import unittest

import harness


class Demo(unittest.TestCase):
	def test_demo(self):
		began = time.monotonic()
		p = subprocess.run(["/usr/bin/python3", str(harness.ROOT / "conf/demo/demo.py"), "--build", str(harness.BUILD)],
				   stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60 * harness.SLOWER,
				   env={**os.environ, "DEMO_ONCE": "1"}, check=False)
		self.assertEqual(p.returncode, 0, p.stdout[-4000:] + p.stderr[-4000:])
		self.assertLess(time.monotonic() - began, 60 * harness.SLOWER)
		self.assertIn("signature verified", p.stdout)
		self.assertNotIn("bad signature", p.stdout)
		# How many there must be by the story is tests/simulate/test_demo_story.py's; here a loaded machine may tell one more or less.
		arrived = re.search(r"^Arrived: (\d+) by journal, (\d+) by mail, (\d+) by webhook", p.stdout, re.M)
		self.assertIsNotNone(arrived, p.stdout[-3000:])
		for n, by_story in zip(map(int, arrived.groups()), (12, 6, 8)):
			self.assertGreaterEqual(n, by_story - 2, arrived.group(0))


if __name__ == "__main__":
	harness.main()
