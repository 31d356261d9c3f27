"""`check` and the other commands on configurations that are at fault, and on a data directory that is taken. (Every single
fault has its own row in the unit tests; here: the way out to the person who has to mend it.)"""

import json
import os
import subprocess
import unittest

import harness


class Check(harness.SystemTest):

    def test_a_good_deployment_passes(self):
        self.deployment().edutally("check")

    def test_faults_of_all_files_are_said_in_one_run_with_file_line_and_remedy(self):
        deploy = self.deployment()
        deploy.write("collector.jsonc", json.dumps(deploy.config, indent=2).replace('"late_days"', '"late_dais"'))
        deploy.write("centres.csv", harness.CENTRES + "c1,Twice,primary,X1,10,2000-09-01,\n"
                     "c9,No such area,primary,X9,10,2000-09-01,\nc10,Heads,primary,X1,many,2000-09-01,\n")
        deploy.write("indicators.jsonc", harness.INDICATORS.replace('"management", "active_days"',
                                                                    '"managment", "active_days"'))
        faults = deploy.edutally("check", expect=3).stderr.decode()
        late_line = [n for n, line in enumerate((deploy.directory / "collector.jsonc").read_text().split("\n"), 1)
                     if "late_dais" in line]
        for place in (f"collector.jsonc:{late_line[0]}", "centres.csv:8", "centres.csv:9", "centres.csv:10",
                      "indicators.jsonc:6"):
            self.assertIn(place + ":", faults)
        self.assertIn("late_days", faults)
        self.assertIn("managment", faults)

    def test_every_command_refuses_a_config_at_fault_with_3(self):
        deploy = self.deployment(taxonomy="{")
        for command, *arguments in (["check"], ["run"], ["ingest", "-"], ["export facts"], ["report", "--period", "2025-10"]):
            with self.subTest(command=command):
                done = deploy.edutally(command, *arguments, stdin=b"", expect=3)
                self.assertIn("taxonomy.jsonc:1", done.stderr.decode())
        self.assertFalse(deploy.data_dir.exists(), "a config at fault must not touch the data directory")

    def test_a_config_that_is_not_there_is_3_and_a_wrong_option_is_2(self):
        deploy = self.deployment()
        deploy.config_path.unlink()
        self.assertIn("collector.jsonc", deploy.edutally("check", expect=3).stderr.decode())
        deploy.write_config()
        for command, *arguments in (["check", "--nonsense"], ["report", "--period", "last week"], ["export everything"],
                                    ["report", "--format", "xls", "--period", "2025-10"], ["no-such-command"]):
            with self.subTest(command=command, arguments=arguments):
                deploy.edutally(command, *arguments, expect=2)

    def test_what_is_wrong_with_a_call_of_token_is_said_in_one_line_before_the_help(self):
        for words, said in (([], "say what to do: new, list or remove"), (["make"], "it knows new, list and remove"),
                            (["list"], "--config FILE is missing"), (["list", "--nonsense"], "unknown option '--nonsense'"),
                            (["new", "--config"], "a value is missing after '--config'"),
                            (["new", "--config", "x", "--scope", "read"], "--name NAME is missing"),
                            (["new", "--config", "x", "--name", "n"], "--scope read or --scope admin is missing"),
                            (["new", "--config", "x", "--name", "n", "--scope", "root"], "the scope is read or admin"),
                            (["remove", "--config", "x"], "whose token?"), (["list", "more", "--config", "x"],
                             "there are too many words"),
                            (["remove", "n", "--scope", "read", "--config", "x"], "--scope is for")):
            with self.subTest(words):
                done = subprocess.run([harness.program("edutally"), "token", *words], capture_output=True, text=True,
                                      check=False)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertTrue(done.stderr.split("\n")[0].startswith("edutally token: " + said), done.stderr)

    def test_a_list_of_tokens_that_one_may_not_read_is_not_called_missing(self):
        deploy = self.deployment()
        secrets = self.folder("secrets")
        deploy.write_config(http={"listen": "127.0.0.1:8080", "tokens_file": str(secrets / "tokens")})
        deploy.edutally("token new", "--scope", "read", "--name", "somebody")
        secrets.chmod(0)
        # Root may read everything, unless it gives that right up.
        less = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
        done = subprocess.run([*less, harness.program("edutally"), "token", "list", "--config", deploy.config_path],
                              capture_output=True, text=True, check=False)
        secrets.chmod(0o700)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("may not be read by this user", done.stderr)
        self.assertNotIn("token new", done.stderr)

    def test_a_second_instance_on_the_same_data_is_refused_with_the_first_ones_process_id(self):
        deploy = self.deployment()
        first = self.collector(deploy)
        for command, *arguments in (["run"], ["ingest", "-"]):
            with self.subTest(command=command):
                done = deploy.edutally(command, *arguments, stdin=b"", expect=1, timeout=30)
                self.assertIn(str(first.process.pid), done.stderr.decode())
        self.assertTrue(first.is_running())
        first.stop()

    def test_a_port_that_is_taken_is_said(self):
        first = self.collector(self.deployment("one"))
        second = self.deployment("two", config={"http": {"listen": f"127.0.0.1:{first.http_port}"}})
        done = second.edutally("run", expect=None, timeout=30)
        self.assertIn(done.returncode, (1, 3))
        self.assertIn(str(first.http_port), done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
