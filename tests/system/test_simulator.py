"""The simulator's year against the collector: what `edutally-sim truth` works out from what it generated, by plain sorting,
is what the collector exports, byte for byte, however the messages travelled."""

import json
import re
import subprocess
import unittest

import harness

CONFIG = harness.PROJECT / "config"
SCENARIO = CONFIG / "scenarios/province-year.jsonc"


def read_jsonc(path):
    """JSON with comments; strings are kept whole."""
    text = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda match: match.group(1) or "", path.read_text(), flags=re.S)
    return json.loads(text)


def simulate(*words, expect=0, timeout=300):
    done = subprocess.run([harness.program("edutally-sim"), *map(str, words)], capture_output=True,
                          timeout=timeout * harness.PATIENCE)
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"edutally-sim {words}: exit code {done.returncode}\n" + done.stderr.decode()[-4000:])
    return done


class Simulator(harness.SystemTest):

    def province(self, **config):
        """A deployment with the project's own registry, taxonomy and indicators."""
        deploy = self.deployment()
        deploy.write_config(registry={"centres": str(CONFIG / "registry/centres.csv"),
                                      "areas": str(CONFIG / "registry/areas.csv")},
                            taxonomy=str(CONFIG / "taxonomy.jsonc"), indicators=str(CONFIG / "indicators.jsonc"), **config)
        return deploy

    def test_a_part_of_the_province_ingested_equals_the_truth(self):
        deploy = self.province(late_days=60)
        part = ("--scenario", SCENARIO, "--centres", 12, "--from", "2025-11-01", "--to", "2026-04-15")
        lines = simulate("events", *part).stdout
        truth = simulate("truth", *part)
        self.assertGreater(lines.count(b"\n"), 1000)

        deploy.ingest(lines)

        self.assertEqual(deploy.export(), truth.stdout.decode())
        self.check_counts(deploy, truth.stderr.decode())

    def check_counts(self, deploy, said):
        """What truth left out is what was set aside, by reason."""
        counts = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", said)}
        rows = deploy.rejected()
        by_state = {state: sum(row["times"] for row in rows if row["state"] == state) for state in
                    ("rejected", "quarantined")}
        late = sum(row["times"] for row in rows if row["reason"] == "too_late")
        self.assertEqual(late, counts["too_late"])
        self.assertEqual(by_state["quarantined"], counts["clock_off"] + counts["too_late"])

    def test_the_same_seed_gives_the_same_bytes(self):
        part = ("--scenario", SCENARIO, "--centres", 5, "--to", "2025-12-01")
        self.assertEqual(simulate("events", *part).stdout, simulate("events", *part).stdout)
        self.assertNotEqual(simulate("events", *part).stdout, simulate("events", *part, "--seed", 5).stdout)

    def quiet_scenario(self):
        """The scenario with good clocks: over MQTT the time of arrival is the collector's own."""
        scenario = read_jsonc(SCENARIO)
        scenario["registry"] = str(CONFIG / "registry/centres.csv")
        scenario["taxonomy"] = str(CONFIG / "taxonomy.jsonc")
        def quieten(node):
            for key, value in list(node.items()):
                if key.startswith("clock_") and isinstance(value, (int, float)):
                    node[key] = 0
                elif isinstance(value, dict):
                    quieten(value)
        quieten(scenario)
        path = self.directory / "scenario.jsonc"
        path.write_text(json.dumps(scenario))
        return path

    def test_live_devices_are_covered_end_to_end_and_equal_the_truth(self):
        broker, deploy = self.mosquitto(), self.province()
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        part = ("--scenario", self.quiet_scenario(), "--centres", 6, "--from", "2025-11-01")
        played = simulate("run", *part, "--until", "2026-01-01", "--speed", "max", "--server",
                          f"mqtt://127.0.0.1:{broker.port}")
        counts = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", played.stdout.decode())}
        self.assertGreater(counts["events"], 1000)
        self.assertEqual(counts["uncovered"], 0)
        self.assertEqual(counts["covered"], counts["events"])
        collector.wait_idle()
        truth = simulate("truth", *part, "--to", "2026-01-01", "--late-days", 3650)
        self.assertEqual(deploy.export(), truth.stdout.decode())

        # Played again, nothing is counted twice: the collector tells what it has.
        again = simulate("run", *part, "--until", "2026-01-01", "--speed", "max", "--server",
                         f"mqtt://127.0.0.1:{broker.port}")
        self.assertIn("uncovered=0", again.stdout.decode())
        collector.stop()
        self.assertEqual(deploy.export(), truth.stdout.decode())

    def test_flood_is_covered_end_to_end(self):
        broker, deploy = self.mosquitto(), self.deployment()
        collector = self.collector(deploy, broker)
        collector.wait_metric("mqtt_connected", 1)
        done = simulate("flood", "--registry", deploy.directory / "centres.csv", "--centres", 5, "--devices", 200,
                        "--messages", 5000, "--batch", 4, "--server", f"mqtt://127.0.0.1:{broker.port}", "--json")
        result = json.loads(done.stdout)
        self.assertEqual((result["broker_acked"], result["covered"]), (5000, 5000))
        collector.wait_idle()
        collector.stop()
        self.assertEqual(deploy.sql("SELECT sum(events) AS n FROM v_usage_daily"), [{"n": 20000}])


if __name__ == "__main__":
    unittest.main()
