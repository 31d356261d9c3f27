"""The same events, shuffled, a third of them again, in messages and runs of any size: the same facts to the byte."""

import json
import random
import unittest
import uuid

import harness
import model
from harness import batch, line_of, topic_of

EVENTS, SEEDS = 1500, range(1, 13)
TYPES = ("attendance.taken", "gradebook.updated", "lesson.delivered", "quiz.submitted", "class.held", "printer.used")
CENTRES = ("c1", "c2", "c3", "clc1")
FIRST_MS = 1759251600000  # 2025-10-01 00:00 in Vietnam
SPAN_MS = 40 * 86400 * 1000


def make_events():
    """(centre, device, epoch or None, event). Its own fixed seed: every order is of this one set."""
    made = random.Random(20251001)
    events, counters = [], {}
    for number in range(EVENTS):
        centre, device = made.choice(CENTRES), f"device-{made.randrange(3)}"
        event = {"t": FIRST_MS + made.randrange(SPAN_MS), "type": made.choice(TYPES)}
        if made.random() < 0.7:
            event["user"] = f"user-{made.randrange(60):04}"
        if made.random() < 0.5:
            event["dur"] = made.randrange(3600)
        kind = made.random()
        if kind < 0.7:
            epoch = made.choice(("e1", "e2"))
            seq = counters[centre, device, epoch] = counters.get((centre, device, epoch), 0) + 1
            events.append((centre, device, epoch, {"seq": seq} | event))
        elif kind < 0.9:
            events.append((centre, device, None, {"id": str(uuid.UUID(int=made.getrandbits(128), version=4))} | event))
        else:
            event["app"] = f"app-{number}"  # told by its content alone
            events.append((centre, device, None, event))
    return events


def key_of(epoch, event):
    if "seq" in event:
        return epoch, event["seq"]
    return event.get("id") or json.dumps(event, sort_keys=True)


def make_lines(events, order):
    """Messages in the order of delivery: batches of one device and epoch, of random size, and events that travel alone."""
    again = [one for one in events if order.random() < 0.3]
    delivered = events + again
    order.shuffle(delivered)
    lines, at = [], 0
    while at < len(delivered):
        size = order.choice((1, 2, 5, 30, 200))
        groups = {}
        for centre, device, epoch, event in delivered[at:at + size]:
            groups.setdefault((centre, device, epoch), []).append(event)
        for (centre, device, epoch), members in groups.items():
            topic = topic_of(centre, device)
            if epoch and (len(members) > 1 or order.random() < 0.5):
                lines.append(line_of(topic, batch(epoch, members)))
            else:
                lines += [line_of(topic, json.dumps(({"epoch": epoch} if epoch else {}) | event)) for event in members]
        at += size
    return lines


class AnyOrder(harness.SystemTest):

    @classmethod
    def setUpClass(cls):
        cls.events = make_events()
        oracle = model.Model()
        for centre, device, epoch, event in cls.events:
            oracle.add(centre, device, key_of(epoch, event), event)
        cls.expected = oracle.csv()

    def test_any_order_any_repeats_any_batches_give_the_same_facts(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                order = random.Random(seed)
                deploy = self.deployment(f"seed-{seed}")
                lines = make_lines(self.events, order)
                cut = sorted(order.randrange(len(lines)) for _ in range(order.randrange(3)))
                for begin, end in zip([0, *cut], [*cut, len(lines)]):
                    deploy.ingest(lines[begin:end])
                self.assertEqual(deploy.export(), self.expected)
                self.assertEqual(deploy.rejected(), [])

    def test_the_same_input_again_changes_nothing(self):
        deploy = self.deployment()
        lines = make_lines(self.events, random.Random(99))
        deploy.ingest(lines)
        deploy.ingest(lines)
        self.assertEqual(deploy.export(), self.expected)

    def test_a_small_memory_for_facts_changes_nothing(self):
        deploy = self.deployment(config={"memory": {"facts_bytes": 1048576}, "commit": {"interval_ms": 10, "max_events": 7}})
        deploy.ingest(make_lines(self.events, random.Random(7)))
        self.assertEqual(deploy.export(), self.expected)


if __name__ == "__main__":
    unittest.main()
