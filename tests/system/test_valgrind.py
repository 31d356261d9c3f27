"""The commands and the daemon under valgrind's memcheck: no read of what was never written, no access past an end, no
memory that is lost. What AddressSanitizer cannot see is in its reach: uninitialised values, and the program as it is
shipped, with the libraries that it runs with. Nothing is suppressed."""

import shutil
import signal
import subprocess
import unittest

import harness
from harness import Publisher, batch, line_of, program, topic_of

FOUND = 99
MEMCHECK = ["valgrind", "--tool=memcheck", "--quiet", f"--error-exitcode={FOUND}", "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect", "--show-leak-kinds=definite,indirect", "--num-callers=40"]

EVENTS = [
    line_of(topic_of("c1", "tablet"), batch("e1", [
        {"seq": 1, "t": "2025-10-06T08:00:00+07:00", "type": "lesson.delivered", "user": "teacher-01", "dur": 60},
        {"seq": 3, "t": "2025-10-06T08:00:01+07:00", "type": "quiz.taken", "user": "pupil-0001"},
        {"seq": 4, "t": "soon", "type": "quiz.taken"}]), "2025-10-06T08:01:00+07:00"),
    line_of(topic_of("c2", "app"), '{"t":"2025-10-06T08:00:00Z","type":"class.held","app":"\\u0110\\u1ea1i"}',
            "2025-10-06T15:01:00+07:00"),
    line_of(topic_of("nobody", "app"), '{"t":"2025-10-06T08:00:00Z","type":"class.held"}', "2025-10-06T15:01:00+07:00"),
    line_of("weather/today", "garbage", "2025-10-06T15:01:00+07:00")]


@unittest.skipUnless(shutil.which("valgrind"), "needs valgrind: apt install valgrind")
class Valgrind(harness.SystemTest):

    def memcheck(self, command, *arguments, stdin=None):
        """A command of edutally under memcheck; what it printed."""
        log = self.directory / f"memcheck-{command.split()[0]}.log"
        done = subprocess.run([*MEMCHECK, f"--log-file={log}", program("edutally"), *command.split(), "--config",
                               str(self.deploy.config_path), *arguments], input=stdin, capture_output=True,
                              timeout=120 * harness.PATIENCE, cwd=self.deploy.directory)
        self.assertEqual(done.returncode, 0, f"{command}:\n{log.read_text()}\n{done.stderr.decode(errors='replace')}")
        return done.stdout.decode()

    def test_commands_are_clean(self):
        self.deploy = self.deployment()
        self.memcheck("ingest", "-", stdin=("\n".join(EVENTS) + "\n").encode())
        facts = self.memcheck("export facts")
        self.assertEqual(facts, self.deploy.export())
        self.assertIn("c1,2025-10-06,learning,1,0,1,1\n", facts)
        self.memcheck("report", "--period", "2025-10", "--json")
        self.memcheck("rejected list", "--json")
        self.memcheck("check", "--offline")

    def test_the_daemon_is_clean(self):
        broker, self.deploy = self.mosquitto(), self.deployment()
        collector = harness.Collector(self.deploy, broker)
        log = self.directory / "memcheck-run.log"
        collector.command = [*MEMCHECK, f"--log-file={log}", *collector.command]
        self.run_server(collector)
        collector.wait_until("subscribed", lambda: collector.metrics().get("mqtt_connected") == 1, 60)
        with Publisher(broker, "device") as device:
            device.listen(topic_of("c1", "tablet", "ack"))
            device.send([(topic_of("c1", "tablet", "state"), '{"v":1,"status":"online","epoch":"e1"}'),
                         *((topic_of("c1", "tablet"), batch("e1", [
                             {"seq": seq, "t": "2025-10-06T08:00:00+07:00", "type": "quiz.taken", "user": f"pupil-{seq:04}"}]))
                           for seq in range(1, 20)),
                         (topic_of("c9", "tablet"), batch("e1", [
                             {"seq": 1, "t": "2025-10-06T08:00:00+07:00", "type": "quiz.taken"}])),
                         (topic_of("c1", "tablet"), "{")])
            collector.wait_metric("events_counted_total", 19, 60)
            self.deploy.write("centres.csv", harness.CENTRES + "c9,Trường Chín,primary,X1,5,2000-09-01,\n")
            collector.signal(signal.SIGHUP)
            collector.wait_metric("events_counted_total", 20, 60)
            collector.wait_idle()
            harness.wait_for("an acknowledgement", lambda: device.acks, 60)
        for path in ("/", "/api/v1/status", "/api/v1/centres?limit=2", "/metrics", "/nowhere"):
            harness.http(collector.url + path)
        try:
            collector.stop(60)
        except AssertionError as ended:
            self.fail(f"{ended}\n{log.read_text()}")


if __name__ == "__main__":
    unittest.main()
