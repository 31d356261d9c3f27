"""Devices that keep every event until the collector's end-to-end acknowledgement covers it, in Python and by the letter of
the protocol: another implementation than the simulator's."""

import json
import ssl
import threading
import time

import paho.mqtt.client as paho

import harness
from harness import batch, topic_of

EPOCH = "e"
PER_MESSAGE = 10
RESEND_S = 2.0


class Keeper:
    """One connection for several devices, {(centre, device): [event without seq, …]}. It publishes with QoS 1, connects again
    whenever it must, and sends again what is not covered RESEND_S after it was sent."""

    def __init__(self, port, client_id, events, host="127.0.0.1", keep_alive_s=60, tls=None):
        self.devices = {key: dict(enumerate(list_, 1)) for key, list_ in events.items()}  # seq -> event, until covered
        self.sent = {key: {} for key in events}  # seq -> when, of those that the connection was given
        self.total = sum(map(len, self.devices.values()))
        self.resent = self.connects = 0
        self.lock = threading.Lock()
        self.client = paho.Client(client_id=client_id, protocol=paho.MQTTv311)
        if tls:
            self.client.tls_set_context(ssl.create_default_context(cafile=tls))
        self.client.reconnect_delay_set(min_delay=0.05, max_delay=0.5)
        self.client.on_connect = self._connected
        self.client.on_message = self._acknowledged
        self.client.max_inflight_messages_set(100)
        self.client.connect_async(host, port, keepalive=keep_alive_s)
        self.client.loop_start()

    def _connected(self, client, _data, _flags, code):
        self.connects += code == 0
        client.subscribe([(topic_of(centre, device, "ack"), 1) for centre, device in self.devices])

    def _acknowledged(self, _client, _data, message):
        _edu, _v1, _realm, centre, device, _kind = message.topic.split("/")
        ack = json.loads(message.payload)
        if ack["epoch"] != EPOCH:
            return
        missing = {seq for first, last in ack["missing"] for seq in range(first, last + 1)}
        with self.lock:
            kept = self.devices[centre, device]
            for seq in [seq for seq in kept if seq <= ack["upto"] and seq not in missing]:
                del kept[seq]

    def uncovered(self):
        with self.lock:
            return sum(map(len, self.devices.values()))

    def turn(self, most=PER_MESSAGE):
        """Each device sends its next `most` events that are due, in one message. Without a connection it waits."""
        if not self.client.is_connected():
            return
        now = time.monotonic()
        for key, kept in self.devices.items():
            with self.lock:
                due = [seq for seq in sorted(kept) if now - self.sent[key].get(seq, 0) >= RESEND_S][:most]
                events = [{"seq": seq, **kept[seq]} for seq in due]
            if due:
                self.resent += sum(seq in self.sent[key] for seq in due)
                self.sent[key].update(dict.fromkeys(due, now))
                self.client.publish(topic_of(*key), batch(EPOCH, events), qos=1)

    def run(self, pause_s=0.02, seconds=60):
        """Until everything is covered."""
        deadline = time.monotonic() + seconds * harness.PATIENCE
        while self.uncovered():
            self.turn()
            time.sleep(pause_s)
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.uncovered()} of {self.total} events were not covered in {seconds} s")

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
