"""scripts/provision: what it makes, what it refuses, and that no password is seen where it should not be."""

import os
import shutil
import subprocess
import unittest

import harness
from guarded import PROVISION, openssl, password_in, provision


class Provision(harness.SystemTest):

    def passwd(self):
        return dict(line.split(":", 1) for line in (self.directory / "etc/mosquitto/passwd").read_text().split())

    def refuse(self, expect, *words):
        before = {path: path.read_bytes() for path in self.directory.rglob("*") if path.is_file()}
        done = subprocess.run([PROVISION, "--root", self.directory, *words], capture_output=True, text=True, check=False)
        with self.subTest(words):
            self.assertEqual(done.returncode, expect, done.stderr)
            self.assertEqual(done.stdout, "")
            self.assertGreater(len(done.stderr), 20)
            self.assertEqual({path: path.read_bytes() for path in self.directory.rglob("*") if path.is_file()} , before)

    def test_what_is_no_centres_id_is_refused_and_changes_nothing(self):
        provision(self.directory, "centre", "c1")
        (self.directory / "request.pem").touch()
        bad = ["", "c 1", "a/b", "+", "#", "c+", "c1\n", "trường", "c" * 65, "a:b", "collector", "simulator", ".", "..",
               "$SYS"]
        for name in bad:
            self.refuse(2, "centre", name)
            self.refuse(2, "revoke", name)
            (self.directory / "centres.csv").write_text(f'id,name\nfine,F\n"{name or "c 2"}",G\n')
            self.refuse(2, "centres", self.directory / "centres.csv", "--output", self.directory / "out.csv")
        for words in ([], ["nonsense"], ["centre"], ["centre", "c1", "--nonsense"], ["ca"], ["ca", "--host"], ["revoke"],
                      ["ca", "--host", "a b"], ["--realm", "a/b", "centre", "c1"], ["centre", "c1", "--days", "0"],
                      # without --certificate they would be passed over, and another password made
                      ["centre", "c1", "--days", "9"], ["centre", "c1", "--keep"],
                      ["centre", "c1", "--request", self.directory / "request.pem"], ["http"], ["secret", "x"],
                      ["http", "--host", "a b"], ["http", "--nonsense"]):
            self.refuse(2, *words)
        self.refuse(1, "centre", "c1", "--certificate")  # there is no authority yet
        self.refuse(1, "http", "--host", "dashboard.example")
        self.refuse(1, "centres", self.directory / "absent.csv")
        (self.directory / "centres.csv").write_text("id\nc1\nc2\n")
        self.refuse(1, "centres", self.directory / "centres.csv", "--output", self.directory / "out.csv")  # on which host?
        self.assertEqual(list(self.passwd()), ["c1"])
        for name in ("c" * 64, "A-z_0.9", "-c", "c.", "collector1"):
            provision(self.directory, "centre", name)
        self.assertIn("centre ID", provision(self.directory, "--help"))

    def test_a_password_is_long_random_and_nowhere_but_in_what_was_printed(self):
        # Programs that write down how they were called, then are what they seem.
        fakes, seen = self.folder("fakes"), self.directory / "seen"
        for name in ("openssl", "mosquitto_passwd", "awk", "sed", "paste", "tr", "base32"):
            (fakes / name).write_text(f'#!/bin/sh\nprintf "%s\\n" "$0 $*" >>{seen}\nexec {shutil.which(name)} "$@"\n')
            (fakes / name).chmod(0o755)
        environment = os.environ | {"PATH": f"{fakes}:{os.environ['PATH']}", "TMPDIR": str(self.folder("tmp"))}
        shared = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
        root = self.folder("root")
        found = [password_in(provision(root, "centre", f"c{number}", env=environment)) for number in range(12)]
        (root / "centres.csv").write_text("id\nd1\nd2\n")
        provision(root, "ca", "--host", "broker.example")
        listed = provision(root, "centres", root / "centres.csv", "--output", root / "new.csv", env=environment)
        table = harness.csv_rows((root / "new.csv").read_text())
        found += [row["password"] for row in table]
        self.assertEqual((root / "new.csv").stat().st_mode & 0o777, 0o600)
        provision(root, "collector", env=environment)
        found.append((root / "etc/edutally/secrets/mqtt").read_text().strip())

        self.assertEqual(len(set(found)), 15)
        for password in found:
            self.assertRegex(password, "^([a-km-np-z2-9]{6}-){3}[a-km-np-z2-9]{6}$")
            self.assertNotIn(password, seen.read_text() + listed)
        self.assertIn("mosquitto_passwd -U", seen.read_text())
        for path in root.rglob("*"):
            if path.is_file() and path.name not in ("new.csv", "mqtt"):
                self.assertFalse([password for password in found if password in path.read_text()], path)
        self.assertEqual(list((self.directory / "tmp").iterdir()), [])
        if os.path.isdir("/dev/shm"):
            left = set(os.listdir("/dev/shm")) - shared
            self.assertFalse([name for name in left if name.startswith("edutally-provision")])

    def test_keys_are_on_the_curve_and_for_their_owner_alone(self):
        provision(self.directory, "ca", "--host", "broker.example", "--host", "192.0.2.7")
        provision(self.directory, "centre", "c1", "--certificate")
        provision(self.directory, "collector", "--certificate")
        keys = [path for path in self.directory.rglob("*") if path.suffix == ".key" or path.name == "key.pem"]
        self.assertEqual(len(keys), 4)
        for path in keys:
            text = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], capture_output=True, text=True,
                                  check=True).stdout
            self.assertIn("prime256v1", text)
        public = {"edutally-ca.pem"}
        for path in self.directory.rglob("*"):
            if path.is_file() and path.name not in public and path.name != "edutally-server.key":
                self.assertEqual(path.stat().st_mode & 0o007, 0, path)
        for path in keys:
            self.assertEqual(path.stat().st_mode & 0o007, 0, path)
            if "etc/edutally" in str(path):
                self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)

        def shown(path):
            return subprocess.run(["openssl", "x509", "-in", path, "-noout", "-text"], capture_output=True, text=True,
                                  check=True).stdout

        server = shown(self.directory / "etc/mosquitto/certs/edutally-server.pem")
        self.assertIn("DNS:broker.example, IP Address:192.0.2.7, DNS:localhost, IP Address:127.0.0.1", server)
        self.assertIn("TLS Web Server Authentication", server)
        client = shown(self.directory / "etc/edutally/ca/devices/c1/cert.pem")
        self.assertIn("Subject: CN = c1", client)
        self.assertIn("TLS Web Client Authentication", client)
        for text in (server, client):
            self.assertIn("CA:FALSE", text)
        self.assertIn("CA:TRUE, pathlen:0", shown(self.directory / "etc/mosquitto/certs/edutally-ca.pem"))

    def test_what_is_done_again_changes_what_it_must_and_nothing_else(self):
        provision(self.directory, "ca", "--host", "broker.example")
        authority = (self.directory / "etc/edutally/ca/ca.pem").read_bytes()
        server = (self.directory / "etc/mosquitto/certs/edutally-server.pem").read_bytes()
        provision(self.directory, "ca")  # remembers the host
        self.assertEqual((self.directory / "etc/edutally/ca/ca.pem").read_bytes(), authority)
        self.assertNotEqual((self.directory / "etc/mosquitto/certs/edutally-server.pem").read_bytes(), server)
        provision(self.directory, "collector")
        secret = self.directory / "etc/edutally/secrets/mqtt"
        first = secret.read_text()
        provision(self.directory, "collector")
        self.assertEqual(secret.read_text(), first)
        provision(self.directory, "collector", "--new")
        self.assertNotEqual(secret.read_text(), first)
        provision(self.directory, "centre", "c1")
        (self.directory / "etc/mosquitto/passwd").chmod(0o640)
        before = self.passwd()
        provision(self.directory, "centre", "c1")
        after = self.passwd()
        self.assertNotEqual(after["c1"], before["c1"])
        self.assertEqual(after["collector"], before["collector"])
        self.assertEqual(list(after), ["collector", "c1"])
        self.assertEqual((self.directory / "etc/mosquitto/passwd").stat().st_mode & 0o777, 0o640)

        (self.directory / "centres.csv").write_text(
            "\ufeff# a comment\r\nname,id,closed\r\n\"Trường \"\"Một\"\", số 1\nxã X\",c1,\r\n,c2,\n"
            "old,c3,2020-01-01\nsoon,c4,2999-01-01\n")
        out = self.directory / "out.csv"
        provision(self.directory, "--realm", "48", "centres", self.directory / "centres.csv", "--output", out)
        rows = harness.csv_rows(out.read_text())
        self.assertEqual([row["id"] for row in rows], ["c2", "c4"])
        self.assertEqual(rows[0]["topics"], "edu/v1/48/c2/DEVICE/event")
        self.assertEqual(rows[0]["server"], "mqtts://broker.example:8883")
        self.assertEqual(self.passwd() | {"c2": 0, "c4": 0}, after | {"c2": 0, "c4": 0})
        self.refuse(1, "centres", self.directory / "centres.csv", "--output", out)  # it was perhaps not handed out yet
        out.unlink()
        provision(self.directory, "centres", self.directory / "centres.csv", "--output", out)
        self.assertFalse(out.exists())
        listed = provision(self.directory, "list")
        self.assertEqual([line.split()[:2] for line in listed.splitlines()[1:]],
                         [["collector", "password"], ["c1", "password"], ["c2", "password"], ["c4", "password"],
                          ["edutally", "broker"], ["edutally", "broker"]])

    def test_several_at_once_lose_nothing_of_each_other(self):
        running = [subprocess.Popen([PROVISION, "--root", self.directory, "centre", f"c{number}"], stdout=subprocess.DEVNULL)
                   for number in range(8)]
        self.assertEqual([one.wait() for one in running], [0] * 8)
        self.assertEqual(sorted(self.passwd()), [f"c{number}" for number in range(8)])

    def test_a_host_may_have_a_name_that_is_longer_than_a_common_name(self):
        host = ".".join(["broker", "of-a-department-with-a-long-name", "province-with-a-long-name", "example", "vn"])
        self.assertGreater(len(host), 64)
        provision(self.directory, "ca", "--host", host)
        provision(self.directory, "http", "--host", f"dashboard.{host}")
        for name, path in ((host, "etc/mosquitto/certs/edutally-server.pem"),
                           (f"dashboard.{host}", "etc/edutally/secrets/http.pem")):
            said = subprocess.run(["openssl", "x509", "-in", self.directory / path, "-noout", "-checkhost", name],
                                  capture_output=True, text=True, check=True).stdout
            self.assertIn("does match", said)

    def test_the_dashboards_certificate_is_the_authoritys_and_browsers_may_reach_it_by_all_its_names(self):
        provision(self.directory, "ca", "--host", "broker.example")
        printed = provision(self.directory, "http", "--host", "dashboard.example", "--host", "192.0.2.8")
        secrets = self.directory / "etc/edutally/secrets"
        openssl("verify", "-CAfile", self.directory / "etc/mosquitto/certs/edutally-ca.pem", "-purpose", "sslserver",
                "-verify_hostname", "dashboard.example", secrets / "http.pem", cwd=self.directory)
        openssl("verify", "-CAfile", self.directory / "etc/mosquitto/certs/edutally-ca.pem", "-verify_ip", "192.0.2.8",
                secrets / "http.pem", cwd=self.directory)
        self.assertEqual((secrets / "http.key").stat().st_mode & 0o007, 0)
        deploy = self.deployment()
        settings = harness.json.loads("{" + "".join(line for line in printed.splitlines() if line.startswith("  ")
                                                    and "curl" not in line).strip() + "}")["http"]
        settings["listen"] = f"127.0.0.1:{harness.free_port()}"
        settings["tls"] = {name: str(self.directory / "etc/edutally" / path) for name, path in settings["tls"].items()}
        settings["tokens_file"] = str(self.directory / "tokens")
        deploy.write_config(http=settings)
        deploy.edutally("token new", "--scope", "read", "--name", "x")
        self.assertIn("certificate and key fit", deploy.edutally("check").stdout.decode())

    def test_the_secret_is_made_once_and_one_that_is_in_use_is_copied(self):
        fresh, used, lost = (self.folder(name) for name in ("fresh", "used", "lost"))
        file = "etc/edutally/secrets/deployment"
        self.assertIn('"secret_file": "secrets/deployment"', provision(fresh, "secret"))
        made = (fresh / file).read_text()
        self.assertRegex(made, "^[0-9a-f]{64}\n$")
        self.assertEqual((fresh / file).stat().st_mode & 0o007, 0)
        provision(fresh, "secret")
        self.assertEqual((fresh / file).read_text(), made)
        for root in (used, lost):
            (root / "var/lib/edutally/journal").mkdir(parents=True)
        (used / "var/lib/edutally/secret").write_text("the one that all was sealed with\n")
        provision(used, "secret")
        self.assertEqual((used / file).read_text(), "the one that all was sealed with\n")
        provision(used, "secret")
        (used / "var/lib/edutally/secret").write_text("another one, nobody knows whence\n")
        provision(used, "secret", expect=1)
        provision(lost, "secret", expect=1)  # a new one could not read what is there
        self.assertFalse((lost / file).exists())

    def test_who_is_in_no_registry_is_named(self):
        def warnings(*words):
            return subprocess.run([PROVISION, "--root", self.directory, *words], capture_output=True, text=True,
                                  check=True).stderr

        provision(self.directory, "ca", "--host", "broker.example")
        provision(self.directory, "collector", "--certificate")
        self.assertEqual(warnings("centre", "c1"), "")  # there is no registry here: a broker of its own
        folder = self.folder("etc/edutally/registry")
        (folder / "centres.csv").write_text("id,closed\nc1,\nold,2020-01-01\n")
        self.assertEqual(warnings("centre", "c1"), "")
        self.assertIn("warning: typo is no open centre", warnings("centre", "typo"))
        self.assertIn("warning: old is no open centre", warnings("centre", "old", "--certificate"))
        self.assertIn("warning: c is no open centre", warnings("centre", "c"))
        said = warnings("centres", folder / "centres.csv", "--output", self.directory / "out.csv")
        self.assertIn("warning: 3 may come in and are no open centre", said)
        self.assertEqual([line.split()[-1] for line in said.splitlines() if ":   " in line], ["c", "old", "typo"])
        for name in ("c", "old", "typo"):
            provision(self.directory, "revoke", name)
        self.assertNotIn("warning", warnings("centres", folder / "centres.csv", "--output", self.directory / "out.csv"))

    def test_a_key_may_stay_on_the_device(self):
        provision(self.directory, "ca", "--host", "broker.example")
        device = self.folder("device")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem",
                "-subj", "/O=somebody/CN=collector", "-out", "request.pem", cwd=device)
        printed = provision(self.directory, "centre", "c1", "--certificate", "--request", device / "request.pem")
        issued = self.directory / "etc/edutally/ca/devices/c1"
        self.assertFalse((issued / "key.pem").exists())
        self.assertNotIn("key.pem (", printed)
        subject = subprocess.run(["openssl", "x509", "-in", issued / "cert.pem", "-noout", "-subject"], capture_output=True,
                                 text=True, check=True).stdout
        self.assertEqual(subject.strip(), "subject=CN = c1")  # whatever was asked for
        self.assertIn("c1", provision(self.directory, "list"))


if __name__ == "__main__":
    unittest.main()
