"""Nobody's key leaves, and none lies in the clear (promise 5). Keys that are easy to recognise are planted wherever a
message can carry one; then every file at rest and every output is searched for them, as they are, in hexadecimal, in
base 64, and as a digest that anybody could compute. And counts of few people are shown nowhere."""

import base64
import gzip
import hashlib
import http.server
import json
import pathlib
import re
import threading
import unittest

import harness
from harness import Publisher, line_of, topic_of

GOOD = {"t": "2025-10-06T08:00:00+07:00", "type": "attendance.taken"}
WITH_ID = {"id": "0b6e2c64-7d1c-4d6e-9f6a-6c1d1a2b3c4d", **GOOD}


def key(name):
    """Distinct, and nothing that could be there by chance."""
    return f"planted{hashlib.md5(name.encode()).hexdigest()[:10]}key"


def event(name, seq=1, **changed):
    return {"seq": seq, **GOOD, "user": key(name)} | changed


def batch(*events, **envelope):
    return json.dumps({"v": 1, "epoch": "e", "events": list(events)} | envelope)


def messages():
    """name -> (topic, payload): every place in a message where a key of a user, or a name, can stand."""
    bad = {"user-list": {"user": [key("user-list")]}, "user-object": {"user": {"name": key("user-object")}},
           "user-long": {"user": key("user-long") * 4}, "user-short": {"user": "x", "note": key("user-short")},
           "user-blank": {"user": key("user-blank") + " and more"}, "user-control": {"user": key("user-control") + "\u0007"},
           "in-t": {"t": key("in-t")}, "in-type": {"type": key("in-type") + " said hello"},
           "in-type-list": {"type": [key("in-type-list")]}, "in-role": {"role": key("in-role") + " Nguyễn Thị"},
           "in-app": {"app": key("in-app") * 5}, "in-dur": {"dur": key("in-dur")}, "in-seq": {"seq": key("in-seq")},
           "clock-ahead": {"t": "2042-01-01T00:00:00Z"}, "clock-behind": {"t": "1999-01-01T00:00:00Z"}}
    made = {name: (topic_of("c1", name), batch(event(name, **changed))) for name, changed in bad.items()}
    made |= {
        "good": (topic_of("c1", "good"), batch(event("good"))),
        "good-late": (topic_of("c1", "good-late"), batch(event("good-late", t="2025-10-07T08:00:00+07:00"))),
        "by-id": (topic_of("c1", "by-id"), json.dumps({**WITH_ID, "user": key("by-id")})),
        "bare": (topic_of("c1", "bare"), json.dumps(event("bare", epoch="e"))),
        "by-content": (topic_of("c1", "by-content"), json.dumps({**GOOD, "user": key("by-content")})),
        "unknown-member": (topic_of("c1", "member"), batch({"seq": 1, **GOOD, "pupil": {"name": key("unknown-member")}})),
        "in-envelope": (topic_of("c1", "envelope"), batch(event("x"), teacher=key("in-envelope"))),
        "as-member": (topic_of("c1", "as-member"), batch({"seq": 1, **GOOD, key("as-member"): 1})),
        "unknown-centre": (topic_of("nowhere", "d"), batch(event("unknown-centre"))),
        "unknown-centre-id": (topic_of("nowhere", "d"), json.dumps({**WITH_ID, "user": key("unknown-centre-id")})),
        "cut-off": (topic_of("c1", "cut-off"), batch(event("cut-off"))[:-3]),
        "no-json": (topic_of("c1", "no-json"), f"hello, this is {key('no-json')}"),
        "trailing": (topic_of("c1", "trailing"), batch(event("trailing")) + key("trailing")),
        "twice": (topic_of("c1", "twice"), batch(event("twice")).replace('"user"', '"user": "x", "user"')),
        "duplicate-member": (topic_of("c1", "dup"), '{"%s": 1, "%s": 2}' % (2 * (key("duplicate-member"),))),
        "too-deep": (topic_of("c1", "deep"), "[" * 40 + json.dumps(key("too-deep")) + "]" * 40),
        "too-large": (topic_of("c1", "large"), batch(event("too-large", note="x" * 9000))),
        "too-many": (topic_of("c1", "many"), batch(*(event("too-many", seq=n) for n in range(30)))),
        "bad-version": (topic_of("c1", "version"), batch(event("bad-version"), v=key("bad-version"))),
        "bad-epoch": (topic_of("c1", "epoch"), batch(event("bad-epoch"), epoch=key("bad-epoch") + "/x")),
        "bad-id": (topic_of("c1", "id"), json.dumps({**GOOD, "id": key("bad-id")})),
        "escaped": (topic_of("c1", "escaped"), batch(event("escaped")).replace("planted", "\\u0070lanted")),
        "wrong-topic": ("edu/v1/46/c 1/d/event", batch(event("wrong-topic"))),
        "in-state": (topic_of("c1", "state", "state"), json.dumps({"v": 1, "epoch": "e", "owner": key("in-state")})),
        "bad-state": (topic_of("c1", "state2", "state"), f'{{"v":1,"owner":"{key("bad-state")}'),
    }
    # A key in UTF-8 that is none.
    made["bad-utf8"] = (topic_of("c1", "utf8"), batch(event("bad-utf8")).encode() + b"\xff")
    return made


MESSAGES = messages()
PLANTED = {key(name): name for name in [*MESSAGES, "x"]}


def forms_of(text):
    """How a key could stand in a file: the bytes, digits, base 64 at any of three offsets, digests without a secret."""
    data = text.encode()
    forms = {data, data.hex().encode(), data.hex().upper().encode(), data[::-1]}
    for shift in range(3):
        # Only the characters that the key alone decides.
        whole = base64.b64encode(b"\0" * shift + data)
        forms |= {whole[4 if shift else 0:len(whole) - 4], whole[4 if shift else 0:len(whole) - 4].translate(
            bytes.maketrans(b"+/", b"-_"))}
    for digest in (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.sha512):
        value = digest(data).digest()
        forms |= {value[:8], value[7::-1], value[:8].hex().encode()}
    forms.add(b"\\u0070" + data[1:])
    return forms


FORMS = {form: name for planted, name in PLANTED.items() for form in forms_of(planted)}
ANY = re.compile(b"|".join(re.escape(form) for form in sorted(FORMS, key=len, reverse=True)))


def found_in(data):
    return sorted({FORMS[match] for match in ANY.findall(data)})


class Recorder(http.server.ThreadingHTTPServer):
    """A database that takes everything and remembers the bytes."""

    def __init__(self):
        recorder = self
        self.bodies = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                recorder.bodies.append(self.path.encode() + b"\n" + body)
                self.send_response(204)
                self.end_headers()

            def do_GET(self):
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def setting(self):
        return {"name": "recorder", "type": "influxdb1", "url": f"http://127.0.0.1:{self.server_address[1]}",
                "database": "edutally"}


def outputs_of(deploy):
    """What every command prints: name -> bytes. Without `--raw`, which is there to show what came."""
    commands = [f"export {what} --format {form}" for what in ("facts", "usage", "adoption", "centres")
                for form in ("csv", "json", "lp")]
    commands += [f"report --period 2025-10 --lang {language} --format {form}{area}" for form in ("table", "csv", "json")
                 for language in ("vi", "en") for area in ("", " --area X1", " --area X2")]
    commands += ["rejected list --limit 1000", "rejected list --limit 1000 --json", "check", "check --json",
                 "check --print-config", "journal list", "journal list --json", "journal dump", "journal dump --json",
                 "journal verify"]
    made = {}
    for command in commands:
        words = command.split()
        own = 2 if words[0] in ("export", "rejected", "journal") else 1
        done = deploy.edutally(" ".join(words[:own]), *words[own:], expect=None)
        made[command] = done.stdout + done.stderr
    return made


ROUTES = ["/metrics", "/healthz", "/readyz", "/", "/api/v1/status", "/api/v1/indicators", "/api/v1/adoption",
          "/api/v1/adoption?format=csv", "/api/v1/adoption?parent=46", "/api/v1/centres", "/api/v1/centres?format=csv",
          "/api/v1/centres?indicator=digital&period=2025-10", "/api/v1/rejected?limit=200"]
ROUTES += [f"/api/v1/centres/{centre}?period=2025-10{form}" for centre in ("c1", "c2", "c3", "clc1")
           for form in ("", "&format=csv")]


class Privacy(harness.SystemTest):

    def assert_nothing_planted(self, things):
        """`things`: name -> bytes."""
        leaks = {name: found for name, data in things.items() if (found := found_in(data))}
        self.assertFalse(leaks, "planted keys were found")

    def files_of(self, folder):
        files = {str(path.relative_to(folder)): path.read_bytes() for path in pathlib.Path(folder).rglob("*")
                 if path.is_file()}
        self.assertIn("edutally.db", files)
        # What is compressed before it is sealed cannot be searched; what is compressed and not sealed would show.
        for name, data in files.items():
            self.assertNotIn(b"\x28\xb5\x2f\xfd", data, f"{name} holds a plain zstd frame, in which a key could hide")
        return files

    def config(self, recorder, **changed):
        return {"limits": {"payload_bytes": 8192, "batch_events": 20, "depth": 8}, "log": {"level": "debug"},
                "outputs": [recorder.setting()]} | changed

    def recorder(self):
        recorder = Recorder()
        self.addCleanup(recorder.server_close)
        self.addCleanup(recorder.shutdown)
        return recorder

    def test_the_search_finds_what_it_searches_for(self):
        planted = key("good").encode()
        for hidden in (planted, planted.hex().encode(), base64.b64encode(b"user:" + planted),
                       base64.urlsafe_b64encode(b"me" + planted + b"you"), hashlib.sha256(planted).digest(), planted[::-1]):
            self.assertEqual(found_in(b"before" + hidden + b"after"), ["good"])
        self.assertEqual(found_in(key("another").encode()), [])

    def test_no_key_is_found_at_rest_or_in_any_output_when_messages_come_over_mqtt(self):
        recorder, broker = self.recorder(), self.mosquitto()
        deploy = self.deployment(config=self.config(recorder))
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        with Publisher(broker, "planter") as device:
            device.send(MESSAGES.values())
            device.send([MESSAGES["good"], (topic_of("c1", "good"), batch(event("good", seq=7)))])  # a repeat, a gap
        collector.wait_metric("messages_received_total", len(MESSAGES) + 2)
        collector.wait_idle()
        collector.wait_until("the database to have it", lambda: any(b"usage," in body for body in recorder.bodies))

        answers = {path: harness.http(collector.url + path)[1].encode() for path in ROUTES}
        self.assertIn(b"c1", answers["/api/v1/centres"])
        self.assert_nothing_planted(answers)
        with self.subTest("at rest, in use"):
            self.assert_nothing_planted(self.files_of(deploy.data_dir))
        collector.kill()
        with self.subTest("at rest, after a crash"):
            self.assert_nothing_planted(self.files_of(deploy.data_dir))
        collector.start()
        collector.wait_idle()
        collector.stop()
        with self.subTest("at rest, stopped"):
            self.assert_nothing_planted(self.files_of(deploy.data_dir))
        with self.subTest("logs"):
            self.assert_nothing_planted({"log": collector.log.read_bytes()})
        with self.subTest("line protocol"):
            self.assert_nothing_planted({"written": b"\n".join(recorder.bodies)})
        with self.subTest("commands"):
            self.assert_nothing_planted(outputs_of(deploy))
        # It was all looked at: what could be counted was, the rest is in rows that say why.
        self.assertGreater(len(deploy.sql("SELECT 1 FROM rejected")), 20)
        self.assertIn("c1,2025-10-06,management,", deploy.export())

    def test_no_key_is_found_when_lines_are_ingested_and_files_change_hands(self):
        recorder = self.recorder()
        deploy = self.deployment(config=self.config(recorder, journal={"segment_bytes": 65536}))
        lines = [line_of(topic, payload if isinstance(payload, str) else payload.decode("latin-1"))
                 for topic, payload in MESSAGES.values()]
        # More than a segment, so that old ones are closed (and compressed, if it does that).
        lines += [line_of(topic_of("c2", "filler"), batch(*(event("x", seq=20 * n + k) for k in range(20))))
                  for n in range(90)]
        done = deploy.ingest(lines)
        self.assert_nothing_planted({"ingest": done.stdout + done.stderr})
        self.assert_nothing_planted(self.files_of(deploy.data_dir))
        for command in ("rejected retry", "replay"):
            done = deploy.edutally(command, expect=None)
            with self.subTest(command):
                self.assert_nothing_planted({command: done.stdout + done.stderr})
                self.assert_nothing_planted(self.files_of(deploy.data_dir))
        # A centre that the registry did not know counts now: what was sealed is opened, counted and gone.
        deploy.write("centres.csv", harness.CENTRES + "nowhere,Trường Mới,primary,X1,9,2000-01-01,\n")
        deploy.edutally("rejected retry")
        self.assertIn("nowhere,2025-10-06,management,2,0,2,1", deploy.export())
        self.assert_nothing_planted(self.files_of(deploy.data_dir))
        self.assert_nothing_planted(outputs_of(deploy))

    def test_what_came_can_be_seen_by_who_asks_for_it(self):
        deploy = self.deployment(config={"limits": {"depth": 8}})
        deploy.ingest([line_of(*MESSAGES["cut-off"])])
        shown = deploy.edutally("rejected list", "--raw").stdout
        self.assertEqual(found_in(shown), ["cut-off"])
        self.assertEqual(found_in(deploy.edutally("rejected list").stdout), [])
        self.assertEqual(found_in(deploy.edutally("journal dump", "--raw", "--json").stdout), ["cut-off"])
        self.assertEqual(found_in(deploy.edutally("journal dump").stdout), [])

    def test_the_keys_of_a_day_that_can_still_change_depend_on_the_secret(self):
        """So a list of all keys is of no use to who has the database alone."""
        sets = []
        for name in ("one", "two"):
            deploy = self.deployment(name)
            deploy.ingest([line_of(*MESSAGES["good"])])
            (row,) = deploy.sql("SELECT users FROM fact_day_set")
            self.assertGreaterEqual(len(row["users"]), 8)
            sets.append(row["users"])
        self.assertNotEqual(sets[0], sets[1])


# People a day: what must be hidden below 5, and what may be shown.
FEW = {("c1", "lesson"): 3, ("c1", "quiz"): 3, ("c2", "quiz"): 4, ("c3", "quiz"): 7, ("c4", "attendance"): 1,
       ("clc1", "class"): 2}
HEADS = {"c1": 10, "c2": 20, "c3": 40, "c4": 15, "clc1": 5}


def small_counts(value, centre=None):
    """Every count of 1 to 4 people in an answer, said or to be worked out from a share of the head count."""
    if isinstance(value, list):
        return [count for one in value for count in small_counts(one, centre)]
    if not isinstance(value, dict):
        return []
    centre = value.get("centre", value.get("id", centre))
    found = [value["users"]] if isinstance(value.get("users"), int) and 0 < value["users"] < 5 else []
    actual = value.get("actual")
    if value.get("metric") == "users" and isinstance(actual, (int, float)) and 0 < actual < 5:
        found.append(actual)
    if value.get("metric") == "users_share" and isinstance(actual, (int, float)) and 0 < actual * HEADS[centre] < 4.5:
        found.append(actual)
    return found + [count for one in value.values() for count in small_counts(one, centre)]


class SmallCells(harness.SystemTest):

    def province(self, recorder, small_cell):
        deploy = self.deployment(f"below-{small_cell}", config={"small_cell": small_cell, "outputs": [recorder.setting()]})
        lines = []
        for (centre, kind), people in FEW.items():
            events = [{"seq": seq, "t": f"2025-10-{6 + seq % 2:02}T08:00:00+07:00", "type": f"{kind}.x", "dur": 60,
                       "user": f"person-{centre}-{seq // 2}"} for seq in range(2 * people)]
            lines.append(line_of(topic_of(centre, kind), batch(*events)))
        deploy.ingest(lines)
        return deploy

    def shown(self, small_cell):
        """All that is shown of the province: texts by name."""
        recorder = Recorder()
        self.addCleanup(recorder.server_close)
        self.addCleanup(recorder.shutdown)
        deploy = self.province(recorder, small_cell)
        collector = self.collector(deploy)
        collector.wait_idle()
        collector.wait_until("the database to have it", lambda: any(b"usage," in body for body in recorder.bodies))
        texts = {path: harness.http(collector.url + path)[1] for path in ROUTES}
        collector.stop()
        texts |= {command: data.decode() for command, data in outputs_of(deploy).items()}
        texts["output"] = b"\n".join(recorder.bodies).decode()
        return texts

    def leaks_of(self, texts):
        leaks = {}
        for name, text in texts.items():
            found = []
            if text.startswith(("{", "[")) and not name.startswith("check"):
                centre = re.search(r"/centres/(\w+)", name)
                for one in [text] if name.startswith(("/", "report")) else text.splitlines():
                    found += small_counts(json.loads(one), centre and centre.group(1))
            header = text.split("\n")[0].strip().split(",")
            if "users" in header:
                found += [row for row in harness.csv_rows(text) if row["users"] in ("1", "2", "3", "4")]
            found += re.findall(r"users=[1-4]i", text)
            found += re.findall(r"(?<![\d.,])[1-4](?:/\d+)?(?: of \d+)? (?:people|người)", text)
            # "12.5 % of the registered people" of a centre with 40 is 5: none of the shares below stands for 5 or more.
            found += re.findall(r"(?:30|20|6[.,]7|40)(?:[.,]0)? ?% (?:of the registered|số người đăng)", text)
            if found:
                leaks[name] = found
        return leaks

    def test_a_count_of_one_to_four_people_is_shown_nowhere(self):
        open_texts, texts = self.shown(0), self.shown(5)
        # The search sees what is hidden: without the setting it finds it in every kind of answer.
        seen = self.leaks_of(open_texts)
        for name in ("export facts --format csv", "export facts --format json", "export facts --format lp", "output",
                     "/api/v1/centres/c1?period=2025-10", "/api/v1/centres/c2?period=2025-10&format=csv",
                     "report --period 2025-10 --lang en --format table --area X1",
                     "report --period 2025-10 --lang vi --format table --area X1",
                     "report --period 2025-10 --lang en --format json --area X1"):
            self.assertIn(name, seen)
        self.assertEqual(self.leaks_of(texts), {})
        # What is large enough is shown.
        self.assertIn("c3,2025-10-06,learning,7,420,7,1", texts["export facts --format csv"].replace("\r", ""))
        self.assertIn("c1,2025-10-06,learning,3,180,,1", texts["export facts --format csv"].replace("\r", ""))
        self.assertIn("users=7i", texts["output"])


if __name__ == "__main__":
    unittest.main()
