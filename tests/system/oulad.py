#!/usr/bin/python3
"""Turns clicks of the Open University Learning Analytics Dataset into messages for `edutally ingest`.

    oulad.py DIRECTORY > messages.jsonl

DIRECTORY holds studentVle.csv (code_module, code_presentation, id_student, id_site, date, sum_click) and vle.csv
(id_site -> activity_type). Kuzilek, Hlosta, Zdrahal: "Open University Learning Analytics dataset", Scientific Data 4
(2017), CC BY 4.0.

- A module's presentation is a centre's platform: every row is one event of the device "vle" of CENTRE.
- `date`, days from the presentation's start, becomes FIRST_DAY plus that many days: the real ones lie before 2020. The
  dataset has no time of day; rows are spread over 07:00 to 19:00 by their number, so that they keep their order.
- A site's activity type becomes an event type (TYPES); what is not listed becomes "site.other".
- `sum_click` becomes `dur`, at CLICK_SECONDS a click, so that sums can be compared.
- The student becomes a pseudonym by SHA-256, as a platform would do it before it sends.
- Fifty rows make a message; `seq` is the row's number, `epoch` the presentation.
"""

import csv
import datetime
import hashlib
import json
import pathlib
import sys

CENTRE, DEVICE, REALM = "open-university", "vle", "46"
FIRST_DAY = datetime.date(2025, 10, 1)
ZONE = datetime.timezone(datetime.timedelta(hours=7))
CLICK_SECONDS, EVENTS_PER_MESSAGE = 5, 50
TYPES = {"forumng": "discussion.read", "oucollaborate": "live_class.joined", "oucontent": "reading.opened",
         "resource": "reading.opened", "url": "reading.opened", "subpage": "session.page", "homepage": "session.started",
         "quiz": "quiz.opened", "ouelluminate": "live_class.joined", "glossary": "reading.opened"}


def read_rows(directory):
    """(student, activity type of the site, day, clicks) of every row, in the file's order."""
    directory = pathlib.Path(directory)
    with open(directory / "vle.csv", newline="") as file:
        kinds = {row["id_site"]: row["activity_type"] for row in csv.DictReader(file)}
    with open(directory / "studentVle.csv", newline="") as file:
        for row in csv.DictReader(file):
            day = FIRST_DAY + datetime.timedelta(days=int(row["date"]))
            yield row["id_student"], kinds.get(row["id_site"], ""), day, int(row["sum_click"])


def pseudonym(student):
    return hashlib.sha256(f"a platform's own salt {student}".encode()).hexdigest()[:16]


def make_events(directory):
    for number, (student, kind, day, clicks) in enumerate(read_rows(directory), 1):
        second = 7 * 3600 + number * 7919 % (12 * 3600)
        moment = datetime.datetime.combine(day, datetime.time(), ZONE) + datetime.timedelta(seconds=second)
        yield {"seq": number, "t": moment.isoformat(), "type": TYPES.get(kind, "site.other"), "role": "learner",
               "user": pseudonym(student), "dur": clicks * CLICK_SECONDS, "app": "ou-vle"}


def make_lines(directory):
    """JSON lines for `edutally ingest`, in the dataset's order."""
    events = list(make_events(directory))
    for at in range(0, len(events), EVENTS_PER_MESSAGE):
        part = events[at:at + EVENTS_PER_MESSAGE]
        payload = json.dumps({"v": 1, "epoch": "AAA-2013J", "events": part}, separators=(",", ":"))
        received = max(event["t"] for event in part)
        yield json.dumps({"topic": f"edu/v1/{REALM}/{CENTRE}/{DEVICE}/event", "payload": payload, "received": received})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for line in make_lines(sys.argv[1]):
        print(line)
