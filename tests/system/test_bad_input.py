"""What is malformed, comes from nowhere or from the wrong time: one row each, with its reason and its bytes, and the good
events beside it count. The malformed payloads are the project's test vectors, tests/vectors/reject/{reason}--{name}.json."""

import json
import unittest

import harness
from harness import Publisher, batch, line_of, topic_of

VECTORS = sorted((harness.PROJECT / "tests/vectors/reject").glob("*.json"))
LIMITS = {"limits": {"payload_bytes": 8192, "batch_events": 20, "depth": 8}}  # tests/vectors/README.md
GOOD = {"t": "2025-10-06T08:00:00+07:00", "type": "attendance.taken"}

# Topics below the realm, so that the collector's own subscription receives them.
BAD_TOPICS = ["edu/v1/46/c 1/d/event", "edu/v1/46/c1/d%/event", "edu/v1/46/" + "c" * 65 + "/d/event",
              "edu/v1/46/c1/" + "d" * 65 + "/event", "edu/v1/46/trường/d/event", "edu/v1/46//d/event",
              "edu/v1/46/c1//event"]
# Topics that only `ingest` can bring.
STRAY_TOPICS = BAD_TOPICS + ["edu/v1/47/c1/d/event", "edu/v2/46/c1/d/event", "edu/v1/46/c1/d", "edu/v1/46/c1/d/event/x",
                             "sensors/1", "edu/v1/46/c1/d/ack", "edu/v1/46/c1/adoption", "edu/v1/46/c1/d/events", "/"]
# What is wrong in one event of a batch: its good neighbours count.
BAD_EVENTS = [({"seq": 2, "type": "a.b"}, "bad_time"), ({"seq": 2, "t": "yesterday", "type": "a.b"}, "bad_time"),
              ({"seq": 2, "t": "2025-10-06T08:00:00", "type": "a.b"}, "bad_time"),
              ({"seq": 2, "t": "2025-02-30T08:00:00Z", "type": "a.b"}, "bad_time"),
              ({"seq": 2, **GOOD, "type": ""}, "bad_type"), ({"seq": 2, **GOOD, "type": 7}, "bad_type"),
              ({"seq": 2, **GOOD, "dur": -1}, "bad_duration"), ({"seq": 2, **GOOD, "dur": 86401}, "bad_duration"),
              ({"seq": 2, **GOOD, "user": "short"}, "bad_user"), ({"seq": 2, **GOOD, "role": []}, "bad_role"),
              ({"seq": -1, **GOOD}, "bad_seq"), ({"seq": 1.5, **GOOD}, "bad_seq"), ({"seq": "2", **GOOD}, "bad_seq"),
              ([], "bad_event"), (None, "bad_event"), ("event", "bad_event")]


def reason_of(vector):
    return vector.name.split("--")[0]


def raw_of(row):
    return row["raw"] if isinstance(row["raw"], bytes) else row["raw"].encode()


class BadInput(harness.SystemTest):

    def test_every_malformed_message_over_mqtt_is_one_row_with_its_reason(self):
        self.assertGreaterEqual(len(VECTORS), 40)
        broker, deploy = self.mosquitto(), self.deployment(config=LIMITS)
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        messages, expected = [], set()
        for number, vector in enumerate(VECTORS):
            topic = topic_of("c1", f"bad-{number}")
            messages += [(topic, vector.read_bytes()), (topic_of("c1", "good"), batch("e", [{"seq": number, **GOOD}]))]
            expected.add((topic, reason_of(vector), "rejected"))
        for number, topic in enumerate(BAD_TOPICS):
            messages.append((topic, batch("e", [{"seq": 1, **GOOD}])))
            expected.add((topic, "wrong_topic", "rejected"))

        with Publisher(broker, "devices") as device:
            device.send(messages)
        collector.wait_metric("events_rejected_total", len(expected))
        collector.wait_metric("events_counted_total", len(VECTORS))
        collector.wait_idle()

        rows = deploy.rejected()
        self.assertEqual({(row["topic"], row["reason"], row["state"]) for row in rows}, expected)
        self.assertEqual(len(rows), len(expected))
        self.assertTrue(all(row["times"] == 1 and row["received"] for row in rows))
        self.assertEqual(deploy.export(), facts_of(len(VECTORS)))
        collector.stop()

    def test_a_message_past_its_bound_keeps_what_it_began_with(self):
        deploy = self.deployment(config=LIMITS)
        payload = batch("e", [{"seq": 1, **GOOD, "note": "x" * 9000}])
        deploy.ingest([line_of(topic_of("c1", "d"), payload)])
        (row,) = deploy.rejected()
        self.assertEqual(row["reason"], "too_large")
        self.assertTrue(payload.encode().startswith(raw_of(row)[:1000]))

    def test_stray_topics_are_one_row_each(self):
        deploy = self.deployment()
        deploy.ingest([line_of(topic, batch("e", [{"seq": 1, **GOOD}])) for topic in STRAY_TOPICS])
        self.assertEqual([(row["topic"], row["reason"]) for row in deploy.rejected()],
                         [(topic, "wrong_topic") for topic in STRAY_TOPICS])
        self.assertEqual(deploy.export(), facts_of(0))

    def test_good_neighbours_in_a_batch_count_and_the_bad_one_is_kept_raw(self):
        for number, (bad, reason) in enumerate(BAD_EVENTS):
            with self.subTest(bad=bad):
                deploy = self.deployment(f"bad-{number}")
                deploy.ingest([line_of(topic_of("c1", "d"), batch("e", [{"seq": 1, **GOOD}, bad, {"seq": 3, **GOOD}]))])
                (row,) = deploy.rejected()
                self.assertEqual((row["reason"], row["state"], row["centre"]), (reason, "rejected", "c1"))
                # The envelope's epoch is kept with the event, so that the row says which one it is.
                self.assertEqual(json.loads(raw_of(row)), {"epoch": "e"} | bad if isinstance(bad, dict) else bad)
                self.assertEqual(deploy.export(), facts_of(2))

    def test_a_bad_event_counts_as_received_so_that_no_device_resends_it_for_ever(self):
        deploy = self.deployment()
        bad = {"seq": 2, **GOOD, "dur": -1}
        deploy.ingest([line_of(topic_of("c1", "d"), batch("e", [{"seq": 1, **GOOD}, bad, {"seq": 3, **GOOD}]))])
        self.assertEqual(deploy.sql("SELECT received, missing FROM v_devices"), [{"received": 3, "missing": 0}])

    def test_the_same_garbage_again_is_one_row_with_a_count(self):
        deploy = self.deployment()
        deploy.ingest([line_of(topic_of("c1", "d"), "{garbage")] * 500 + [line_of(topic_of("c1", "d"), "{other")])
        self.assertEqual([(row["times"], raw_of(row)) for row in deploy.rejected()], [(500, b"{garbage"), (1, b"{other")])

    def test_clocks_that_are_off_are_quarantined_and_those_on_the_edge_count(self):
        deploy = self.deployment(config={"late_days": 60})
        received = "2025-10-06T12:00:00+07:00"
        table = [("2019-12-31T23:59:59.999Z", "clock_behind"), ("1970-01-01T00:00:00Z", "clock_behind"),
                 ("2025-10-07T12:00:00.001+07:00", "clock_ahead"), ("2090-01-01T00:00:00Z", "clock_ahead"),
                 ("2025-08-06T23:59:59+07:00", "too_late"), ("2020-01-01T00:00:00Z", "too_late"),
                 ("2025-10-07T12:00:00+07:00", None), ("2025-08-07T00:00:00+07:00", None)]
        events = [{"seq": number, "t": t, "type": "attendance.taken"} for number, (t, _) in enumerate(table)]
        deploy.ingest([line_of(topic_of("c1", "d"), batch("e", events), received)])

        rows = deploy.rejected()
        self.assertEqual([row["reason"] for row in rows], [reason for _, reason in table if reason])
        self.assertEqual({row["state"] for row in rows}, {"quarantined"})
        self.assertEqual(deploy.export(), "centre,day,activity,events,seconds,users,devices\n"
                         "c1,2025-08-07,management,1,0,0,1\nc1,2025-10-07,management,1,0,0,1\n")

    def test_an_unknown_centre_counts_once_the_registry_knows_it(self):
        deploy = self.deployment()
        events = batch("e", [{"seq": 1, **GOOD, "user": "staff-001"}, {"seq": 2, **GOOD, "user": "staff-001", "dur": 9}])
        deploy.ingest([line_of(topic_of("new", "d"), events), line_of(topic_of("c1", "d"), batch("e", [{"seq": 1, **GOOD}])),
                       line_of(topic_of("new", "d"), events)])
        self.assertEqual([(row["reason"], row["centre"]) for row in deploy.rejected()], [("unknown_centre", "new")] * 2)
        self.assertEqual(deploy.export(), facts_of(1))

        deploy.write("centres.csv", harness.CENTRES + "new,Trường Mới,primary,X1,10,2025-09-01,\n")
        deploy.ingest([line_of(topic_of("new", "d"), events)])

        self.assertEqual(deploy.rejected(), [])
        self.assertEqual(deploy.export(), facts_of(1) + "new,2025-10-06,management,2,9,1,1\n")

    def test_a_clock_that_was_ahead_counts_when_the_time_has_come_and_somebody_asks(self):
        deploy = self.deployment()
        deploy.ingest([line_of(topic_of("c1", "d"), batch("e", [{"seq": 1, **GOOD}]), "2025-10-01T12:00:00+07:00"),
                       line_of(topic_of("c1", "d"), batch("e", [{"seq": 2, **GOOD, "t": "2090-01-01T00:00:00Z"}]))])
        listed = [json.loads(line) for line in deploy.edutally("rejected list", "--json").stdout.splitlines()]
        self.assertEqual([row["reason"] for row in listed], ["clock_ahead", "clock_ahead"])
        deploy.edutally("rejected retry")
        self.assertEqual(deploy.export(), facts_of(1))
        self.assertEqual([json.loads(raw_of(row))["seq"] for row in deploy.rejected()], [2])

    def test_ten_windows_of_garbage_do_not_stop_the_flow(self):
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        with Publisher(broker, "devices") as device:
            device.send([(topic_of("c1", "bad"), f"garbage {n}") for n in range(2000)] +
                        [(topic_of("c1", "good"), batch("e", [{"seq": 1, **GOOD}]))])
        collector.wait_metric("events_counted_total", 1)
        collector.wait_metric("events_rejected_total", 2000)
        collector.stop()

    def test_rejected_rows_are_bounded(self):
        deploy = self.deployment(config={"rejected": {"max_rows": 100, "max_bytes": 65536}})
        deploy.ingest([line_of(topic_of("c1", "bad"), f"garbage {n}", None) for n in range(1000)])
        deploy.ingest([line_of(topic_of("c1", "bad"), "the last one", None)])
        collector = self.collector(deploy)  # tidies when it starts
        collector.wait_until("the oldest rows to go", lambda: len(deploy.rejected()) <= 100)
        self.assertEqual(raw_of(deploy.rejected()[-1]), b"the last one")
        collector.stop()

    def test_lines_that_are_no_lines_are_said_with_their_number(self):
        deploy = self.deployment()
        good = line_of(topic_of("c1", "d"), batch("e", [{"seq": 1, **GOOD}]))
        lines = ["", "not json", '{"topic":"x"}', '{"payload":"x"}', '{"topic":1,"payload":"x"}', "[]",
                 '{"topic":"t","payload":{}}', '{"topic":"t","payload":"x","received":"soon"}', good]
        done = deploy.edutally("ingest", "-", stdin="\n".join(lines).encode(), expect=1)
        for number in range(2, 9):
            self.assertIn(f":{number}:", done.stderr.decode())
        self.assertEqual(deploy.export(), facts_of(1))


def facts_of(events):
    """The export when c1 counted so many GOOD events."""
    header = "centre,day,activity,events,seconds,users,devices\n"
    return header + (f"c1,2025-10-06,management,{events},0,0,1\n" if events else "")


if __name__ == "__main__":
    unittest.main()
