"""`make run`: the demo shows a warning, a breach, an escalation and a clear, by all three ways, within a minute, and ends all."""
import os
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
		if not harness.SANITIZED:
			self.assertIn("Arrived: 12 by journal, 6 by mail, 8 by webhook\n", p.stdout)


if __name__ == "__main__":
	harness.main()
