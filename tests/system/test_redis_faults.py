"""What a Redis server does when it is not well, in its exact words: a state, a sentence, a metric, and a way back, while webhooks are served."""
import contextlib
import json
import random
import resource
import socket
import threading
import time

import harness
import redis_rig
from harness import opened, wait_for
from redis_rig import GROUP, STREAM, RedisError, source


class Server(redis_rig.Case):
	def test_killed_and_started_again(self):
		for fsync in ("always", "everysec"):
			with self.subTest(fsync):
				self.run_bus(self.server(appendfsync=fsync))
				self.r.add(*(opened(f"T{fsync}{i}") for i in range(20)))
				self.settle()
				self.r.kill()
				self.wait_state("connecting")
				self.still_serves()
				self.r.start()
				began = time.monotonic()
				self.back_again(f"A{fsync}")
				self.assertLess(time.monotonic() - began, 8 * harness.PATIENCE)
				self.assertEqual(self.count("duplicates_total"), 0)
				self.d.stop()

	def test_gone_for_longer_is_told(self):
		self.run_bus()
		self.r.kill()
		self.not_ready("refused")
		self.still_serves()
		self.r.start()
		self.back_again("T1")
		self.assertEqual(self.d.get("/readyz").status, 200)

	def test_none_at_the_start(self):
		r = self.server()
		r.stop()
		self.run_bus(r, ready=False)
		self.still_serves()
		self.wait_state("connecting")
		r.start()
		self.back_again("T1")

	def test_many_do_not_come_back_at_once(self):
		"""Each waits for a time of its own after the same loss: a busy machine only spreads them more."""
		self.r, ports = self.server(), [harness.free_port() for _ in range(12)]
		came = {port: [] for port in ports}
		for port in ports:
			listener = socket.create_server(("127.0.0.1", port))
			self.addCleanup(listener.close)
			threading.Thread(target=self.hang_up, args=(listener, came[port]), daemon=True).start()
		sources = source(self.r)
		for port in ports:
			sources[f"bus{port}"] = {"redis": {"url": f"redis://127.0.0.1:{port}/0", "stream": STREAM}, "contracts": ["acme"]}
		self.d.configure(target="1h", sources=sources).start(ready=False)
		self.wait_serving()
		wait_for("five attempts of each", 20, lambda: all(len(v) >= 5 for v in came.values()), 0.1)
		waits = [v[4] - v[3] for v in came.values()]
		self.assertGreater(max(waits) - min(waits), 0.1, waits)
		self.assertTrue(all(v[4] - v[0] > 0.7 for v in came.values()), "it does not wait longer each time")

	@staticmethod
	def hang_up(listener, came):
		with contextlib.suppress(OSError):
			while True:
				conn, _ = listener.accept()
				came.append(time.monotonic())     # before it can be noticed there
				conn.close()

	def test_paused(self):
		self.run_bus()
		self.r("CLIENT", "PAUSE", 3000)
		began = time.monotonic()
		while time.monotonic() - began < 2.5:
			self.still_serves()
			time.sleep(0.1)
		self.back_again("T1")
		self.assertEqual(self.count("duplicates_total"), 0)

	def test_silent_for_long(self):
		self.run_bus()
		self.r.add(*(opened(f"T{i}") for i in range(100)))
		with self.r.hung():
			wait_for(lambda: f"it is noticed; {self.stream()}", 25, lambda: self.stream()["state"] in ("troubled", "connecting"), 0.1)
			self.still_serves()
		self.back_again("A1", 20)
		self.settle()
		self.assertEqual(len([t for t in self.tickets() if t.startswith("T")]), 100)

	def test_busy_with_a_script(self):
		self.run_bus(self.server(busy_reply_threshold=100))
		busy = self.r.client(timeout=60)
		self.addCleanup(busy.close)
		thread = threading.Thread(target=lambda: busy.many([("EVAL", "while true do end", 0)]), daemon=True)
		thread.start()
		self.wait_state("troubled", why="BUSY")
		self.still_serves()
		time.sleep(1)
		with self.assertRaisesRegex(RedisError, "BUSY"):
			self.r("PING")             # nobody killed the script
		self.r("SCRIPT", "KILL")
		thread.join(5)
		self.back_again("T1")

	def test_out_of_memory(self):
		r = self.server(maxmemory=1)
		self.run_bus(r, ready=False)
		self.wait_state("troubled", why="OOM command not allowed when used memory > 'maxmemory'.")
		self.still_serves()
		r("CONFIG", "SET", "maxmemory", 0)
		self.back_again("T1")
		r("CONFIG", "SET", "maxmemory", 1)
		time.sleep(1)
		r("CONFIG", "SET", "maxmemory", 0)
		self.back_again("T2")

	def test_loading(self):
		r = self.server(loading_process_events_interval_bytes=1024)
		with contextlib.closing(r.client()) as c:
			c.many([("SET", f"k{i}", "x" * 100) for i in range(30_000)])
		self.run_bus(r)
		r.kill()
		# Each key takes its time, so that there is a server that answers nothing but LOADING, until that was seen.
		r.conf.write_text(r.conf.read_text() + "key-load-delay 2000\n")
		starter = threading.Thread(target=r.start, daemon=True)
		starter.start()
		self.wait_state("troubled", why="LOADING")
		self.still_serves()
		r("CONFIG", "SET", "key-load-delay", 0)
		starter.join(20 * harness.PATIENCE)
		self.back_again("T1", 20)

	def test_too_many_clients(self):
		r = self.server(maxclients=3)
		with contextlib.ExitStack() as held:
			clients = [held.enter_context(contextlib.closing(r.client())) for _ in range(3)]
			for c in clients:
				c("PING")
			self.run_bus(r, ready=False)
			self.wait_state("troubled", why="max number of clients reached")
		self.wait_state("reading")
		r.add(opened("T1"))
		self.wait_ticket("T1")


class Stream(redis_rig.Case):
	def gone(self, *command):
		"""The group is made again at 0, and told; nothing that was added since is missed."""
		self.run_bus()
		self.r.add(opened("T0"))
		self.settle()
		made = self.count("groups_made_total")
		with contextlib.closing(self.r.client()) as c:
			# In one go, so that the entry is there before the group is.
			c.many([command, ("XADD", STREAM, "*", "event", json.dumps(opened("T1")))])
		self.wait_ticket("T1")
		self.settle()
		self.assertEqual(self.count("groups_made_total"), made + 1)
		self.assertRegex(self.d.log(), r"(?i)group")
		self.back_again("T2")
		self.assertEqual(self.tickets(), {"T0", "T1", "T2"})

	def test_flushall(self):
		self.gone("FLUSHALL")

	def test_the_stream_is_deleted(self):
		self.gone("DEL", STREAM)

	def test_the_group_is_destroyed(self):
		self.gone("XGROUP", "DESTROY", STREAM, GROUP)

	def test_the_group_was_there(self):
		r = self.server()
		r("XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM")
		self.run_bus(r)
		self.assertEqual(self.count("groups_made_total"), 0)
		self.back_again("T1")

	def test_another_type(self):
		r = self.server()
		r("SET", STREAM, "x")
		self.run_bus(r, ready=False)
		self.wait_state("refused", why="WRONGTYPE Operation against a key holding the wrong kind of value")
		self.not_ready("WRONGTYPE")
		self.still_serves()
		r("DEL", STREAM)
		self.back_again("T1")
		r("SET", STREAM, "x")
		self.wait_state("refused", why="WRONGTYPE")
		r("DEL", STREAM)
		self.back_again("T2")

	def test_acknowledged_and_nobody_knew(self):
		self.run_bus()
		name = self.r.consumer()
		# Entries that are in the hands of plazod while their group goes: XACK answers 0 and no error.
		for _ in range(20):
			with contextlib.closing(self.r.client()) as c:
				c.many([("XADD", STREAM, "*", "event", json.dumps(opened(f"T{time.monotonic_ns()}"))) for _ in range(500)]
				       + [("XGROUP", "DESTROY", STREAM, GROUP)])
			self.settle()
		self.assertIn(name, self.r.consumers())
		self.assertEqual(len(self.tickets()), self.r("XLEN", STREAM))


class Rights(redis_rig.Case):
	def test_no_password(self):
		r = self.server(requirepass="sesame")
		self.run_bus(r, ready=False)
		self.wait_state("refused", why="NOAUTH Authentication required.")
		self.not_ready("NOAUTH")
		self.still_serves()
		self.d.configure(target="1h", sources=source(r, password="sesame"))
		self.assertEqual(self.d.ctl("reload").returncode, 0)
		self.back_again("T1")

	def test_the_wrong_password(self):
		r = self.server(requirepass="sesame")
		self.run_bus(r, ready=False, password="open")
		self.wait_state("refused", why="WRONGPASS")
		self.assertLess(self.count("failures_total"), 20)
		r("CONFIG", "SET", "requirepass", "open")
		r.password = "open"
		self.back_again("T1")

	def test_a_password_for_a_server_that_has_none(self):
		self.run_bus(ready=False, password="sesame")
		state = wait_for("a verdict", 10, lambda: self.stream() if self.stream().get("state") in ("refused", "reading") else None)
		if state["state"] == "refused":
			self.assertIn("AUTH", state["why"])

	def test_no_right_to_the_stream(self):
		r = self.server()
		r("ACL", "SETUSER", "plazo", "on", ">sesame", "~other", "+@all")
		self.run_bus(r, ready=False, user="plazo", password="sesame")
		self.wait_state("refused", why="NOPERM")
		r("ACL", "SETUSER", "plazo", f"~{STREAM}")
		self.back_again("T1")

	def test_rights_that_are_taken_away(self):
		r = self.server()
		r("ACL", "SETUSER", "plazo", "on", ">sesame", "~*", "+@all")
		self.run_bus(r, user="plazo", password="sesame")
		r("ACL", "SETUSER", "plazo", "-xreadgroup")
		r.add(opened("T0"))
		self.wait_state("refused", why="NOPERM")
		r("ACL", "SETUSER", "plazo", "+xreadgroup")
		self.back_again("T1")
		self.assertTrue(self.has("T0"))

	def test_a_database_that_is_not_there(self):
		r = self.server()
		self.run_bus(r, ready=False, url=f"redis://127.0.0.1:{r.port}/99")
		self.wait_state("refused", why="DB index is out of range")


class Disk(redis_rig.Case):
	def may_grow(self, size):
		resource.prlimit(self.d.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

	def full_again_and_again(self, cursor):
		"""Several batches are on their way each time that the disk says no, and some come after it has room again."""
		rnd, r = random.Random(7), self.server()
		events = [opened(f"T{i}") for i in range(20_000)]
		for i in range(0, len(events), 5000):
			r.add(*events[i:i + 5000])
		self.run_bus(r, ready=False, cursor=cursor)
		for _ in range(8):
			time.sleep(rnd.uniform(0.001, 0.03) * harness.SLOWER)
			self.may_grow(1)
			time.sleep(rnd.uniform(0.02, 0.2))
			self.may_grow(resource.RLIM_INFINITY)
		wait_for(lambda: f"all of them, there are {len(self.tickets())}; {self.stream()}\n{self.d.log()[-2000:]}", 40,
			 lambda: len(self.tickets()) == len(events), 0.2)
		self.d.kill()
		self.d.start(ready=False)
		self.wait_serving()
		self.assert_known(events)
		self.wait_state("reading")

	def test_full_again_and_again(self):
		self.full_again_and_again("group")

	def test_full_again_and_again_with_an_own_cursor(self):
		self.full_again_and_again("own")


if __name__ == "__main__":
	harness.main()
