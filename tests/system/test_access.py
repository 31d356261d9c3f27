"""Who gets in, and how far. Beside everything that must fail, something that must work, so that a broken test is not taken
for a closed door."""

import contextlib
import re
import shutil
import socket
import ssl
import subprocess
import unittest

import harness
from guarded import FILES, PROVISION, Client, Guarded, answer_to, answer_to_bytes, connect_packet, openssl, provision
from guarded import password_in, publish_packet
from harness import batch, topic_of, wait_for

GOOD = {"t": "2025-10-06T08:00:00+07:00", "type": "attendance.taken"}
NOT_AUTHORISED = {5, 135}  # of MQTT 3.1.1 and 5
FACTS = "centre,day,activity,events,seconds,users,devices\n"


class Access(harness.SystemTest):

    def guarded(self, **options):
        return self.run_server(Guarded(self.folder("broker"), **options))

    def witness(self, broker):
        """Reads all that the collector may read, on the listener of this machine."""
        password = (broker.root / "etc/edutally/secrets/mqtt").read_text().strip()
        witness = Client(broker.port, "collector", password, client_id="witness")
        return witness

    def assert_refused(self, answer):
        self.assertIn(answer, NOT_AUTHORISED)

    def assert_no_handshake(self, answer):
        """Neither a CONNACK, with whatever code, nor patience."""
        self.assertNotIsInstance(answer, int)
        self.assertNotIsInstance(answer, TimeoutError)

    def test_what_a_centre_may_do_it_can_with_a_password_and_with_a_certificate(self):
        broker = self.guarded()
        password, folder = broker.issue("c1"), broker.certify("c1")
        with self.witness(broker) as collector, \
                Client(broker.tls_port, "c1", password, ca=broker.ca_file) as tablet, \
                Client(broker.certificate_port, folder=folder) as kiosk:
            collector.listen("edu/v1/46/#")
            for device, name in ((tablet, "tablet"), (kiosk, "kiosk")):
                device.listen(f"edu/v1/46/c1/{name}/ack", "edu/v1/46/c1/adoption")
                device.send((topic_of("c1", name), name), (topic_of("c1", name, "state"), name))
                collector.send((topic_of("c1", name, "ack"), name))
            collector.send(("edu/v1/46/c1/adoption", "yes"), ("edu/v1/46/collector/me/state", "online"))
            for device, name in ((tablet, "tablet"), (kiosk, "kiosk")):
                device.wait_for_topic(topic_of("c1", name, "ack"))
                device.wait_for_topic("edu/v1/46/c1/adoption")
            for kind in ("event", "state"):
                collector.wait_for_topic(topic_of("c1", "tablet", kind))
                collector.wait_for_topic(topic_of("c1", "kiosk", kind))

    def test_the_first_event_that_provision_prints_arrives(self):
        broker = self.guarded()
        by_password = provision(broker.root, "centre", "c1")
        by_certificate = provision(broker.root, "centre", "c2", "--certificate")
        broker.reload()
        with self.witness(broker) as collector:
            collector.listen("edu/v1/46/#")
            for centre, printed, folder in (("c1", by_password, broker.certs),
                                            ("c2", by_certificate, broker.ca / "devices/c2")):
                lines = printed.split("A first event")[1].split("\n")
                command = "\n".join(["set -e"] + [line for line in lines if line.startswith("  ")])
                for standard, port in ((8883, broker.tls_port), (8884, broker.certificate_port)):
                    command = command.replace(f"-p {standard} ", f"-p {port} ")
                fakes, seen = self.folder(f"fakes-{centre}"), self.directory / f"seen-{centre}"
                (fakes / "mosquitto_pub").write_text(
                    f'#!/bin/sh\nprintf "%s\\n" "$@" >{seen}\nexec {shutil.which("mosquitto_pub")} "$@"\n')
                (fakes / "mosquitto_pub").chmod(0o755)
                before = set(folder.iterdir())
                subprocess.run(["bash", "-c", command], check=True, cwd=folder, timeout=30 * harness.PATIENCE,
                               env=harness.os.environ | {"PATH": f"{fakes}:{harness.os.environ['PATH']}"})
                collector.wait_for_topic(topic_of(centre, "try"))
                self.assertIn("--cafile", seen.read_text())
                if centre == "c1":
                    self.assertNotIn(password_in(printed), seen.read_text())
                self.assertEqual(set(folder.iterdir()), before)

    def test_a_centre_publishes_nowhere_but_below_itself(self):
        broker = self.guarded()
        password, folder = broker.issue("c1"), broker.certify("c1")
        forbidden = [topic_of("c1", "d", "xapi"), topic_of("c2", "d"), topic_of("c2", "d", "state"), topic_of("c1", "d", "ack"),
                     topic_of("c2", "d", "ack"), "edu/v1/46/c1/adoption", "edu/v1/46/c2/adoption", "edu/v1/46/collector/me/state",
                     "edu/v1/46/simulator/d/event", topic_of("c1", "d", realm="47"), "edu/v1/46/c1/event",
                     "edu/v1/46/c1/d/x/event", "edu/v2/46/c1/d/event", "$SYS/broker/uptime", "EDU/v1/46/c1/d/event",
                     "edu/v1/46/C1/d/event"]
        clients = {"password": lambda: Client(broker.tls_port, "c1", password, ca=broker.ca_file),
                   "certificate": lambda: Client(broker.certificate_port, folder=folder),
                   # A user name beside a certificate is not listened to.
                   "certificate and another's name":
                       lambda: Client(broker.certificate_port, "collector", "x", folder=folder)}
        for how, connect in clients.items():
            with self.subTest(how), self.witness(broker) as collector, connect() as device:
                collector.listen("edu/#", "$SYS/#")
                for retain in (False, True):
                    device.send(*((topic, "forged") for topic in forbidden), retain=retain)
                device.send((topic_of("c1", "d"), "allowed"))
                collector.wait_for_topic(topic_of("c1", "d"))
                self.assertEqual([topic for topic, payload in collector.got if payload == b"forged"], [])
        with self.witness(broker) as later:
            later.listen("edu/#")
            later.send(("edu/v1/46/c9/adoption", "now"))
            later.wait_for_topic("edu/v1/46/c9/adoption")
            self.assertEqual([payload for _, payload in later.got if payload == b"forged"], [])

    def test_a_last_will_goes_no_further_than_a_message(self):
        broker = self.guarded()
        password = broker.issue("c1")
        with self.witness(broker) as collector:
            collector.listen("edu/v1/46/#")
            for will in ((topic_of("c2", "d", "state"), "forged"), (topic_of("c1", "d", "state"), "allowed")):
                client = Client(broker.tls_port, "c1", password, ca=broker.ca_file, will=will)
                with contextlib.suppress(AssertionError), client:  # the broker may refuse such a client altogether
                    client.client.socket().shutdown(socket.SHUT_RDWR)
            collector.wait_for_topic(topic_of("c1", "d", "state"))
            self.assertEqual({payload for _, payload in collector.got}, {b"allowed"})

    def test_a_centre_reads_nothing_but_its_own_acknowledgements_and_adoption(self):
        broker = self.guarded()
        password, other, folder = broker.issue("c1"), broker.issue("c2"), broker.certify("c1")
        with self.witness(broker) as collector, Client(broker.tls_port, "c2", other, ca=broker.ca_file) as neighbour:
            for centre in ("c1", "c2"):
                collector.send((f"edu/v1/46/{centre}/adoption", f"retained of {centre}"), retain=True)
            for client in (Client(broker.tls_port, "c1", password, ca=broker.ca_file),
                           Client(broker.certificate_port, folder=folder)):
                with client as nosy:
                    nosy.listen("#", "+/#", "$SYS/#", "edu/v1/46/#", "edu/v1/46/+/+/ack", "edu/v1/46/c2/d/ack",
                                "edu/v1/46/c2/adoption", "edu/v1/46/+/+/event", "edu/v1/46/c1/+/event",
                                "$share/g/edu/v1/46/+/+/event", "edu/v1/46/collector/+/state")
                    neighbour.send((topic_of("c2", "d"), "theirs"), (topic_of("c2", "d", "state"), "theirs"))
                    collector.send((topic_of("c2", "d", "ack"), "theirs"), ("edu/v1/46/c2/adoption", "theirs"),
                                   ("edu/v1/46/collector/me/state", "theirs"), (topic_of("c1", "d", "ack"), "mine"))
                    nosy.wait_for_topic(topic_of("c1", "d", "ack"))
                    self.assertEqual({topic for topic, _ in nosy.got}, {topic_of("c1", "d", "ack"), "edu/v1/46/c1/adoption"})

    def test_who_takes_over_the_collectors_session_reads_nothing_of_its_queue(self):
        broker = self.guarded()
        mine, other = broker.issue("c1"), broker.issue("c2")
        secret = (broker.root / "etc/edutally/secrets/mqtt").read_text().strip()
        session = {"client_id": "guessed", "lasting": True}
        with Client(broker.port, "collector", secret, **session) as collector:
            collector.listen("edu/v1/46/#")
        with Client(broker.tls_port, "c2", other, ca=broker.ca_file) as neighbour:
            neighbour.send((topic_of("c2", "d"), "theirs"))  # waits in the collector's queue
        with Client(broker.tls_port, "c1", mine, ca=broker.ca_file, **session) as thief, self.witness(broker) as collector, \
                Client(broker.tls_port, "c2", other, ca=broker.ca_file) as neighbour:
            neighbour.send((topic_of("c2", "d"), "theirs again"))
            collector.send((topic_of("c1", "d", "ack"), "mine"))
            thief.wait_for_topic(topic_of("c1", "d", "ack"))
            self.assertEqual({payload for _, payload in thief.got}, {b"mine"})

    def test_with_names_for_client_ids_nobody_takes_a_session_whatever_id_he_says(self):
        one_device_each = ("# use_username_as_clientid true", "use_username_as_clientid true")
        broker = self.guarded(edit=lambda text: text.replace(*one_device_each))
        password, folder = broker.issue("c1"), broker.certify("c2")
        secret = (broker.root / "etc/edutally/secrets/mqtt").read_text().strip()
        session = {"client_id": "known to all", "lasting": True}
        with Client(broker.port, "collector", secret, **session) as collector:
            collector.listen("edu/v1/46/#")
        for centre, how in (("c1", {"port": broker.tls_port, "user": "c1", "password": password, "ca": broker.ca_file}),
                            ("c2", {"port": broker.certificate_port, "folder": folder})):
            with Client(client_id="known to all", **how) as thief:  # with clean start: it would delete the queue
                thief.send((topic_of(centre, "d"), centre))
        with Client(broker.port, "collector", secret, **session) as collector:
            collector.wait_for_topic(topic_of("c1", "d"))
            collector.wait_for_topic(topic_of("c2", "d"))

    def test_who_knows_the_client_id_can_delete_the_queue_which_is_why_provision_proposes_one_that_nobody_guesses(self):
        """The loss that docs/security.md names, so that it is noticed if a broker ever mends it."""
        broker = self.guarded()
        password, ids = broker.issue("c1"), set()
        secret = (broker.root / "etc/edutally/secrets/mqtt").read_text().strip()
        for _ in range(3):
            ids |= set(re.findall(r'"client_id": "edutally-46-([0-9a-f]{16})"', provision(broker.root, "collector")))
        self.assertEqual(len(ids), 3)
        session = {"client_id": "known", "lasting": True}
        with Client(broker.port, "collector", secret, **session) as collector:
            collector.listen("edu/v1/46/#")
        with Client(broker.tls_port, "c1", password, ca=broker.ca_file) as device:
            device.send((topic_of("c1", "d"), "waits"))
        with Client(broker.tls_port, "c1", password, ca=broker.ca_file, client_id="known"):
            pass
        with Client(broker.port, "collector", secret, **session) as collector, self.witness(broker) as witness:
            collector.listen("edu/v1/46/#")
            witness.send(("edu/v1/46/c1/adoption", "after"))
            collector.wait_for_topic("edu/v1/46/c1/adoption")
            self.assertNotIn((topic_of("c1", "d"), b"waits"), collector.got)

    def test_who_fills_the_memory_with_retained_messages_is_stopped_and_the_others_are_let_in(self):
        shipped = int(re.search(r"^memory_limit (\d+)$", (FILES / "edutally.conf").read_text(), re.MULTILINE).group(1))
        queue = int(re.search(r"^max_queued_bytes (\d+)$", (FILES / "edutally.conf").read_text(), re.MULTILINE).group(1))
        self.assertGreater(shipped, queue)
        broker = self.guarded(edit=lambda text: text.replace(f"memory_limit {shipped}", "memory_limit 20000000"))
        password = broker.issue("c1")
        with Client(broker.tls_port, "c1", password, ca=broker.ca_file) as flood:
            for number in range(150):
                one = flood.client.publish(topic_of("c1", f"d{number}", "state"), b"x" * 200000, qos=1, retain=True)
                wait_for("an answer", lambda: one.is_published() or "out of memory" in broker.tail(50))
                if not one.is_published():
                    break
            self.assertLess(number, 110)
            flood.client.disconnect()
        with self.witness(broker) as collector:
            collector.listen("edu/v1/46/collector/#")
        broker.stop()
        broker.start()  # with as much as it had
        with self.witness(broker):
            pass

    def test_a_message_that_is_larger_than_any_that_counts_ends_the_connection(self):
        broker = self.guarded()
        password = broker.issue("c1")
        with self.witness(broker) as collector, Client(broker.port, "c1", password) as device:
            collector.listen("edu/v1/46/#")
            # Above limits.payload_bytes: the collector says why it is rejected.
            device.send((topic_of("c1", "d"), b"x" * 262145))
            collector.wait_for_topic(topic_of("c1", "d"))
            device.client.publish(topic_of("c1", "large"), b"x" * 300001, qos=1)
            wait_for("the end of the connection", lambda: "oversize" in broker.tail(50) or len(device.answers) > 1)
            self.assertNotIn(topic_of("c1", "large"), [topic for topic, _ in collector.got])

    def test_idle_connections_of_strangers_leave_room_for_the_collector(self):
        text = (FILES / "edutally-tls.conf").read_text()
        connections = [int(number) for number in re.findall(r"^max_connections (\d+)$", text, re.MULTILINE)]
        files = int(re.search(r"^LimitNOFILE=(\d+)$", (FILES / "systemd-limits.conf").read_text(), re.MULTILINE).group(1))
        self.assertEqual(len(connections), 2)
        self.assertGreater(files, 2 * sum(connections))
        broker = self.guarded(edit=lambda text: text.replace(f"max_connections {connections[0]}", "max_connections 40"))
        with contextlib.ExitStack() as stack:
            for port in (broker.tls_port, broker.certificate_port):
                for _ in range(60):
                    stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            wait_for("the limit", lambda: "max_connections exceeded" in broker.log.read_text())
            with self.witness(broker) as collector:
                collector.send(("edu/v1/46/c1/adoption", "yes"))
        password = broker.issue("c1")
        wait_for("room", lambda: answer_to(broker.tls_port, "c1", password, ca=broker.ca_file) == 0)

    def test_nobody_gets_in_without_the_right_password(self):
        broker = self.guarded()
        password, other = broker.issue("c1"), broker.issue("c2")
        tries = {"nothing": (None, None), "no password": ("c1", None), "empty password": ("c1", ""),
                 "wrong": ("c1", "wrong"),
                 "another centre's": ("c1", other), "an unknown name": ("c3", password), "an empty name": ("", password),
                 "another case": ("C1", password), "cut off": ("c1", password[:-1]), "with more": ("c1", password + "x"),
                 "the collector's name": ("collector", password), "the simulator's": ("simulator", password),
                 "a hash": ("c1", (broker.etc / "passwd").read_text().split("c1:")[1].split()[0])}
        for how, (user, secret) in tries.items():
            for port, ca in ((broker.tls_port, broker.ca_file), (broker.port, None)):
                with self.subTest(how, tls=bool(ca)):
                    self.assert_refused(answer_to(port, user, secret, ca=ca))
        with Client(broker.tls_port, "c1", password, ca=broker.ca_file):
            pass

    def test_a_new_password_ends_the_old_one_and_a_revoked_one_ends_its_connections(self):
        broker = self.guarded()
        old = broker.issue("c1")
        new = broker.issue("c1")
        self.assertNotEqual(old, new)
        self.assert_refused(answer_to(broker.tls_port, "c1", old, ca=broker.ca_file))
        with Client(broker.tls_port, "c1", new, ca=broker.ca_file) as device:
            provision(broker.root, "revoke", "c1")
            broker.reload()
            wait_for("the end of the connection", lambda: not device.client.is_connected())
        self.assert_refused(answer_to(broker.tls_port, "c1", new, ca=broker.ca_file))
        self.assertIn("neither password nor certificate", subprocess.run(
            [PROVISION, "--root", broker.root, "revoke", "c7"], capture_output=True, text=True, check=False).stderr)

    def test_no_certificate_but_a_valid_one_of_the_local_authority_opens_the_door(self):
        broker = self.guarded()
        good = broker.certify("c1")
        foreign = Guarded(self.folder("elsewhere"))  # never started; its authority is another
        provision(foreign.root, "centre", "c1", "--certificate")
        stranger = foreign.ca / "devices/c1"
        (stranger / "ca.pem").write_bytes(broker.ca_file.read_bytes())
        selfmade = self.folder("selfmade")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9", "-subj",
                "/CN=c1", "-keyout", "key.pem", "-out", "cert.pem", cwd=selfmade)
        shutil.copy(broker.ca_file, selfmade / "ca.pem")
        port = broker.certificate_port
        with self.subTest("of a foreign authority"):
            self.assert_no_handshake(answer_to(port, folder=stranger))
        with self.subTest("made by oneself"):
            self.assert_no_handshake(answer_to(port, folder=selfmade))
        with self.subTest("none, but a good password"):
            self.assert_no_handshake(answer_to(port, "c1", broker.issue("c1"), ca=broker.ca_file))
        with self.subTest("expired"):
            dates = ("-startdate", "20240101000000Z", "-enddate", "20240301000000Z")
            self.assert_no_handshake(answer_to(port, folder=broker.sign("c1", *dates)))
        with self.subTest("not valid yet"):
            dates = ("-startdate", "20490101000000Z", "-enddate", "20491201000000Z")
            self.assert_no_handshake(answer_to(port, folder=broker.sign("c1", *dates)))
        with self.subTest("meant for a broker"):
            self.assert_no_handshake(answer_to(port, folder=broker.sign("c1", section="broker")))
        with self.subTest("the good one"), Client(port, folder=good):
            pass

    def test_a_revoked_certificate_is_refused_after_a_reload_and_its_successor_is_not(self):
        broker = self.guarded()
        first, port = broker.certify("c1"), broker.certificate_port
        saved = self.directory / "first"
        shutil.copytree(first, saved)
        with Client(port, folder=saved):
            pass
        second = broker.certify("c1")  # revokes the first
        self.assert_no_handshake(answer_to(port, folder=saved))
        with Client(port, folder=second):
            pass
        third = self.directory / "second"
        shutil.copytree(second, third)
        with Client(port, folder=broker.certify("c1", "--keep")), Client(port, folder=third):
            pass
        provision(broker.root, "revoke", "c1")
        broker.reload()
        self.assert_no_handshake(answer_to(port, folder=third))
        self.assertEqual(provision(broker.root, "revoke", "c1"), "c1: nothing left to revoke\n")
        with Client(port, folder=broker.certify("c2")):  # the list of revoked ones locks nobody else out
            pass

    def test_plain_text_and_old_tls_get_no_answer_where_tls_is_spoken(self):
        broker = self.guarded()
        password = broker.issue("c1")
        for port in (broker.tls_port, broker.certificate_port):
            with self.subTest("plain text", port=port):
                self.assert_no_handshake(answer_to(port, "c1", password))
            for version in ("-tls1", "-tls1_1"):
                with self.subTest(version, port=port):
                    hello = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{port}", version, "-cipher",
                                            "DEFAULT@SECLEVEL=0", "-CAfile", broker.ca_file], capture_output=True, text=True,
                                           stdin=subprocess.DEVNULL, timeout=30, check=False)
                    self.assertNotEqual(hello.returncode, 0)
                    self.assertIn("protocol version", hello.stderr)
        with Client(broker.tls_port, "c1", password, ca=broker.ca_file):
            pass

    def test_a_device_that_does_not_trust_the_authority_or_was_told_another_host_does_not_send_its_password(self):
        broker = self.guarded()
        foreign = Guarded(self.folder("elsewhere"))
        password = broker.issue("c1")
        answer = answer_to(broker.tls_port, "c1", password, ca=foreign.ca_file)
        self.assertIsInstance(answer, ssl.SSLCertVerificationError)
        self.assertIn("unable to get local issuer certificate", str(answer))
        folder = broker.sign("broker", section="broker", names="DNS:elsewhere.example,IP:127.0.0.1")
        broker.stop()
        shutil.copy(folder / "key.pem", broker.certs / "edutally-server.key")
        shutil.copy(folder / "cert.pem", broker.certs / "edutally-server.pem")
        broker.start()
        answer = answer_to(broker.tls_port, "c1", password, ca=broker.ca_file)
        self.assertIsInstance(answer, ssl.SSLCertVerificationError)
        self.assertIn("Hostname mismatch", str(answer))
        self.assertNotIn("u'c1'", broker.log.read_text())  # mosquitto names the user of a CONNECT

    def test_names_with_wildcards_and_nul_reach_nothing(self):
        broker = self.guarded()
        passwords = broker.etc / "passwd"
        for name in ("+", "c+", "c1/d"):  # made by hand: provision does not
            subprocess.run([harness.system_program("mosquitto_passwd", "mosquitto"), "-b", passwords, name, "x"], check=True,
                           capture_output=True)
        password = broker.issue("c1")
        strange = broker.sign("\\+")
        with self.witness(broker) as collector:
            collector.listen("edu/v1/46/#")
            for how in [{"port": broker.tls_port, "user": name, "password": "x", "ca": broker.ca_file}
                        for name in ("+", "c+", "c1/d")] + [{"port": broker.certificate_port, "folder": strange}]:
                with self.subTest(how), Client(**how) as device:
                    device.listen("edu/v1/46/#", "edu/v1/46/+/+/ack")
                    device.send((topic_of("c1", "d"), "forged"), (topic_of("x", "d"), "forged"))
                    collector.send((topic_of("c1", "d", "ack"), "not for you"), (topic_of("c2", "d", "ack"), "nor this"))
                    self.assertEqual(device.got, [])
            self.assert_refused(answer_to(broker.tls_port, "#", "x", ca=broker.ca_file))
            for user in (b"c1\0", b"c1\0x", b"\0"):
                with self.subTest(user):
                    self.assertIn(answer_to_bytes(broker.port, connect_packet(user, password.encode())), (b"", None))
            for topic in (b"edu/v1/46/+/d/event", b"edu/v1/46/#", b"edu/v1/46/c1\0/d/event", b""):
                with self.subTest(topic):
                    answer = answer_to_bytes(broker.port, connect_packet(b"c1", password.encode()) + publish_packet(topic))
                    self.assertIn(answer, (b"\x20\x02\x00\x00", None))  # CONNACK, then the end
            with Client(broker.tls_port, "c1", password, ca=broker.ca_file) as device:
                device.send((topic_of("c1", "d"), "allowed"))
            collector.wait_for_topic(topic_of("c1", "d"))
            self.assertEqual([payload for _, payload in collector.got if payload == b"forged"], [])

    def collector_on(self, broker, server, name="collector", **mqtt):
        deploy = self.deployment(name)
        tls = {"ca_file": str(broker.ca_file)} | mqtt.pop("tls", {})
        login = {} if "cert_file" in tls else {"username": "collector",
                                               "password_file": str(broker.root / "etc/edutally/secrets/mqtt")}
        return deploy, harness.Collector(deploy, broker, mqtt={"server": server, "tls": tls} | login | mqtt)

    def test_the_collector_counts_over_tls_with_its_password_and_with_its_certificate(self):
        broker = self.guarded()
        password, folder = broker.issue("c1"), broker.certify("c2")
        provision(broker.root, "collector", "--certificate")
        broker.reload()
        own = broker.ca / "devices/collector"
        ways = [(f"mqtts://localhost:{broker.tls_port}", {}),
                (f"mqtts://localhost:{broker.certificate_port}", {"cert_file": str(own / "cert.pem"),
                                                                  "key_file": str(own / "key.pem")})]
        for number, (server, tls) in enumerate(ways, 1):
            deploy, collector = self.collector_on(broker, server, tls=tls)
            self.run_server(collector)
            collector.wait_metric("mqtt_connected", 1)
            with Client(broker.tls_port, "c1", password, ca=broker.ca_file) as tablet, \
                    Client(broker.certificate_port, folder=folder) as kiosk:
                kiosk.listen("edu/v1/46/c2/kiosk/ack")
                tablet.send((topic_of("c1", "tablet"), batch("e", [{"seq": number, **GOOD}])))
                kiosk.send((topic_of("c2", "kiosk"), batch("e", [{"seq": number, **GOOD}])))
                kiosk.wait_for_topic("edu/v1/46/c2/kiosk/ack")
            collector.wait_metric("events_counted_total", 2)
            collector.stop()
            self.assertEqual(deploy.export(), FACTS + f"c1,2025-10-06,management,{number},0,0,1\n"
                                                      f"c2,2025-10-06,management,{number},0,0,1\n")

    def test_the_collector_tells_a_broker_that_is_not_the_one_it_trusts_no_password(self):
        broker = self.guarded(hosts=("localhost", "127.0.0.1"))
        foreign = Guarded(self.folder("elsewhere"))
        server_files = [broker.certs / f"edutally-server.{kind}" for kind in ("key", "pem")]
        good = [path.read_bytes() for path in server_files]

        def refused(why, tls, serve=good):
            broker.stop()
            for path, data in zip(server_files, serve):
                path.write_bytes(data)
            broker.start()
            server = f"mqtts://localhost:{broker.tls_port}"
            deploy, collector = self.collector_on(broker, server, why.replace(" ", "-"), tls=tls)
            self.run_server(collector)
            collector.wait_until("saying why", lambda: "event=mqtt_connect_failed" in collector.tail(400))
            line = next(line for line in collector.tail(400).split("\n") if "event=mqtt_connect_failed" in line)
            with self.subTest(why):
                self.assertIn(f"TLS: {why}: the broker's certificate does not fit", line)
                self.assertEqual(collector.metric("mqtt_connected"), 0)
                self.assertNotIn("u'collector'", broker.log.read_text())  # mosquitto names the user of a CONNECT
                self.assertIn(why, deploy.edutally("check", expect=1).stdout.decode())
            collector.stop()

        def served(*dates, names="DNS:localhost"):
            folder = broker.sign("broker", *dates, section="broker", names=names)
            return [(folder / "key.pem").read_bytes(), (folder / "cert.pem").read_bytes()]

        refused("unable to get local issuer certificate", {"ca_file": str(foreign.ca_file)})
        refused("certificate has expired", {}, served("-startdate", "20240101000000Z", "-enddate", "20240301000000Z"))
        refused("hostname mismatch", {}, served(names="DNS:elsewhere.example,IP:127.0.0.1"))


if __name__ == "__main__":
    unittest.main()
