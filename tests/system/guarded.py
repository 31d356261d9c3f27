"""A broker as an operator sets it up: the project's own files (config/mosquitto/, only paths and ports replaced), and
credentials that scripts/provision issued; and clients that knock at its doors."""

import getpass
import os
import re
import shutil
import socket
import ssl
import subprocess

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes

import harness
from harness import free_port, wait_for

PROVISION = harness.PROJECT / "scripts/provision"
FILES = harness.PROJECT / "config/mosquitto"


def provision(root, *words, expect=0, **options):
    """Runs scripts/provision below `root`; what it printed."""
    done = subprocess.run([PROVISION, "--root", root, *words], capture_output=True, text=True, check=False,
                          timeout=60 * harness.PATIENCE, **options)
    if done.returncode != expect:
        raise AssertionError(f"provision {words}: exit code {done.returncode}, expected {expect}\n"
                             + done.stdout + done.stderr)
    return done.stdout


def password_in(text):
    return re.search(r"^password +(\S+)$", text, re.MULTILINE).group(1)


def openssl(*words, cwd, names="DNS:localhost"):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=cwd,
                   env=os.environ | {"EDUTALLY_NAMES": names})


class Guarded(harness.Mosquitto):
    """The broker as an operator of Debian sets it up: both files of config/mosquitto, the access list, and what provision
    made, all below `directory`; `edit` changes the configuration."""

    def __init__(self, directory, hosts=("localhost",), edit=lambda text: text):
        self.root = directory
        self.etc = directory / "etc/mosquitto"
        self.certs = self.etc / "certs"
        self.ca = directory / "etc/edutally/ca"
        self.ca_file = self.certs / "edutally-ca.pem"
        provision(directory, "ca", *(word for host in hosts for word in ("--host", host)))
        shutil.copy(FILES / "acl", self.etc / "acl")
        (self.etc / "acl").chmod(0o600)
        provision(directory, "collector")
        self.port, self.tls_port, self.certificate_port = free_port(), free_port(), free_port()
        # What Debian's own mosquitto.conf says, and where this one's files are.
        lines = ["persistence true", f"persistence_location {directory}/", f"user {getpass.getuser()}", "log_type all"]
        for name in ("edutally-tls.conf", "edutally.conf"):
            text = (FILES / name).read_text().replace("/etc/mosquitto/", f"{self.etc}/")
            for standard, port in ((8883, self.tls_port), (8884, self.certificate_port)):
                text = text.replace(f"listener {standard}\n", f"listener {port} 127.0.0.1\n")
            lines.append(text.replace("listener 1883 127.0.0.1", f"listener {self.port} 127.0.0.1"))
        (directory / "mosquitto.conf").write_text(edit("\n".join(lines)))
        harness.Server.__init__(self, "mosquitto", directory, [
            harness.system_program("mosquitto", "mosquitto"), "-c", "mosquitto.conf"])

    def reload(self):
        """As `systemctl reload mosquitto`."""
        before = self.log.read_text().count("Reloading config")
        self.signal(harness.signal.SIGHUP)
        self.wait_until("its files read again", lambda: self.log.read_text().count("Reloading config") > before)

    def issue(self, centre):
        """A new password for a centre, which the broker knows."""
        password = password_in(provision(self.root, "centre", centre))
        self.reload()
        return password

    def certify(self, centre, *options):
        """A new certificate; copies of its files."""
        provision(self.root, "centre", centre, "--certificate", *options)
        self.reload()
        folder = self.root / f"copy-{centre}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.ca / "devices" / centre, folder)
        return folder

    def sign(self, name, *options, section="client", names="DNS:localhost"):
        """A certificate that the authority signs without provision: with a past date, a strange name, another use."""
        folder = self.root / "strange"
        folder.mkdir(exist_ok=True)
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", folder / "key.pem", cwd=folder)
        openssl("req", "-new", "-config", self.ca / "openssl.cnf", "-key", folder / "key.pem", "-subj", "/CN=x", "-out",
                folder / "csr.pem", cwd=folder, names=names)
        openssl("ca", "-batch", "-notext", "-config", "openssl.cnf", "-extensions", section, *(options or ("-days", "2")),
                "-subj", f"/CN={name}", "-in", folder / "csr.pem", "-out", folder / "cert.pem", cwd=self.ca, names=names)
        shutil.copy(self.ca / "ca.pem", folder / "ca.pem")
        return folder


class Client:
    """A device with Python's paho, in MQTT 5; what it may read arrives in `got`."""

    def __init__(self, port, user=None, password=None, ca=None, folder=None, client_id="", will=None, lasting=False):
        self.got, self.answers, self.granted = [], [], []
        self.client = client = paho.Client(client_id=client_id, protocol=paho.MQTTv5)
        if ca:
            client.tls_set(ca_certs=str(ca))
        elif folder:
            client.tls_set(str(folder / "ca.pem"), str(folder / "cert.pem"), str(folder / "key.pem"))
        if user is not None:
            client.username_pw_set(user, password)
        if will:
            client.will_set(*will, qos=1)
        client.on_connect = lambda _client, _data, _flags, code, _properties=None: self.answers.append(code.value)
        client.on_message = lambda _client, _data, message: self.got.append((message.topic, message.payload))
        client.on_subscribe = lambda *_: self.granted.append(True)
        session = None
        if lasting:
            session = paho.Properties(PacketTypes.CONNECT)
            session.SessionExpiryInterval = 3600
        client.connect("localhost", port, clean_start=not lasting, properties=session)

    def __enter__(self):
        self.client.loop_start()
        wait_for("the broker's answer", lambda: self.answers)
        assert self.answers == [0], f"refused with {self.answers}"
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def send(self, *messages, retain=False):
        for topic, payload in messages:
            one = self.client.publish(topic, payload, qos=1, retain=retain)
            one.wait_for_publish(20 * harness.PATIENCE)
            assert one.is_published(), f"no PUBACK for {topic}"

    def listen(self, *filters):
        for one in filters:
            self.client.subscribe(one, qos=1)
        wait_for("the answers to the subscriptions", lambda: len(self.granted) >= len(filters))

    def wait_for_topic(self, topic):
        wait_for(f"a message of {topic}", lambda: any(one == topic for one, _ in self.got))


def answer_to(*arguments, **named):
    """How a broker answers a client that it must not let in: CONNACK's code, or the fault of the connection."""
    try:
        client = Client(*arguments, **named)
        client.client.loop_start = None  # nothing in the background: faults come out here
        wait = iter(range(100))
        while not client.answers and next(wait, None) is not None:
            code = client.client.loop(0.1)
            if code != 0 and not client.answers:
                return f"connection lost ({paho.error_string(code)})"
        return client.answers[0]
    except (OSError, ssl.SSLError) as error:
        return error


def connect_packet(user, password, client_id=b"raw"):
    """CONNECT of MQTT 3.1.1 with whatever bytes in its strings."""
    body = b"\x00\x04MQTT\x04\xc2\x00\x3c" + b"".join(len(text).to_bytes(2, "big") + text for text in
                                                      (client_id, user, password))
    return b"\x10" + bytes([len(body)]) + body


def publish_packet(topic):
    body = len(topic).to_bytes(2, "big") + topic + b"\x00\x01forged"
    return b"\x32" + bytes([len(body)]) + body


def answer_to_bytes(port, data):
    """What comes back until the broker closes; None if it resets the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20 * harness.PATIENCE) as stream:
        try:
            stream.sendall(data)
            answer = b""
            while more := stream.recv(1024):
                answer += more
            return answer
        except ConnectionResetError:
            return None
