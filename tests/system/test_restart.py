"""Stopping, starting again, reloading: nothing is lost in between and nothing is counted twice."""

import json
import signal
import unittest

import harness
from harness import Publisher, batch, topic_of

GOOD = {"t": "2025-10-06T08:00:00+07:00", "type": "attendance.taken"}


def message(seq, centre="c1"):
    return topic_of(centre, "d"), batch("e", [{"seq": seq, **GOOD}])


def facts(**events):
    header = "centre,day,activity,events,seconds,users,devices\n"
    return header + "".join(f"{centre},2025-10-06,management,{count},0,0,1\n" for centre, count in events.items())


class Restart(harness.SystemTest):

    def setUp(self):
        super().setUp()
        self.broker, self.deploy = self.mosquitto(), self.deployment()

    def start(self, **config):
        collector = self.collector(self.deploy, self.broker, **config)
        collector.wait_metric("mqtt_connected", 1)
        return collector

    def test_sigterm_drains_what_has_arrived(self):
        collector = self.start(commit={"interval_ms": 60000})
        with Publisher(self.broker, "device") as device:
            device.send([message(seq) for seq in range(500)])
        collector.wait_metric("messages_received_total", 500)
        collector.stop()
        self.assertEqual(self.deploy.export(), facts(c1=500))

    def test_what_comes_while_it_is_stopped_waits_in_the_broker(self):
        collector = self.start()
        collector.stop()
        with Publisher(self.broker, "device") as device:
            device.send([message(seq) for seq in range(3000)])
            collector.start()
            collector.wait_metric("events_counted_total", 3000)
            device.send([message(3000)])
            collector.wait_metric("events_counted_total", 3001)
        self.assertEqual(collector.metric("mqtt_sessions_lost_total"), 0)
        collector.stop()
        self.assertEqual(self.deploy.export(), facts(c1=3001))

    def test_second_start_finds_its_data_and_goes_on(self):
        for start in range(3):
            collector = self.start()
            with Publisher(self.broker, "device") as device:
                device.send([message(start), message(0)])
            collector.wait_metric("events_received_total", 2)
            collector.wait_idle()
            collector.stop()
            self.assertEqual(self.deploy.export(), facts(c1=start + 1))
        self.assertEqual(self.deploy.sql("SELECT received, repeated, missing FROM v_devices"),
                         [{"received": 3, "repeated": 3, "missing": 0}])

    def test_sighup_reads_a_new_registry_and_releases_its_centres_events(self):
        collector = self.start()
        with Publisher(self.broker, "device") as device:
            device.send([message(1, "new"), message(1)])
        collector.wait_metric("events_quarantined_total", 1)
        self.deploy.write("centres.csv", harness.CENTRES + "new,Trường Mới,primary,X1,10,2025-09-01,\n")
        collector.signal(signal.SIGHUP)
        collector.wait_metric("events_released_total", 1)
        collector.wait_idle()
        rows = collector.get("/api/v1/adoption", area="46", period="2025-10")["rows"]
        self.assertEqual([row["registered"] for row in rows if row["indicator"] == "digital"], [5])
        collector.stop()
        self.assertEqual(self.deploy.export(), facts(c1=1, new=1))
        self.assertEqual(self.deploy.rejected(), [])

    def test_sighup_with_a_file_at_fault_keeps_the_old_one(self):
        collector = self.start()
        self.deploy.write("centres.csv", "id,name\nbroken")
        collector.signal(signal.SIGHUP)
        collector.wait_until("saying that it refused", lambda: "event=reload_refused" in collector.tail(200))
        with Publisher(self.broker, "device") as device:
            device.send([message(1)])
        collector.wait_metric("events_counted_total", 1)
        collector.stop()

    def test_sighup_with_another_time_zone_is_refused_and_days_stay_what_they_are(self):
        collector = self.start()
        self.deploy.write_config(time_zone="America/New_York")
        collector.signal(signal.SIGHUP)
        collector.wait_until("saying that it refused", lambda: "event=reload_refused" in collector.tail(200))
        self.deploy.write_config(time_zone="Asia/Ho_Chi_Minh")
        with Publisher(self.broker, "device") as device:
            device.send([(topic_of("c1", "d"), batch("e", [{"seq": 1, "t": "2025-10-06T00:30:00+07:00",
                                                            "type": "attendance.taken"}]))])
        collector.wait_metric("events_counted_total", 1)
        collector.stop()
        self.assertEqual(self.deploy.export(), facts(c1=1))

    def test_sighup_with_another_rule_evaluates_every_period_again(self):
        collector = self.start()
        with Publisher(self.broker, "device") as device:
            device.send([message(1)])
        collector.wait_metric("events_counted_total", 1)
        collector.wait_idle()
        self.assertEqual(self.adopting(collector), 0)
        rules = json.loads(self.deploy.directory.joinpath("indicators.jsonc").read_text())
        rules["indicators"][0]["rule"] = {"activity": "management", "events": {"min": 1}}
        self.deploy.write("indicators.jsonc", json.dumps(rules))
        collector.signal(signal.SIGHUP)
        collector.wait_until("the new rule", lambda: self.adopting(collector) == 1)
        collector.stop()

    def adopting(self, collector):
        rows = collector.get("/api/v1/adoption", area="46", period="2025-10")["rows"]
        return sum(row["adopting"] for row in rows if row["indicator"] == "digital")

    def test_end_to_end_acknowledgement_covers_what_was_committed_and_names_what_is_missing(self):
        collector = self.start()
        with Publisher(self.broker, "device") as device:
            device.listen(topic_of("c1", "d", "ack"))
            device.send([message(seq) for seq in (1, 2, 5, 6, 9)])
            def last():
                acks = [json.loads(payload) for _, payload in device.acks]
                return [ack for ack in acks if ack["upto"] == 9]
            ack = harness.wait_for("an acknowledgement up to 9", last)[-1]
        self.assertEqual(ack["epoch"], "e")
        self.assertEqual(ack["missing"], [[3, 4], [7, 8]])
        self.assertGreater(ack["now"], 1700000000000)
        collector.stop()

    def test_a_birth_is_answered(self):
        collector = self.start()
        with Publisher(self.broker, "device") as device:
            device.send([message(seq) for seq in (1, 2, 3)])
            collector.wait_metric("events_counted_total", 3)
            device.listen(topic_of("c1", "d", "ack"))
            device.send([(topic_of("c1", "d", "state"), json.dumps({"v": 1, "status": "online", "epoch": "e", "seq": 3}))])
            harness.wait_for("an answer", lambda: [p for _, p in device.acks if json.loads(p)["upto"] == 3])
        collector.stop()


if __name__ == "__main__":
    unittest.main()
