"""Two collectors on the same realm at once, each with its own client id, data directory and journal, with one secret and one
InfluxDB: whichever dies and comes back, both stores and InfluxDB end with the same facts."""

import json
import os
import random
import threading
import time
import unittest

import harness
import model
import points
from harness import batch, topic_of

LONG = os.environ.get("EDUTALLY_TEST_LONG") == "1"
SEED = int(os.environ.get("EDUTALLY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
DEVICES, MESSAGES, PER_MESSAGE, KILLS = 6, 2000 if LONG else 100, 10, 100 if LONG else 5
FIRST_MS = 1759251600000  # 2025-10-01 00:00 in Vietnam
TYPES = ("attendance.taken", "lesson.delivered", "quiz.submitted")


class TwoCollectors(harness.SystemTest):

    def setUp(self):
        super().setUp()
        print(f"EDUTALLY_TEST_SEED={SEED}")
        self.random, self.oracle = random.Random(SEED), model.Model()
        self.broker, self.influx = self.mosquitto(), self.influxd()
        secret = self.directory / "secret"
        secret.write_bytes(self.random.randbytes(32).hex().encode() + b"\n")
        secret.chmod(0o600)
        self.deploys, self.collectors = {}, {}
        for name in ("north", "south"):
            deploy = self.deploys[name] = self.deployment(name)
            collector = self.collectors[name] = harness.Collector(
                deploy, self.broker, mqtt={"client_id": f"collector-{name}"}, secret_file=str(secret), outputs=[
                    {"name": "influx", "type": "influxdb1", "url": self.influx.url, "database": "edutally"}])
            self.run_server(collector)
        for collector in self.collectors.values():
            collector.wait_metric("mqtt_connected", 1)  # from here on the broker keeps a queue for each

    def make_messages(self):
        streams = []
        for device in range(DEVICES):
            centre, name, seq, stream = f"c{1 + device % 3}", f"device-{device}", 0, []
            for _ in range(MESSAGES):
                events = []
                for _ in range(PER_MESSAGE):
                    seq += 1
                    events.append({"seq": seq, "t": FIRST_MS + self.random.randrange(20 * 86400) * 1000,
                                   "type": self.random.choice(TYPES), "user": f"user-{self.random.randrange(40):04}",
                                   "dur": self.random.randrange(60)})
                    self.oracle.add(centre, name, ("e", seq), events[-1])
                stream.append((topic_of(centre, name), batch("e", events)))
            streams.append(stream)
        return [message for turn in zip(*streams) for message in turn]

    def publish(self, messages, publishing):
        with harness.Publisher(self.broker, "devices") as device:
            for at in range(0, len(messages), 20):
                device.send(messages[at:at + 20])
                time.sleep(0.03)  # so that kills fall into the flow and not behind it
        publishing.clear()

    def wait_for_all(self, total):
        def counted(deploy):
            return deploy.sql("SELECT coalesce(sum(events), 0) AS n FROM v_usage_daily")[0]["n"] >= total
        for name, collector in self.collectors.items():
            collector.wait_until("all events in the store", lambda: counted(self.deploys[name]), 60)
            collector.wait_idle()

    def check_all_equal(self):
        for deploy in self.deploys.values():
            harness.eventually(lambda: points.assert_level(self, deploy, self.influx), 60)
        for collector in self.collectors.values():
            collector.stop()
        north, south = self.deploys["north"], self.deploys["south"]
        self.assertEqual(north.export(), self.oracle.csv())
        self.assertEqual(south.export(), self.oracle.csv())
        self.assertEqual(north.export("adoption"), south.export("adoption"))
        for deploy in self.deploys.values():
            self.assertEqual(deploy.sql("SELECT sum(missing) AS missing FROM v_devices"), [{"missing": 0}])

    def test_one_is_killed_and_comes_back_again_and_again(self):
        messages = self.make_messages()
        publishing = threading.Event()
        publishing.set()
        thread = threading.Thread(target=self.publish, args=(messages, publishing))
        thread.start()
        kills = 0
        while kills < KILLS or publishing.is_set():
            time.sleep(self.random.uniform(0.02, 0.4))
            victim = self.collectors[self.random.choice(("north", "south"))]
            victim.kill()
            kills += 1
            time.sleep(self.random.choice((0, 0, 0.5)))  # gone for a while: its queue waits in the broker
            victim.start()
        thread.join()

        self.wait_for_all(len(messages) * PER_MESSAGE)
        print(f"{kills} kills, {len(messages) * PER_MESSAGE} events, two collectors")
        self.check_all_equal()

    def test_a_collector_whose_queue_the_broker_lost_is_mended_from_the_other_ones_journal(self):
        """The limit of two at once: a device forgets what one of them acknowledged. docs/operators.md says how to mend it."""
        messages = self.make_messages()[:80]
        quarter = len(messages) // 4
        self.oracle = model.Model()
        for topic, payload in messages:
            self.add_to_oracle(topic, payload)
        north, south = self.collectors["north"], self.collectors["south"]
        with harness.Publisher(self.broker, "devices") as device:
            device.send(messages[:quarter])
            self.wait_for_all(quarter * PER_MESSAGE)
            south.stop()
            device.send(messages[quarter:2 * quarter])
            north.wait_metric("events_counted_total", 2 * quarter * PER_MESSAGE)
            self.forget_session("collector-south")
            south.start()
            south.wait_metric("mqtt_sessions_lost_total", 1)
            south.wait_metric("mqtt_connected", 1)
            device.send(messages[2 * quarter:3 * quarter])
            south.wait_metric("events_counted_total", quarter * PER_MESSAGE)
            south.wait_idle()
            missing = self.deploys["south"].sql("SELECT sum(missing) AS missing FROM v_devices")[0]["missing"]
            self.assertEqual(missing, quarter * PER_MESSAGE, "what is missing is known, and how much")

            # The other one's journal is a file that `edutally ingest` reads; what it knows already counts once.
            south.stop()
            journal = self.deploys["north"].edutally("journal dump", "--json", "--raw").stdout
            self.deploys["south"].ingest(journal)
            device.send(messages[3 * quarter:])  # goes on: for south it waits in the broker
        # South wrote what it had, over what north had written. An output of another name begins at the beginning.
        outputs = self.deploys["south"].config["outputs"]
        self.deploys["south"].write_config(outputs=[outputs[0] | {"name": "influx-again"}])
        south.start()
        self.wait_for_all(len(messages) * PER_MESSAGE)
        self.check_all_equal()

    def add_to_oracle(self, topic, payload):
        _, _, _, centre, device, _ = topic.split("/")
        for event in json.loads(payload)["events"]:
            self.oracle.add(centre, device, ("e", event["seq"]), event)

    def forget_session(self, client_id):
        """As a broker that lost its persistence does: the queue under this id is gone."""
        thief = harness.paho.Client(client_id=client_id, protocol=harness.paho.MQTTv311, clean_session=True)
        thief.connect("127.0.0.1", self.broker.port)
        thief.loop_start()
        harness.wait_for("the connection", thief.is_connected)
        thief.disconnect()
        thief.loop_stop()


if __name__ == "__main__":
    unittest.main()
