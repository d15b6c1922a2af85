"""Replicas, failover, and the sentinels that name the master."""
import contextlib
import json
import re
import time

import harness
import redis_rig
from fake_redis import FakeRedis
from harness import opened, wait_for
from redis_rig import STREAM, Client, source


class Replicas(redis_rig.Case):
	def test_it_becomes_a_replica(self):
		self.run_bus()
		self.r.add(opened("T1"))
		self.wait_ticket("T1")
		other = self.server()
		self.r("REPLICAOF", "127.0.0.1", other.port)
		wait_for(lambda: f"it is noticed; {self.stream()}", 12, lambda: self.stream()["state"] == "troubled", 0.1)
		self.still_serves()
		self.r("REPLICAOF", "NO", "ONE")
		self.back_again("T2")

	def test_a_replica_that_lost_its_master(self):
		self.run_bus(self.server(replica_serve_stale_data="no"))
		self.r("REPLICAOF", "127.0.0.1", harness.free_port())
		last = self.wait_state("troubled")
		self.assertRegex(last["why"], "READONLY|MASTERDOWN|replica|slave|master")
		self.r("REPLICAOF", "NO", "ONE")
		self.back_again("T1")

	def failover(self, **bus):
		s = redis_rig.Sentinels()
		self.addCleanup(s.close)
		first = s.current()
		self.run_bus(first, ready=False, url=None, sentinels=s.addresses, master=s.MASTER, **bus)
		self.wait_state("reading")

		def port():
			now = s.current()
			if now is None:
				raise ConnectionError("no master")
			return now.port
		p = redis_rig.Producer(port, batch=5, pause=0.01)
		time.sleep(1)
		first.kill()
		wait_for("another master", 20, lambda: s.current() not in (None, first), 0.1)
		self.still_serves()
		time.sleep(2)
		wait_for("entries at the new one", 20, lambda: s.current() and s.current()("XLEN", STREAM) > 50, 0.1)
		p.stop()
		self.r = wait_for("the master", 20, s.current, 0.1)
		entries = self.r("XRANGE", STREAM, "-", "+")
		there = {json.loads(fields[1])["ticket"] for _, fields in entries}
		wait_for(lambda: f"{len(there)} tickets, not {len(self.tickets())}; {self.stream()}\n{self.d.log()[-2000:]}", 25,
			 lambda: there <= self.tickets(), 0.2)
		# The sentinels' word counts, also when the server that was lost comes back as a replica.
		first.start()
		time.sleep(1)
		with contextlib.closing(Client(wait_for("the master", 20, s.current, 0.1).port)) as c:
			c("XADD", STREAM, "*", "event", json.dumps(opened("Z1")))
		self.wait_ticket("Z1", 15)

	def test_failover_with_a_group(self):
		self.failover()

	def test_failover_with_an_own_cursor(self):
		self.failover(cursor="own")

	def test_a_sentinel_that_names_a_replica(self):
		"""Its word is old: what a replica has may end before what was read already, and it would be read without an error."""
		master, replica = self.server(), self.server()
		replica("REPLICAOF", "127.0.0.1", master.port)
		answer = b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(replica.port)), replica.port)
		fake = FakeRedis(master.port, lambda command: answer if command[0] == b"SENTINEL" else None)
		self.addCleanup(fake.close)
		self.run_bus(master, ready=False, url=None, sentinels=[f"127.0.0.1:{fake.port}"], master="promised", cursor="own")
		self.wait_state("troubled", why="not the master")
		master.add(opened("T1"))
		time.sleep(1)
		self.assertEqual(self.count("entries_total"), 0)
		replica("REPLICAOF", "NO", "ONE")
		self.wait_state("reading")
		self.still_serves()

	def test_passwords_of_both(self):
		"""The sentinel's is not the server's, and the server wants no more rights than the manual says."""
		master = self.server(requirepass="admin")
		(rights,) = re.findall(r"^ +(ACL SETUSER plazo .*)$", (harness.ROOT / "README.md").read_text(), re.M)
		master(*rights.replace(">PASSWORD", ">sesame").split(), "+role")
		sentinel = redis_rig.Redis(sentinel=True)
		self.addCleanup(sentinel.close)
		sentinel.conf.write_text(sentinel.conf.read_text() + f"sentinel monitor promised 127.0.0.1 {master.port} 1\n"
					 "sentinel auth-pass promised admin\nuser asker on >guess allchannels ~* +@all\n")
		sentinel.start()
		sentinel("ACL", "SETUSER", "default", "resetpass")
		bus = {"url": None, "sentinels": [f"127.0.0.1:{sentinel.port}"], "master": "promised", "user": "plazo", "password": "sesame",
		       "sentinel_user": "asker", "sentinel_password": "wrong"}
		self.run_bus(master, ready=False, **bus)
		self.wait_state("connecting", why="WRONGPASS")
		self.d.configure(target="1h", sources=source(master, **{**bus, "sentinel_password": "guess"}))
		self.assertEqual(self.d.ctl("reload").returncode, 0)
		self.back_again("T1")
		self.assertNotIn("NOPERM", self.d.log())
		for secret in ("sesame", "guess"):
			self.assertNotIn(secret, self.d.log() + self.d.ctl("status", "--json").stdout)

	def test_sentinels_that_know_nothing(self):
		s = redis_rig.Redis(sentinel=True)
		self.addCleanup(s.close)
		s.start()
		self.r = s
		self.d.configure(target="1h", sources=source(None, sentinels=[f"127.0.0.1:{harness.free_port()}", f"127.0.0.1:{s.port}"], master="nobody"))
		self.d.start(ready=False)
		self.wait_serving()
		wait_for(lambda: f"a sentence; {self.stream()}", 12, lambda: "nobody" in (self.stream()["why"] or ""), 0.1)
		self.still_serves()


if __name__ == "__main__":
	harness.main()
