"""A producer much faster than counting: receiving is held, the broker keeps what comes, memory stays flat, nothing is lost.

The pipeline is slowed down where a real one is: by a disk whose syncs take long (slow_sync.c)."""

import os
import pathlib
import random
import re
import subprocess
import time
import unittest

import harness
import model
from harness import batch, topic_of

LONG = os.environ.get("EDUTALLY_TEST_LONG") == "1"
BACKLOG_BYTES = 1 << 20
KEEP_ALIVE_S = 5
PER_MESSAGE = 20
EVENTS_PER_COMMIT = 400
FIRST_MS = 1759251600000  # 2025-10-01 00:00 in Vietnam


class SlowCollector(harness.Collector):
    """One whose disk's syncs can be made slow."""

    def __init__(self, deployment, broker, **config):
        super().__init__(deployment, broker, **config)
        self.delay = pathlib.Path(deployment.directory) / "slow-sync"
        self.sync_takes(0)
        library = next(pathlib.Path(harness.BIN).rglob("libslow_sync.so"), None) or self.build()
        # AddressSanitizer wants to be the first library, and does not need to be.
        options = os.environ.get("ASAN_OPTIONS", "")
        self.command = ["env", f"LD_PRELOAD={library}", f"EDUTALLY_TEST_SLOW_SYNC={self.delay}",
                        f"ASAN_OPTIONS={options}:verify_asan_link_order=0", *self.command]

    def build(self):
        """Builds with sanitizers have no system tests, and so no library."""
        library = pathlib.Path(self.deployment.directory) / "libslow_sync.so"
        subprocess.run([harness.system_program("cc", "gcc"), "-shared", "-fPIC", "-O1", "-o", library,
                        pathlib.Path(__file__).with_name("slow_sync.c"), "-ldl"], check=True)
        return library

    def sync_takes(self, ms):
        new = self.delay.with_suffix(".new")
        new.write_text(f"{ms}\n")
        new.rename(self.delay)

    def is_sanitized(self):
        """Then its memory is that of the sanitizer, which keeps what was freed."""
        maps = pathlib.Path(f"/proc/{self.process.pid}/maps").read_text()
        return "libasan" in maps or "libtsan" in maps

    def memory(self):
        """(now, most so far) in bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return tuple(int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024 for name in ("VmRSS", "VmHWM"))


class Backpressure(harness.SystemTest):

    def events(self, messages, devices=20):
        """Messages of 1.7 kB, and the facts that they hold."""
        chance, oracle, list_ = random.Random(1), model.Model(), []
        for number in range(messages):
            centre, device = f"c{1 + number % devices % 3}", f"device-{number % devices}"
            first = number // devices * PER_MESSAGE + 1
            events = [{"seq": seq, "t": FIRST_MS + chance.randrange(20 * 86400) * 1000, "type": "quiz.submitted",
                       "user": f"user-{chance.randrange(400):04}", "dur": chance.randrange(60)}
                      for seq in range(first, first + PER_MESSAGE)]
            for event in events:
                oracle.add(centre, device, (number % devices, event["seq"]), event)
            list_.append((topic_of(centre, device), batch("e", events)))
        return list_, oracle.csv()

    def slow(self, broker, deploy, **commit):
        return self.run_server(SlowCollector(
            deploy, broker, mqtt={"keep_alive_s": KEEP_ALIVE_S}, commit={"interval_ms": 20} | commit,
            journal={"backlog_bytes": BACKLOG_BYTES}))

    def assert_all_there(self, broker, collector, deploy, expected):
        collector.wait_idle(120)
        collector.stop()
        self.assertEqual(deploy.export(), expected)
        self.assertEqual(deploy.sql("SELECT sum(missing) AS missing FROM v_devices"), [{"missing": 0}])
        log = broker.log.read_text(errors="replace")
        self.assertNotIn("collector-under-test has exceeded timeout", log)

    def test_a_producer_ten_times_faster_than_counting_fills_the_broker_and_not_us(self):
        messages, expected = self.events(30000 if LONG else 3000)
        total = sum(len(topic) + len(payload) for topic, payload in messages)
        self.assertGreater(total, 4 * BACKLOG_BYTES)
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.slow(broker, deploy, max_events=EVENTS_PER_COMMIT)
        collector.wait_metric("mqtt_connected", 1)
        collector.sync_takes(50)
        began, memory, backlog = time.monotonic(), [], []
        with harness.Publisher(broker, "devices") as device:
            device.send(messages)
            published_s = time.monotonic() - began
            counted = collector.metric("events_counted_total")
            syncs = (len(messages) * PER_MESSAGE - counted) / EVENTS_PER_COMMIT  # one of the journal for each commit
            collector.sync_takes(max(30, round(40 * published_s * 1000 / syncs)))
            while collector.metric("events_counted_total") < len(messages) * PER_MESSAGE:
                backlog.append(collector.metric("journal_backlog_bytes"))
                memory.append(collector.memory()[0])
                time.sleep(0.1)
        counted_s = time.monotonic() - began
        share = counted / (len(messages) * PER_MESSAGE)
        figures = collector.metrics()
        most = collector.memory()[1]
        print(f"{total} bytes published in {published_s:.1f} s, {100 * share:.0f} % of them counted by then, all after "
              f"{counted_s:.1f} s; held {figures['receive_held_total']:.0f} times; most backlog "
              f"{max(backlog):.0f}; memory {min(memory)} to {max(memory)}, at most {most}")
        self.assertGreater(counted_s, 10 * published_s)
        self.assertGreater(figures["receive_held_total"], 0)
        self.assertGreater(max(backlog), BACKLOG_BYTES // 2)
        self.assertLess(max(backlog), BACKLOG_BYTES + 65536)
        self.assertEqual(figures["mqtt_disconnects_total"], 0)
        self.assertEqual(figures["journal_waits_total"], 0)
        if not collector.is_sanitized():  # what it takes for itself, its facts and SQLite, and nothing of what waits
            half = len(memory) // 2
            self.assertLess(max(memory[half:]) - max(memory[:half]), 2 << 20)
            self.assertLess(most, 64 << 20)
        self.assert_all_there(broker, collector, deploy, expected)

    def test_counting_that_stands_still_ends_the_connection_and_not_the_session(self):
        messages, expected = self.events(1500)
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.slow(broker, deploy, max_events=2000)
        collector.wait_metric("mqtt_connected", 1)
        collector.sync_takes(3000)  # longer than a third of the keep-alive
        with harness.Publisher(broker, "devices") as device:
            device.send(messages)
        collector.wait_metric("mqtt_disconnects_total", 1, 60)
        collector.wait_until("waiting for room", lambda: "event=ingest_waits_for_room" in collector.tail(200))
        collector.wait_until("saying so", lambda: "waits for counting" in harness.http(collector.url + "/readyz")[1])
        collector.sync_takes(0)
        collector.wait_metric("events_counted_total", len(messages) * PER_MESSAGE, 90)
        figures = collector.metrics()
        self.assertEqual(figures["mqtt_sessions_lost_total"], 0)
        self.assertLess(figures["mqtt_connects_total"], 6)
        self.assertEqual(figures["receive_behind"], 0)
        self.assert_all_there(broker, collector, deploy, expected)

    def test_a_message_larger_than_the_bound_gets_in_and_is_counted(self):
        broker = self.mosquitto()
        deploy = self.deployment(config={"limits": {"payload_bytes": 4 << 20, "batch_events": 100000}})
        collector = self.slow(broker, deploy)
        collector.wait_metric("mqtt_connected", 1)
        many = [{"seq": seq, "t": FIRST_MS, "type": "quiz.submitted"} for seq in range(1, 30001)]
        payload = batch("e", many)
        self.assertGreater(len(payload), BACKLOG_BYTES)
        with harness.Publisher(broker, "devices") as device:
            device.send([(topic_of("c1", "big"), payload), (topic_of("c1", "small"), batch("e", many[:1]))])
        collector.wait_metric("events_counted_total", len(many) + 1)
        collector.stop()

    def test_a_backlog_that_is_damaged_does_not_hold_receiving_for_ever(self):
        messages, _ = self.events(900)
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.slow(broker, deploy)
        collector.wait_metric("mqtt_connected", 1)
        collector.sync_takes(600000)  # nothing is committed any more
        with harness.Publisher(broker, "devices") as device:
            device.send(messages)
            collector.wait_metric("receive_held_total", 1)
        collector.kill()
        (segment,) = deploy.data_dir.glob("journal/*.seg")
        with open(segment, "r+b") as file:  # from the middle of a record on, but for the last ones
            file.seek(5000)
            file.write(bytes(segment.stat().st_size - 10000))
        collector.sync_takes(0)
        collector.start()
        collector.wait_idle()
        self.assertGreater(collector.metric("journal_damaged_total"), 0)
        collector.wait_until("the rest, which the broker kept", lambda: deploy.sql(
            "SELECT coalesce(sum(events), 0) AS n FROM v_usage_daily")[0]["n"] > 100 * PER_MESSAGE)
        self.assertLess(collector.metric("journal_backlog_bytes"), BACKLOG_BYTES)
        with harness.Publisher(broker, "devices") as device:
            device.send(messages)  # as devices do that are not covered
        total = len(messages) * PER_MESSAGE
        collector.wait_until("everything", lambda: deploy.sql("SELECT sum(events) AS n FROM v_usage_daily") == [{"n": total}])
        collector.stop()

    def test_ten_windows_of_garbage_of_every_size_do_not_stop_the_flow(self):
        """telegraf#13476: a client that stops for good after as many bad messages as may be under way."""
        window = 1000  # what we allow the broker to have under way
        chance = random.Random(2)
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.slow(broker, deploy)
        collector.wait_metric("mqtt_connected", 1)
        garbage = [(topic_of("c1", "bad"), chance.randbytes(chance.choice((1, 20, 300)))) for _ in range(10 * window)]
        with harness.Publisher(broker, "devices") as device:
            device.send(garbage)
            device.send([(topic_of("c1", "good"), batch("e", [{"seq": 1, "t": FIRST_MS, "type": "quiz.submitted"}]))])
        collector.wait_metric("events_counted_total", 1, 60)
        self.assertEqual(collector.metric("events_rejected_total"), len(garbage))
        self.assertEqual(collector.metric("mqtt_disconnects_total"), 0)
        collector.stop()


if __name__ == "__main__":
    unittest.main()
