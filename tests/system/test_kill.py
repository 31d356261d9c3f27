"""kill -9 in the middle of the flow, again and again, of the collector, of the broker, of both, with devices publishing on:
the same facts as undisturbed.

EDUTALLY_TEST_LONG=1: 200 kills and more in each test, in place of a handful.
"""

import json
import os
import random
import re
import signal
import subprocess
import threading
import time
import unittest

import harness
import model
from harness import batch, line_of, topic_of
from test_simulator import CONFIG, SCENARIO, read_jsonc, simulate

LONG = os.environ.get("EDUTALLY_TEST_LONG") == "1"
SEED = int(os.environ.get("EDUTALLY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
DEVICES, MESSAGES, PER_MESSAGE, KILLS = 8, 1500 if LONG else 150, 10, 200 if LONG else 6
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


class KeepingDevices:
    """Devices that forget a message only when the collector's end-to-end acknowledgement covers it (design §4.3), and send again
    what is not covered, whatever the broker said."""

    def __init__(self, broker):
        self.kept, self.lock, self.publisher = {}, threading.Lock(), harness.Publisher(broker, "keeping-devices")
        self.publisher.client.reconnect_delay_set(0.1, 0.5)
        self.publisher.client.on_message = self.take_ack
        self.publisher.client.on_connect = lambda client, *_: client.subscribe("edu/v1/46/+/+/ack", qos=1)
        self.publisher.client.subscribe("edu/v1/46/+/+/ack", qos=1)

    def take_ack(self, _client, _data, message):
        ack, device = json.loads(message.payload), message.topic.removesuffix("/ack")
        with self.lock:
            for first in [first for first in self.kept.get(device, {}) if first + PER_MESSAGE - 1 <= ack["upto"] and not any(
                    low <= first + PER_MESSAGE - 1 and first <= high for low, high in ack["missing"])]:
                del self.kept[device][first]

    def send(self, messages):
        with self.lock:
            for topic, payload in messages:
                first = int(re.search(r'"seq":(\d+)', payload).group(1))
                self.kept.setdefault(topic.removesuffix("/event"), {})[first] = payload
        self._publish(messages)

    def _publish(self, messages):
        for topic, payload in messages:
            self.publisher.client.publish(topic, payload, qos=1)

    def uncovered(self):
        with self.lock:
            return [(f"{device}/event", payload) for device, kept in self.kept.items() for payload in kept.values()]

    def send_until_covered(self, seconds):
        """What is not covered is sent again every second or so, the oldest first."""
        def covered():
            rest = self.uncovered()
            self._publish(rest[:400])
            deadline = time.monotonic() + 1.2
            while rest and len(self.uncovered()) == len(rest) and time.monotonic() < deadline:
                time.sleep(0.02)
            return not rest
        harness.wait_for("all events covered end to end", covered, seconds)

    def close(self):
        self.publisher.close()


class Kill(harness.SystemTest):

    def setUp(self):
        super().setUp()
        print(f"EDUTALLY_TEST_SEED={SEED}")
        self.random, self.kills = random.Random(SEED), 0

    def make(self):
        self.messages, self.expected = make_messages(self.random)
        self.total = DEVICES * MESSAGES * PER_MESSAGE

    def publish_between_kills(self, device, publishing):
        """A piece at a time, no faster than the kills come, so that they fall evenly into the flow."""
        try:
            for at in range(0, len(self.messages), 25):
                while publishing.is_set() and at * KILLS > (self.kills + 1) * len(self.messages):
                    time.sleep(0.005)
                device.send(self.messages[at:at + 25])
        finally:
            publishing.clear()

    def kill_while_publishing(self, device, servers):
        """One of `servers` or all at once, at random moments, until all is published."""
        publishing = threading.Event()
        publishing.set()
        thread = threading.Thread(target=self.publish_between_kills, args=(device, publishing))
        thread.start()
        self.addCleanup(publishing.clear)
        while self.kills < KILLS or publishing.is_set():
            time.sleep(self.random.uniform(0.005, 0.4))
            self.kill_some(servers)
        thread.join()

    def kill_some(self, servers):
        victims = servers if self.random.random() < 0.3 else [self.random.choice(servers)]
        for server in victims:
            server.kill()
            self.kills += 1
        for server in servers:  # the broker comes first
            if server in victims:
                server.start()

    def start(self, deploy, broker):
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        return collector

    def test_collector_killed_while_devices_publish(self):
        self.make()
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.start(deploy, broker)
        with harness.Publisher(broker, "devices") as device:
            self.kill_while_publishing(device, [collector])

        collector.wait_metric("mqtt_connected", 1)
        self.wait_for_all(collector, deploy)
        collector.stop()
        self.check(deploy, "collector")

    def check(self, deploy, what):
        print(f"{self.kills} kills of {what}, {self.total} events")
        self.assertEqual(deploy.export(), self.expected)
        self.assertEqual(deploy.sql("SELECT sum(missing) AS missing FROM v_devices"), [{"missing": 0}])

    def wait_for_all(self, collector, deploy):
        def counted():
            return deploy.sql("SELECT coalesce(sum(events), 0) AS n FROM v_usage_daily")[0]["n"] >= self.total
        collector.wait_until("all events in the store", counted, 60)

    def kill_with_keeping_devices(self, deploy, broker, collector, victims, what):
        devices = KeepingDevices(broker)
        self.addCleanup(devices.close)
        self.kill_while_publishing(devices, victims)
        devices.send_until_covered(120)
        collector.wait_idle()
        collector.stop()
        self.check(deploy, what)

    def test_broker_killed_while_devices_publish(self):
        """What it had taken and not yet saved is gone with it; the devices still have it."""
        self.make()
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.start(deploy, broker)
        self.kill_with_keeping_devices(deploy, broker, collector, [broker], "broker")

    def test_broker_and_collector_killed_while_devices_publish(self):
        self.make()
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.start(deploy, broker)
        self.kill_with_keeping_devices(deploy, broker, collector, [broker, collector], "broker and collector")

    def test_the_simulators_devices_while_broker_and_collector_are_killed(self):
        """`edutally-sim run`: the client that firmware embeds, with its outbox."""
        broker, deploy = self.mosquitto(), self.province()
        collector = self.start(deploy, broker)
        part = ("--scenario", self.quiet_scenario(), "--centres", 6, "--from", "2025-11-01")
        words = [harness.program("edutally-sim"), "run", *map(str, part), "--until", "2025-12-01", "--speed",
                 "8000" if LONG else "600000", "--server", f"mqtt://127.0.0.1:{broker.port}", "--resend-seconds", "1",
                 "--drain-seconds", "120"]
        with open(self.directory / "sim.log", "wb") as log:
            play = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log)
        self.addCleanup(lambda: (play.kill(), play.wait(), play.stdout.close()))
        deadline = time.monotonic() + (600 if LONG else 4)
        while play.poll() is None and time.monotonic() < deadline:
            time.sleep(self.random.uniform(0.005, 0.6))
            self.kill_some([broker, collector])
        said = play.stdout.read().decode()
        self.assertEqual(play.wait(300 * harness.PATIENCE), 0, said + (self.directory / "sim.log").read_text()[-2000:])
        counts = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", said)}
        self.assertEqual((counts["uncovered"], counts["covered"]), (0, counts["events"]))
        collector.wait_idle()
        collector.stop()
        self.total = counts["events"]
        self.expected = simulate("truth", *part, "--to", "2025-12-01", "--late-days", 3650).stdout.decode()
        self.check(deploy, "broker and collector under simulated devices")

    def province(self):
        deploy = self.deployment()
        deploy.write_config(registry={"centres": str(CONFIG / "registry/centres.csv"),
                                      "areas": str(CONFIG / "registry/areas.csv")},
                            taxonomy=str(CONFIG / "taxonomy.jsonc"), indicators=str(CONFIG / "indicators.jsonc"))
        return deploy

    def quiet_scenario(self):
        """The scenario with good clocks: over MQTT the time of arrival is the collector's own."""
        scenario = read_jsonc(SCENARIO)
        scenario |= {"registry": str(CONFIG / "registry/centres.csv"), "taxonomy": str(CONFIG / "taxonomy.jsonc")}

        def quieten(node):
            for key, value in node.items():
                if key.startswith("clock_") and isinstance(value, (int, float)):
                    node[key] = 0
                elif isinstance(value, dict):
                    quieten(value)
        quieten(scenario)
        path = self.directory / "scenario.jsonc"
        path.write_text(json.dumps(scenario))
        return path

    def test_ingest_killed_and_started_again(self):
        self.make()
        deploy = self.deployment()
        lines = self.directory / "events.jsonl"
        lines.write_text("".join(line_of(*message) + "\n" for message in self.messages))
        command = [harness.program("edutally"), "ingest", "--config", str(deploy.config_path), str(lines)]
        for _ in range(200 if LONG else 4):
            ingest = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(self.random.uniform(0.005, 0.08))
            ingest.send_signal(signal.SIGKILL)
            ingest.wait()
            self.kills += 1
        deploy.edutally("ingest", lines)
        self.check(deploy, "ingest")


if __name__ == "__main__":
    unittest.main()
