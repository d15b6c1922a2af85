"""Another tzdata, as an upgrade of the system brings it: at a reload and between two lives, due times move as the new rules say."""
import datetime
import json
import pathlib
import time

import harness
from harness import Case, hook, opened, parse_instant

ZONEINFO = pathlib.Path("/usr/share/zoneinfo")
HOUR = datetime.timedelta(hours=1)


class Tzdata(Case):
	def setUp(self):
		super().setUp()
		self.zones = self.d.dir / "zoneinfo"
		(self.zones / "Test").mkdir(parents=True)
		self.install("2026a", "Etc/GMT")
		# Opens within the hour after next, for twelve hours, by clocks without an offset.
		self.opening = (datetime.datetime.now(datetime.timezone.utc) + 2 * HOUR).replace(second=0, microsecond=0)

	def install(self, version, rules):
		"""One zone, whose rules are those of another: Etc/GMT+2 is two hours behind UTC."""
		for name, data in (("tzdata.zi", f"# version {version}\nZ Test/Zone 0 - X\n".encode()), ("Test/Zone", (ZONEINFO / rules).read_bytes())):
			new = self.zones / "new"
			new.write_bytes(data)
			new.replace(self.zones / name)

	def begin(self, target, **more):
		def clock(t):
			return t.strftime("%H:%M")
		hours = {day: f"{clock(self.opening)}-{clock(self.opening + 12 * HOUR)}" for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
		self.d.configure(target=target, calendars={"office": {"zone": "Test/Zone", "hours": hours}},
				 policies={"quick": {"calendar": "office", "metrics": {"response": {"target": target}}, "escalation": "standard"}}, **more)
		self.start()

	def start(self):
		self.d.start(env={"TZDIR": str(self.zones)})

	def due(self, ticket):
		clock, = self.d.get(f"/v1/tickets/{ticket}").json["clocks"]
		return parse_instant(clock["due"])

	def tzdata(self):
		return json.loads(self.d.ctl("status", "--json").stdout)["config"]["tzdata"]

	def test_a_reload_moves_running_clocks(self):
		self.begin("6h")
		self.d.accept(opened("T1"))
		before = self.due("T1")
		self.assertEqual(before, (self.opening + 6 * HOUR).timestamp())
		self.assertEqual(self.tzdata(), "2026a")
		self.install("2026b", "Etc/GMT+2")
		self.assertEqual(json.loads(self.d.ctl("reload", "--dry-run", "--json").stdout)["differences"], ["tzdata"])
		self.d.hup()
		harness.wait_for("the new zones", 5, lambda: self.due("T1") == before + 7200)
		self.assertEqual(self.tzdata(), "2026b")
		self.assertIn("tzdata=2026b", self.d.log())
		self.d.accept(opened("T2"))
		self.assertEqual(self.due("T2"), before + 7200)
		# The revision is on disk: another life says the same, and has nothing to change.
		self.d.stop()
		self.start()
		self.assertEqual([self.due("T1"), self.due("T2")], [before + 7200] * 2)
		self.assertFalse(json.loads(self.d.ctl("reload", "--json").stdout)["changed"])

	def test_what_was_counted_stays_counted(self):
		"""Each stretch counts by the rules of its time, also when they are no longer those of the system."""
		self.begin("6h")
		self.d.accept(opened("T1", at=(self.opening - 24 * HOUR).isoformat()))
		before = self.due("T1")
		self.assertEqual(before, (self.opening - 18 * HOUR).timestamp())
		for rules in ("Etc/GMT+2", "Etc/GMT-3"):
			self.install("of " + rules, rules)
			self.d.hup()
			harness.wait_for("the reload", 5, lambda: self.tzdata() == "of " + rules)
			self.assertEqual(self.due("T1"), before)
			self.d.kill()
			self.start()
			self.assertEqual(self.due("T1"), before)

	def test_an_upgrade_between_two_lives(self):
		sink = self.sink()
		self.begin("1h", receivers={"hook": hook(sink)}, steps=[{"at": "breach", "notify": ["hook"]}])
		self.d.accept([opened("T1"), opened("T2", at=(self.opening - 24 * HOUR).isoformat())])
		before = self.due("T1")
		sink.wait(8, type="sla.breach", ticket="T2")
		self.d.wait_sent(ticket="T2", receiver="hook")
		self.d.kill()
		self.install("2026b", "Etc/GMT+2")
		self.start()
		harness.wait_for("the new zones", 5, lambda: self.due("T1") == before + 7200)
		self.assertEqual(self.due("T2"), (self.opening - 23 * HOUR).timestamp())
		time.sleep(0.5)
		self.assertEqual(len(sink.alerts()), 1)


if __name__ == "__main__":
	harness.main()
