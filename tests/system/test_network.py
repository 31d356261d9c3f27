"""Bad networks and bad brokers between devices and collector. Devices keep their events until the end-to-end acknowledgement
covers them; so at the end the facts are those of an undisturbed run, to the byte, and nothing is missing.

EDUTALLY_TEST_LONG=1 plays many rounds and lets things last longer than the keep-alive. EDUTALLY_TEST_SEED repeats a run."""

import contextlib
import ctypes
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

import paho.mqtt.client as paho

import harness
import keeper
import model
import proxy
import test_simulator
from harness import topic_of
from test_simulator import simulate

SEED = int(os.environ.get("EDUTALLY_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
LONG = os.environ.get("EDUTALLY_TEST_LONG") == "1"
ROUNDS = int(os.environ.get("EDUTALLY_TEST_ROUNDS", "8" if LONG else "1"))
KEEP_ALIVE_S = 5
FIRST_MS = 1759251600000  # 2025-10-01 00:00 in Vietnam
TYPES = ("attendance.taken", "lesson.delivered", "quiz.submitted")
CLIENT_ID = "collector-under-test"


def make_events(chance, devices=8, each=150):
    """{(centre, device): [event]} and the facts that they hold."""
    oracle, events = model.Model(), {}
    for number in range(devices):
        key = f"c{1 + number % 3}", f"device-{number}"
        events[key] = [{"t": FIRST_MS + chance.randrange(20 * 86400) * 1000, "type": chance.choice(TYPES),
                        "user": f"user-{chance.randrange(40):04}", "dur": chance.randrange(60)} for _ in range(each)]
        for seq, event in enumerate(events[key], 1):
            oracle.add(*key, ("e", seq), event)
    return events, oracle.csv()


class Disturbed(harness.SystemTest):
    """What the tests of this file share."""

    def setUp(self):
        super().setUp()
        print(f"EDUTALLY_TEST_SEED={SEED}", flush=True)
        self.random = random.Random(SEED)

    def proxied(self, broker, **how):
        made = proxy.Proxy(broker.port, seed=self.random.random(), **how)
        self.addCleanup(made.stop)
        return made

    def kept(self, port, events, **how):
        made = keeper.Keeper(port, "devices", events, **how)
        self.addCleanup(made.close)
        return made

    @contextlib.contextmanager
    def publishing(self, device):
        """Spread over what happens meanwhile, so that it meets messages under way."""
        done = threading.Event()
        def publish():
            while not done.is_set() and device.uncovered():
                device.turn(most=3)
                done.wait(0.05)
        thread = threading.Thread(target=publish)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def assert_all_there(self, collector, deploy, expected):
        collector.wait_idle()
        collector.stop()
        self.assertEqual(deploy.export(), expected)
        self.assertEqual(deploy.sql("SELECT sum(missing) AS missing FROM v_devices"), [{"missing": 0}])


class Network(Disturbed):

    # What can happen while devices publish, each a method of (broker, towards devices, towards the collector, collector).

    def connections_are_reset_in_the_middle_of_packets(self, _broker, devices, ours, _collector):
        before = devices.resets + ours.resets
        devices.piece = ours.piece = (1, 1400)
        devices.delay_ms = ours.delay_ms = (0, 4)
        devices.reset_after = ours.reset_after = (500, 8000)
        devices.reset_all()
        ours.reset_all()
        harness.wait_for("resets", lambda: devices.resets + ours.resets >= before + 4)
        devices.reset_after = ours.reset_after = None
        devices.reset_all()
        ours.reset_all()
        devices.delay_ms = ours.delay_ms = (0, 0)

    def nothing_gets_through_without_a_word(self, _broker, devices, ours, collector):
        devices.swallow = ours.swallow = True
        if LONG:
            collector.wait_until("seeing that nobody answers", lambda: collector.metric("mqtt_connected") == 0, 40)
        else:
            time.sleep(self.random.uniform(0.3, 0.8))
        devices.reset_all()
        ours.reset_all()
        devices.swallow = ours.swallow = False

    def the_broker_is_slow(self, _broker, devices, ours, _collector):
        devices.rate = ours.rate = 3000
        time.sleep(self.random.uniform(0.3, 5 if LONG else 0.8))
        devices.rate = ours.rate = None

    def the_broker_freezes(self, broker, _devices, _ours, _collector):
        broker.signal(signal.SIGSTOP)
        time.sleep(2 * KEEP_ALIVE_S if LONG else self.random.uniform(0.2, 0.6))
        broker.signal(signal.SIGCONT)

    def the_broker_is_away(self, broker, _devices, _ours, _collector):
        broker.kill()
        time.sleep(self.random.uniform(0, 3 * KEEP_ALIVE_S if LONG else 0.3))
        broker.start()

    def the_broker_forgets_everything(self, broker, _devices, _ours, collector):
        collector.wait_metric("mqtt_connected", 1, 90)
        lost = collector.metric("mqtt_sessions_lost_total")
        broker.kill()
        (broker.directory / "mosquitto.db").unlink(missing_ok=True)
        broker.start()
        collector.wait_metric("mqtt_sessions_lost_total", lost + 1, 90)
        seen_ms = collector.get("/api/v1/status")["counters"]["mqtt_gap_suspected_ms"]
        self.assertLess(abs(seen_ms - time.time() * 1000), 60000 * harness.PATIENCE)
        self.assertIn("event=session_lost", collector.tail(400))

    def another_client_takes_the_session_and_what_is_in_it(self, broker, _devices, _ours, collector):
        collector.wait_metric("mqtt_connected", 1, 90)
        gone = collector.metric("mqtt_disconnects_total")
        collector.wait_metric("mqtt_connected", 1, 90)  # also where it was thrown out between those two
        thief = paho.Client(client_id=CLIENT_ID, clean_session=False, protocol=paho.MQTTv311)
        thief.on_message = lambda *_: None  # acknowledged, and gone
        thief.on_disconnect = lambda client, _data, _code: client.disconnect()  # it does not come again
        thief.connect("127.0.0.1", broker.port)
        thief.loop_start()
        collector.wait_metric("mqtt_disconnects_total", gone + 1)
        collector.wait_metric("mqtt_connected", 1, 90)
        thief.loop_stop()

    def test_facts_are_the_same_whatever_happens_to_network_and_broker(self):
        happenings = [self.connections_are_reset_in_the_middle_of_packets, self.nothing_gets_through_without_a_word,
                      self.the_broker_is_slow, self.the_broker_freezes, self.the_broker_is_away,
                      self.the_broker_forgets_everything, self.another_client_takes_the_session_and_what_is_in_it]
        broker, deploy = self.mosquitto(), self.deployment()
        devices, ours = self.proxied(broker), self.proxied(broker)
        events, expected = make_events(self.random, each=200 * (ROUNDS if LONG else 1))
        collector = self.collector(deploy, ours, mqtt={"keep_alive_s": KEEP_ALIVE_S})
        device = self.kept(devices.port, events, keep_alive_s=KEEP_ALIVE_S)
        with self.publishing(device):
            for number in range(ROUNDS):
                for happening in self.random.sample(happenings, len(happenings)):
                    print(f"round {number}: {happening.__name__.replace('_', ' ')}", flush=True)
                    happening(broker, devices, ours, collector)
        device.run(pause_s=0.005, seconds=120)
        print(f"{device.total} events, {device.resent} sent again; connections: {device.connects} of the devices, "
              f"{collector.metric('mqtt_connects_total'):.0f} of the collector; {devices.resets + ours.resets} resets in packets\n"
              f"EDUTALLY_TEST_INJECTED={ROUNDS * len(happenings)}")
        self.assert_all_there(collector, deploy, expected)

    def test_the_simulators_devices_are_covered_through_a_bad_network(self):
        broker, deploy = self.mosquitto(), test_simulator.Simulator.province(self)
        how = {"delay_ms": (0, 2), "piece": (1, 4000), "rate": 3000000, "reset_after": (30000, 120000),
               "most_resets": ROUNDS + 1}
        devices, ours = self.proxied(broker, **how), self.proxied(broker, **how)
        collector = self.collector(deploy, ours, mqtt={"keep_alive_s": KEEP_ALIVE_S})
        collector.wait_metric("mqtt_connected", 1, 60)
        part = ("--scenario", test_simulator.Simulator.quiet_scenario(self), "--centres", 30 if LONG else 4, "--from", "2025-11-01")
        played = simulate("run", *part, "--until", "2025-12-01", "--speed", "max", "--connections", 3, "--resend-seconds", 2,
                          "--drain-seconds", 60 * ROUNDS, "--server", f"mqtt://127.0.0.1:{devices.port}")
        self.assertIn("uncovered=0", played.stdout.decode())
        self.assertGreater(devices.resets + ours.resets, 0)
        print(f"{played.stdout.decode().strip()}\nEDUTALLY_TEST_INJECTED={devices.resets + ours.resets}")
        truth = simulate("truth", *part, "--to", "2025-12-01", "--late-days", 3650)
        self.assert_all_there(collector, deploy, truth.stdout.decode())


class TlsMosquitto(harness.Mosquitto):
    """One listener, with a certificate for 127.0.0.1 that signs itself."""

    def __init__(self, directory):
        super().__init__(directory)
        self.certificate = directory / "broker.pem"
        subprocess.run([harness.system_program("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                        "2", "-subj", "/CN=edutally-test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                        directory / "broker.key", "-out", self.certificate], check=True, capture_output=True)
        config = directory / "mosquitto.conf"
        listener = f"listener {self.port} 127.0.0.1\n"
        config.write_text(config.read_text().replace(listener, f"{listener}certfile {self.certificate}\n"
                                                               f"keyfile {directory / 'broker.key'}\n"))


class Tls(Disturbed):

    def test_resets_in_handshakes_and_in_the_flow_are_outlived_over_tls(self):
        broker = self.run_server(TlsMosquitto(self.folder("mosquitto")))
        deploy, ours = self.deployment(), self.proxied(broker, reset_after=(50, 2000))  # a handshake is 3 kB or more
        collector = self.collector(deploy, ours, mqtt={"server": f"mqtts://127.0.0.1:{ours.port}", "keep_alive_s": 5,
                                                       "tls": {"ca_file": str(broker.certificate)}})
        rounds = 5 if LONG else 2
        collector.wait_until("resets in handshakes", lambda: ours.resets >= rounds, 200)
        self.assertEqual(collector.metric("mqtt_connects_total"), 0)
        ours.piece, ours.reset_after = (1, 3000), (12000, 30000)
        events, expected = make_events(self.random, devices=4, each=150 * ROUNDS)
        device = self.kept(broker.port, events, tls=str(broker.certificate))
        with self.publishing(device):
            collector.wait_until("resets in the flow", lambda: ours.resets >= 2 * rounds, 500)
        ours.reset_after = None
        device.run(pause_s=0.005, seconds=90)
        print(f"{ours.resets} resets, {collector.metric('mqtt_connects_total'):.0f} connections\n"
              f"EDUTALLY_TEST_INJECTED={ours.resets}")
        self.assert_all_there(collector, deploy, expected)


# Network namespaces: the collector's is the test's own, broker and devices have one each, joined by pairs of veth.

INSIDE = "EDUTALLY_TEST_IN_NAMESPACE"
CLONE_NEWNET = 0x40000000


def can_make_namespaces():
    return subprocess.run(["unshare", "-Urn", "true"], capture_output=True).returncode == 0 and \
        subprocess.run(["sh", "-c", "command -v ip nsenter"], capture_output=True).returncode == 0


class Place:
    """A network namespace, kept by a process that sleeps."""

    def __init__(self):
        self.process = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 3600"], stdout=subprocess.PIPE)
        self.process.stdout.readline()
        self.pid = self.process.pid
        self.run("ip", "link", "set", "lo", "up")

    def words(self, *command):
        return ["nsenter", "-t", str(self.pid), "-n", *command]

    def run(self, *command):
        subprocess.run(self.words(*command), check=True)

    def enter(self):
        """The calling thread, and the threads that it makes, are there from now on."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/proc/{self.pid}/ns/net", "rb") as file:
            if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class PlacedMosquitto(harness.Mosquitto):
    """A broker in its own namespace, reachable on the addresses of its links alone."""

    def __init__(self, directory, place):
        super().__init__(directory)
        config = directory / "mosquitto.conf"
        lines = config.read_text().replace(f"listener {self.port} 127.0.0.1", f"listener {self.port}").split("\n")
        config.write_text("\n".join("user root" if line.startswith("user ") else line for line in lines))
        self.command = place.words(*self.command)

    def start(self):
        self.spawn()
        self.wait_until("listening", lambda: "running" in self.log.read_text())
        return self


class Partition(Disturbed):

    @unittest.skipIf(INSIDE in os.environ, "the test of the inside")
    def test_links_that_go_down_in_the_middle_of_the_flow_lose_nothing(self):
        if not can_make_namespaces():
            self.skipTest("needs network namespaces: unshare -Urn, ip and nsenter (apt install util-linux iproute2)")
        inside = subprocess.run(["unshare", "-Urn", sys.executable, "-B", "-m", "unittest", "-v",
                                 "test_network.Partition.test_inside"], capture_output=True, text=True,
                                env=os.environ | {INSIDE: "1", "EDUTALLY_TEST_SEED": str(SEED)},
                                cwd=os.path.dirname(os.path.abspath(__file__)), timeout=(60 + 120 * ROUNDS) * harness.PATIENCE)
        print(inside.stdout)
        self.assertEqual(inside.returncode, 0, inside.stderr)

    @unittest.skipUnless(INSIDE in os.environ, "run by the other test, in namespaces of its own")
    def test_inside(self):
        middle, far = self.join_three()
        deploy, broker = self.deployment(), self.run_server(PlacedMosquitto(self.folder("mosquitto"), middle))
        collector = self.collector(deploy, broker, mqtt={"server": f"mqtt://10.77.1.1:{broker.port}",
                                                         "keep_alive_s": KEEP_ALIVE_S})
        collector.wait_metric("mqtt_connected", 1)
        events, expected = make_events(self.random, each=150 * ROUNDS)
        device = self.in_place(far, lambda: self.kept(broker.port, events, host="10.77.2.1", keep_alive_s=KEEP_ALIVE_S))
        with self.publishing(device):
            collector.wait_metric("events_counted_total", 50)
            for _ in range(ROUNDS):
                for link in self.random.sample([["to_us"], ["to_devices"], ["to_us", "to_devices"]], 3 if LONG else 2):
                    self.take_down(middle, link, self.random.uniform(0.2, 3 * KEEP_ALIVE_S if LONG else 1.0))
        device.run(pause_s=0.005, seconds=120)
        print(f"{device.total} events, {device.resent} sent again, "
              f"{collector.metric('mqtt_connects_total'):.0f} connections of the collector\n"
              f"EDUTALLY_TEST_INJECTED={ROUNDS * (3 if LONG else 2)}")
        self.assert_all_there(collector, deploy, expected)

    def in_place(self, place, make):
        """What `make` makes, with its threads and their connections, in another place."""
        made = []
        def there():
            place.enter()
            made.append(make())
        thread = threading.Thread(target=there)
        thread.start()
        thread.join()
        return made[0]

    def take_down(self, middle, links, seconds):
        for link in links:
            middle.run("ip", "link", "set", link, "down")
        time.sleep(seconds)
        for link in links:
            middle.run("ip", "link", "set", link, "up")
        time.sleep(0.5)

    def join_three(self):
        """This process -- 10.77.1.0/24 -- broker -- 10.77.2.0/24 -- devices."""
        middle, far = Place(), Place()
        self.addCleanup(middle.end)
        self.addCleanup(far.end)
        def here(*words):
            subprocess.run(words, check=True)
        here("ip", "link", "set", "lo", "up")
        here("ip", "link", "add", "broker", "type", "veth", "peer", "name", "to_us", "netns", str(middle.pid))
        here("ip", "addr", "add", "10.77.1.2/24", "dev", "broker")
        here("ip", "link", "set", "broker", "up")
        middle.run("ip", "link", "add", "to_devices", "type", "veth", "peer", "name", "broker", "netns", str(far.pid))
        for link, address in (("to_us", "10.77.1.1/24"), ("to_devices", "10.77.2.1/24")):
            middle.run("ip", "addr", "add", address, "dev", link)
            middle.run("ip", "link", "set", link, "up")
        far.run("ip", "addr", "add", "10.77.2.2/24", "dev", "broker")
        far.run("ip", "link", "set", "broker", "up")
        return middle, far


if __name__ == "__main__":
    unittest.main()
