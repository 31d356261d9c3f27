"""The broker as the project ships its configuration (config/mosquitto/acl), and the broker when it is away, restarted, or has
forgotten the collector."""

import json
import subprocess
import unittest

import harness
from harness import Publisher, batch, topic_of

ACL = (harness.PROJECT / "config/mosquitto/acl").read_text()
USERS = {"collector": "collector's own", "c1": "secret of c1", "c2": "secret of c2"}
GOOD = {"t": "2025-10-06T08:00:00+07:00", "type": "attendance.taken"}


def message(seq, centre="c1", device="d"):
    return topic_of(centre, device), batch("e", [{"seq": seq, **GOOD}])


def facts(**events):
    header = "centre,day,activity,events,seconds,users,devices\n"
    return header + "".join(f"{centre},2025-10-06,management,{count},0,0,1\n" for centre, count in events.items())


class Broker(harness.SystemTest):

    def secured(self, password="collector's own"):
        """A collector with a password, on a broker with the project's own access list."""
        broker, deploy = self.mosquitto(users=USERS, acl=ACL), self.deployment()
        deploy.write("mqtt-password", password + "\n")
        collector = self.collector(deploy, broker, mqtt={"username": "collector", "password_file": "mqtt-password"})
        return broker, deploy, collector

    def test_a_centre_publishes_below_itself_alone_and_reads_its_own_acknowledgements(self):
        broker, deploy, collector = self.secured()
        collector.wait_metric("mqtt_connected", 1)
        with Publisher(broker, "c1-app", "c1", USERS["c1"]) as mine, Publisher(broker, "c2-app", "c2", USERS["c2"]) as other, \
                Publisher(broker, "thief", "c1", USERS["c1"]) as thief:
            mine.listen("edu/v1/46/+/+/ack")
            thief.send([message(7, "c2"), message(8, "c3")])  # taken by the broker and dropped
            mine.send([message(1)])
            other.send([message(1, "c2")])
            collector.wait_metric("events_counted_total", 2)
            harness.wait_for("the acknowledgement of c1", lambda: mine.acks)
            collector.wait_idle()
        self.assertEqual({topic for topic, _ in mine.acks}, {topic_of("c1", "d", "ack")})
        self.assertEqual([json.loads(payload)["upto"] for _, payload in mine.acks], [1])
        collector.stop()
        self.assertEqual(deploy.export(), facts(c1=1, c2=1))

    def test_nobody_publishes_without_a_password(self):
        broker, deploy, collector = self.secured()
        collector.wait_metric("mqtt_connected", 1)
        for options in ([], ["-u", "c1", "-P", "wrong"], ["-u", "nobody", "-P", "x"]):
            with self.subTest(options=options), self.assertRaises(subprocess.CalledProcessError):
                harness.mosquitto_pub(broker, *message(1), *options)
        harness.mosquitto_pub(broker, *message(2), "-u", "c1", "-P", USERS["c1"])
        collector.wait_metric("events_counted_total", 1)
        collector.stop()
        self.assertEqual(deploy.export(), facts(c1=1))

    def test_a_wrong_password_is_said_and_a_mended_file_is_read_without_a_restart(self):
        broker, deploy, collector = self.secured("wrong")
        collector.wait_until("saying so", lambda: "event=mqtt_connect_failed" in collector.tail(200))
        self.assertEqual(collector.metric("mqtt_connected"), 0)
        deploy.write("mqtt-password", "collector's own\n")
        collector.wait_metric("mqtt_connected", 1, 60)
        harness.mosquitto_pub(broker, *message(1), "-u", "c1", "-P", USERS["c1"])
        collector.wait_metric("events_counted_total", 1)
        collector.stop()

    def test_a_broker_that_comes_later_is_found(self):
        deploy, broker = self.deployment(), harness.Mosquitto(self.folder("mosquitto"))
        collector = self.collector(deploy, broker)
        self.assertFalse(collector.answers("/readyz"))
        self.run_server(broker)
        collector.wait_until("ready", lambda: collector.answers("/readyz"), 60)
        collector.stop()

    def test_a_session_that_the_broker_lost_is_a_gap_that_is_counted_and_the_flow_goes_on(self):
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        broker.kill()
        (broker.directory / "mosquitto.db").unlink(missing_ok=True)
        broker.start()
        collector.wait_metric("mqtt_sessions_lost_total", 1, 60)
        collector.wait_metric("mqtt_connected", 1, 60)
        with Publisher(broker, "device") as device:
            device.send([message(1)])
        collector.wait_metric("events_counted_total", 1)
        collector.stop()

    def test_a_session_that_is_there_with_its_filters_is_not_taken_for_lost(self):
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        collector.stop()
        broker.stop()  # in order: it saves its sessions
        broker.start()
        with Publisher(broker, "device") as device:
            device.send([message(1)])
        collector.start()
        collector.wait_metric("events_counted_total", 1)
        self.assertEqual(collector.metric("mqtt_sessions_lost_total"), 0)
        collector.stop()

    def test_a_realm_that_was_taken_out_of_the_config_is_unsubscribed(self):
        broker, deploy = self.mosquitto(), self.deployment(config={"realms": ["46", "48"]})
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        collector.stop()
        deploy.write_config(realms=["46"])
        collector.start()
        collector.wait_metric("mqtt_connected", 1)
        with Publisher(broker, "device") as device:
            device.send([(topic_of("c1", "d", realm="48"), batch("e", [{"seq": 1, **GOOD}])), message(1)])
        collector.wait_metric("events_counted_total", 1)
        collector.wait_idle()
        self.assertEqual(collector.metric("messages_received_total"), 1)
        self.assertEqual(deploy.rejected(), [])
        collector.stop()

    def test_a_broker_that_freezes_and_wakes_is_followed_again(self):
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.collector(deploy, broker, mqtt={"keep_alive_s": 5})
        collector.wait_metric("mqtt_connected", 1)
        broker.signal(harness.signal.SIGSTOP)
        collector.wait_until("seeing that nobody answers", lambda: collector.metric("mqtt_connected") == 0, 40)
        broker.signal(harness.signal.SIGCONT)
        collector.wait_metric("mqtt_connected", 1, 90)
        with Publisher(broker, "device") as device:
            device.send([message(1)])
        collector.wait_metric("events_counted_total", 1)
        collector.stop()


if __name__ == "__main__":
    unittest.main()
