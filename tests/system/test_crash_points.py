"""Every system call that changes a file is a place to die at, and a call that can fail. The process dies before, in the
middle of and after each of them, and each of them fails in every way; then the same input is counted undisturbed, and the
facts, the results and what was put aside are those of a run that nothing ever happened to.

EDUTALLY_TEST_LONG=1: exhaustive. Otherwise every k-th place, from a random one on."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

import faults
import harness
from harness import batch, line_of, topic_of

FIRST_MS = 1759251600000  # 2025-10-01 00:00 in Vietnam
HOUR_MS = 3600000
SHORT_SECONDS = 3  # for each of the samples
PADDING = "p" * 9000  # the journal is written in pieces of 1 MiB: several of them, and so several segments
FAILURES = ("1 EIO", "0 EIO", "1 ENOSPC", "0 ENOSPC", "1 SHORT", "0 SHORT", "3 EINTR")


def make_lines():
    """Devices with repeats and gaps, garbage in several commits, an unknown centre, a clock that is off, events with id."""
    lines = []
    for turn in range(44):
        for device in range(6):
            centre, name = f"c{1 + device % 3}", f"device-{device}"
            events = [{"seq": 3 * turn + i, "t": FIRST_MS + (31 * turn + 7 * i + device) * HOUR_MS // 2,
                       "type": ("attendance.taken", "lesson.delivered", "quiz.submitted")[(turn + i) % 3],
                       "user": f"user-{(turn * 5 + device) % 17:04}", "dur": 60 * i + 1200} for i in range(4)]
            message = json.loads(batch("e", events)) | {"padding": PADDING}
            lines.append(line_of(topic_of(centre, name), json.dumps(message)))
        lines.append(line_of(topic_of("c4", f"phone-{turn % 5}"), json.dumps(
            {"id": f"00000000-0000-4000-8000-{turn // 2:012}", "t": FIRST_MS + turn // 2 * HOUR_MS, "type": "quiz.submitted",
             "user": f"user-{turn % 7:04}"})))
        lines.append(line_of(topic_of("c1", f"broken-{turn % 3}"), f'{{"not": "a message", "turn": {turn % 40}}}'))
    lines.append(line_of(topic_of("nobody", "device"), batch("e", [{"seq": 0, "t": FIRST_MS, "type": "quiz.submitted"}])))
    lines.append(line_of(topic_of("c2", "ahead"), batch("e", [{"seq": 0, "t": "2031-01-01T00:00:00Z", "type": "quiz.x"}])))
    lines.append(line_of(topic_of("c2", "bad"), batch("e", [{"seq": 0, "t": "no time", "type": "quiz.x"}])))
    return lines


def findings(deploy):
    """All that must not depend on what happened on the way."""
    return {"facts": deploy.export(), "adoption": deploy.export("adoption"),
            "put aside": deploy.sql("SELECT state, reason, detail, topic, centre, length(raw) AS bytes FROM v_rejected "
                                    "ORDER BY 2, 4, 3, 6"),
            "streams": deploy.sql("SELECT realm, centre, device, epoch, missing FROM v_devices ORDER BY 1, 2, 3, 4"),
            "integrity": faults.integrity(deploy.data_dir)}


class CrashPoints(harness.SystemTest):

    CONFIG = {"journal": {"segment_bytes": 65536, "keep_bytes": 65536}, "rejected": {"max_rows": 100}}

    def setUp(self):
        super().setUp()
        faults.needs_library()
        self.random = faults.seeded()
        self.input = self.directory / "events.jsonl"
        self.input.write_text("\n".join(make_lines()) + "\n")
        deploy = self.new("undisturbed")
        self.calls = self.disturbed(deploy, log=self.directory / "calls")[1]
        self.expected = findings(deploy)
        self.assertEqual(self.expected["integrity"], "ok")
        self.assertGreater(len(self.expected["facts"].splitlines()), 100)
        self.assertEqual({row["state"] for row in self.expected["put aside"]}, {"rejected", "quarantined"})

    def new(self, name):
        return self.deployment(name, config=self.CONFIG)

    def disturbed(self, deploy, **settings):
        """`edutally ingest` with faults: the finished process and its calls, if they were logged."""
        words = [harness.program("edutally"), "ingest", "--config", str(deploy.config_path), str(self.input)]
        done = subprocess.run(words, capture_output=True, timeout=60 * harness.PATIENCE,
                              env=os.environ | faults.environment(deploy.directory, **settings))
        return done, faults.calls_of(settings["log"]) if "log" in settings else None

    def sample(self, places, check, seconds=SHORT_SECONDS):
        """Checks all places, or as many as the time allows, evenly over all of them; says how many."""
        started, checked, step = time.monotonic(), 0, 1
        if not faults.LONG:
            self.random.shuffle(places)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for at in range(0, len(places), 2 * os.cpu_count()):
                if not faults.LONG and time.monotonic() - started > seconds:
                    break
                some = places[at:at + 2 * os.cpu_count()]
                list(pool.map(lambda place: check(*place), some))  # the first failure is raised here
                checked += len(some)
        print(f"{self.id().split('.')[-1]}: {checked} of {len(places)} places, "
              f"{time.monotonic() - started:.0f} s", flush=True)
        faults.say_injected(checked)
        self.assertGreater(checked, 0)

    def compare(self, deploy, what):
        found = findings(deploy)
        for name, value in self.expected.items():
            self.assertEqual(found[name], value, f"{name} after {what}; the data is in {deploy.directory}")

    def count_again_and_compare(self, deploy, what):
        deploy.edutally("ingest", self.input)
        self.compare(deploy, what)
        shutil.rmtree(deploy.directory)

    def places_of(self, calls):
        return [(n, when) for n, (call, _) in enumerate(calls, 1) for when in ("before", "middle", "after")
                if when != "middle" or call in faults.WRITES]

    def test_no_change_of_a_file_goes_unseen(self):
        libraries = subprocess.run(["ldd", harness.program("edutally")], check=True, capture_output=True, text=True).stdout
        sqlite = next(line.split()[2] for line in libraries.splitlines() if "libsqlite3" in line)
        for binary in (harness.program("edutally"), sqlite):
            self.assertEqual(faults.unseen_calls(binary), set(), binary)

    def test_ingest_that_dies_anywhere_is_made_good_by_the_next(self):
        def check(n, when):
            deploy = self.new(f"die-{n}-{when}")
            done = self.disturbed(deploy, die=f"{n} {when}")[0]
            self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr.decode())
            self.count_again_and_compare(deploy, f"dying {when} call {n} ({self.calls[n - 1]})")

        segments = {path for call, path in self.calls if call == "create" and path.endswith(".seg")}
        self.assertGreater(len(segments), 2, "the scenario is to begin several segments")
        self.sample(self.places_of(self.calls), check)

    def test_call_that_fails_anywhere_is_said_or_survived(self):
        def check(n, failure):
            deploy = self.new(f"fail-{n}-{failure.replace(' ', '-')}")
            done = self.disturbed(deploy, fail=f"{n} {failure}")[0]
            what = f"{failure} at call {n} ({self.calls[n - 1]})"
            self.assertIn(done.returncode, (0, 1), f"{what}: {done.stderr.decode()}")
            if done.returncode == 0:
                self.compare(deploy, f"{what}, which ingest did not mind")
            else:
                self.assertIn(b"edutally", done.stderr, f"{what}: it failed and did not say why")
            self.count_again_and_compare(deploy, what)

        self.sample([(n, failure) for n, (call, _) in enumerate(self.calls, 1) for failure in FAILURES
                     if call in faults.WRITES or "SHORT" not in failure and "EINTR" not in failure], check)

    def leave_behind(self):
        """A directory in which ingest died when all was in the journal and nothing of the last commit in the store."""
        last = max(n for n, (call, path) in enumerate(self.calls, 1) if call == "fdatasync" and path.endswith(".seg"))
        deploy = self.new("left-behind")
        self.assertEqual(self.disturbed(deploy, die=f"{last} after")[0].returncode, -signal.SIGKILL)
        return deploy

    def start_and_stop(self, deploy, **settings):
        """`edutally run` until it has counted what it found, tidied up and ended on SIGTERM, or died: its exit code."""
        with subprocess.Popen([harness.program("edutally"), "run", "--config", str(deploy.config_path)], text=True,
                              stderr=subprocess.PIPE,
                              env=os.environ | faults.environment(deploy.directory, **settings)) as daemon:
            said = []
            for line in daemon.stderr:
                said.append(line)
                if "event=journal_trimmed" in line:
                    daemon.send_signal(signal.SIGTERM)
            try:
                return daemon.wait(30 * harness.PATIENCE), "".join(said)
            finally:
                daemon.kill()

    def test_run_that_dies_anywhere_while_it_catches_up_is_made_good(self):
        def check(n, when):
            again = self.new(f"run-{n}-{when}")
            shutil.copytree(deploy.data_dir, again.data_dir)
            code, said = self.start_and_stop(again, die=f"{n} {when}")
            self.assertIn(code, (0, -signal.SIGKILL), said)  # 0: this time there were fewer calls
            self.count_again_and_compare(again, f"run dying {when} call {n} ({calls[n - 1]})")

        deploy = self.leave_behind()
        counting = self.new("run-counting")
        shutil.copytree(deploy.data_dir, counting.data_dir)
        code, said = self.start_and_stop(counting, log=self.directory / "run-calls")
        self.assertEqual(code, 0, said)
        calls = faults.calls_of(self.directory / "run-calls")
        self.assertIn("unlink", {call for call, path in calls if path.endswith(".seg")}, "run is to trim the journal")
        self.compare(counting, "run alone")
        self.sample(self.places_of(calls), check)


if __name__ == "__main__":
    unittest.main()
