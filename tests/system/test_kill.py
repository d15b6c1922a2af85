"""kill -9 under load: nothing acknowledged is lost, no alert is lost, and what comes twice has the same id."""
import os
import random
import time

import harness
from harness import Case

KILLS = int(os.environ.get("PLAZO_KILLS", "10"))


class Kill(Case):
	def test_kill_under_load(self):
		seed = int(os.environ.get("PLAZO_SEED", time.time_ns() % 1_000_000))
		rnd = random.Random(seed)
		print(f"seed {seed}")
		sink = self.sink()
		self.run_with({"hook": harness.hook(sink)}, steps=[{"at": "50%", "notify": ["hook"]}, {"at": "breach", "notify": ["hook"]}],
			      target="4s")
		load = harness.Load(self.d, senders=2)
		for _ in range(harness.scaled(KILLS)):
			time.sleep(rnd.uniform(0.05, 1.2))
			self.d.kill()
			self.d.start()
		time.sleep(0.5)
		load.wait(50)
		load.stop()
		last = harness.instant()

		# Every acknowledged event is there: the same again is a duplicate.
		names = sorted(load.acked)
		for i in range(0, len(names), 200):
			events = [e for n in names[i:i + 200] for e in load.acked[n]]
			self.assertEqual(self.d.accept(events), {"accepted": 0, "duplicates": len(events)}, f"seed {seed}")

		# Every breach arrives, once but for what was in flight at a kill; all repeats have the id of the first.
		def told():
			return {r.alert["ticket"] for r in sink.alerts(type="sla.breach")} >= set(names)
		harness.wait_for("every breach", 30, told, 0.2)
		time.sleep(1)
		ids = {}
		repeats = 0
		for r in sink.alerts():
			a = r.alert
			self.assertTrue(r.valid)
			key = (a["type"], a["ticket"], a["metric"], a["cycle"], a["step"], a["occurrence"])
			repeats += key in ids
			self.assertEqual(ids.setdefault(key, r.id), r.id, f"two ids for {key}, seed {seed}")
			self.assertEqual(a["occurrence"], 1, f"seed {seed}")
		self.assertEqual(len(set(ids.values())), len(ids))
		print(f"{len(names)} events acknowledged, {len(ids)} alerts, {repeats} repeats, {len(load.failures)} requests sent again, last {last}")
		self.assertLessEqual(repeats, 32 * harness.scaled(KILLS), f"seed {seed}")


if __name__ == "__main__":
	harness.main()
