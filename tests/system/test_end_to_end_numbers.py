"""A known set of events goes in through mosquitto; the same numbers, worked out by hand, come out everywhere."""

import datetime
import json
import unittest
import zoneinfo

import harness
from harness import batch, csv_rows, mosquitto_pub, topic_of

# October 2025, in Asia/Ho_Chi_Minh (+07:00). Who adopts, by the rules of harness.INDICATORS:
# c1: management on 3 days, 3 learners of 10 heads, 3,601 s of teaching: adopts.
# c2: management on 2 days, 5 learners (0.25 of 20 heads, but 5 are enough), 3,600 s of teaching, which is not more than
#     3,600: does not adopt.
# c3: an app without a counter, one printer; nothing that a condition asks for: reporting, does not adopt.
# c4: silent. old: closed in June, still counted, but not registered in October.
# clc1: three classes: adopts.
OFFICE = batch("a1", [
    {"seq": 1, "t": "2025-10-06T08:00:00+07:00", "type": "attendance.taken", "role": "staff", "user": "staff-001",
     "dur": 60, "app": "smas"},
    {"seq": 2, "t": "2025-10-05T17:00:00Z", "type": "attendance.taken", "user": "staff-001", "dur": 30},
    {"seq": 3, "t": "2025-10-05T16:59:59.999Z", "type": "attendance.taken", "user": "staff-001", "dur": 10},
    {"seq": 4, "t": "2025-10-07T09:00:00+07:00", "type": "gradebook.updated", "user": "staff-002", "dur": 100}])
TABLET = batch("t1", [
    {"seq": 1, "t": "2025-10-07T10:00:00+07:00", "type": "quiz.submitted", "role": "learner", "user": "pupil-01"},
    {"seq": 2, "t": "2025-10-07T10:00:01+07:00", "type": "quiz.submitted", "role": "learner", "user": "pupil-02"},
    {"seq": 3, "t": "2025-10-07T10:00:01+07:00", "type": "quiz.submitted", "role": "learner", "user": "pupil-01"}])
TABLET_LATER = batch("t1", [
    {"seq": 4, "t": 1759980600000, "type": "quiz.submitted", "user": "pupil-03", "dur": 7}])  # 9 October, 10:30
SECOND_TABLET = batch("z9", [
    {"seq": 77, "t": "2025-10-07T10:05:00+07:00", "type": "quiz.submitted", "user": "pupil-02"}])
BOARD = batch("b1", [{"seq": 0, "t": "2025-10-08T08:00:00+07:00", "type": "lesson.delivered", "dur": 3601}])
C2 = batch("x", [
    {"seq": 1, "t": "2025-10-01T00:00:00+07:00", "type": "gradebook.updated"},
    {"seq": 2, "t": "2025-10-31T23:59:59.999+07:00", "type": "gradebook.updated"},
    {"seq": 3, "t": "2025-10-15T07:30:00+07:00", "type": "lesson.delivered", "dur": 3600},
    *({"seq": 4 + n, "t": "2025-10-15T08:00:00+07:00", "type": "quiz.done", "user": f"learner-{n}"} for n in range(5))])
C3_BARE = json.dumps({"id": "3f0b0d6e-0a76-4f33-9d25-9d8b2f6f2a01", "t": "2025-10-20T10:00:00+07:00",
                      "type": "printer.used", "dur": 5})
C3_PLAIN = json.dumps({"t": "2025-10-20T11:00:00+07:00", "type": "printer.used", "dur": 6})
CLASSES = batch("k", [{"seq": n, "t": f"2025-10-{10 + n}T19:00:00+07:00", "type": "class.held", "dur": 5400}
                      for n in range(3)])
OLD = batch("o", [{"seq": 1, "t": "2025-10-02T08:00:00+07:00", "type": "attendance.taken", "dur": 1}])

FACTS = """centre,day,activity,events,seconds,users,devices
c1,2025-10-05,management,1,10,1,1
c1,2025-10-06,management,2,90,1,1
c1,2025-10-07,learning,4,0,2,2
c1,2025-10-07,management,1,100,1,1
c1,2025-10-08,teaching,1,3601,0,1
c1,2025-10-09,learning,1,7,1,1
c2,2025-10-01,management,1,0,0,1
c2,2025-10-15,learning,5,0,5,1
c2,2025-10-15,teaching,1,3600,0,1
c2,2025-10-31,management,1,0,0,1
c3,2025-10-20,other,2,11,0,1
clc1,2025-10-10,community,1,5400,0,1
clc1,2025-10-11,community,1,5400,0,1
clc1,2025-10-12,community,1,5400,0,1
old,2025-10-02,management,1,1,0,1
"""
EVENTS, SECONDS = 24, 23620

ADOPTION = """indicator,area,period,registered,reporting,adopting,rate,lower,upper,target
community-digital,46,2025-10,1,1,1,1.000000,1.000000,1.000000,0.800000
community-digital,X1,2025-10,1,1,1,1.000000,1.000000,1.000000,0.800000
digital,46,2025-10,4,3,1,0.250000,0.250000,0.500000,0.600000
digital,X1,2025-10,2,2,1,0.500000,0.500000,0.500000,0.600000
digital,X2,2025-10,2,1,0,0.000000,0.000000,0.500000,0.600000
"""

ZONE = zoneinfo.ZoneInfo("Asia/Ho_Chi_Minh")
USAGE_FIELDS = ("events", "seconds", "users", "devices")


def local_day(t_ms):
    return datetime.datetime.fromtimestamp(t_ms / 1000, ZONE).date().isoformat()


def usage_set(rows):
    """Facts as a set, wherever they come from."""
    return {(row["centre"], row["day"], row["activity"], *(int(row[field]) for field in USAGE_FIELDS)) for row in rows}


def adoption_set(rows):
    return {(row["indicator"], row["area"], row["period"], int(row["registered"]), int(row["reporting"]),
             int(row["adopting"]), f"{float(row['rate']):.6f}", f"{float(row['lower']):.6f}",
             f"{float(row['upper']):.6f}", f"{float(row['target']):.6f}") for row in rows}


EXPECTED_USAGE = usage_set(csv_rows(FACTS))
EXPECTED_ADOPTION = adoption_set(csv_rows(ADOPTION))


class EndToEndNumbers(harness.SystemTest):

    def publish(self, broker):
        """By two clients that know nothing of this project, with repeats and out of order."""
        with harness.Publisher(broker, "app-1") as device:
            device.send([(topic_of("c1", "tablet"), TABLET_LATER), (topic_of("c1", "tablet"), TABLET),
                         (topic_of("c1", "tablet"), TABLET), (topic_of("c1", "tablet-2"), SECOND_TABLET),
                         (topic_of("c3", "copier"), C3_BARE), (topic_of("c3", "copier"), C3_BARE),
                         (topic_of("c3", "copier"), C3_PLAIN), (topic_of("c3", "copier"), C3_PLAIN),
                         (topic_of("c2", "server"), C2)])
        for device, payload in ((("c1", "office"), OFFICE), (("c1", "board"), BOARD), (("clc1", "kiosk"), CLASSES),
                                (("old", "office"), OLD), (("c1", "office"), OFFICE)):
            mosquitto_pub(broker, topic_of(*device), payload)

    def test_same_numbers_in_every_place(self):
        broker, influx = self.mosquitto(), self.influxd()
        # VictoriaMetrics keeps any one of several samples with the same time stamp, so it is started when all is counted:
        # then each point is written once.
        victoria = harness.VictoriaMetrics(self.folder("victoria-metrics"))
        self.deploy = self.deployment()
        collector = self.collector(self.deploy, broker, outputs=[
            {"name": "influx", "type": "influxdb1", "url": influx.url, "database": "edutally"},
            {"name": "vm", "type": "victoriametrics", "url": victoria.url}])
        collector.wait_metric("mqtt_connected", 1)

        self.publish(broker)
        collector.wait_metric("events_counted_total", EVENTS)
        collector.wait_idle()

        with self.subTest("metrics"):
            self.assertEqual(collector.metric("events_counted_total"), EVENTS)
            self.assertEqual(collector.metric("events_repeated_total"), 3 + 1 + 1 + 4)
            self.assertEqual(collector.metric("events_rejected_total"), 0)
        with self.subTest("SQLite"):
            self.check_sqlite()
        with self.subTest("API"):
            self.check_api(collector)
        with self.subTest("influxd"):
            harness.eventually(lambda: self.check_influx(influx))
        with self.subTest("victoria-metrics"):
            self.run_server(victoria)
            harness.eventually(lambda: self.check_victoria(victoria), 60)
        with self.subTest("export and report while it runs"):
            self.check_commands()
        collector.stop()
        with self.subTest("export and report after it stopped"):
            self.check_commands()

    def check_sqlite(self):
        self.assertEqual(usage_set(self.deploy.sql("SELECT * FROM v_usage_daily")), EXPECTED_USAGE)
        self.assertEqual(adoption_set(self.deploy.sql("SELECT * FROM v_adoption WHERE period = '2025-10'")),
                         EXPECTED_ADOPTION)
        self.assertEqual(self.deploy.sql("SELECT sum(events) AS events, sum(seconds) AS seconds FROM v_usage_hourly"),
                         [{"events": EVENTS, "seconds": SECONDS}])
        hours = self.deploy.sql("SELECT hour, events FROM v_usage_hourly WHERE centre = 'c1' AND activity = 'management' "
                                "ORDER BY hour")
        self.assertEqual([(row["hour"], row["events"]) for row in hours], [
            ("2025-10-05T16:00:00Z", 1), ("2025-10-05T17:00:00Z", 1), ("2025-10-06T01:00:00Z", 1),
            ("2025-10-07T02:00:00Z", 1)])
        month = self.deploy.sql("SELECT users, devices FROM v_usage_monthly WHERE centre = 'c1' AND activity = 'learning'")
        self.assertEqual(month, [{"users": 3, "devices": 2}])
        self.assertEqual(self.deploy.rejected(), [])

    def check_api(self, collector):
        for area in ("46", "X1", "X2"):
            rows = collector.get("/api/v1/adoption", area=area, period="2025-10")["rows"]
            self.assertEqual(adoption_set(rows), {row for row in EXPECTED_ADOPTION if row[1] == area})
        centre = collector.get("/api/v1/centres/c2", period="2025-10")
        (verdict,) = centre["verdicts"]
        self.assertEqual((verdict["indicator"], verdict["reporting"], verdict["adopts"]), ("digital", True, False))
        self.assertEqual([(one["activity"], one["metric"], one["actual"], one["met"]) for one in verdict["conditions"]], [
            ("management", "active_days", 2, True), ("learning", "users_share", 0.25, False),
            ("learning", "users", 5, True), ("teaching", "seconds", 3600, False)])
        self.assertIn({"period": "2025-10", "activity": "learning", "active_days": 1, "events": 5, "seconds": 0, "users": 5,
                       "devices": 1}, centre["usage"])
        status, text = harness.http(collector.url + "/api/v1/adoption?area=46&period=2025-10&format=csv")
        self.assertEqual(status, 200)
        self.assertEqual(adoption_set(csv_rows(text)), {row for row in EXPECTED_ADOPTION if row[1] == "46"})
        for path in ("/healthz", "/api/v1/indicators", "/api/v1/centres", "/api/v1/status"):
            self.assertEqual(harness.http(collector.url + path)[0], 200, path)

    def check_influx(self, influx):
        rows = influx.query("SELECT * FROM usage")
        self.assertEqual(usage_set([row | {"day": local_day(row["time"])} for row in rows]), EXPECTED_USAGE)
        hours = influx.query("SELECT sum(events) AS events, sum(seconds) AS seconds FROM usage_hour")
        self.assertEqual([(row["events"], row["seconds"]) for row in hours], [(EVENTS, SECONDS)])
        october = [row for row in influx.query("SELECT * FROM adoption") if local_day(row["time"]) == "2025-10-01"]
        self.assertEqual({(row["indicator"], row["area"], row["registered"], row["reporting"], row["adopting"])
                          for row in october}, {(row[0], row[1], *row[3:6]) for row in EXPECTED_ADOPTION})
        self.assertEqual({(row["indicator"], row["area"], f"{row['rate']:.6f}") for row in october},
                         {(row[0], row[1], row[6]) for row in EXPECTED_ADOPTION})

    def check_victoria(self, victoria):
        for place, field in enumerate(USAGE_FIELDS, 3):
            found = {(labels["centre"], local_day(t_ms), labels["activity"], int(value))
                     for labels, points in victoria.export(f"usage_{field}") for t_ms, value in points.items()}
            self.assertEqual(found, {(*row[:3], row[place]) for row in EXPECTED_USAGE}, field)
        adopting = {(labels["indicator"], labels["area"], local_day(t_ms)[:7], int(value))
                    for labels, points in victoria.export("adoption_adopting") for t_ms, value in points.items()}
        self.assertLessEqual({(row[0], row[1], row[2], row[5]) for row in EXPECTED_ADOPTION}, adopting)

    def check_commands(self):
        october = ("--from", "2025-10-01", "--to", "2025-10-31", "--format", "csv")
        self.assertEqual(self.deploy.export("facts"), FACTS)
        self.assertEqual(self.deploy.edutally("export facts", *october).stdout.decode(), FACTS)
        self.assertEqual(self.deploy.edutally("export adoption", *october).stdout.decode(), ADOPTION)
        for area in (None, "X1", "X2"):
            options = ["--period", "2025-10", "--format", "csv"] + (["--area", area] if area else [])
            rows = csv_rows(self.deploy.edutally("report", *options).stdout.decode())
            found = adoption_set([row | {"period": "2025-10"} for row in rows if row["area"] == (area or "46")])
            self.assertEqual(found, {row for row in EXPECTED_ADOPTION if row[1] == (area or "46")})
        table = self.deploy.edutally("report", "--period", "2025-10").stdout.decode()
        self.assertIn("25.0", table)


if __name__ == "__main__":
    unittest.main()
