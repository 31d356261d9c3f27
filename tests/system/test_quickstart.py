"""The first of the README's two commands, and against it what the documents show: a document that lies fails here."""

import os
import re
import signal
import sqlite3
import subprocess
import unittest
import urllib.parse

import harness
from harness import PATIENCE, PROJECT, http, wait_for

CENTRE = "th-huong-long-2"


def code_blocks(document, language):
    text = (PROJECT / "docs" / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


class Quickstart(harness.SystemTest):

    def start(self):
        """Starts it as a user does; returns when it is live."""
        self.log = self.directory / "quickstart.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [PROJECT / "scripts/quickstart", "--with-influx", "--data", self.directory / "data"], stdout=log,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
                env=os.environ | {"EDUTALLY_BUILD": str(harness.BIN)})
        self.addCleanup(self.stop)
        wait_for("quickstart to be live", self.is_live, 240 * PATIENCE)

    def is_live(self):
        self.assertIsNone(self.process.poll(), self.log.read_text())
        return "Ctrl-C stops everything" in self.log.read_text()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60 * PATIENCE)

    def said(self, pattern):
        return re.search(pattern, self.log.read_text(), re.MULTILINE).group(1)

    def facts(self):
        with sqlite3.connect(f"file:{self.directory}/data/collector/edutally.db?mode=ro", uri=True) as store:
            return store.execute("SELECT sum(events) FROM v_usage_daily").fetchone()[0]

    def show_documents(self):
        port = self.said(r"^MQTT: +127\.0\.0\.1:(\d+)")
        secret = self.directory / "data/secrets/simulator"
        program = self.directory / "report.py"
        # The one thing that a test must change: the quickstart's port may be another than MQTT's own.
        source, changed = re.subn(r"client\.connect\(broker\)", f"client.connect(broker, {port})",
                                  code_blocks("app-authors.md", "python")[0])
        self.assertEqual(changed, 1)
        program.write_text(source, encoding="utf-8")
        for _ in range(2):
            said = subprocess.run(["/usr/bin/python3", program, "127.0.0.1", "simulator", secret, CENTRE], check=True,
                                  capture_output=True, text=True, timeout=60 * PATIENCE).stdout
            self.assertIn("'upto': 2, 'missing': []", said)

        statement = re.search(r'^sqlite3 -readonly edutally\.db "(.*)"$',
                              (PROJECT / "docs/analysts.md").read_text(encoding="utf-8"), re.MULTILINE).group(1)
        with sqlite3.connect(f"file:{self.directory}/data/collector/edutally.db?mode=ro", uri=True) as store:
            rows = store.execute(statement).fetchall()
        self.assertGreaterEqual(len(rows), 12)
        self.assertTrue(all(0 <= rate <= 1 and target == 0.8 for _, rate, target in rows))

    def show_influx(self):
        address = self.said(r"^InfluxDB:  (http://[0-9.:]+)")
        text = (PROJECT / "docs/analysts.md").read_text(encoding="utf-8")
        statement = re.search(r'^(SELECT "rate".*)$', text, re.MULTILINE).group(1)
        query = urllib.parse.urlencode({"db": "edutally", "q": statement})
        wait_for("the adoption series in InfluxDB", lambda: "clc-digital" in http(f"{address}/query?{query}")[1], 60)

    def test_plays_a_year_serves_it_and_goes_on_at_the_second_start(self):
        self.start()
        dashboard = self.said(r"^Dashboard: (http://[0-9.:]+)")
        self.assertIn("<!doctype html>", http(dashboard)[1].lower())
        self.assertIn('"ready":true', http(f"{dashboard}/readyz")[1])
        self.show_documents()
        self.show_influx()
        first = self.facts()
        self.assertGreater(first, 1_500_000)
        self.stop()
        self.assertEqual(self.process.returncode, 0, self.log.read_text())

        self.start()
        self.assertGreaterEqual(self.facts(), first)
        self.assertLess(int(self.said(r"counted (\d+), counted before")), 100_000)
        self.stop()
        self.assertEqual(self.process.returncode, 0, self.log.read_text())


if __name__ == "__main__":
    unittest.main()
