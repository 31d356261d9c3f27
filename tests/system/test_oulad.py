"""Real clicks of a real learning platform (the Open University's, see oulad.py) run through the collector; the totals are
worked out from the dataset's files by themselves."""

import collections
import os
import pathlib
import random
import unittest

import harness
import oulad

SHARED = pathlib.Path(os.environ.get("EDUTALLY_SHARED", harness.PROJECT.parent / "shared"))
DATA = SHARED / "data/oulad"

CENTRES = harness.CENTRES + "open-university,Open University,higher,X1,400,2000-09-01,\n"
TAXONOMY = """{"types": {"reading.*": "learning", "session.*": "learning", "discussion.*": "learning",
                         "quiz.*": "learning", "live_class.*": "teaching"}}"""
INDICATORS = """{"indicators": [{"id": "i", "name": {"vi": "i", "en": "i"}, "source": "a test", "centre_types": ["higher"],
  "period": "month", "targets": [{"from": "2024-05-02", "value": 0.6}],
  "rule": {"activity": "learning", "users_share": {"min": 0.5}}}]}"""


def activity_of(kind):
    if kind in ("oucollaborate", "ouelluminate"):
        return "teaching"
    return "learning" if kind in oulad.TYPES else "other"


@unittest.skipUnless(DATA.is_dir(), f"left out: the dataset is not in {DATA} (EDUTALLY_SHARED names another place)")
class Oulad(harness.SystemTest):

    def expected(self):
        facts = collections.defaultdict(lambda: [0, 0, set()])
        for student, kind, day, clicks in oulad.read_rows(DATA):
            fact = facts[day.isoformat(), activity_of(kind)]
            fact[0] += 1
            fact[1] += clicks * oulad.CLICK_SECONDS
            fact[2].add(student)
        return [{"centre": oulad.CENTRE, "day": day, "activity": activity, "events": str(events), "seconds": str(seconds),
                 "users": str(len(users)), "devices": "1"} for (day, activity), (events, seconds, users)
                in sorted(facts.items())]

    def setUp(self):
        super().setUp()
        self.deploy = self.deployment(centres=CENTRES, taxonomy=TAXONOMY, indicators=INDICATORS)
        self.lines = list(oulad.make_lines(DATA))

    def test_totals_are_those_of_the_dataset(self):
        self.deploy.ingest(self.lines)
        self.assertEqual(harness.csv_rows(self.deploy.export()), self.expected())
        self.assertEqual(self.deploy.rejected(), [])

    def test_shuffled_and_repeated_they_are_the_same(self):
        order = random.Random(2013)
        lines = self.lines + order.sample(self.lines, len(self.lines) // 3)
        order.shuffle(lines)
        self.deploy.ingest(lines)
        self.assertEqual(harness.csv_rows(self.deploy.export()), self.expected())

    def test_distinct_learners_of_the_month_decide(self):
        october = {student for student, kind, day, _ in oulad.read_rows(DATA)
                   if day.month == 10 and activity_of(kind) == "learning"}
        self.deploy.ingest(self.lines)
        rows = self.deploy.sql("SELECT users FROM v_usage_monthly WHERE month = '2025-10' AND activity = 'learning'")
        self.assertEqual(rows, [{"users": len(october)}])
        verdict = self.deploy.sql("SELECT adopts FROM v_verdict WHERE period = '2025-10' AND centre = ?", oulad.CENTRE)
        self.assertEqual(verdict, [{"adopts": int(len(october) >= 200)}])


if __name__ == "__main__":
    unittest.main()
