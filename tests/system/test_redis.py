"""Ticket events from real Redis streams: both cursors, what is no event, what was trimmed, reloads, stops, and a full disk."""
import contextlib
import json
import os
import pathlib
import re
import resource
import subprocess
import time

import harness
import redis_rig
from fake_redis import FakeRedis
from harness import event, opened, wait_for
from redis_rig import GROUP, SOURCE, STREAM, source

RELOADS = min(int(os.environ.get("PLAZO_RELOADS", "40")), 250)     # an open ticket is planned under each, by all before it: time grows by the square


class Group(redis_rig.Case):
	def test_an_event_comes_by_either_way_once(self):
		self.run_bus()
		e, f = opened("T1"), opened("T2")
		self.r.add(e)
		self.wait_ticket("T1")
		self.settle()
		self.assertEqual(self.d.accept(e), {"accepted": 0, "duplicates": 1})
		self.d.accept(f)
		self.r.add(f, e, e)
		wait_for("duplicates", 10, lambda: self.count("duplicates_total") == 3)
		self.settle()
		self.wait_count("acked_total", 4)
		self.wait_count("events_total", 1)
		self.wait_count("entries_total", 4)
		self.assertEqual(self.tickets(), {"T1", "T2"})

	def test_what_was_there_before_the_group_is_read(self):
		r = self.server()
		events = [opened(f"T{i}") for i in range(2500)]
		r.add(*events)
		self.run_bus(r)
		self.settle()
		self.assertEqual(self.tickets(), {e["ticket"] for e in events})
		self.wait_count("events_total", 2500)
		wait_for("it is told that nothing is behind", 10, lambda: self.count("lag") == 0)
		def another_life():
			self.d.stop()
			self.d.start()
			self.wait_state("reading")
		# It is asked for as soon as it reads, and not with the next look, which is five seconds later.
		harness.soon(4 * harness.SLOWER, lambda: wait_for("the lag after a start", 5, lambda: self.stream()["lag"] == 0), another_life)

	def test_no_event_is_read_again_after_a_restart(self):
		self.run_bus()
		self.r.add(*(opened(f"T{i}") for i in range(50)))
		self.settle()
		consumers = {self.r.consumer()}
		self.d.stop()
		self.r.add(opened("T50"))
		self.d.start()
		self.wait_ticket("T50")
		self.settle()
		self.wait_count("entries_total", 1)
		self.assertEqual(set(self.r.consumers()), consumers, "a restart goes on as the consumer that it was")

	def test_a_unix_socket(self):
		r = self.server()
		self.run_bus(r, url=f"unix://{r.path}?db=3")
		with contextlib.closing(r.client()) as c:
			c("SELECT", 3)
			c("XADD", STREAM, "*", "event", json.dumps(opened("T1")))
		self.wait_ticket("T1")

	def test_tls_through_a_tunnel(self):
		tunnel = redis_rig.Tunnel()
		self.addCleanup(tunnel.close)
		self.run_bus(tunnel.redis, url=f"redis://127.0.0.1:{tunnel.port}/0")
		self.r.add(opened("T1"))
		self.wait_ticket("T1")
		self.settle()

	def test_several_streams(self):
		self.run_bus(stream=["one", "two", "three"])
		for i in range(300):
			self.r.add(opened(f"T{i}"), stream=("one", "two", "three")[i % 3])
		for s in ("one", "two", "three"):
			self.settle(stream=s)
		self.assertEqual(len(self.tickets()), 300)

	def test_entries_have_other_fields_too(self):
		self.run_bus()
		with contextlib.closing(self.r.client()) as c:
			c("XADD", STREAM, "*", "trace", "abc", "event", json.dumps(opened("T1")), "sent-by", "x" * 10_000)
		self.wait_ticket("T1")
		self.settle()
		self.assertEqual(self.count("refused_total"), 0)

	def test_what_it_asks(self):
		"""Up to a thousand entries at a time, acknowledged together, and no read that waits without an end."""
		r, asked = self.server(), []
		fake = FakeRedis(r.port, asked.append)
		self.addCleanup(fake.close)
		r.add(*(opened(f"T{i}") for i in range(5000)))
		self.run_bus(r, url=fake.url)
		self.settle()
		wait_for("a read that waits", 10, lambda: any(b"BLOCK" in c for c in asked))
		reads, acks = ([c for c in asked if c[0] == verb] for verb in (b"XREADGROUP", b"XACK"))
		self.assertEqual(max(int(c[c.index(b"COUNT") + 1]) for c in reads), 1000)
		self.assertTrue(all(0 < int(c[c.index(b"BLOCK") + 1]) <= 5000 for c in reads if b"BLOCK" in c))
		self.assertEqual(len({i for c in acks for i in c[3:]}), 5000)
		self.assertLess(len(acks), len(reads))

	def rights(self):
		"""The line of the README that makes a user, as words."""
		(line,) = re.findall(r"^ +(ACL SETUSER plazo .*)$", (harness.ROOT / "README.md").read_text(), re.M)
		return line.replace(">PASSWORD", ">sesame").split()

	def test_a_user_with_the_rights_of_the_manual_and_no_others(self):
		r = self.server()
		r(*self.rights())
		self.run_bus(r, user="plazo", password="sesame")
		r.add(opened("T1"))
		self.wait_ticket("T1")
		self.settle()
		wait_for("it is told that nothing is behind", 10, lambda: self.count("lag") == 0)
		self.assertNotIn("NOPERM", self.d.log())
		self.assertNotIn("sesame", self.d.log())
		self.assertNotIn("sesame", self.d.ctl("status", "--json").stdout)
		self.assertNotIn("sesame", self.d.ctl("config", "show", "-c", str(self.d.conf)).stdout)

	def test_a_user_with_the_rights_for_a_cursor_of_ones_own(self):
		r = self.server()
		r(*(word for word in self.rights() if not word.startswith("+")), "+xread", "+xinfo", "+select")
		self.run_bus(r, user="plazo", password="sesame", cursor="own", url=f"redis://127.0.0.1:{r.port}/1")
		with contextlib.closing(r.client()) as c:
			c("SELECT", 1)
			c("XADD", STREAM, "*", "event", json.dumps(opened("T1")))
		self.wait_ticket("T1")
		time.sleep(6)                      # past its next look at the server
		self.assertEqual(self.stream()["state"], "reading")
		self.assertNotIn("NOPERM", self.d.log())


class Tls(redis_rig.Case):
	"""Where hiredis has it; elsewhere `plazod -t` says to take stunnel."""

	def tls_server(self, **conf):
		r = redis_rig.Redis(**conf)
		self.addCleanup(r.close)
		self.cert = r.speak_tls()
		return r.start()

	def run_tls(self, r, host, ca, ready=True):
		url = f"rediss://{host}:{r.tls_port}/0"
		self.d.configure(target="1h", sources=source(r, url=url, ca_file=str(ca)))
		check = subprocess.run([str(harness.BUILD / "plazod"), "-t", "-c", str(self.d.conf)], capture_output=True, text=True, check=False)
		if "stunnel" in check.stderr:
			self.skipTest("this hiredis has no TLS")
		self.run_bus(r, ready=ready, url=url, ca_file=str(ca))

	def test_by_name_and_by_address(self):
		for host in ("localhost", "127.0.0.1"):
			with self.subTest(host):
				self.run_tls(self.tls_server(), host, self.cert)
				events = [opened(f"T{host}{i}", subject="s" * 400) for i in range(3000)]
				self.r.add(*events)
				self.settle()
				self.assert_known(events)
				self.r.kill()
				self.wait_state("connecting")
				self.r.start()
				self.back_again(f"A{host}")
				self.d.stop()

	def test_who_cannot_prove_who_it_is(self):
		"""Another's certificate, then a true one for another address: not a word of ours goes there."""
		r = self.tls_server(bind="127.0.0.1 127.0.0.2")
		other = r.dir / "other"
		other.mkdir()
		strange, _ = harness.certificate(other)
		for host, ca, why in (("localhost", strange, "certificate verify failed"), ("127.0.0.2", self.cert, "certificate verify failed")):
			with self.subTest(host):
				self.run_tls(r, host, ca, ready=False)
				self.wait_state("connecting", why=why)
				self.still_serves()
				self.assertEqual(r.group(), {})
				self.d.stop()


class NoEvents(redis_rig.Case):
	"""What stands in a stream and is no event: kept where people find it, acknowledged, and in nobody's way."""
	BAD = {
		"bad JSON": b'{"id":"x1","ticket":',
		"no object": b"[1,2]",
		"nothing": b"",
		"not UTF-8": b'{"id":"\xff\xfe","ticket":"T"}',
		"no ticket": json.dumps({"id": "x2", "type": "changed", "at": "2026-11-22T10:00:00Z"}),
		"a field that is not known": json.dumps(opened("X3", prioritty="P1")),
		"a time that is none": json.dumps(opened("X4", at="yesterday")),
		"a contract of others": json.dumps(opened("X5", contract="other")),
		"a megabyte": json.dumps(opened("X6", subject="x" * 1_000_000)),
		"depth": b"[" * 10_000,
	}

	def refused(self):
		r = self.d.ctl("refused", "--json", "--limit", "100")
		self.assertEqual(r.returncode, 0, r.stderr)
		return json.loads(r.stdout)["refused"]

	def test_poison(self):
		self.run_bus()
		for i, body in enumerate(self.BAD.values()):
			self.r.add(body, opened(f"T{i}"))
		with contextlib.closing(self.r.client()) as c:
			nameless = c("XADD", STREAM, "*", "evnt", "{}")
		self.r.add(opened("C1"))
		self.settle()
		self.r.add({**opened("C1"), "subject": "another body under this id"})
		self.settle()
		n = len(self.BAD) + 2
		wait_for(lambda: f"{n} refused: {self.refused()}", 10, lambda: len(self.refused()) == n)
		self.assertEqual(self.tickets(), {f"T{i}" for i in range(len(self.BAD))} | {"C1"})
		self.wait_count("refused_total", n)
		rows = self.refused()
		self.assertTrue(all(row["why"] and row["place"] and row["source"] == SOURCE for row in rows), rows)
		self.assertTrue(any(nameless in row["place"] for row in rows), rows)

		# Kept: through a kill, and once, though the entries were to come again.
		self.d.kill()
		self.r("XGROUP", "SETID", STREAM, GROUP, "0")
		self.d.start()
		self.settle()
		wait_for("all of them again", 10, lambda: self.count("entries_total") >= 2 * len(self.BAD) + 3)
		self.assertEqual(len(self.refused()), n)
		self.assertEqual(len(self.tickets()), len(self.BAD) + 1)

	def test_large_entries_cost_bounded_memory(self):
		self.run_bus()
		huge = b"x" * 1_000_000
		for i in range(100):
			self.r.add(huge, opened(f"T{i}"))
		self.settle(seconds=30)
		self.assertEqual(len(self.tickets()), 100)
		self.wait_count("refused_total", 100)
		self.assertLess(harness.memory_kib(self.d.process.pid), 250_000 * harness.SLOWER)

	def test_an_entry_that_cannot_be_read_at_all_is_told(self):
		self.run_bus()
		(giant,) = self.r.add(b"x" * 80_000_000)
		self.r.add(opened("T1"))
		# Under a sanitizer so much does not even come through within the time of an answer.
		self.wait_state("troubled", why="" if harness.SANITIZED else "XDEL")
		self.still_serves()
		failures, lines = self.count("failures_total"), self.d.log().count("\n")
		time.sleep(3)
		self.assertLess(self.count("failures_total") - failures, 10, "it fetches 80 MB again and again")
		self.assertLess(self.d.log().count("\n") - lines, 10)
		self.r("XDEL", STREAM, giant)
		self.wait_ticket("T1", 20)
		self.settle()

	def test_an_entry_of_too_many_fields_is_refused(self):
		"""Also where XINFO STREAM shows it, as the first or the last that there is."""
		for cursor in ("group", "own"):
			with self.subTest(cursor):
				self.run_bus(self.server(), cursor=cursor)
				self.r("XADD", STREAM, "*", *(f"{i}" for i in range(80_000)))
				self.wait_count("refused_total", 1)
				self.d.stop()
				self.d.start(ready=False)
				self.wait_serving()
				self.r.add(opened(f"{cursor}1"))
				self.wait_ticket(f"{cursor}1")
				# One, where the server stood still for as long as it has for an answer.
				self.assertLessEqual(self.count("failures_total"), 1)
				self.d.stop()

	def many_large_ones(self, cursor):
		r = self.server(appendonly="no")
		body = {**opened("@"), "id": "id-@"}
		r("EVAL", "local x = string.rep('x', 65536) for i = 1, 900 do redis.call('XADD', KEYS[1], '*', 'a', x, 'b', x, 'c', x, "
		  "'event', (string.gsub(ARGV[1], '@', 'L' .. i))) end", 1, STREAM, json.dumps(body))
		self.run_bus(r, ready=False, cursor=cursor)
		self.wait_ticket("L900", 30)
		self.assertEqual(len(self.tickets()), 900)
		self.assertLess(self.count("failures_total"), 10)
		self.assertLess(harness.memory_kib(self.d.process.pid), 600_000 * harness.SLOWER)

	def test_entries_too_large_for_one_reply_come_in_several(self):
		self.many_large_ones("group")

	def test_entries_too_large_for_one_reply_come_in_several_to_an_own_cursor(self):
		self.many_large_ones("own")

	def test_entries_that_were_trimmed_while_they_were_pending(self):
		self.run_bus()
		name = self.r.consumer()
		self.d.stop()
		ids = self.r.add(*(opened(f"T{i}") for i in range(10)))
		self.r("XREADGROUP", "GROUP", GROUP, name, "COUNT", 100, "STREAMS", STREAM, ">")
		self.r("XDEL", STREAM, *ids[:7])
		self.d.start()
		self.wait_state("reading")
		self.settle()
		wait_for("they are counted", 5, lambda: self.count("trimmed_total") == 7)
		self.assertEqual(self.tickets(), {"T7", "T8", "T9"})
		self.assertRegex(self.d.log(), r"(?i)trimmed")
		self.r.add(opened("T10"))
		self.wait_ticket("T10")


class OwnCursor(redis_rig.Case):
	def settle_own(self, tickets):
		wait_for(lambda: f"{len(tickets)} tickets, there are {len(self.tickets())}; {self.stream()}\n{self.d.log()[-2000:]}", 15,
			 lambda: self.tickets() == set(tickets), 0.1)

	def test_it_goes_on_where_its_journal_ends(self):
		self.run_bus(cursor="own")
		self.r.add(*(opened(f"T{i}") for i in range(1500)))
		self.settle_own([f"T{i}" for i in range(1500)])
		self.assertEqual(self.r("XINFO", "GROUPS", STREAM), [], "no group is made")
		self.d.kill()
		self.r.add(opened("T1500"))
		self.d.start()
		self.wait_ticket("T1500")
		self.assertLessEqual(self.count("entries_total"), 1)
		self.assertEqual(self.count("duplicates_total"), 0)

	def test_lag(self):
		"""Known at once at both ends of a stream, and in its middle by the server's count and ours; also of what has to be read again."""
		def a_life():
			if self.d.process is not None:
				self.d.stop()
			self.run_bus(self.r, cursor="own")
		self.r = self.server()
		harness.soon(4 * harness.SLOWER, lambda: wait_for("the lag of an empty stream", 5, lambda: self.stream()["lag"] == 0), a_life)
		self.r.add(*(opened(f"T{i}") for i in range(20)))
		self.settle_own([f"T{i}" for i in range(20)])
		pid = self.d.process.pid
		resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
		self.r.add(*(opened(f"U{i}") for i in range(60)))
		for more in (60, 100):
			wait_for(lambda: f"a lag of {more}: {self.stream()}", 12, lambda: self.stream()["lag"] == more)
			self.r.add(*(opened(f"V{i}") for i in range(100 - more)))
		self.assertRegex(self.d.get("/readyz", token=None).body.decode(), r"stream bus: .*lag \d+")
		resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
		wait_for("all of them", 30, lambda: len(self.tickets()) == 120)
		wait_for("no lag", 12, lambda: self.stream()["lag"] == 0)
		self.assertIsNone(self.stream()["pending"], "there is no list of what is pending")

	def test_ids_that_go_back(self):
		self.run_bus(cursor="own")
		self.r.add(opened("T1"))
		self.wait_ticket("T1")
		for n, command in enumerate((("FLUSHALL",), ("DEL", STREAM))):
			self.r(*command)
			self.r("XADD", STREAM, f"{n + 1}-1", "event", json.dumps(opened(f"L{n}")))
			self.wait_ticket(f"L{n}", 15)
		# And while it was away.
		self.d.stop()
		self.r("FLUSHALL")
		self.r("XADD", STREAM, "5-5", "event", json.dumps(opened("L9")))
		self.d.start(ready=False)
		self.wait_serving()
		self.wait_ticket("L9", 15)

	def test_poison_and_several_streams(self):
		self.run_bus(cursor="own", stream=["one", "two"])
		for i in range(100):
			self.r.add(opened(f"T{i}"), b"{", stream="one" if i % 2 else "two")
		self.settle_own([f"T{i}" for i in range(100)])
		wait_for("100 refused", 5, lambda: self.count("refused_total") == 100)
		self.d.kill()
		self.d.start()
		self.wait_state("reading")
		self.r.add(opened("N1"), stream="one")
		self.r.add(opened("N2"), stream="two")
		self.wait_ticket("N1")
		self.wait_ticket("N2")
		self.assertLessEqual(self.count("entries_total"), 2)


class Changes(redis_rig.Case):
	def kept_connects(self):
		"""Connections but for those that were made because one was lost, to a server that stood still."""
		return self.count("connects_total") - self.count("failures_total")

	def reload(self, sources):
		self.d.configure(target="1h", sources=sources)
		r = self.d.ctl("reload")
		self.assertEqual(r.returncode, 0, r.stderr)

	def test_reloads(self):
		self.run_bus()
		self.r.add(opened("T1"))
		self.wait_ticket("T1")
		connects = self.kept_connects()

		# Nothing of the stream changed: the connection stays.
		self.d.configure(target="2h", sources=source(self.r))
		self.assertEqual(self.d.ctl("reload").returncode, 0)
		self.r.add(opened("T2"))
		self.wait_ticket("T2")
		self.assertEqual(self.kept_connects(), connects)

		# Another stream, then another server, then another cursor.
		self.r.add(opened("T3"), stream="elsewhere")
		self.reload(source(self.r, stream="elsewhere"))
		self.wait_ticket("T3")
		other = self.server()
		other.add(opened("T4"))
		self.reload(source(other))
		self.wait_ticket("T4")
		self.reload(source(other, cursor="own"))
		other.add(opened("T5"))
		self.wait_ticket("T5")

		# Gone: no reader is left, and readyz does not miss it. Then it comes back.
		self.reload({"helpdesk": source(other)["helpdesk"]})
		other.add(opened("T6"))
		wait_for("its connections to go", 10, lambda: other("CLIENT", "LIST").count("\n") <= 1)
		self.assertEqual(self.stream(), {})
		self.assertEqual(self.d.get("/readyz").status, 200)
		self.assertFalse(self.has("T6"))
		self.reload(source(other, cursor="own"))
		self.wait_ticket("T6")
		self.still_serves()

	def test_a_refused_reload_changes_nothing(self):
		self.run_bus()
		connects = self.kept_connects()
		for bad in ({"url": "http://127.0.0.1/"}, {"stream": ""}, {"cursor": "theirs"}, {"url": "redis://127.0.0.1:99999/0"}):
			self.d.configure(target="1h", sources=source(self.r, **bad))
			self.assertEqual(self.d.ctl("reload").returncode, 78, bad)
		self.r.add(opened("T1"))
		self.wait_ticket("T1")
		self.assertEqual(self.kept_connects(), connects)

	def test_reloads_under_load(self):
		self.run_bus()
		# As many tickets however often: each of them passes each revision.
		p = redis_rig.Producer(self.r.port, batch=20, pause=0.005 * RELOADS / 40)
		for i in range(harness.scaled(RELOADS)):
			self.d.configure(target=f"{i % 40 + 1}h", sources=source(self.r))
			self.d.hup()
			time.sleep(0.05)
		p.stop()
		self.settle()
		self.assert_known(p.sure.values())
		self.assertEqual(self.tickets() - set(p.sure) - {e for e in self.tickets() if e.startswith("W")}, set())

	def test_a_stop_under_load_acknowledges_what_is_on_disk(self):
		self.run_bus()
		p = redis_rig.Producer(self.r.port, batch=50, pause=0)
		for _ in range(harness.scaled(4)):
			time.sleep(0.5)
			self.d.stop()
			self.d.start()
			time.sleep(0.3)
			# What it had read and not kept comes again, what it had kept does not.
			self.assertEqual(self.count("duplicates_total"), 0)
		p.wait(500)
		p.stop()
		self.settle(seconds=30)
		self.assertEqual(self.count("duplicates_total"), 0)
		self.assert_known(p.sure.values())

	def test_a_backup_that_is_restored(self):
		"""An own cursor goes back with the database; a group is told to, as the manual says."""
		(command,) = re.findall(r"`redis-cli (XGROUP SETID .*?)`", (harness.ROOT / "README.md").read_text())
		for cursor in ("group", "own"):
			with self.subTest(cursor):
				self.run_bus(self.server(), cursor=cursor)
				self.r.add(opened(f"{cursor}1"))
				self.wait_ticket(f"{cursor}1")
				file, path = self.d.dir / f"{cursor}.db", pathlib.Path(self.d.cfg["store"]["path"])
				self.assertEqual(self.d.ctl("backup", str(file)).returncode, 0)
				self.r.add(opened(f"{cursor}2"))
				self.wait_ticket(f"{cursor}2")
				self.wait_count("events_total", 2)
				if cursor == "group":
					self.settle()
				self.d.kill()
				path.with_name(path.name + "-wal").unlink(missing_ok=True)
				path.write_bytes(file.read_bytes())
				if cursor == "group":
					self.r(*command.split())
				self.d.start(ready=False)
				self.wait_serving()
				self.wait_ticket(f"{cursor}2")
				self.wait_count("events_total", 1)
				self.d.stop()

	def test_a_dry_run_takes_nothing(self):
		r = self.server()
		r.add(opened("T1"))
		self.r = r
		self.d.configure(target="1h", sources=source(r))
		self.d.start(ready=False, args=("--dry-run",))
		self.wait_serving()
		time.sleep(1)
		self.assertEqual(r.group(), {})
		self.assertEqual(r("XLEN", STREAM), 1)


class Pressure(redis_rig.Case):
	def files_may_have(self, size):
		resource.prlimit(self.d.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

	def test_a_journal_that_cannot_be_written_stops_the_reading(self):
		self.run_bus()
		self.r.add(opened("T0"))
		self.wait_ticket("T0")
		self.files_may_have(1)
		events = [opened(f"T{i}", subject="s" * 400) for i in range(1, 20_001)]
		for i in range(0, len(events), 1000):
			self.r.add(*events[i:i + 1000])
		wait_for(lambda: f"the journal to stall; {self.stream()}", 20,
			 lambda: json.loads(self.d.ctl("status", "--json").stdout)["store"]["state"] == "stalled", 0.1)
		time.sleep(2)
		read, acked = self.count("entries_total"), self.count("acked_total")
		time.sleep(2)
		self.assertEqual(self.count("entries_total"), read, "it goes on reading what it cannot keep")
		self.assertLess(read, 20_000)
		self.assertEqual(acked, 1)
		self.assertNotEqual(self.stream()["state"], "reading")
		self.assertLess(harness.memory_kib(self.d.process.pid), 300_000 * harness.SLOWER)
		self.assertEqual(self.d.get("/readyz", token=None).status, 503)
		self.files_may_have(resource.RLIM_INFINITY)
		self.settle(seconds=40)
		self.assert_known(events)
		self.assertEqual(len(self.tickets()), 20_001)

	def test_killed_while_nothing_can_be_written(self):
		self.run_bus()
		self.files_may_have(1)
		events = [opened(f"T{i}") for i in range(3000)]
		self.r.add(*events)
		wait_for("entries in its hands", 10, lambda: self.r.pending() > 0)
		self.d.kill()
		self.assertGreater(self.r.pending(), 0)
		self.d.start(ready=False)
		self.wait_serving()
		self.settle()
		self.assertEqual(self.tickets(), {e["ticket"] for e in events})


class Order(redis_rig.Case):
	def test_events_of_one_ticket_keep_their_order(self):
		self.run_bus()
		self.r.add(opened("T1"), *(event("T1", "changed", id=f"c{i}", status=f"s{i}") for i in range(500)))
		self.settle()
		self.assertEqual(self.d.get("/v1/tickets/T1").json["status"], "s499")


if __name__ == "__main__":
	harness.main()
