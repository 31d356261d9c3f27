"""Power loss at any moment. Every write, sync and rename of a real run is recorded, with the acknowledgements in between;
then the disk is rebuilt as it may have been left at each of those moments (disk_model.py), and edutally starts on it. Every
event that an end-to-end acknowledgement covered by then is counted, once, without any device sending again; after all
devices sent again the facts are those of an undisturbed run.

Each event has a fact of its own (a day of its own for its centre and activity), so that it is seen which one is missing.
EDUTALLY_TEST_LONG=1: at every sync and acknowledgement, and in between; otherwise a sample."""

import concurrent.futures
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

import disk_model
import faults
import harness
from harness import Server, batch, line_of, topic_of

FIRST_MS = 1672531200000  # 2023-01-01 07:00 in Vietnam
DAY_MS = 86400000
CENTRES = ("c1", "c2", "c3", "clc1")
TYPES = {"management": "attendance.taken", "teaching": "lesson.delivered", "learning": "quiz.submitted"}
PER_MESSAGE, PER_DEVICE = (10, 600) if faults.LONG else (5, 150)
SHORT_SECONDS = 4  # for the deaths
BEGINNING = "create,rename,fsync"  # the calls that make a segment's name, and make it safe
ACK = re.compile(rb"edu/v1/46/([^/]+)/([^/]+)/ack")


def time_of(seq):
    """Days far apart for events that come together: a commit then changes many pages of the database."""
    return FIRST_MS + seq * 37 % PER_DEVICE * DAY_MS


def day_text(seq):
    return time.strftime("%Y-%m-%d", time.gmtime(time_of(seq) / 1000))


def make_rounds():
    """Messages of all devices in turns, [[(topic, payload)]]: a device per centre and activity, and one whose centre
    nobody knows. Every fourth message comes late, behind the next one, and every seventh comes twice."""
    streams = []
    for centre, activity in [(c, a) for c in CENTRES for a in TYPES] + [("nobody", "teaching")]:
        messages = []
        for first in range(0, PER_DEVICE, PER_MESSAGE):
            events = [{"seq": seq, "t": time_of(seq), "type": TYPES[activity], "user": f"user-{seq % 50:04}"}
                      for seq in range(first, first + PER_MESSAGE)]
            messages.append((topic_of(centre, activity), batch("e", events)))
        for at in range(3, len(messages) - 1, 4):
            messages[at], messages[at + 1] = messages[at + 1], messages[at]
        streams.append([again for at, message in enumerate(messages) for again in [message] * (2 if at % 7 == 0 else 1)])
    return [list(turn) for turn in zip(*streams)]


def acknowledged(entry):
    """[((centre, device), {seq})] that the acknowledgements in these bytes cover."""
    found = []
    for match in ACK.finditer(entry.data):
        body = entry.data[entry.data.index(b"{", match.end()):].decode(errors="replace")
        ack = json.JSONDecoder().raw_decode(body)[0]
        covered = set(range(ack["upto"] + 1))
        for first, last in ack["missing"]:
            covered -= set(range(first, last + 1))
        found.append(((match[1].decode(), match[2].decode()), covered))
    return found


class Deployment(harness.Deployment):
    """Its data directory is made by edutally, in one that is there and safe."""

    def __init__(self, directory):
        super().__init__(directory, config={"data_dir": "disk/data", "journal": {"segment_bytes": 65536,
                                                                                "keep_bytes": 65536}})

    @property
    def disk(self):
        return self.directory / "disk"

    @property
    def data_dir(self):
        return self.disk / "data"


class Losses(AssertionError):
    """Something acknowledged is missing."""


class PowerLoss(harness.SystemTest):

    def setUp(self):
        super().setUp()
        faults.needs_library()
        self.random = faults.seeded()
        self.rounds = make_rounds()
        self.input = self.directory / "events.jsonl"
        self.input.write_text("".join(line_of(*message) + "\n" for some in self.rounds for message in some))
        undisturbed = self.new("undisturbed")
        undisturbed.edutally("ingest", self.input)
        self.expected = undisturbed.export()
        self.assertEqual(len(self.expected.splitlines()), 1 + len(CENTRES) * len(TYPES) * PER_DEVICE)

    def new(self, name):
        return Deployment(self.folder(name))

    # Recording.

    def start(self, deploy, broker, **settings):
        collector = harness.Collector(deploy, broker, commit={"interval_ms": 10})
        collector.environment = faults.environment(deploy.disk, record=self.directory / "record", **settings)
        return self.run_server(collector)

    def publish(self, broker, collector, rounds):
        """Each turn when the one before is in the journal, so that there are many small commits; in the long form each
        message, so that there are enough for a checkpoint."""
        turns = [[message] for some in rounds for message in some] if faults.LONG else rounds
        with harness.Publisher(broker, "devices") as device:
            for some in turns:
                before = collector.metric("messages_received_total")
                device.send(some)
                collector.wait_metric("messages_received_total", before + len(some))

    def publish_until_it_ends(self, broker, collector):
        """Turn by turn, until the process is gone: how many turns."""
        with harness.Publisher(broker, "devices") as device:
            for sent, some in enumerate(self.rounds, 1):
                device.send(some)
                if not collector.is_running():
                    return sent
        harness.wait_for("the end of a collector that is to die", lambda: not collector.is_running())
        return len(self.rounds)

    def record_run(self):
        """Two lives of `edutally run` with devices publishing: the deployment and what it did."""
        deploy, broker = self.new("recorded"), self.mosquitto()
        deploy.disk.mkdir()
        part = len(self.rounds) // 6
        for rounds in (self.rounds[:part], self.rounds[part:]):
            collector = self.start(deploy, broker)
            collector.wait_metric("mqtt_connected", 1)
            self.publish(broker, collector, rounds)
            collector.wait_idle()
            collector.wait_metric("acks_sent_total", 2 * len(CENTRES) * len(TYPES))
            collector.stop()
        entries = self.read_whole_record(deploy)
        self.assertEqual(deploy.export(), self.expected)  # which makes files of its own beside the database
        return deploy, entries

    def read_whole_record(self, deploy):
        """The entries; the record is whole: made again from it, the disk is what it really is."""
        entries = faults.read_record(self.directory / "record")
        proof, fate = self.directory / "proof", disk_model.Fate(self.random, "all")
        disk = disk_model.Disk(deploy.disk, fate)
        for entry in entries:
            disk.apply(entry)
        disk.rebuild(proof, fate)
        self.assertEqual(disk_model.tree(proof).keys(), disk_model.tree(deploy.disk).keys())
        for path, content in disk_model.tree(proof).items():
            self.assertTrue(content == (deploy.disk / path).read_bytes(), f"the record does not explain {path}")
        shutil.rmtree(proof)
        return entries

    # Checking.

    def walk(self, deploy, entries, places, fates=(None,), **options):
        """Yields (number, fate, deployment, covered) for each place in the record and each fate of what was not synced
        by then; the deployment stands on the disk as it would be left. None: nothing remains, or some by chance."""
        failed_sync = options.pop("failed_sync", None) or disk_model.Fate(self.random)
        disk, covered, places = disk_model.Disk(deploy.disk, failed_sync, **options), {}, set(places)
        for number, entry in enumerate(entries, 1):
            disk.apply(entry)
            for device, seqs in acknowledged(entry) if entry.type == "a" else ():
                covered[device] = covered.get(device, set()) | seqs
            if number not in places:
                continue
            for at, kind in enumerate(fates):
                kind = kind or self.random.choice(("nothing", None))
                fate = disk_model.Fate(random.Random(self.random.random()), kind)
                again = self.new(f"at-{number}-{at}-{fate.kind}")
                disk.rebuild(again.disk, fate)
                yield number, fate.kind, again, {device: set(seqs) for device, seqs in covered.items()}

    def recover(self, what, deploy, covered):
        """Starts on the rebuilt disk and asserts that nothing acknowledged is missing and nothing counts twice."""
        deploy.edutally("ingest", os.devnull)
        self.assertEqual(faults.integrity(deploy.data_dir), "ok", what)
        counts = {(row["centre"], row["activity"], row["day"]): row["events"]
                  for row in deploy.sql("SELECT * FROM v_usage_daily")}
        self.assertLessEqual(set(counts.values()), {1}, f"{what}: counted twice")
        put_aside = deploy.sql("SELECT count(*) AS n FROM v_rejected WHERE centre = 'nobody'")[0]["n"]
        for (centre, device), seqs in covered.items():
            if centre == "nobody":
                lost = len(seqs) - put_aside
            else:
                lost = sum((centre, device, day_text(seq)) not in counts for seq in seqs)
            if lost > 0:
                raise Losses(f"{what}: {lost} of {len(seqs)} acknowledged events of {centre}/{device} are missing; "
                             f"the data is in {deploy.directory}")

    def check(self, number, fate, deploy, covered):
        what = f"power loss after entry {number}, {fate} of what was not synced kept"
        self.recover(what, deploy, covered)
        deploy.edutally("ingest", self.input)
        self.assertEqual(deploy.export(), self.expected, f"{what}; the data is in {deploy.directory}")
        shutil.rmtree(deploy.directory)

    def places(self, entries):
        """Before and after each sync, after each acknowledgement, and as many places again in between."""
        syncs = [number for number, entry in enumerate(entries, 1) if entry.type in "sa"]
        places = {at for number in syncs for at in (number - 1, number) if at > 0}
        places |= set(self.random.sample(range(1, len(entries) + 1), min(len(places), len(entries))))
        return sorted(places | {len(entries)})

    def check_each(self, cases):
        """Checks all cases, several at a time: how many, and how many with something acknowledged."""
        checked, covering, workers, running = 0, 0, os.cpu_count(), []
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            for case in cases:
                checked, covering = checked + 1, covering + bool(case[3])
                running.append(pool.submit(self.check, *case))
                if len(running) >= 2 * workers:
                    running.pop(0).result()
            for one in running:
                one.result()
        self.assertGreater(checked, 0)
        faults.say_injected(checked)
        return checked, covering

    def check_all(self, deploy, entries):
        """At all places, or at a sample of them; how many had something acknowledged."""
        places, started = self.places(entries), time.monotonic()
        some = places if faults.LONG else sorted(self.random.sample(places, min(len(places), 24)))
        checked, covering = self.check_each(self.walk(deploy, entries, some))
        print(f"{self.id().split('.')[-1]}: {len(entries)} entries, {checked} power losses at {len(some)} of {len(places)} "
              f"places, {covering} with something acknowledged, {time.monotonic() - started:.0f} s", flush=True)
        return covering

    def test_nothing_acknowledged_is_lost_with_the_power(self):
        deploy, entries = self.record_run()
        checkpoints = [e for e in entries if e.type == "s" and e.path.endswith("edutally.db")]
        print(f"{sum(e.type == 's' for e in entries)} syncs, {sum(e.type == 'a' for e in entries)} acknowledgements, "
              f"{len(checkpoints)} checkpoints")
        self.assertGreater(len(checkpoints), 6 if faults.LONG else 1)  # up to three in each life without any volume
        self.assertGreater(self.check_all(deploy, entries), 0)
        # That this test can fail: on a disk that lies about the journal's syncs it does.
        acks = [number for number, entry in enumerate(entries, 1) if entry.type == "a"]
        with self.assertRaises(Losses):
            for case in self.walk(deploy, entries, acks, ("nothing",), syncs_work=lambda path: "/journal/" not in path):
                self.recover(f"a disk that lies, after entry {case[0]}", *case[2:])
                shutil.rmtree(case[2].directory)

    def test_segment_that_a_dead_process_began_is_safe_before_it_is_used(self):
        """The process dies while it begins a segment, somewhere between its first name and the sync of the directory; the
        next one goes on in it, acknowledges, and power is lost."""
        broker = self.mosquitto()
        first = self.calls_that_begin_a_segment(broker)
        places = range(first + 1, 2 * first + 1)
        for n in places if faults.LONG else [self.random.choice(places)]:
            (self.directory / "record").unlink(missing_ok=True)
            deploy = self.new(f"segment-{n}")
            deploy.disk.mkdir()
            dying = self.start(deploy, broker, die=f"{n} after", calls=BEGINNING, match="/journal")
            sent = self.publish_until_it_ends(broker, dying)
            self.assertEqual(dying.process.returncode, -signal.SIGKILL, dying.tail())
            collector = self.start(deploy, broker)
            collector.wait_metric("mqtt_connected", 1)
            self.publish(broker, collector, self.rounds[sent:sent + 3])
            collector.wait_metric("acks_sent_total", len(CENTRES) * len(TYPES))
            collector.stop()
            entries = self.read_whole_record(deploy)
            acks = [number for number, entry in enumerate(entries, 1) if entry.type == "a"]
            self.check_each(self.walk(deploy, entries, acks if faults.LONG else acks[:8], ("nothing",)))

    def calls_that_begin_a_segment(self, broker):
        """How many, of those that make names and sync them. The same messages are left in the broker for others."""
        deploy = self.new("beginning")
        deploy.disk.mkdir()
        collector = self.start(deploy, broker, log=self.directory / "calls", calls=BEGINNING, match="/journal")
        collector.stop()
        return len(faults.calls_of(self.directory / "calls"))

    def ingest(self, deploy, **settings):
        """`edutally ingest` of everything, recorded: its exit code."""
        words = [harness.program("edutally"), "ingest", "--config", str(deploy.config_path), str(self.input)]
        environment = faults.environment(deploy.disk, record=self.directory / "record", **settings)
        return subprocess.run(words, capture_output=True, env=os.environ | environment,
                              timeout=60 * harness.PATIENCE).returncode

    def assert_safe(self, deploy, entries, what):
        """Nothing that was not synced is there, and yet all is counted."""
        for _, _, again, _ in self.walk(deploy, entries, [len(entries)], ("nothing",)):
            self.recover(f"{what}, then power loss", again, {})
            self.assertEqual(again.export(), self.expected, f"{what}, then power loss; {again.directory}")
            shutil.rmtree(again.directory)

    def test_what_ingest_said_is_counted_survives_power_loss(self):
        deploy = self.new("recorded")
        deploy.disk.mkdir()
        self.assertEqual(self.ingest(deploy), 0)
        entries = self.read_whole_record(deploy)
        self.assert_safe(deploy, entries, "ingest done")
        self.check_all(deploy, entries)

    def test_what_a_dead_process_left_unsynced_is_synced_by_the_next(self):
        """The process dies at some call, the next one counts everything and says so, and then power is lost: names and
        bytes that the first one left unsynced are no less needed."""
        counting = self.new("counting")
        counting.disk.mkdir()
        self.assertEqual(self.ingest(counting, log=self.directory / "calls"), 0)
        # Between two of these only bytes of the database's log were written.
        places = [n for n, (call, path) in enumerate(faults.calls_of(self.directory / "calls"), 1)
                  if not path.endswith(("-wal", "-shm", "edutally.db"))]
        started = time.monotonic()
        for checked, n in enumerate(places if faults.LONG else self.random.sample(places, len(places)), 1):
            (self.directory / "record").unlink()
            deploy = self.new(f"die-{n}")
            deploy.disk.mkdir()
            self.assertEqual(self.ingest(deploy, die=f"{n} after"), -signal.SIGKILL)
            self.assertEqual(self.ingest(deploy), 0)
            self.assert_safe(deploy, self.read_whole_record(deploy), f"death after call {n}, ingest done")
            shutil.rmtree(deploy.directory)
            if not faults.LONG and time.monotonic() - started > SHORT_SECONDS:
                break
        print(f"{checked} of {len(places)} deaths, each with power loss after the next process")
        faults.say_injected(checked)

    def test_failed_sync_of_the_journal_is_not_believed_by_the_next_start(self):
        """The kernel forgets that pages could not be written: the next process reads them from memory, and its sync
        succeeds without them. Somebody reads an old state of the database meanwhile, so that no checkpoint makes what is
        counted safe: after power loss it has to come from the journal."""
        deploy, broker, switch = self.new("recorded"), self.mosquitto(), self.directory / "switch"
        deploy.disk.mkdir()
        collector = self.start(deploy, broker, fail="1 1 EIO", calls="fdatasync", match="/journal/", switch=switch)
        collector.wait_metric("mqtt_connected", 1)
        self.publish(broker, collector, self.rounds[:5])
        reader = sqlite3.connect(deploy.data_dir / "edutally.db", isolation_level=None)
        self.addCleanup(reader.close)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        switch.touch()
        with harness.Publisher(broker, "devices") as device:
            device.send([message for some in self.rounds[5:] for message in some])
        harness.wait_for("the end of a collector whose disk fails", lambda: not collector.is_running())
        self.assertEqual(collector.process.returncode, 1, collector.tail())
        switch.unlink()
        collector = self.start(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        collector.wait_idle()
        self.publish(broker, collector, self.rounds[:1])  # an old event of each device, which wants to know of all
        collector.wait_metric("acks_sent_total", len(CENTRES) * len(TYPES))
        collector.wait_idle()
        collector.kill()
        entries = self.read_whole_record(deploy)
        failed = next(number for number, entry in enumerate(entries, 1) if entry.type == "s" and entry.error)
        acks = [number for number, entry in enumerate(entries, 1) if entry.type == "a" and number > failed]
        fate = disk_model.Fate(self.random, "nothing")
        self.check_each(self.walk(deploy, entries, acks if faults.LONG else acks[:3] + acks[-3:], failed_sync=fate))

    def test_failed_sync_of_the_stores_log_does_not_damage_the_store(self):
        """The log of the database is synced when it is copied into the database. A copy made after a sync that failed
        must not rely on it."""
        deploy, broker, switch = self.new("recorded"), self.mosquitto(), self.directory / "switch"
        deploy.disk.mkdir()
        collector = self.start(deploy, broker, fail="1 1 EIO", calls="fdatasync", match="edutally.db-wal", switch=switch)
        collector.wait_metric("mqtt_connected", 1)
        self.publish(broker, collector, self.rounds[:10])
        collector.wait_idle()
        switch.touch()
        self.assertIn(Server.stop(collector), (0, 1))
        switch.unlink()
        self.start(deploy, broker).stop()
        entries = self.read_whole_record(deploy)
        failed = next(number for number, entry in enumerate(entries, 1) if entry.type == "s" and entry.error)
        places, most = range(failed, len(entries)), 300 if faults.LONG else 12
        fate = disk_model.Fate(self.random, "nothing")
        some = sorted(self.random.sample(places, min(most, len(places))))
        self.check_each(self.walk(deploy, entries, some, (None, None), failed_sync=fate))


if __name__ == "__main__":
    unittest.main()
