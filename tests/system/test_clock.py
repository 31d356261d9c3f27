"""The wall clock of the collector's host jumps: an hour back, years ahead, to 1970 and back again. What is counted, kept, sealed
and removed is the same in the end as with a good clock. The clock is libfaketime's; the steady clock stays the kernel's."""

import collections
import datetime
import glob
import json
import os
import pathlib
import random
import time
import unittest

import gateway
import harness
import model
import points
from harness import Publisher, batch, topic_of

LONG = os.environ.get("EDUTALLY_TEST_LONG") == "1"
SEED = int(os.environ.get("EDUTALLY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
HOUR_S, YEAR_S = 3600, 366 * 86400
TO_1970 = -1  # five minutes after 1970 began
TYPES = ("attendance.taken", "lesson.delivered", "quiz.submitted")


def library():
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not found:
        raise FileNotFoundError("libfaketime is not installed: apt install faketime")
    return found[0]


class Collector(harness.Collector):
    """`edutally run` with a wall clock that the test sets."""

    clock = None

    def set_clock(self, offset_s):
        if offset_s == TO_1970:
            offset_s = 300 - round(time.time())
        fresh = self.directory / "clock.new"
        fresh.write_text(f"{offset_s:+d}\n")
        fresh.rename(self.directory / "clock")  # never half-written
        self.clock = offset_s

    def now_ms(self):
        return (time.time() + self.clock) * 1000

    def spawn(self):
        if self.clock is None:
            self.set_clock(0)
        self.environment = {
            "LD_PRELOAD": library(), "FAKETIME_TIMESTAMP_FILE": str(self.directory / "clock"), "FAKETIME_NO_CACHE": "1",
            "NO_FAKE_STAT": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Otherwise libfaketime 0.9.10 moves the deadlines of waits on the steady clock too (its issue 503).
            "FAKETIME_FORCE_MONOTONIC_FIX": "0"}
        super().spawn()


class Clock(harness.SystemTest):

    def setUp(self):
        super().setUp()
        if b"__tsan_init" in pathlib.Path(harness.program("edutally")).read_bytes():
            self.skipTest("needs a build without ThreadSanitizer, from which libfaketime hides how condition variables unlock")
        self._set_environment("ASAN_OPTIONS", os.environ["ASAN_OPTIONS"] + ":verify_asan_link_order=0")
        print(f"EDUTALLY_TEST_SEED={SEED}")
        self.random, self.oracle, self.sent = random.Random(SEED), model.Model(), 0
        self.seqs = collections.Counter()  # by device
        self.broker, self.deploy = self.mosquitto(), self.deployment()

    def start(self, clock=0, **config):
        collector = Collector(self.deploy, self.broker, late_days=60, **config)
        collector.set_clock(clock)
        self.run_server(collector)
        collector.wait_metric("mqtt_connected", 1)
        return collector

    def message(self, device, count=5, days=20, centre=None):
        """Events of the last days, of well-behaved devices."""
        events, centre = [], centre or f"c{1 + device % 3}"
        for _ in range(count):
            self.sent += 1
            self.seqs[f"device-{device}"] += 1
            t = round((time.time() - self.random.uniform(60, days * 86400)) * 1000)
            events.append({"seq": self.seqs[f"device-{device}"], "t": t, "type": self.random.choice(TYPES),
                           "user": f"user-{self.random.randrange(40):04}", "dur": self.random.randrange(60)})
            self.oracle.add(centre, f"device-{device}", ("e", events[-1]["seq"]), events[-1])
        return topic_of(centre, f"device-{device}"), batch("e", events)

    def value(self, name):
        return next((row["value"] for row in self.deploy.sql("SELECT value FROM value WHERE name = ?", name)), None)

    def check_nothing_was_sealed_too_early(self):
        today = (datetime.datetime.now(model.ZONE).date() - datetime.date(1970, 1, 1)).days
        self.assertLess(self.value("sealed_day") or 0, today - 60)

    def check_facts(self):
        """What was set aside for the wrong clock counts when somebody asks for it; nothing was lost."""
        self.deploy.edutally("rejected retry")
        self.assertEqual(self.deploy.export(), self.oracle.csv())
        self.assertEqual(self.deploy.rejected(), [])

    def test_jumps_while_devices_publish_lose_nothing(self):
        influx = self.influxd()
        door = gateway.Gateway(influx.port)
        self.addCleanup(door.close)
        collector = self.start(outputs=[{"name": "influx", "type": "influxdb1", "url": door.url, "database": "edutally",
                                         "timeout_ms": 1000}])
        jumps = [-HOUR_S, YEAR_S, 0, TO_1970, 0, 2 * YEAR_S, TO_1970]
        jumps += [self.random.choice((-HOUR_S, 0, YEAR_S, 20 * YEAR_S, TO_1970, HOUR_S))
                  for _ in range(200 if LONG else 0)] + [-HOUR_S]
        refusal = gateway.says(404, b"database not found")
        with Publisher(self.broker, "devices") as devices:
            devices.listen("edu/v1/46/+/+/ack")
            for number, jump in enumerate(jumps):
                if number == len(jumps) - 1:
                    door.set(refusal)  # it will be tried again in seconds, by whichever clock
                collector.set_clock(jump)
                before = len(devices.acks)
                devices.send([self.message(device) for device in range(8)])
                collector.wait_metric("events_received_total", self.sent)
                self.check_acks(collector, devices, before)
            collector.wait_until("the output being refused", lambda: door.met(refusal) > 0)
        collector.set_clock(-2 * HOUR_S)
        door.set(gateway.passes)
        collector.wait_idle()
        self.assertTrue(collector.answers("/readyz"))
        harness.eventually(lambda: points.assert_level(self, self.deploy, influx), 20)
        collector.set_clock(0)
        collector.stop()

        lines = collector.log.read_text().count("\n")
        print(f"{len(jumps)} jumps, {self.sent} events, {len(self.deploy.rejected())} rows set aside, {lines} lines of log")
        self.assertLess(lines, 60 + 2 * len(jumps), "the log is not flooded")
        self.assertEqual({row["reason"] for row in self.deploy.rejected()}, {"clock_ahead", "too_late"})
        self.check_nothing_was_sealed_too_early()
        self.check_facts()

    def check_acks(self, collector, devices, before):
        """Each device is acknowledged, with the clock that the collector has now."""
        def upto_date():
            acks.update({topic.split("/")[4]: json.loads(payload) for topic, payload in devices.acks[before:]})
            return {name: ack["upto"] for name, ack in acks.items()} == self.seqs
        acks = {}
        collector.wait_until("acknowledgements", upto_date)
        for ack in acks.values():
            self.assertLess(abs(ack["now"] - collector.now_ms()), 20000 * harness.PATIENCE)

    def test_a_start_with_a_clock_years_ahead_removes_nothing(self):
        collector = self.start(journal={"segment_bytes": 65536})
        with Publisher(self.broker, "devices") as devices:
            devices.send([self.message(device, 100) for device in range(40)])
            devices.send([(topic_of("new", "device"), batch("e", [
                {"seq": 1, "t": round(time.time() * 1000), "type": "quiz.submitted", "user": "user-0001"}]))])
            collector.wait_metric("events_received_total", self.sent + 1)
        collector.stop()
        segments = self.segments()
        self.assertGreater(len(segments), 3)

        collector = self.start(clock=2 * YEAR_S, journal={"segment_bytes": 65536})
        with Publisher(self.broker, "devices") as devices:
            devices.send([self.message(device, 100) for device in range(40)])
            collector.wait_metric("events_received_total", 40 * 100)
        collector.stop()
        collector = self.start(clock=2 * YEAR_S, journal={"segment_bytes": 65536})
        collector.wait_idle()
        collector.stop()

        self.assertLessEqual(segments, self.segments())
        self.check_nothing_was_sealed_too_early()
        self.assertEqual([row["centre"] for row in self.deploy.rejected() if row["reason"] == "unknown_centre"], ["new"])
        self.deploy.write("centres.csv", harness.CENTRES + "new,Trường Mới,primary,X1,10,2025-09-01,\n")
        self.oracle.add("new", "device", ("e", 1), {"t": round(time.time() * 1000), "type": "quiz.submitted",
                                                    "user": "user-0001"})
        self.check_facts()

    def segments(self):
        return {os.path.basename(path) for path in glob.glob(str(self.deploy.data_dir / "journal" / "*"))}

    def check_periods(self):
        """No period is judged that has not begun, nor one from before there was anything."""
        months = {row["period"] for row in self.deploy.sql("SELECT DISTINCT period FROM v_adoption")}
        first = (datetime.datetime.now(model.ZONE) - datetime.timedelta(days=21)).strftime("%Y-%m")
        self.assertGreaterEqual(min(months), first)
        self.assertLessEqual(max(months), datetime.datetime.now(model.ZONE).strftime("%Y-%m"))

    def test_periods_that_only_a_clock_ahead_began_are_withdrawn(self):
        collector = self.start(clock=YEAR_S)
        with Publisher(self.broker, "devices") as devices:
            devices.send([self.message(device) for device in range(8)])
            collector.wait_metric("events_quarantined_total", self.sent)
            collector.wait_idle()
            collector.set_clock(0)
            devices.send([self.message(device) for device in range(8)])
            collector.wait_metric("events_counted_total", self.sent // 2)
        harness.eventually(self.check_periods, 5)
        collector.stop()
        self.check_facts()

    def test_a_first_start_in_1970_counts_when_the_clock_is_set(self):
        collector = self.start(clock=TO_1970)
        with Publisher(self.broker, "devices") as devices:
            devices.send([self.message(device) for device in range(8)])
            collector.wait_metric("events_quarantined_total", self.sent)
            collector.set_clock(0)
            devices.send([self.message(device) for device in range(8)])
            collector.wait_metric("events_received_total", self.sent)
        collector.wait_idle()
        collector.stop()
        collector = self.start()  # tidies up
        collector.wait_idle()
        self.check_periods()
        collector.stop()
        self.check_facts()


if __name__ == "__main__":
    unittest.main()
