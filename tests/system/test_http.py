"""The HTTP interface as strangers meet it: tokens, TLS, limits, and clients that mean no good."""

import concurrent.futures
import contextlib
import hashlib
import http.client
import json
import signal
import socket
import ssl
import subprocess
import time
import unittest
import warnings

import harness
from harness import wait_for

REQUEST_SECONDS = 10  # VISITOR_ASKS_MS of the collector
GOOD = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class HttpTest(harness.SystemTest):

    def start(self, **http_settings):
        """A collector without a broker, with these settings of `http`."""
        deploy = self.deployment()
        collector = harness.Collector(deploy)
        deploy.write_config(http={"listen": f"127.0.0.1:{collector.http_port}"} | http_settings)
        return deploy, collector

    def connect(self, collector, source="127.0.0.1"):
        sock = socket.create_connection(("127.0.0.1", collector.http_port), timeout=30 * harness.PATIENCE,
                                        source_address=(source, 0))
        self.addCleanup(sock.close)
        return sock

    def exchange(self, collector, text, source="127.0.0.1"):
        """Sends bytes as they are; all that comes back before the end of the stream."""
        with self.connect(collector, source) as sock:
            sock.sendall(text if isinstance(text, bytes) else text.encode())
            return read_all(sock)


def read_all(sock):
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := sock.recv(65536):
            got += piece
    return got


def get(collector, path, token=None, **headers):
    """Status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", collector.http_port, timeout=20 * harness.PATIENCE)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers | ({"Authorization": f"Bearer {token}"} if token else {}))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


class Tokens(HttpTest):

    def test_nothing_but_loopback_is_listened_on_without_tokens(self):
        deploy, collector = self.start()
        for command in ("check --offline", "run"):
            deploy.write_config(http={"listen": f"0.0.0.0:{collector.http_port}"})
            refused = deploy.edutally(command, expect=3)
            self.assertIn("edutally token new", refused.stderr.decode())
            deploy.write_config(http={"listen": f"0.0.0.0:{collector.http_port}", "tokens_file": "tokens"})
            refused = deploy.edutally(command, expect=1 if "check" in command else 3)
            self.assertIn("edutally token new", (refused.stdout + refused.stderr).decode())

    def test_a_token_is_made_listed_used_and_taken_away(self):
        deploy, collector = self.start(tokens_file="tokens")
        reader, admin = (deploy.edutally(f"token new --scope {scope} --name {name}").stdout.decode().strip()
                         for scope, name in (("read", "grafana"), ("admin", "office")))
        file = deploy.directory / "tokens"
        self.assertNotIn(reader.removeprefix("edutally_"), file.read_text())
        self.assertIn(hashlib.sha256(reader.encode()).hexdigest(), file.read_text())
        self.assertEqual(file.stat().st_mode & 0o777, 0o640)
        listed = [line.split() for line in deploy.edutally("token list").stdout.decode().splitlines()]
        self.assertEqual([(scope, name) for scope, _, name in listed], [("read", "grafana"), ("admin", "office")])
        deploy.edutally("token new --scope read --name grafana", expect=1)
        deploy.edutally("token new --scope write --name other", expect=2)
        self.run_server(collector)
        self.assertEqual([get(collector, "/metrics", token)[0] for token in (None, reader, admin)], [401, 200, 200])
        self.assertEqual([get(collector, "/api/v1/rejected", token)[0] for token in (None, reader, admin)], [401, 403, 200])
        self.assertEqual(get(collector, f"/metrics?token={reader}")[0], 401)
        self.assertEqual([get(collector, path)[0] for path in ("/", "/healthz", "/readyz")], [200, 200, 200])
        file.write_text("# who may ask\n" + file.read_text())
        deploy.edutally("token remove grafana")
        self.assertTrue(file.read_text().startswith("# who may ask\nadmin office "))
        collector.signal(signal.SIGHUP)
        collector.wait_until("refusing the old token", lambda: get(collector, "/metrics", reader)[0] == 401)
        self.assertEqual(get(collector, "/metrics", admin)[0], 200)
        self.assertNotIn(reader, collector.log.read_text())
        collector.stop()

    def test_two_tokens_made_at_once_are_both_there(self):
        deploy, _ = self.start(tokens_file="tokens")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda i: deploy.edutally(f"token new --scope read --name n{i}"), range(12)))
        self.assertEqual(len(deploy.edutally("token list").stdout.splitlines()), 12)

    def test_a_thousand_guesses_find_nothing_and_lock_nobody_out(self):
        deploy, collector = self.start(tokens_file="tokens")
        token = deploy.edutally("token new --scope read --name grafana").stdout.decode().strip()
        self.run_server(collector)
        found = {}
        for i in range(1000):
            # Ever closer to the right one: what is nearly right takes as long, and is as wrong.
            guess = token[:i % len(token)] + "x" * (len(token) - i % len(token))
            status = get(collector, "/metrics", guess)[0]
            found[status] = found.get(status, 0) + 1
        self.assertEqual(set(found), {401, 429})
        self.assertLess(found[401], 40)
        status, body = get(collector, "/metrics", token)
        self.assertEqual(status, 200)
        self.assertIn("\nedutally_http_unauthorised_total 1000\n", body)
        self.assertIn(f"\nedutally_http_throttled_total {found[429]}\n", body)
        self.assertNotIn(token[:30], collector.log.read_text())
        collector.stop()


class Tls(HttpTest):

    def certificate(self, deploy, name, days=30):
        """A certificate for localhost from an authority of our own; the authority's is ca.pem."""
        folder = deploy.directory

        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
        if not (folder / "ca.pem").exists():
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", str(days),
                "-copy_extensions", "copy", "-out", f"{name}.pem")
        (folder / f"{name}.key").chmod(0o640)

    def context(self, deploy):
        return ssl.create_default_context(cafile=deploy.directory / "ca.pem")

    def ask(self, deploy, collector, path="/healthz", context=None):
        """Status, headers, and the certificate's common name."""
        connection = http.client.HTTPSConnection("localhost", collector.http_port, timeout=20 * harness.PATIENCE,
                                                 context=context or self.context(deploy))
        with contextlib.closing(connection):
            connection.request("GET", path)
            name = dict(pair for part in connection.sock.getpeercert()["subject"] for pair in part)["commonName"]
            answer = connection.getresponse()
            answer.read()
            return answer.status, dict(answer.getheaders()), name

    def start_tls(self):
        deploy, collector = self.start(tls={"cert_file": "server.pem", "key_file": "server.key"})
        self.certificate(deploy, "server")
        self.servers.append(collector)
        collector.spawn()
        collector.wait_until("listening", lambda: harness.listens(collector.http_port))
        return deploy, collector

    def test_it_speaks_tls_and_nothing_old_or_plain(self):
        deploy, collector = self.start_tls()
        self.assertIn("days left", deploy.edutally("check --offline").stdout.decode())
        status, headers, _ = self.ask(deploy, collector)
        self.assertEqual(status, 200)
        self.assertNotIn("Strict-Transport-Security", headers)  # of a loopback address
        for version, spoken in (("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)):
            context = self.context(deploy)
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of what must not be spoken
                context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
            if spoken:
                self.assertEqual(self.ask(deploy, collector, context=context)[0], 200)
            else:
                self.assertRaises((ssl.SSLError, ConnectionError), self.ask, deploy, collector, context=context)
        with contextlib.suppress(OSError, ssl.SSLError):
            self.assertNotIn(b"200", self.exchange(collector, GOOD))
        self.assertRaises(ssl.SSLCertVerificationError, self.ask, deploy, collector, context=ssl.create_default_context())
        collector.stop()

    def test_a_new_certificate_is_taken_at_sighup_and_a_wrong_one_is_not(self):
        deploy, collector = self.start_tls()
        self.assertEqual(self.ask(deploy, collector)[2], "server")
        with socket.create_connection(("127.0.0.1", collector.http_port)):  # that is open meanwhile
            self.certificate(deploy, "renewed")
            (deploy.directory / "renewed.pem").replace(deploy.directory / "server.pem")
            collector.signal(signal.SIGHUP)
            collector.wait_until("keeping the old one, whose key is here",
                                 lambda: "event=http_certificate_kept" in collector.tail(50))
            self.assertEqual(self.ask(deploy, collector)[2], "server")
            (deploy.directory / "renewed.key").replace(deploy.directory / "server.key")
            collector.signal(signal.SIGHUP)
            collector.wait_until("using the new one", lambda: self.ask(deploy, collector)[2] == "renewed")
        for _ in range(20):
            self.assertEqual(self.ask(deploy, collector)[2], "renewed")
        collector.stop()

    def test_a_key_that_everybody_may_read_is_refused(self):
        deploy, collector = self.start(tls={"cert_file": "server.pem", "key_file": "server.key"})
        self.certificate(deploy, "server")
        (deploy.directory / "server.key").chmod(0o644)
        self.assertIn("chmod", deploy.edutally("run", expect=3).stderr.decode())
        self.assertIn("chmod", deploy.edutally("check --offline", expect=1).stdout.decode())


class Limits(HttpTest):

    def test_slow_clients_by_the_hundred_hold_nobody_up_and_are_closed(self):
        """Slowloris: a header a while, for ever. Others are answered at once, and each is closed after its time."""
        _, collector = self.start(connections_per_address=0)
        self.run_server(collector)
        slow = []
        begun = time.monotonic()
        for i in range(200):
            sock = self.connect(collector, source=f"127.0.0.{2 + i % 50}")
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
            slow.append(sock)
        worst, closed = 0, set()
        while len(closed) < len(slow):
            self.assertLess(time.monotonic() - begun, (REQUEST_SECONDS + 6) * harness.PATIENCE)
            for i, sock in enumerate(slow):
                if i not in closed:
                    try:
                        sock.sendall(b"X-Slow: 1\r\n")
                        sock.setblocking(False)
                        if sock.recv(1) == b"":
                            closed.add(i)
                    except BlockingIOError:
                        pass
                    except OSError:
                        closed.add(i)
                    finally:
                        sock.setblocking(True)
            asked = time.monotonic()
            self.assertIn(b" 200 ", self.exchange(collector, GOOD))
            worst = max(worst, time.monotonic() - asked)
            time.sleep(0.25)
        print(f"200 slow clients closed after {time.monotonic() - begun:.1f} s; others waited {worst * 1000:.0f} ms at most")
        self.assertLess(worst, 2 * harness.PATIENCE)
        self.assertEqual(collector.metrics()["http_cut_off_total"], 200)
        collector.stop()

    def test_where_connections_are_scarce_the_idle_make_room(self):
        _, collector = self.start(connections=16, connections_per_address=0)
        self.run_server(collector)
        idle = [self.connect(collector) for _ in range(200)]
        begun = time.monotonic()
        self.assertIn(b" 200 ", self.exchange(collector, GOOD))
        self.assertLess(time.monotonic() - begun, 5 * harness.PATIENCE)
        self.assertEqual(len(idle), 200)
        collector.stop()

    def test_one_address_gets_its_share_of_connections_and_who_asks_in_it_is_answered(self):
        _, collector = self.start(connections_per_address=8)
        self.run_server(collector)
        held = [self.connect(collector, source="127.0.0.9") for _ in range(8)]
        for sock in held:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(b" 200 ", sock.recv(4096))
        self.assertIn(b" 200 ", self.exchange(collector, GOOD, source="127.0.0.9"))
        self.assertEqual(held[0].recv(1), b"")  # it had waited longest
        more = [self.connect(collector, source="127.0.0.9") for _ in range(70)]
        self.assertIn(b" 200 ", self.exchange(collector, GOOD, source="127.0.0.9"))
        self.assertIn(b" 200 ", self.exchange(collector, GOOD))
        self.assertEqual([sock.recv(1) for sock in held[1:] + more[:62]], [b""] * 69)
        wait_for("their places", lambda: collector.metrics()["http_cut_off_total"] >= 71)
        collector.stop()

    def test_bodies_are_refused_before_they_come(self):
        _, collector = self.start()
        self.run_server(collector)
        for method, status in (("GET", b" 413 "), ("POST", b" 405 "), ("PUT", b" 405 ")):
            for header in ("Content-Length: 1000000000", "Transfer-Encoding: chunked"):
                begun = time.monotonic()
                answer = self.exchange(collector, f"{method} /healthz HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n")
                self.assertIn(status, answer.split(b"\r\n")[0])
                self.assertLess(time.monotonic() - begun, 2 * harness.PATIENCE)
        collector.stop()

    def test_no_path_leads_out_of_the_page(self):
        _, collector = self.start()
        self.run_server(collector)
        paths = ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/..\\..\\etc\\passwd",
                 "/..%5c..%5cetc/passwd", "//etc/passwd", "/etc/passwd", "/assets/../../etc/passwd", "/%00", "/index.html%00.png",
                 "/./index.html", "/" + "a" * 7000, "/" + "../" * 1000 + "etc/passwd", "/%c0%ae%c0%ae/etc/passwd",
                 "/data/edutally.db", "/collector.jsonc", "file:///etc/passwd", "/.well-known/../etc/passwd"]
        for path in paths:
            answer = self.exchange(collector, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            self.assertRegex(answer.split(b"\r\n")[0], rb"^HTTP/1\.1 (400|404|414) ", path[:60])
            self.assertNotIn(b"root:", answer)
        collector.stop()

    def test_a_stranger_s_page_cannot_ask_under_a_name_of_his(self):
        _, collector = self.start()
        self.run_server(collector)
        status, body = get(collector, "/api/v1/status", Host="rebound.example.org")
        self.assertEqual(status, 421)
        self.assertIn("behind_proxy", json.loads(body)["detail"])
        collector.stop()
        _, collector = self.start(behind_proxy=True)
        self.run_server(collector)
        self.assertEqual(get(collector, "/api/v1/status", Host="edutally.example.org")[0], 200)
        collector.stop()


if __name__ == "__main__":
    unittest.main()
