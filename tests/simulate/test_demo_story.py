"""The story of `make run`, through simulate: what the demo promises to show is what its configuration makes of its events."""
import collections
import datetime
import json
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "conf/demo"))
import demo

BUILD = ROOT / "build"


class Story(unittest.TestCase):
	def test_story(self):
		start = datetime.datetime(2026, 11, 23, 10)
		def at(seconds):
			return (start + datetime.timedelta(seconds=seconds)).isoformat(timespec="milliseconds") + "Z"
		events = "".join(json.dumps({"id": f"e{i}", "ticket": t, "at": at(s), **fields}) + "\n" for i, (s, t, fields) in enumerate(demo.STORY))
		p = subprocess.run([str(BUILD / "plazoctl"), "simulate", "-c", str(ROOT / "conf/demo/plazod.yaml"), "--source", "helpdesk",
				    "--until", at(demo.STORY_ENDS), "-"], input=events, capture_output=True, text=True, timeout=30, check=False)
		self.assertEqual(p.returncode, 0, p.stderr)
		alerts = [json.loads(line) for line in p.stdout.splitlines()]
		told = collections.Counter((a["ticket"], a["type"].removeprefix("sla.")) for a in alerts)
		self.assertEqual(told, {("SW-301", "breach"): 1, ("SW-301", "escalation"): 2, ("SW-301", "cleared"): 1,
					("AC-201", "warning"): 1, ("AC-201", "breach"): 1, ("AC-201", "escalation"): 1, ("AC-201", "cleared"): 1,
					("AC-205", "warning"): 1, ("AC-205", "cleared"): 1,
					("HM-102", "warning"): 1, ("HM-102", "breach"): 1, ("HM-102", "escalation"): 1, ("HM-102", "cleared"): 1,
					("HM-103", "warning"): 1})
		self.assertEqual(len({t for _, t, _ in demo.STORY}), 12)


if __name__ == "__main__":
	args = sys.argv[1:]
	if "--build" in args:
		i = args.index("--build")
		BUILD = pathlib.Path(args[i + 1]).resolve()
		del args[i:i + 2]
	unittest.main(argv=[sys.argv[0], *args])
