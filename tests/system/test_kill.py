"""kill -9 in the middle of the flow, again and again, with devices publishing on: the same facts as undisturbed."""

import os
import random
import signal
import subprocess
import threading
import time
import unittest

import harness
import model
from harness import batch, line_of, topic_of

SEED = int(os.environ.get("EDUTALLY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
DEVICES, MESSAGES, PER_MESSAGE, KILLS = 8, 150, 10, 6
FIRST_MS = 1759251600000  # 2025-10-01 00:00 in Vietnam
TYPES = ("attendance.taken", "lesson.delivered", "quiz.submitted")


def make_messages(made):
    """Messages of all devices, interleaved, and the facts that they hold."""
    oracle, streams = model.Model(), []
    for device in range(DEVICES):
        centre, name, seq, stream = f"c{1 + device % 3}", f"device-{device}", 0, []
        for _ in range(MESSAGES):
            events = []
            for _ in range(PER_MESSAGE):
                seq += 1
                events.append({"seq": seq, "t": FIRST_MS + made.randrange(20 * 86400) * 1000, "type": made.choice(TYPES),
                               "user": f"user-{made.randrange(40):04}", "dur": made.randrange(60)})
                oracle.add(centre, name, ("e", seq), events[-1])
            stream.append((topic_of(centre, name), batch("e", events)))
        streams.append(stream)
    return [message for turn in zip(*streams) for message in turn], oracle.csv()


class Kill(harness.SystemTest):

    def setUp(self):
        super().setUp()
        print(f"EDUTALLY_TEST_SEED={SEED}")
        self.random = random.Random(SEED)
        self.messages, self.expected = make_messages(self.random)
        self.total = DEVICES * MESSAGES * PER_MESSAGE

    def publish_slowly(self, broker, publishing):
        """In pieces, so that kills fall into the flow and not behind it."""
        with harness.Publisher(broker, "devices") as device:
            for at in range(0, len(self.messages), 25):
                device.send(self.messages[at:at + 25])
                time.sleep(0.03)
        publishing.clear()

    def test_collector_killed_while_devices_publish(self):
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        publishing = threading.Event()
        publishing.set()
        thread = threading.Thread(target=self.publish_slowly, args=(broker, publishing))
        thread.start()
        kills = 0
        while kills < KILLS or publishing.is_set():
            time.sleep(self.random.uniform(0.005, 0.4))
            collector.kill()
            kills += 1
            collector.start()
        thread.join()

        collector.wait_metric("mqtt_connected", 1)
        self.wait_for_all(collector, deploy)
        collector.stop()
        print(f"{kills} kills, {self.total} events")
        self.assertEqual(deploy.export(), self.expected)
        self.assertEqual(deploy.sql("SELECT sum(missing) AS missing FROM v_devices"), [{"missing": 0}])

    def wait_for_all(self, collector, deploy):
        def counted():
            return deploy.sql("SELECT coalesce(sum(events), 0) AS n FROM v_usage_daily")[0]["n"] >= self.total
        collector.wait_until("all events in the store", counted, 60)

    def test_broker_killed_while_devices_publish(self):
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        half = len(self.messages) // 2
        with harness.Publisher(broker, "devices") as device:
            device.send(self.messages[:half])
        broker.kill()
        collector.wait_until("seeing that the broker is gone", lambda: collector.metric("mqtt_connected") == 0)
        broker.start()
        collector.wait_metric("mqtt_connected", 1, 60)
        with harness.Publisher(broker, "devices") as device:
            device.send(self.messages)  # a device that was not covered by an end-to-end acknowledgement sends again
        self.wait_for_all(collector, deploy)
        collector.stop()
        self.assertEqual(deploy.export(), self.expected)

    def test_ingest_killed_and_started_again(self):
        deploy = self.deployment()
        lines = self.directory / "events.jsonl"
        lines.write_text("".join(line_of(*message) + "\n" for message in self.messages))
        command = [harness.program("edutally"), "ingest", "--config", str(deploy.config_path), str(lines)]
        for _ in range(4):
            ingest = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(self.random.uniform(0.005, 0.08))
            ingest.send_signal(signal.SIGKILL)
            ingest.wait()
        deploy.edutally("ingest", lines)
        self.assertEqual(deploy.export(), self.expected)


if __name__ == "__main__":
    unittest.main()
