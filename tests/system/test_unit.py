"""The systemd unit as it is installed: it is understood, it is confined, and secrets reach the service as credentials."""

import re
import shutil
import subprocess
import unittest

import harness

UNIT = harness.PROJECT / "packaging/edutally.service.in"


class Unit(harness.SystemTest):

    def setUp(self):
        super().setUp()
        if shutil.which("systemd-analyze") is None:
            self.skipTest("skipped: needs systemd-analyze (apt install systemd)")
        bin_directory = self.folder("bin")
        (bin_directory / "edutally").symlink_to(harness.program("edutally"))
        self.unit = self.directory / "edutally.service"
        self.unit.write_text(UNIT.read_text().replace("@EDUTALLY_BIN@", str(bin_directory))
                             .replace("@EDUTALLY_ETC@", "/etc/edutally"))

    def analyze(self, *words):
        return subprocess.run(["systemd-analyze", "--no-pager", *words, self.unit], capture_output=True, text=True,
                              check=False, timeout=60 * harness.PATIENCE)

    def test_systemd_understands_every_line(self):
        done = self.analyze("verify", "--man=no")
        ours = [line for line in done.stderr.split("\n") if "edutally" in line]
        self.assertEqual((done.returncode, ours), (0, []))

    def test_what_the_service_is_exposed_to_stays_below_two(self):
        done = self.analyze("security", "--offline=true", "--threshold=19")
        found = re.search(r"Overall exposure level for edutally.service: ([0-9.]+)", done.stdout)
        self.assertIsNotNone(found, done.stdout + done.stderr)
        print(f"exposure {found.group(1)} of 10")
        self.assertLess(float(found.group(1)), 2.0)
        self.assertEqual(done.returncode, 0)
        settings = dict(line.split("=", 1) for line in self.unit.read_text().split("\n") if re.match(r"[A-Z]\w+=", line))
        self.assertEqual((settings["User"], settings["ProtectSystem"]), ("edutally", "strict"))
        self.assertEqual((settings["CapabilityBoundingSet"], settings["AmbientCapabilities"]), ("", ""))
        self.assertEqual(settings["NoNewPrivileges"], "yes")
        self.assertEqual(settings["LoadCredential"], "secrets:/etc/edutally/secrets")

    def test_systemd_understands_what_raises_the_brokers_limits(self):
        for name, text in (("mosquitto.service", "[Service]\nExecStart=/bin/true\n"),
                           ("mosquitto.service.d/edutally.conf",
                            (harness.PROJECT / "config/mosquitto/systemd-limits.conf").read_text())):
            path = self.directory / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.unit = self.directory / "mosquitto.service"
        done = self.analyze("verify", "--man=no")
        self.assertEqual((done.returncode, [line for line in done.stderr.split("\n") if "mosquitto" in line]), (0, []))

    def test_a_secret_that_systemd_hands_over_is_used_where_the_config_names_a_file_that_cannot_be_read(self):
        broker, deploy = self.mosquitto(users={"collector": "the right one"}), self.deployment()
        credentials = self.folder("credentials")
        (credentials / "secrets_mqtt").write_text("the right one\n")
        deploy.write_config(mqtt={"server": f"mqtt://127.0.0.1:{broker.port}", "client_id": "c", "username": "collector",
                                  "password_file": "secrets/mqtt"})
        missing = deploy.edutally("check", expect=None)
        self.assertIn("secrets/mqtt", missing.stdout.decode() + missing.stderr.decode())
        self.assertNotEqual(missing.returncode, 0)
        handed_over = subprocess.run([harness.program("edutally"), "check", "--config", str(deploy.config_path)],
                                     capture_output=True, text=True, check=False, timeout=60 * harness.PATIENCE,
                                     env=harness.os.environ | {"CREDENTIALS_DIRECTORY": str(credentials)})
        self.assertEqual(handed_over.returncode, 0, handed_over.stdout + handed_over.stderr)


if __name__ == "__main__":
    unittest.main()
