"""The analysts' store is away, slow, full or beside itself, in each way at the same time: one collector, an output for each
fault, each with a database of its own in the same real influxd. Ingestion does not notice, memory stays flat, and once the
faults are over each database holds exactly what SQLite holds.

EDUTALLY_TEST_LONG=1: an outage of minutes with the load going on, and the faults of configuration, which are looked at
again once a minute only.
"""

import os
import random
import re
import signal
import time
import unittest

import gateway
import harness
import model
import points
from harness import batch, topic_of

LONG = os.environ.get("EDUTALLY_TEST_LONG") == "1"
SEED = int(os.environ.get("EDUTALLY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
CENTRES = ("c1", "c2", "c3", "c4", "clc1")
TYPES = ("attendance.taken", "lesson.delivered", "quiz.submitted", "class.held", "login")
DAYS, HOURS, ROUNDS_OF_OUTAGE = 12, 8, 12 if LONG else 1
BAD_POINT = (b"usage,", b"activity=teaching,centre=c2")
BASIC = "Basic Y29sbGVjdG9yOmdvb2Q="  # collector:good

FAULTS = {
    "throttles": gateway.says(429, b'{"error":"slow down"}', Retry_After="2"),
    "fails": gateway.says(500, b'{"error":"timeout"}'),
    "unavailable": gateway.says(503, b"<html>no backend</html>", Retry_After="Thu, 01 Jan 1970 00:00:00 GMT"),
    "silent": gateway.never_answers,
    "slow-answer": gateway.answers_slowly,
    "slow-reader": gateway.reads_slowly,
    "reset-request": gateway.resets_in_the_request,
    "reset-answer": gateway.resets_in_the_answer,
    "one-bad-point": gateway.refuses_lines_with(*BAD_POINT),
    "unauthorised": gateway.wants(BASIC),
    "deaf": None,  # nobody accepts connections, from the beginning
} | ({
    "portal": gateway.says(200, b"<html>Please log in to the hotel's network</html>"),
    "no-database": gateway.says(404, b'{"error":"database not found"}'),
    "moved": gateway.says(302, Location="http://127.0.0.1:1/"),
    "too-large": gateway.says(413, b"too large"),
} if LONG else {})

HELD = ("unauthorised", "portal", "no-database", "moved")  # looked at again once a minute


class Load:
    """The same slots again and again: each round changes every row that the rounds before it made."""

    def __init__(self):
        self.oracle, self.seq, self.sent = model.Model(), 0, 0

    def round(self):
        messages = []
        for centre in CENTRES:
            for day in range(DAYS):
                events = []
                for hour in range(HOURS):
                    for kind in TYPES:
                        self.seq += 1
                        events.append({"seq": self.seq, "t": f"2025-10-{1 + day:02}T{8 + hour:02}:00:00+07:00", "type": kind,
                                       "user": f"user-{self.seq % 37:04}", "dur": self.seq % 60})
                        self.oracle.add(centre, "device", ("e", self.seq), events[-1])
                messages.append((topic_of(centre, "device"), batch("e", events)))
                self.sent += len(events)
        return messages


class Away(harness.SystemTest):

    def setUp(self):
        super().setUp()
        print(f"EDUTALLY_TEST_SEED={SEED}")
        self.random = random.Random(SEED)
        self.broker, self.influx, self.deploy, self.load = self.mosquitto(), self.influxd(), self.deployment(), Load()

    def gateway(self, **options):
        made = gateway.Gateway(self.influx.port, **options)
        self.addCleanup(made.close)
        return made

    def output(self, name, url, **more):
        self.influx.query(f'CREATE DATABASE "{name}"')
        return {"name": name, "type": "influxdb1", "url": url, "database": name, "timeout_ms": 1000,
                "batch_points": 700} | more

    def send_round(self, collector, device):
        """Seconds until all of it was counted, and milliseconds that a commit took."""
        before, began = collector.metrics(), time.monotonic()
        device.send(self.load.round())
        collector.wait_metric("events_counted_total", self.load.sent)
        seconds, after = time.monotonic() - began, collector.metrics()
        commits = after["commits_total"] - before["commits_total"]
        return seconds, (after["commit_ms_total"] - before["commit_ms_total"]) / commits

    @staticmethod
    def memory_kib(collector):
        """The most that it ever had; None if a sanitizer makes the figure meaningless."""
        with open(f"/proc/{collector.process.pid}/maps") as maps:
            if re.search(r"lib(a|t)san", maps.read()):
                return None
        with open(f"/proc/{collector.process.pid}/status") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1))

    def start(self):
        (self.deploy.directory / "password").write_text("old\n")
        self.gateways = {name: self.gateway(deaf=rule is None) for name, rule in FAULTS.items()}
        outputs = [self.output(name, one.url) for name, one in self.gateways.items()]
        for one in outputs:
            if one["name"] == "unauthorised":
                one |= {"username": "collector", "password_file": "password"}
        collector = self.collector(self.deploy, self.broker, outputs=outputs)
        collector.wait_metric("mqtt_connected", 1)
        return collector

    def check_level(self, *names):
        for name in names or FAULTS:
            points.assert_level(self, self.deploy, self.influx, name)

    def test_every_fault_at_once_slows_nothing_and_loses_nothing(self):
        collector = self.start()
        with harness.Publisher(self.broker, "device") as device:
            self.send_round(collector, device)
            calm_s, calm_commit_ms = self.send_round(collector, device)
            collector.wait_idle()
            harness.eventually(lambda: self.check_level(*(name for name in FAULTS if name != "deaf")))
            calm_kib = self.memory_kib(collector)

            for name, rule in FAULTS.items():
                if rule is not None:
                    self.gateways[name].set(rule)
            worst_s = worst_commit_ms = 0
            for _ in range(ROUNDS_OF_OUTAGE):
                seconds, commit_ms = self.send_round(collector, device)
                worst_s, worst_commit_ms = max(worst_s, seconds), max(worst_commit_ms, commit_ms)
                time.sleep(10 if LONG else 0)  # the outage lasts; nothing to wait for happens in it
            for name, rule in FAULTS.items():
                if rule is not None:
                    collector.wait_until(f"{name} met", lambda: self.gateways[name].met(rule) >= (1 if name in HELD else 2))
        self.assertTrue(collector.answers("/readyz"), "outputs that are away stop nobody")
        away_kib = self.memory_kib(collector)
        print(f"{len(FAULTS)} faults at once: {self.load.sent // (2 + ROUNDS_OF_OUTAGE)} events counted in {calm_s:.2f} s "
              f"without, {worst_s:.2f} s with; a commit took {calm_commit_ms:.1f} ms, {worst_commit_ms:.1f} ms; "
              f"memory {calm_kib} KiB, {away_kib} KiB")
        self.assertLess(worst_s, 5 * calm_s + 5 * harness.PATIENCE)
        self.assertLess(worst_commit_ms, 10 * calm_commit_ms + 200 * harness.PATIENCE)
        if calm_kib is not None:
            self.assertLess(away_kib - calm_kib, 16 << 10)

        (self.deploy.directory / "password").write_text("good\n")  # the server wants the new one: nobody told the collector
        for name, one in self.gateways.items():
            if name not in ("unauthorised", "one-bad-point"):
                one.set(gateway.passes)
        self.check_return(collector)

    def check_return(self, collector):
        """What was refused for good differs, by that alone and as noted; it is written again when it changes again."""
        whole = [name for name in FAULTS if name != "one-bad-point"]
        # After a long outage a server is looked at every 5 minutes, or less often if it asked for that.
        harness.eventually(lambda: self.check_level(*whole), 420 if LONG else 60)
        bad = {point for point in points.in_sqlite(self.deploy) if point[:2] == ("usage", ("teaching", "c2"))}

        def only_the_bad_points_differ():
            there = points.in_influx(self.influx, "one-bad-point")
            self.assertEqual(points.in_sqlite(self.deploy) - there, bad)
        harness.eventually(only_the_bad_points_differ)
        self.assertGreater(self.gateways["one-bad-point"].counts["refused"], 0)
        refused = self.deploy.sql("SELECT * FROM refused_point")
        self.assertEqual({row["output"] for row in refused}, {"one-bad-point"})
        self.assertTrue(all("activity=teaching,centre=c2" in row["line"] and "conflict" in row["reason"] for row in refused))
        self.assertEqual(len(refused), len({row["line"] for row in refused}))
        self.assertGreaterEqual(len(refused), len(bad))

        self.gateways["one-bad-point"].set(gateway.passes)
        with harness.Publisher(self.broker, "device") as device:
            self.send_round(collector, device)
        collector.wait_idle()
        harness.eventually(self.check_level, 60)
        collector.wait_until("level", lambda: collector.metric("output_behind_revisions") == 0)
        collector.stop()
        self.assertEqual(self.deploy.export(), self.load.oracle.csv())

    def test_influxd_killed_frozen_and_started_again_in_the_middle_of_a_catch_up(self):
        collector = self.collector(self.deploy, self.broker, outputs=[
            self.output("edutally", self.influx.url, batch_points=20)])  # hundreds of requests
        collector.wait_metric("mqtt_connected", 1)
        kills = 40 if LONG else 3
        with harness.Publisher(self.broker, "device") as device:
            for _ in range(kills):
                device.send(self.load.round())
                time.sleep(self.random.uniform(0.05, 0.5))  # somewhere in the middle
                if self.random.random() < 0.5:
                    self.influx.signal(signal.SIGSTOP)
                    collector.wait_metric("events_counted_total", self.load.sent)
                self.influx.kill()
                self.influx.start()
        collector.wait_metric("events_counted_total", self.load.sent)
        collector.wait_idle()
        harness.eventually(lambda: self.check_level("edutally"), 120)
        print(f"{kills} kills of influxd, {self.load.sent} events")
        collector.stop()
        self.assertEqual(self.deploy.export(), self.load.oracle.csv())


if __name__ == "__main__":
    unittest.main()
