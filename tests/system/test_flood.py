"""One that floods costs the others nothing; what outside input may create is bounded; and three things that users of other
collectors complain of: a broker that drops in silence, a config at fault that costs data, and series that multiply with people."""

import hashlib
import json
import pathlib
import threading
import unittest

import harness
from harness import Publisher, batch, topic_of

GOOD = {"t": "2025-10-06T08:00:00+07:00", "type": "attendance.taken"}


def message(seq, centre="c1", device="d", epoch="e", **event):
    return topic_of(centre, device), batch(epoch, [{"seq": seq, **GOOD, **event}])


def peak_kib(process):
    """The most memory that a process ever held."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise AssertionError("no VmHWM")


class Flood(harness.SystemTest):

    def test_a_flood_of_garbage_takes_its_own_share_and_the_others_are_counted(self):
        broker = self.mosquitto()
        deploy = self.deployment(config={"rejected": {"device_rows_per_hour": 100, "max_rows": 1000}})
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        garbage = [(topic_of("c1", "loud"), f"{{garbage number {number}") for number in range(4000)]
        with Publisher(broker, "loud") as loud, Publisher(broker, "quiet") as quiet:
            flooding = threading.Thread(target=loud.send, args=(garbage,))
            flooding.start()
            quiet.send([message(seq, "c2", "quiet") for seq in range(1, 101)])
            quiet.send([(topic_of("c2", "quiet"), "{one of its own")])
            flooding.join()
        collector.wait_metric("events_rejected_total", 4001)
        collector.wait_metric("events_counted_total", 100)
        collector.wait_idle()
        found = collector.metrics()
        self.assertEqual(found["events_let_go_total"], 4000 - 100)
        rows = deploy.sql("SELECT device, count(*) AS n FROM v_rejected GROUP BY device ORDER BY device")
        self.assertEqual(rows, [{"device": "loud", "n": 100}, {"device": "quiet", "n": 1}])
        ledger = deploy.sql("SELECT centre, device, cause, events FROM v_let_go")
        self.assertEqual(ledger, [{"centre": "c1", "device": "loud", "cause": "rate", "events": 3900}])
        self.assertIn("let go (rate): 3900 x bad_json from c1/loud", deploy.edutally("rejected list").stdout.decode())
        body = harness.http(collector.url + "/metrics/centres")[1]
        self.assertIn('edutally_centre_events_let_go{centre="c1"} 3900', body)
        self.assertIn('edutally_centre_events_received{centre="c2"} 100', body)
        body = harness.http(collector.url + "/metrics/centres?centre=c2")[1]
        self.assertIn('edutally_device_events_expected{centre="c2",device="quiet"} 100', body)
        self.assertEqual(harness.http(collector.url + "/metrics/centres?centre=nobody")[0], 404)
        print(f"peak memory {peak_kib(collector.process)} KiB")
        collector.stop()

    def test_what_was_set_aside_outlives_the_garbage_of_others(self):
        broker = self.mosquitto()
        deploy = self.deployment(config={"rejected": {"max_rows": 200}})
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        with Publisher(broker, "late") as late, Publisher(broker, "loud") as loud:
            late.listen("edu/v1/46/late/d/ack")
            late.send([message(seq, "late", "d") for seq in range(1, 81)])  # a quarter of the quarantine, and 30 more
            loud.send([(topic_of("c1", f"invented-{number}"), "{garbage") for number in range(600)])
            collector.wait_metric("events_rejected_total", 600)
            collector.wait_idle()
            harness.eventually(lambda: self.assertEqual(json.loads(late.acks[-1][1])["upto"], 50))
        rows = deploy.sql("SELECT state, centre, count(*) AS n FROM v_rejected GROUP BY state, centre")
        self.assertEqual(rows[0], {"state": "quarantined", "centre": "late", "n": 50})
        self.assertLessEqual(rows[1]["n"], 220)
        ledger = deploy.sql("SELECT reason, events FROM v_let_go WHERE cause = 'full'")
        self.assertEqual(ledger, [{"reason": "unknown_centre", "events": 30}])
        collector.stop()

    def test_devices_and_epochs_that_outside_input_makes_are_bounded(self):
        broker = self.mosquitto()
        deploy = self.deployment(config={"limits": {"devices_per_centre": 10, "unknown_devices": 5, "epochs_per_device": 3}})
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        with Publisher(broker, "devices") as device:
            device.listen("edu/v1/46/+/+/ack")
            device.send([message(1, "c1", f"new-{number}") for number in range(30)])
            device.send([message(1, f"nowhere-{number}", "d") for number in range(30)])
            device.send([message(1, "c2", "forgetful", f"boot-{number}") for number in range(10)])
            collector.wait_metric("events_received_total", 70)
            collector.wait_idle()
            acknowledged = {topic for topic, _ in device.acks}
        found = collector.metrics()
        self.assertEqual(found["events_counted_total"], 10 + 3)
        self.assertEqual(found["events_quarantined_total"], 5)
        self.assertEqual(found["events_refused_total"], 20 + 25 + 7)
        self.assertEqual(found["devices_known"], 10 + 5 + 1)
        self.assertEqual(found["epochs_known"], 10 + 5 + 3)
        self.assertEqual(len([topic for topic in acknowledged if "/c1/" in topic]), 10)
        self.assertEqual(len([topic for topic in acknowledged if "/nowhere-" in topic]), 5)
        collector.stop()

    def test_what_a_full_queue_of_the_broker_dropped_is_seen_and_sent_again(self):
        broker, deploy = harness.Mosquitto(self.folder("mosquitto")), self.deployment()
        config = broker.directory / "mosquitto.conf"
        config.write_text(config.read_text().replace("max_queued_messages 0", "max_queued_messages 20")
                          .replace("max_inflight_messages 100", "max_inflight_messages 5"))
        self.run_server(broker)
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        collector.stop()
        events = [message(seq) for seq in range(1, 201)]
        with Publisher(broker, "device") as device:
            device.send(events)  # the broker says yes to each, and keeps a tenth
            collector.start()
            collector.wait_metric("mqtt_connected", 1)
            device.listen("edu/v1/46/c1/d/ack")
            device.send([message(201)])
            collector.wait_metric("events_missing", 1)
            missing = collector.metric("events_missing")
            self.assertGreater(missing, 150)
            ack = harness.wait_for("an acknowledgement that names the gap",
                                   lambda: device.acks and json.loads(device.acks[-1][1]))
            lost = [seq for first, last in ack["missing"] for seq in range(first, last + 1)]
            self.assertEqual(len(lost), missing)
            for seq in lost:  # as a device does, and no faster than the small queue takes
                device.send([events[seq - 1]])
            collector.wait_metric("events_counted_total", 201 - collector.metric("events_repeated_total"))
        harness.eventually(lambda: self.assertEqual(collector.metric("events_missing"), 0))
        collector.stop()
        self.assertIn("c1,2025-10-06,management,201,0,0,1", deploy.export())

    def test_a_config_at_fault_touches_no_data(self):
        deploy = self.deployment()
        deploy.ingest([harness.line_of(*message(1)), harness.line_of(topic_of("c1", "d"), "{garbage")])

        def bytes_at_rest():
            return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                    for path in deploy.data_dir.rglob("*") if path.is_file()}
        before = bytes_at_rest()
        for fault in ({"late_days": "sixty"}, {"time_zone": "Asia/Hue"}, {"registry": {"centres": "absent.csv",
                                                                                    "areas": "areas.csv"}}):
            deploy.write_config(**(deploy.config | fault))
            for command in ("run", "ingest", "report", "export facts", "rejected retry", "check"):
                with self.subTest(fault=fault, command=command):
                    arguments = ["-"] if command == "ingest" else []
                    deploy.edutally(command, *arguments, stdin=b"", expect=3)
            self.assertEqual(bytes_at_rest(), before)
            deploy.write_config(late_days=3650, time_zone="Asia/Ho_Chi_Minh",
                                registry={"centres": "centres.csv", "areas": "areas.csv"})
        self.assertIn("c1,2025-10-06,management,1,0,0,1", deploy.export())

    def test_people_and_devices_are_no_series(self):
        influx, deploy, broker = self.influxd(), self.deployment(), self.mosquitto()
        collector = self.collector(deploy, broker, outputs=[{"name": "influx", "type": "influxdb1", "url": influx.url,
                                                             "database": "edutally"}])
        collector.wait_metric("mqtt_connected", 1)
        with Publisher(broker, "devices") as device:
            device.send([message(seq, "c1", f"tablet-{seq % 50}", user=f"person-{seq:06}") for seq in range(1, 2001)])
        collector.wait_metric("events_counted_total", 2000)
        collector.wait_idle()
        collector.wait_until("all of it in InfluxDB", lambda: collector.metric("output_behind_revisions") == 0)
        tags = {row["tagKey"] for row in influx.query("SHOW TAG KEYS")}
        values = {row["value"] for tag in tags for row in influx.query(f'SHOW TAG VALUES WITH KEY = "{tag}"')}
        self.assertFalse([value for value in values if "person" in value or "tablet" in value])
        budget = json.loads(deploy.edutally("check", "--json", expect=None).stdout)["series"]
        series = len(influx.query("SHOW SERIES"))
        self.assertLessEqual(series, sum(budget.values()))
        print(f"{series} series, {tags}")
        collector.stop()


if __name__ == "__main__":
    unittest.main()
