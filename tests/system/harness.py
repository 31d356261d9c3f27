"""What the system tests stand on: real programs on free loopback ports, each with a directory of its own, and waiting for
conditions with a bound.

The collector and the simulator are found in the directory EDUTALLY_BIN; mosquitto, influxd and victoria-metrics are
Debian's. What a test started is stopped by its process id when the test ends. If the test failed, its directory with
all logs stays, and its path is printed.
"""

import contextlib
import csv
import getpass
import io
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import paho.mqtt.client as paho

BIN = pathlib.Path(os.environ.get("EDUTALLY_BIN", pathlib.Path(__file__).resolve().parents[2] / "build/release"))
PROJECT = pathlib.Path(__file__).resolve().parents[2]
# Sanitizers and valgrind make everything slower; the bounds stay bounds.
PATIENCE = float(os.environ.get("EDUTALLY_TEST_PATIENCE", "1"))


def program(name):
    """The path of edutally or edutally-sim, wherever the build puts it below EDUTALLY_BIN."""
    for place in (BIN, BIN / "collector", BIN / "firmware-sim"):
        if (place / name).is_file():
            return str(place / name)
    raise FileNotFoundError(f"{name} is not in {BIN}: set EDUTALLY_BIN to the build directory")


def system_program(name, package):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise FileNotFoundError(f"{name} is not installed: apt install {package}")
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=30):
    """Returns the condition's first true value; fails when there was none within the bound."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds * PATIENCE:.0f} s in vain for {what}; last value: {value!r}")
        time.sleep(0.02)


def eventually(check, seconds=30):
    """Repeats a check that asserts until it passes; its last failure is the test's if it never does."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def http(url, data=None, timeout=10):
    """Status and body, whatever the status is."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=timeout * PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Server:
    """A process with a log file of its own."""

    def __init__(self, name, directory, command):
        self.name, self.directory, self.command = name, pathlib.Path(directory), [str(word) for word in command]
        self.log = self.directory / f"{name}.log"
        self.process = None
        self.environment = {}  # besides the test's own

    def spawn(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            cwd=self.directory, env=os.environ | {"TZ": "UTC"} | self.environment)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def wait_until(self, what, condition, seconds=30):
        def or_dead():
            if not self.is_running():
                raise AssertionError(f"{self.name} ended with {self.process.returncode} while the test waited for {what}:\n"
                                     + self.tail())
            return condition()
        return wait_for(f"{self.name}: {what}", or_dead, seconds)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=30):
        """Ends it in order; its exit code."""
        if self.process is None:
            return None
        if self.is_running():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {seconds} s of SIGTERM:\n" + self.tail()) from None
        self.process = None
        return code

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def tail(self, lines=25):
        return "\n".join(self.log.read_text(errors="replace").split("\n")[-lines:])


class Mosquitto(Server):
    """A broker with persistence and large queues; with `users` (name -> password) and `acl` it knows who may do what."""

    def __init__(self, directory, users=None, acl=None):
        directory = pathlib.Path(directory)
        self.port = free_port()
        lines = [f"listener {self.port} 127.0.0.1", f"user {getpass.getuser()}", "persistence true",
                 f"persistence_location {directory}/", "autosave_interval 1",
                 "max_queued_messages 0", "max_queued_bytes 0", "max_inflight_messages 100", "log_type all",
                 "log_timestamp_format %H:%M:%S", f"allow_anonymous {'false' if users else 'true'}"]
        if users:
            (directory / "mosquitto.passwd").touch(mode=0o600)
            for name, password in users.items():
                subprocess.run([system_program("mosquitto_passwd", "mosquitto"), "-b", directory / "mosquitto.passwd", name,
                                password], check=True, capture_output=True)
            lines.append(f"password_file {directory}/mosquitto.passwd")
        if acl:
            (directory / "mosquitto.acl").write_text(acl)
            (directory / "mosquitto.acl").chmod(0o600)
            lines.append(f"acl_file {directory}/mosquitto.acl")
        (directory / "mosquitto.conf").write_text("\n".join(lines) + "\n")
        super().__init__("mosquitto", directory, [system_program("mosquitto", "mosquitto"), "-c", "mosquitto.conf"])

    def start(self):
        self.spawn()
        self.wait_until("listening", lambda: listens(self.port))
        return self


class Influxd(Server):
    """InfluxDB 1.x without authentication."""

    def __init__(self, directory):
        directory = pathlib.Path(directory)
        self.port, backup_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (directory / "influxdb.conf").write_text(f"""
reporting-disabled = true
bind-address = "127.0.0.1:{backup_port}"
[meta]
  dir = "{directory}/influx/meta"
[data]
  dir = "{directory}/influx/data"
  wal-dir = "{directory}/influx/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{self.port}"
""")
        super().__init__("influxd", directory, [system_program("influxd", "influxdb"), "-config", "influxdb.conf"])

    def start(self):
        self.spawn()
        self.wait_until("answering", lambda: listens(self.port) and http(self.url + "/ping")[0] == 204)
        self.query("CREATE DATABASE edutally")
        return self

    def query(self, statement, database="edutally"):
        """The rows of all series as dictionaries, tags included."""
        status, body = http(self.url + "/query", urllib.parse.urlencode(
            {"db": database, "q": statement, "epoch": "ms"}).encode())
        assert status == 200, body
        rows = []
        for result in json.loads(body)["results"]:
            assert "error" not in result, result
            for series in result.get("series", []):
                rows += [dict(zip(series["columns"], values)) | series.get("tags", {}) for values in series["values"]]
        return rows

    def write(self, lines, database="edutally"):
        return http(f"{self.url}/write?db={database}", lines.encode())


class VictoriaMetrics(Server):
    def __init__(self, directory):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__("victoria-metrics", directory, [
            system_program("victoria-metrics", "victoria-metrics"), f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=10y", f"-storageDataPath={directory}/vm", "-search.latencyOffset=0s",
            "-memory.allowedBytes=256MiB"])

    def start(self):
        self.spawn()
        self.wait_until("answering", lambda: listens(self.port) and http(self.url + "/health")[0] == 200)
        return self

    def export(self, metric):
        """[(labels, {timestamp_ms: value})] of one metric."""
        http(self.url + "/internal/force_flush")
        status, body = http(self.url + "/api/v1/export?" + urllib.parse.urlencode({"match[]": metric, "start": "0"}))
        assert status == 200, body
        series = [json.loads(line) for line in body.splitlines()]
        return [(one["metric"], dict(zip(one["timestamps"], one["values"]))) for one in series]


class Deployment:
    """A directory with config, registry, taxonomy and indicators, and the commands of edutally on it."""

    def __init__(self, directory, config=None, centres=None, areas=None, taxonomy=None, indicators=None):
        self.directory = pathlib.Path(directory)
        self.config = {"realms": ["46"], "time_zone": "Asia/Ho_Chi_Minh", "data_dir": "data",
                       "registry": {"centres": "centres.csv", "areas": "areas.csv"}, "taxonomy": "taxonomy.jsonc",
                       "indicators": "indicators.jsonc", "late_days": 3650} | (config or {})
        self.write("centres.csv", centres or CENTRES)
        self.write("areas.csv", areas or AREAS)
        self.write("taxonomy.jsonc", taxonomy or TAXONOMY)
        self.write("indicators.jsonc", indicators or INDICATORS)
        self.write_config()
        self.collector = None

    def write(self, name, text):
        (self.directory / name).write_text(text)

    def write_config(self, **changes):
        self.config |= changes
        self.write("collector.jsonc", json.dumps(self.config, indent=2))

    @property
    def config_path(self):
        return self.directory / "collector.jsonc"

    @property
    def data_dir(self):
        return self.directory / "data"

    def edutally(self, command, *arguments, stdin=None, expect=0, timeout=120):
        """Runs a command of edutally; the finished process."""
        words = [program("edutally"), *command.split(), "--config", str(self.config_path), *map(str, arguments)]
        done = subprocess.run(words, input=stdin, capture_output=True, timeout=timeout * PATIENCE, cwd=self.directory,
                              env=os.environ | {"TZ": "UTC"})
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"{' '.join(words[1:])}: exit code {done.returncode}, expected {expect}\n"
                                 + done.stderr.decode(errors="replace")[-4000:])
        return done

    def ingest(self, lines):
        """Counts JSON lines, given as a list of texts or as bytes."""
        data = lines if isinstance(lines, bytes) else ("\n".join(lines) + "\n").encode()
        return self.edutally("ingest", "-", stdin=data)

    def export(self, what="facts"):
        return self.edutally(f"export {what}", "--format", "csv").stdout.decode()

    def sql(self, statement, *parameters):
        """Rows of a read-only query on the store."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data_dir}/edutally.db?mode=ro", uri=True)) as store:
            store.row_factory = sqlite3.Row
            return [dict(row) for row in store.execute(statement, parameters)]

    def rejected(self):
        """All rows of v_rejected, oldest first, but for those that went while it was read; `raw` is the bytes as they
        came, which lie sealed in the store."""
        rows = self.sql("SELECT * FROM v_rejected ORDER BY id")
        listed = self.edutally("rejected list", "--raw", "--json", "--limit", 1000000).stdout.decode().splitlines()
        raw = {row["id"]: bytes.fromhex(row["raw_hex"]) if "raw_hex" in row else row["raw"].encode()
               for row in map(json.loads, listed) if row["state"] != "let_go"}
        return [row | {"raw": raw[row["id"]]} for row in rows if row["id"] in raw]


class Collector(Server):
    """`edutally run` on a deployment."""

    def __init__(self, deployment, broker=None, **config):
        self.deployment = deployment
        self.http_port = free_port()
        config["http"] = {"listen": f"127.0.0.1:{self.http_port}"}
        if broker:
            config["mqtt"] = {"server": f"mqtt://127.0.0.1:{broker.port}", "client_id": "collector-under-test",
                              "keep_alive_s": 10} | config.get("mqtt", {})
        deployment.write_config(**({"commit": {"interval_ms": 20}} | config))
        self.url = f"http://127.0.0.1:{self.http_port}"
        super().__init__("collector", deployment.directory, [program("edutally"), "run", "--config",
                                                             deployment.config_path])

    def start(self):
        self.spawn()
        self.wait_until("serving", lambda: self.answers("/healthz"))
        return self

    def answers(self, path):
        """True for a 200; nobody there is a no."""
        try:
            return http(self.url + path)[0] == 200
        except OSError:
            return False

    def stop(self, seconds=30, expect=0):
        """Ends it in order; anything but 0 is a failure (and what a sanitizer says when it finds something)."""
        code = super().stop(seconds)
        if code != expect:
            raise AssertionError(f"the collector ended with {code}:\n{self.tail()}")

    def get(self, path, **parameters):
        """The JSON that the API answers; fails unless it is a 200."""
        status, body = http(self.url + path + ("?" + urllib.parse.urlencode(parameters) if parameters else ""))
        assert status == 200, f"{path}: {status} {body}"
        return json.loads(body)

    def metrics(self):
        status, body = http(self.url + "/metrics")
        assert status == 200, body
        found = re.findall(r"^edutally_([a-z0-9_]+)(\{[^}]*\})? (\S+)$", body, re.MULTILINE)
        return {name + labels: float(value) for name, labels, value in found}

    def metric(self, name):
        return self.metrics()[name]

    def wait_metric(self, name, value, seconds=30):
        """Waits until a figure is at least `value`."""
        self.wait_until(f"{name} to reach {value}", lambda: self.metric(name) >= value, seconds)

    def wait_idle(self, seconds=60):
        """Waits until everything that was journaled is committed and evaluated."""
        def is_idle():
            now = self.metrics()
            return (now["journal_committed"] >= now["journal_position"] and
                    now["evaluated_revision"] >= now["revision"])
        self.wait_until("everything counted and evaluated", is_idle, seconds)


class Publisher:
    """A device that speaks through Python's paho-mqtt and waits for each PUBACK."""

    def __init__(self, broker, client_id, username=None, password=None, version=paho.MQTTv311):
        self.client = paho.Client(client_id=client_id, protocol=version)
        if username:
            self.client.username_pw_set(username, password)
        self.client.max_inflight_messages_set(100)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        wait_for("the publisher's connection", self.client.is_connected)
        self.acks = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, messages, seconds=60):
        """Publishes [(topic, payload)] with QoS 1 and waits until the broker has taken all of them."""
        sent = [self.client.publish(topic, payload, qos=1) for topic, payload in messages]
        for one in sent:
            one.wait_for_publish(seconds * PATIENCE)
            assert one.is_published(), "the broker did not acknowledge a message"

    def listen(self, pattern):
        """From now on messages of `pattern` are gathered in `acks` as (topic, payload)."""
        granted = []
        self.client.on_subscribe = lambda *_: granted.append(True)
        self.client.on_message = lambda _client, _data, message: self.acks.append((message.topic, message.payload))
        self.client.subscribe(pattern, qos=1)
        wait_for("the publisher's subscription", lambda: granted)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


def mosquitto_pub(broker, topic, payload, *options):
    """Publishes one message with QoS 1 by mosquitto's own command line client."""
    data = payload if isinstance(payload, bytes) else payload.encode()
    subprocess.run([system_program("mosquitto_pub", "mosquitto-clients"), "-h", "127.0.0.1", "-p", str(broker.port),
                    "-q", "1", "-t", topic, "-s", *options], input=data, check=True, capture_output=True,
                   timeout=30 * PATIENCE)


class SystemTest(unittest.TestCase):
    """A test with a directory and servers of its own."""

    maxDiff = 20000

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"edutally-{type(self).__name__}-"))
        self.servers = []
        self.addCleanup(self._clean_up)
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            self._set_environment(name, f"{os.environ.get(name, '')}:log_path={self.directory}/sanitizer".lstrip(":"))
        self.addCleanup(self._check_sanitizers)

    def _set_environment(self, name, value):
        before = os.environ.get(name)
        os.environ[name] = value
        self.addCleanup(lambda: os.environ.pop(name) if before is None else os.environ.update({name: before}))

    def _check_sanitizers(self):
        """What a sanitizer found is a failure, also in a process that the test killed before it could say so."""
        found = sorted(self.directory.glob("sanitizer.*"))
        if found:
            self.fail("\n".join(f"{path}:\n{path.read_text(errors='replace')}" for path in found))

    def _failed(self):
        outcome = self._outcome.result
        return any(getattr(test, "test_case", test) is self for test, _ in outcome.failures + outcome.errors)

    def _clean_up(self):
        for server in reversed(self.servers):
            with contextlib.suppress(ProcessLookupError):
                server.kill()
        if not self._failed():
            shutil.rmtree(self.directory, ignore_errors=True)
            return
        print(f"\n{self.id()} failed; everything is in {self.directory}", file=sys.stderr)
        for server in self.servers:
            if server.log.exists():
                print(f"--- the end of {server.log}\n{server.tail()}", file=sys.stderr)

    def folder(self, name):
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return path

    def run_server(self, server):
        self.servers.append(server)
        return server.start()

    def mosquitto(self, **options):
        return self.run_server(Mosquitto(self.folder("mosquitto"), **options))

    def influxd(self):
        return self.run_server(Influxd(self.folder("influxd")))

    def deployment(self, name="collector", **files):
        return Deployment(self.folder(name), **files)

    def collector(self, deployment, broker=None, **config):
        return self.run_server(Collector(deployment, broker, **config))


# Small words.

def topic_of(centre, device, kind="event", realm="46"):
    return f"edu/v1/{realm}/{centre}/{device}/{kind}"


def batch(epoch, events):
    """A native message of design §4.2; keys in a fixed order, so that the same events are the same bytes."""
    return json.dumps({"v": 1, "epoch": epoch, "events": events}, separators=(",", ":"), ensure_ascii=False)


def line_of(topic, payload, received="2025-11-15T12:00:00+07:00"):
    """A line for `edutally ingest`; received None: now."""
    return json.dumps({"topic": topic, "payload": payload} | ({"received": received} if received else {}),
                      ensure_ascii=False)


def csv_rows(text):
    return list(csv.DictReader(io.StringIO(text)))


# A small province, the same for all tests that need no other.

AREAS = """code,name,level,parent,valid_from,valid_to,successor
46,Tỉnh Thừa Thiên Huế,province,,,2025-01-01,46
46,Thành phố Huế,province,,2025-01-01,,
X1,Xã Một,commune,46,,,
X2,Phường Hai,commune,46,,,
"""

CENTRES = """id,name,type,area,head_count,opened,closed
c1,Trường Tiểu học Một,primary,X1,10,2000-09-01,
c2,Trường Tiểu học Hai,primary,X1,20,2000-09-01,
c3,Trường THCS Ba,lower_secondary,X2,40,2000-09-01,
c4,Trường Tiểu học Bốn,primary,X2,15,2000-09-01,
clc1,Trung tâm học tập cộng đồng Một,community,X1,5,2000-09-01,
old,Trường Tiểu học Cũ,primary,X1,15,2000-09-01,2025-06-30
"""

TAXONOMY = """// What a test needs.
{"types": {"attendance.*": "management", "gradebook.*": "management", "lesson.*": "teaching", "quiz.*": "learning",
           "class.*": "community"}}
"""

INDICATORS = """{"indicators": [
  {"id": "digital", "name": {"vi": "Cơ sở số", "en": "Digital institutions"}, "source": "a test",
   "centre_types": ["primary", "lower_secondary"], "period": "month",
   "targets": [{"from": "2024-05-02", "value": 0.60}, {"from": "2031-01-01", "value": 0.80}],
   "rule": {"all": [
     {"activity": "management", "active_days": {"min": 2}},
     {"any": [{"activity": "learning", "users_share": {"min": 0.3}}, {"activity": "learning", "users": {"min": 5}}]},
     {"not": {"activity": "teaching", "seconds": {"max": 3600}}}]}},
  {"id": "community-digital", "name": {"vi": "Trung tâm số", "en": "Digital community centres"}, "source": "a test",
   "centre_types": ["community"], "period": "month", "targets": [{"from": "2024-05-02", "value": 0.80}],
   "rule": {"activity": "community", "events": {"min": 3}}}]}
"""
