"""`edutally journal`: looking into what arrived, beside a running collector too, finding damage, and letting it go."""

import json
import unittest

import harness
from harness import batch, line_of, topic_of

USER = "9f8a3c1d77e0b2aa"
HEADER = 8192  # of a segment: then its records begin
DAYS = {"2025-11-10": "old", "2025-11-20": "new"}


def lines(count=10):
    """Events of ten users, half of them received on each of two days."""
    made = []
    for i in range(count):
        day = list(DAYS)[i * 2 // count]
        event = {"seq": i, "t": "2025-10-06T08:00:00+07:00", "type": "attendance.taken", "user": f"{USER}{i}"}
        made.append(line_of(topic_of("c1", "d"), batch("e", [event]), received=f"{day}T12:00:00+07:00"))
    return made


class Journal(harness.SystemTest):

    def setUp(self):
        super().setUp()
        self.deploy = self.deployment()

    def journal(self, verb, *options, expect=0):
        return self.deploy.edutally(f"journal {verb}", *options, expect=expect).stdout.decode()

    def json_lines(self, verb, *options, expect=0):
        return [json.loads(line) for line in self.journal(verb, "--json", *options, expect=expect).splitlines()]

    def segments(self):
        return sorted((self.deploy.data_dir / "journal").glob("*.seg"))

    def test_list_and_verify_tell_what_there_is_beside_a_running_collector(self):
        self.deploy.ingest(lines())
        collector = self.collector(self.deploy)
        listed = self.json_lines("list")
        self.assertEqual([(one["segment"], one["records"], one["state"]) for one in listed], [(0, 10, "open")])
        self.assertEqual(listed[0]["received_from"], "2025-11-10T05:00:00.000Z")
        self.assertEqual(listed[0]["received_to"], "2025-11-20T05:00:00.000Z")
        self.assertIn("2025-11-10 12:00", self.journal("list"))
        self.assertIn("1 segments, 10 messages: all well", self.journal("verify"))
        self.assertIn("in use by process", self.deploy.edutally(
            "journal erase", "--before", "2026-01-01", expect=1).stderr.decode())
        collector.stop()
        self.assertEqual(len(self.segments()), 1)

    def test_dump_shows_no_key_of_a_user_unless_asked(self):
        broken = f'{{"v":1,"user":"{USER}" "events":[{{"us\\u0065r":"{USER}"}}]'
        topic = topic_of("c1", "d")
        self.deploy.edutally("ingest", "-", stdin="\n".join(lines() + [line_of(topic, broken)]).encode())
        for options in ([], ["--json"]):
            shown = self.journal("dump", *options)
            self.assertNotIn(USER[:8], shown)
            self.assertIn("2025-10-06T08:00:00+07:00", shown)  # that names nobody
            self.assertIn(topic, shown)
        self.assertEqual(len(self.json_lines("dump")), 11)
        raw = self.json_lines("dump", "--raw")
        self.assertEqual(raw[-1]["payload"], broken)
        self.assertEqual(raw[0]["received"], "2025-11-10T05:00:00.000Z")

    def test_raw_dump_counts_the_same_elsewhere_and_a_masked_one_is_refused(self):
        hexadecimal = json.dumps({"topic": topic_of("c1", "d"), "payload_hex": "7b00ff"})
        self.deploy.ingest(lines() + [hexadecimal])
        raw = self.journal("dump", "--json", "--raw")
        self.assertIn('"payload_hex":"7b00ff"', raw)
        again = self.deployment("again")
        again.ingest(raw.encode())
        self.assertEqual(again.export(), self.deploy.export())
        self.assertIn("c1,2025-10-06,management,10,0,10,1", again.export())
        masked = self.journal("dump", "--json")
        refused = again.edutally("ingest", "-", stdin=masked.encode(), expect=1).stderr.decode()
        self.assertIn("dump with --raw", refused)

    def test_dump_begins_and_ends_where_it_is_told(self):
        self.deploy.ingest(lines())
        everything = self.json_lines("dump")
        some = self.json_lines("dump", "--from", everything[3]["position"], "--limit", 2)
        self.assertEqual(some, everything[3:5])

    def test_verify_names_each_damage_and_fails(self):
        self.deploy.ingest(lines())
        places = [one["position"] for one in self.json_lines("dump")]
        segment = bytearray(self.segments()[0].read_bytes())
        segment[HEADER + places[4] + 30] ^= 1
        segment[100] ^= 1
        self.segments()[0].write_bytes(segment)

        *damages, summary = self.json_lines("verify", expect=1)

        self.assertEqual([(one["position"], one["bytes"]) for one in damages],
                         [(places[4], places[5] - places[4]), (0, 4096)])
        self.assertEqual((summary["records"], summary["damages"]), (9, 2))
        self.assertEqual(self.json_lines("list")[0]["state"], "damaged")
        self.assertIn(f"position {places[4]}, {places[5] - places[4]} bytes: record damaged",
                      self.journal("verify", expect=1))
        self.assertEqual(self.segments()[0].read_bytes(), segment)

    def test_erase_lets_go_what_is_older_and_what_was_counted_stays(self):
        for half in (lines()[:5], lines()[5:]):
            self.deploy.ingest(half)
            if len(self.segments()) == 1:
                self.journal("erase", "--before", "2025-11-01")  # begins no segment: nothing is that old
                self.assertEqual(len(self.segments()), 1)
        facts = self.deploy.export()
        self.assertIn("0 segments, 1 are left", self.journal("erase", "--before", "2025-11-15"))
        self.assertIn("shares a segment with later ones", self.journal("erase", "--before", "2025-11-15"))

        self.assertEqual(self.json_lines("erase", "--before", "2025-11-21"), [{"erased": 1, "segments": 1}])

        self.assertEqual(self.json_lines("dump"), [])
        self.assertEqual(self.deploy.export(), facts)
        self.deploy.ingest(lines())  # counted once before
        self.assertEqual(self.deploy.export(), facts)
        self.assertEqual(len(self.json_lines("dump")), 10)

    def test_another_secret_is_refused_and_reading_says_so(self):
        self.deploy.ingest(lines())
        (self.deploy.data_dir / "secret").write_text("another secret of enough characters\n")
        before = [path.read_bytes() for path in self.segments()]
        said = self.deploy.edutally("ingest", "-", stdin=b"", expect=3).stderr.decode()
        self.assertIn("the secret is not the one that edutally.db was made with", said)
        self.assertEqual([path.read_bytes() for path in self.segments()], before)
        self.assertEqual(self.json_lines("list")[0]["state"], "other secret")
        self.assertIn("sealed with another secret", self.journal("verify", expect=1))

    def test_it_explains_itself(self):
        for verb in ("", "list", "dump", "verify", "erase"):
            self.assertIn("--raw", self.deploy.edutally(f"journal {verb}", "--help").stdout.decode())
        for wrong in (["list", "--raw"], ["erase"], ["dump", "--limit", "many"], ["dump", "--from", "-1"], ["show"]):
            self.deploy.edutally(f"journal {wrong[0]}", *wrong[1:], expect=2)
        self.assertIn("there is no journal", self.deploy.edutally("journal list", expect=1).stderr.decode())


if __name__ == "__main__":
    unittest.main()
