"""The disk is full, or fails. While it is full, receiving waits and says so, and goes on by itself when there is room; what
was acknowledged is still there. When a sync fails nothing that depends on it is acknowledged, the process ends with 1, and
the next one starts from what is there.

The full disk is a small tmpfs in a mount namespace of this process alone."""

import ctypes
import json
import os
import pathlib
import unittest

import faults
import harness
from harness import Server, batch, line_of, topic_of

DISK_BYTES = 12 << 20
FIRST_MS = 1735689600000
DAY_MS = 86400000
DEVICES, PER_MESSAGE = 6, 10
CLONE_NEWNS, CLONE_NEWUSER, MS_REC, MS_PRIVATE = 0x20000, 0x10000000, 0x4000, 0x40000
PADDING = "p" * 4000


def call(name, *arguments):
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def enter_namespace():
    """A mount namespace for this process and its children; without root in a user namespace as the same user."""
    user, group = os.getuid(), os.getgid()
    try:
        call("unshare", CLONE_NEWNS)
    except OSError:
        call("unshare", CLONE_NEWNS | CLONE_NEWUSER)
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    call("mount", b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)


def message(turn, device):
    """Ten events of a device, each with a fact of its own; padded, so that the journal is what fills the disk."""
    centre, kind = f"c{1 + device % 3}", ("attendance.taken", "lesson.delivered")[device // 3]
    events = [{"seq": seq, "t": FIRST_MS + seq * DAY_MS, "type": kind, "user": f"user-{seq % 40:04}"}
              for seq in range(turn * PER_MESSAGE, (turn + 1) * PER_MESSAGE)]
    return topic_of(centre, f"device-{device}"), json.dumps(json.loads(batch("e", events)) | {"padding": PADDING})


def messages(turns):
    return [message(turn, device) for turn in turns for device in range(DEVICES)]


class Disk(harness.SystemTest):

    def setUp(self):
        super().setUp()
        faults.say_injected(1)

    def expected_of(self, sent):
        undisturbed = self.deployment("undisturbed")
        undisturbed.ingest([line_of(*one, received=None) for one in sent])
        return undisturbed.export()

    def reasons(self, collector):
        """What /readyz says is wrong; empty while it is ready."""
        status, body = harness.http(collector.url + "/readyz")
        wrong = [check for check in json.loads(body)["checks"] if not check["ok"]]
        self.assertEqual(status, 503 if wrong else 200, body)
        return wrong

    def acknowledged(self, device):
        """{(centre, device): the highest acknowledged sequence} of what a listening publisher got."""
        found = {}
        for topic, payload in device.acks:
            ack = json.loads(payload)
            self.assertEqual(ack["missing"], [])
            found[tuple(topic.split("/")[3:5])] = ack["upto"]
        return found

    def wait_acknowledged(self, device, turns):
        harness.wait_for("all acknowledged", lambda: list(self.acknowledged(device).values()) ==
                         [turns * PER_MESSAGE - 1] * DEVICES)

    def counted(self, deploy):
        return sum(row["events"] for row in deploy.sql("SELECT events FROM v_usage_daily"))


class FullDisk(Disk):

    @classmethod
    def setUpClass(cls):
        try:
            enter_namespace()
        except OSError as error:
            raise unittest.SkipTest(f"skipped: needs a mount namespace of its own ({error})") from None

    def mount(self, path):
        path.mkdir()
        call("mount", b"tmpfs", bytes(path), b"tmpfs", 0, b"size=%d,mode=0700" % DISK_BYTES)
        self.addCleanup(lambda: call("umount2", bytes(path), 2))  # MNT_DETACH; before the directory is removed

    def fill(self, path, leave):
        """Takes all room on the disk but `leave` bytes, with something that is not edutally's."""
        room = os.statvfs(path)
        with open(path / "ballast", "wb") as ballast:
            ballast.write(bytes(max(0, room.f_bavail * room.f_frsize - leave)))

    def test_full_disk_is_waited_out_and_said(self):
        broker, deploy = self.mosquitto(), self.deployment(
            config={"journal": {"segment_bytes": 65536, "reserve_bytes": 0}})
        self.mount(deploy.data_dir)
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        sent = messages(range(10))
        with harness.Publisher(broker, "devices") as device:
            device.listen("edu/v1/46/+/+/ack")
            device.send(sent)
            collector.wait_metric("events_counted_total", len(sent) * PER_MESSAGE)
            self.assertEqual(self.reasons(collector), [])

            self.fill(deploy.data_dir, 200 << 10)
            more = messages(range(10, 50))
            device.send(more)  # the broker keeps what the collector does not take
            collector.wait_metric("journal_stuck", 1, 60)
            collector.wait_metric("journal_waits_total", 1)
            harness.wait_for("/readyz to say it", lambda: self.reasons(collector))
            collector.wait_until("seeing how much is free", lambda: collector.metric("disk_free_bytes") < 200 << 10)
            self.assertIn("journal", {check["name"] for check in self.reasons(collector)})
            self.assertTrue(any("disk" in check["detail"] for check in self.reasons(collector)))
            before = self.acknowledged(device)
            self.assertLess(self.counted(deploy), (len(sent) + len(more)) * PER_MESSAGE)

            (deploy.data_dir / "ballast").unlink()
            collector.wait_metric("events_counted_total", (len(sent) + len(more)) * PER_MESSAGE, 60)
            harness.wait_for("/readyz to be content again", lambda: not self.reasons(collector))
            self.assertEqual(collector.metric("journal_stuck"), 0)
            collector.wait_idle()
            self.wait_acknowledged(device, 50)
        collector.stop()
        self.assertTrue(before, "something was acknowledged before the disk was full")
        self.assertEqual(deploy.export(), self.expected_of(sent + more))
        self.assertEqual(faults.integrity(deploy.data_dir), "ok")

    def test_the_journal_leaves_the_database_room_to_count_and_makes_room_itself(self):
        broker, deploy = self.mosquitto(), self.deployment(
            config={"journal": {"segment_bytes": 65536, "keep_bytes": 131072, "reserve_bytes": 4 << 20}})
        self.mount(deploy.data_dir)
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        sent = messages(range(68))
        with harness.Publisher(broker, "devices") as device:
            device.send(sent[:DEVICES])
            collector.wait_idle()
            self.fill(deploy.data_dir, 5 << 20)
            device.send(sent[DEVICES:])
            collector.wait_metric("events_counted_total", len(sent) * PER_MESSAGE, 60)
        self.assertGreater(collector.metric("receive_held_total"), 0)
        collector.stop()
        self.assertEqual(deploy.export(), self.expected_of(sent))

    def test_start_on_a_full_disk_says_why_and_harms_nothing(self):
        deploy = self.deployment()
        self.mount(deploy.data_dir)
        lines = [line_of(*one, received=None) for one in messages(range(20))]
        deploy.ingest(lines[:60])
        facts = deploy.export()
        self.fill(deploy.data_dir, 0)
        failed = deploy.edutally("ingest", "-", stdin="\n".join(lines).encode(), expect=1)
        self.assertIn(b"No space left on device", failed.stderr)
        (deploy.data_dir / "ballast").unlink()
        self.assertEqual(deploy.export(), facts)
        deploy.ingest(lines)
        self.assertEqual(deploy.export(), self.expected_of(messages(range(20))))


class FailingDisk(Disk):

    def setUp(self):
        super().setUp()
        faults.needs_library()
        self.switch = self.directory / "switch"
        self.broker, self.deploy = self.mosquitto(), self.deployment(config={"journal": {"segment_bytes": 65536}})

    def start(self, **settings):
        collector = harness.Collector(self.deploy, self.broker)
        collector.environment = faults.environment(self.deploy.data_dir, switch=self.switch, **settings)
        self.run_server(collector)
        collector.wait_metric("mqtt_connected", 1)
        return collector

    def test_failing_writes_of_the_journal_are_waited_out(self):
        errors = ("EIO", "ENOSPC", "SHORT")
        for error in errors if faults.LONG else [faults.seeded().choice(errors)]:
            with self.subTest(error):
                self.check_waits(f"1 0 {error}", calls="write,writev,pwrite", match="/journal/")

    def check_waits(self, fail, **settings):
        collector = self.start(fail=fail, **settings)
        first, more = messages(range(5)), messages(range(5, 15))
        with harness.Publisher(self.broker, "devices") as device:
            device.send(first)
            collector.wait_idle()
            self.switch.touch()
            device.send(more)
            collector.wait_metric("journal_stuck", 1)
            harness.wait_for("/readyz to say it", lambda: self.reasons(collector))
            self.assertIn("journal", {check["name"] for check in self.reasons(collector)})
            self.switch.unlink()
            collector.wait_until("going on by itself", lambda: collector.metric("journal_stuck") == 0)
            harness.wait_for("/readyz to be content again", lambda: not self.reasons(collector))
            harness.wait_for("all counted", lambda: self.counted(self.deploy) >= 15 * DEVICES * PER_MESSAGE)
        collector.stop()
        self.assertEqual(self.deploy.export(), self.expected_of(first + more))

    def test_failing_writes_of_the_store_are_waited_out(self):
        collector = self.start(fail="1 0 EIO", calls="pwrite", match="edutally.db-wal")
        first, more = messages(range(5)), messages(range(5, 15))
        with harness.Publisher(self.broker, "devices") as device:
            device.listen("edu/v1/46/+/+/ack")
            device.send(first)
            self.wait_acknowledged(device, 5)
            self.switch.touch()
            received = collector.metric("messages_received_total")
            device.send(more)
            collector.wait_metric("messages_received_total", received + len(more))  # receiving goes on
            collector.wait_until("trying", lambda: "event=counting_failed" in collector.log.read_text())
            self.assertEqual(set(self.acknowledged(device).values()), {5 * PER_MESSAGE - 1})
            self.switch.unlink()
            harness.wait_for("all counted", lambda: self.counted(self.deploy) >= 15 * DEVICES * PER_MESSAGE)
            self.wait_acknowledged(device, 15)
        collector.stop()
        self.assertEqual(self.deploy.export(), self.expected_of(first + more))

    def test_failed_sync_ends_the_process_and_nothing_is_acknowledged(self):
        """It failed once and "succeeds" afterwards: that success is not worth anything."""
        collector = self.start(fail="1 1 EIO", calls="fdatasync,fsync", match="/journal/")
        first, more = messages(range(5)), messages(range(5, 8))
        with harness.Publisher(self.broker, "devices") as device:
            device.listen("edu/v1/46/+/+/ack")
            device.send(first)
            self.wait_acknowledged(device, 5)
            self.switch.touch()
            device.send(more)
            harness.wait_for("the end of the process", lambda: not collector.is_running())
            self.assertEqual(Server.stop(collector), 1)
            self.assertEqual(set(self.acknowledged(device).values()), {5 * PER_MESSAGE - 1})
            self.switch.unlink()
            self.start()
            harness.wait_for("all counted", lambda: self.counted(self.deploy) >= 8 * DEVICES * PER_MESSAGE)
            self.servers[-1].wait_metric("mqtt_connected", 1)
            device.send(first[:DEVICES])  # what was counted before the connection stood is acknowledged with the next
            self.wait_acknowledged(device, 8)
        self.servers[-1].stop()
        self.assertEqual(self.deploy.export(), self.expected_of(first + more))

    def test_failed_sync_of_the_store_ends_the_process(self):
        collector = self.start(fail="1 1 EIO", calls="fdatasync,fsync", match="edutally.db")
        self.switch.touch()  # the first checkpoint was made at the start; the next one comes with the end
        with harness.Publisher(self.broker, "devices") as device:
            device.send(messages(range(5)))
            harness.wait_for("all counted", lambda: self.counted(self.deploy) >= 5 * DEVICES * PER_MESSAGE)
        Server.stop(collector)
        self.switch.unlink()
        self.start().stop()
        self.assertEqual(self.deploy.export(), self.expected_of(messages(range(5))))
        self.assertEqual(faults.integrity(self.deploy.data_dir), "ok")


if __name__ == "__main__":
    unittest.main()
