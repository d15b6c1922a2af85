"""`make run`: the demo shows a warning, a breach, an escalation and a clear, by all three ways, within a minute, and ends all; with
a Redis and without."""
import contextlib
import os
import subprocess
import time
import unittest

import harness
from redis_rig import Redis


class Demo(unittest.TestCase):
	def start(self, redis):
		return subprocess.Popen(["/usr/bin/python3", str(harness.ROOT / "conf/demo/demo.py"), "--build", str(harness.BUILD)],
					stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
					env={**os.environ, "DEMO_ONCE": "1", "PLAZO_REDIS": redis})

	def check(self, p):
		"""What it printed."""
		out, err = p.communicate(timeout=60 * harness.PATIENCE)
		self.assertEqual(p.returncode, 0, out[-4000:] + err[-4000:])
		self.assertIn("signature verified", out)
		self.assertNotIn("bad signature", out)
		# How many there must be by the story is tests/simulate/test_demo_story.py's: where a process stands still, a step supersedes those before it.
		self.assertRegex(out, r"(?m)^Arrived: \d+ by journal, \d+ by mail, \d+ by webhook")
		return out

	def test_demo(self):
		began = time.monotonic()
		redis = Redis().start()
		self.addCleanup(redis.close)
		redis("SET", "somebody's", "own")
		without, by_stream = self.start("none"), self.start(redis.url)
		self.assertNotIn("by the stream", self.check(without))
		out = self.check(by_stream)
		self.assertLess(time.monotonic() - began, 60 * harness.PATIENCE)
		self.assertEqual(out.count("(by the stream)"), 6)
		self.assertRegex(out, r"SW-301 .*(BREACH|escalation)")
		# Nothing of it is left there, and nothing else was touched.
		self.assertEqual(redis("KEYS", "*"), ["somebody's"])

	def test_a_redis_that_was_named_and_is_not_there(self):
		p = self.start(f"redis://127.0.0.1:{harness.free_port()}")
		with contextlib.closing(p.stdout), contextlib.closing(p.stderr):
			self.assertEqual(p.wait(20 * harness.PATIENCE), 1)
			self.assertIn("PLAZO_REDIS", p.stderr.read())


if __name__ == "__main__":
	harness.main()
