"""What a collector has to find, worked out in Python from the events and by nothing of the collector's: the oracle of the
tests that compare whole exports."""

import collections
import datetime
import zoneinfo

ZONE = zoneinfo.ZoneInfo("Asia/Ho_Chi_Minh")
ACTIVITIES = {"attendance": "management", "gradebook": "management", "lesson": "teaching", "quiz": "learning",
              "class": "community"}
HEADER = "centre,day,activity,events,seconds,users,devices\n"


def instant(t):
    """An event's time: RFC 3339 or milliseconds."""
    if isinstance(t, str):
        return datetime.datetime.fromisoformat(t.replace("Z", "+00:00"))
    return datetime.datetime.fromtimestamp(t / 1000, datetime.timezone.utc)


def day_of(t, zone=ZONE):
    return instant(t).astimezone(zone).date().isoformat()


class Model:
    """Adds events, each with the centre and device that it came from and a key that says which event it is."""

    def __init__(self, activity_of=lambda kind: ACTIVITIES.get(kind.split(".")[0], "other"), zone=ZONE):
        self.activity_of, self.zone = activity_of, zone
        self.seen = set()
        self.facts = collections.defaultdict(lambda: [0, 0, set(), set()])

    def add(self, centre, device, key, event):
        """True if it is new."""
        if (centre, device, key) in self.seen:
            return False
        self.seen.add((centre, device, key))
        fact = self.facts[centre, day_of(event["t"], self.zone), self.activity_of(event["type"])]
        fact[0] += 1
        fact[1] += event.get("dur", 0)
        if "user" in event:
            fact[2].add(event["user"])
        fact[3].add(device)
        return True

    def csv(self):
        """As `export facts --format csv` must give it."""
        lines = [",".join([*key, str(events), str(seconds), str(len(users)), str(len(devices))]) + "\n"
                 for key, (events, seconds, users, devices) in self.facts.items()]
        return HEADER + "".join(sorted(lines, key=lambda line: line.split(",")[:3]))
