"""The analysts' store goes away and comes back, or refuses a point: it catches up to exactly what SQLite holds, and a bad
point costs nobody else anything."""

import json
import signal
import unittest

import harness
import points
from harness import Publisher, batch, topic_of


def message(seq, day, centre="c1"):
    return topic_of(centre, "d"), batch("e", [{"seq": seq, "t": f"2025-10-{day:02}T08:00:00+07:00", "dur": seq,
                                               "type": "attendance.taken", "user": f"user-{seq % 7:04}"}])


class Outputs(harness.SystemTest):

    def setUp(self):
        super().setUp()
        self.broker, self.influx, self.deploy = self.mosquitto(), self.influxd(), self.deployment()

    def start(self):
        collector = self.collector(self.deploy, self.broker, outputs=[
            {"name": "influx", "type": "influxdb1", "url": self.influx.url, "database": "edutally", "timeout_ms": 2000}])
        collector.wait_metric("mqtt_connected", 1)
        return collector

    def check_level(self):
        return points.assert_level(self, self.deploy, self.influx)

    def test_after_an_outage_influxd_holds_what_sqlite_holds(self):
        collector = self.start()
        with Publisher(self.broker, "device") as device:
            device.send([message(seq, 1 + seq % 10) for seq in range(200)])
            collector.wait_metric("events_counted_total", 200)
            collector.wait_idle()
            harness.eventually(self.check_level)

            self.influx.stop()
            device.send([message(seq, 1 + seq % 20, "c2") for seq in range(200)])
            device.send([message(seq, 1 + seq % 10) for seq in range(200, 400)])
            collector.wait_metric("events_counted_total", 600)
            collector.wait_metric("output_retries_total", 1)
            collector.wait_idle()
            collector.wait_metric("output_behind_revisions", 1)
            self.assertTrue(collector.answers("/readyz"), "an output that is away stops nobody")

        self.influx.start()
        harness.eventually(self.check_level, 120)
        self.assertEqual(len([point for point in points.in_influx(self.influx) if point[0] == "usage"]), 30)
        collector.wait_until("level", lambda: collector.metric("output_behind_revisions") == 0)
        collector.stop()

    def test_an_output_catches_up_after_both_were_restarted(self):
        collector = self.start()
        self.influx.stop()
        with Publisher(self.broker, "device") as device:
            device.send([message(seq, 1 + seq % 10) for seq in range(100)])
        collector.wait_metric("events_counted_total", 100)
        collector.kill()
        self.influx.start()
        collector.start()
        harness.eventually(self.check_level, 60)
        collector.stop()

    def test_a_field_type_conflict_loses_that_point_alone(self):
        # In the shard of this day "events" of "usage" is text from now on: every number there is refused with a 400.
        status, body = self.influx.write('usage,planted=yes events="text" 1760054400000000000')  # 2025-10-10
        self.assertEqual(status, 204, body)
        collector = self.start()
        with Publisher(self.broker, "device") as device:
            device.send([message(1, 10), message(2, 25), message(3, 26, "c2")])
        collector.wait_metric("events_counted_total", 3)
        collector.wait_metric("output_refused_total", 1)

        def check():
            numbers = {(row["centre"], row["seconds"])
                       for row in self.influx.query("SELECT * FROM usage WHERE centre != ''")}
            self.assertEqual(numbers, {("c1", 2), ("c2", 3)})
            hours = self.influx.query("SELECT sum(events) AS events FROM usage_hour")
            self.assertEqual([row["events"] for row in hours], [3], "the other series is whole")
        harness.eventually(check)
        self.assertEqual(collector.metric("output_refused_total"), 1)
        collector.wait_until("the refused point in the store", lambda: self.deploy.sql("SELECT * FROM refused_point"))
        (refused,) = self.deploy.sql("SELECT * FROM refused_point")
        self.assertTrue(refused["line"].startswith("usage,"), refused)
        self.assertIn("conflict", refused["reason"])
        collector.stop()

    def test_a_database_that_is_not_there_is_said_and_waited_for(self):
        self.influx.query("DROP DATABASE edutally")
        collector = self.start()
        with Publisher(self.broker, "device") as device:
            device.send([message(1, 1)])
        collector.wait_until("saying so", lambda: "event=output_held" in collector.tail(100))
        self.assertEqual(collector.metric("output_refused_total"), 0)
        self.influx.query("CREATE DATABASE edutally")
        harness.eventually(self.check_level, 90)  # it looks once a minute
        collector.stop()

    def test_after_another_registry_and_other_rules_influxd_holds_what_sqlite_holds(self):
        collector = self.start()
        with Publisher(self.broker, "device") as device:
            device.send([message(seq, 1 + seq % 10, centre) for seq, centre in enumerate(("c1", "c2", "c3", "clc1") * 10)])
        collector.wait_metric("events_counted_total", 40)
        collector.wait_idle()
        harness.eventually(self.check_level)

        # A centre closed before, one in another area, an area and an indicator that are no more.
        self.deploy.write("centres.csv", harness.CENTRES
                          .replace("Một,primary,X1,10,2000-09-01,", "Một,primary,X1,10,2000-09-01,2020-01-01")
                          .replace("c3,Trường THCS Ba,lower_secondary,X2", "c3,Trường THCS Ba,lower_secondary,X1")
                          .replace("c4,Trường Tiểu học Bốn,primary,X2", "c4,Trường Tiểu học Bốn,primary,X1"))
        self.deploy.write("areas.csv", harness.AREAS.replace("X2,Phường Hai,commune,46,,,\n", ""))
        rules = json.loads(harness.INDICATORS)
        rules["indicators"] = rules["indicators"][:1]
        self.deploy.write("indicators.jsonc", json.dumps(rules))
        collector.signal(signal.SIGHUP)
        collector.wait_until("reloaded", lambda: "event=reloaded" in collector.tail(200))
        collector.wait_idle()
        harness.eventually(self.check_level)
        collector.stop()


if __name__ == "__main__":
    unittest.main()
