#!/usr/bin/python3
"""Every shipped .jsonc file meets its schema, and a schema refuses what it must.

The comments are stripped as cJSON_Minify does it, so that what passes here is what the program reads: no comma after
the last entry. Each schema must itself be valid draft 2020-12, and must refuse the broken variants below: a schema that
accepts everything would pass the first half.
"""

import copy
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    sys.exit("schemas: the module jsonschema is missing. On Debian: apt install python3-jsonschema")

PROJECT = pathlib.Path(__file__).resolve().parents[2]
CONFIG = PROJECT / "config"


def strip_comments(text):
    """Blanks // and /* */ outside of strings; lines and columns stay."""
    out, i, in_string = [], 0, False
    while i < len(text):
        if in_string:
            if text[i] == "\\":
                out.append(text[i:i + 2])
                i += 2
                continue
            in_string = text[i] != '"'
        elif text[i] == '"':
            in_string = True
        elif text.startswith("//", i) or text.startswith("/*", i):
            line = text[i + 1] == "/"
            end = text.find("\n" if line else "*/", i)
            end = len(text) if end < 0 else end if line else end + 2
            out.append("".join("\n" if c == "\n" else " " for c in text[i:end]))
            i = end
            continue
        out.append(text[i])
        i += 1
    return "".join(out)


def refuse_twins(pairs):
    keys = [key for key, _ in pairs]
    twins = {key for key in keys if keys.count(key) > 1}
    if twins:
        raise ValueError(f"key given twice: {', '.join(sorted(twins))}")
    return dict(pairs)


def load(path):
    return json.loads(strip_comments(path.read_text(encoding="utf-8")), object_pairs_hook=refuse_twins)


def set_at(document, path, value):
    """A copy of `document` with `value` at `path`; the value DELETE takes the entry away."""
    changed = copy.deepcopy(document)
    node = changed
    for step in path[:-1]:
        node = node[step]
    if value is DELETE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return changed


DELETE = object()
RULE = ["indicators", 0, "rule"]
MUST_REFUSE = {
    "collector": [
        (["realms"], []), (["realms"], ["46", "46"]), (["realms"], ["4 6"]), (["time_zone"], DELETE),
        (["data_dir"], DELETE), (["registry", "areas"], DELETE), (["colector"], {}), (["late_days"], 0),
        (["late_days"], 3651), (["mqtt", "server"], "tcp://127.0.0.1:1883"), (["mqtt", "client_id"], DELETE),
        (["mqtt", "username"], DELETE), (["mqtt", "tls"], {"cert_file": "a.pem"}), (["commit", "interval_ms"], 9),
        (["commit", "interval_ms"], "200"), (["http", "listen"], "8080"), (["log", "level"], "verbose"),
        (["small_cell"], -1), (["outputs"], [{"name": "a", "type": "influxdb1", "url": "http://127.0.0.1:8086"}]),
        (["outputs"], [{"name": "a", "type": "influxdb3", "url": "http://127.0.0.1:8086"}]),
        (["outputs"], [{"name": "a", "type": "influxdb2", "url": "http://127.0.0.1:8086", "org": "o", "bucket": "b"}]),
        (["outputs"], [{"name": "a", "type": "victoriametrics", "url": "127.0.0.1:8428"}]),
    ],
    "taxonomy": [
        (["types"], DELETE), (["types", "lesson.*"], "Teaching lessons"), (["types", "*.lesson"], "teaching"),
        (["xapi", "completed"], "lesson.completed"), (["activities"], {}),
    ],
    "indicators": [
        (["indicators", 0, "id"], "institutions digital"), (["indicators", 0, "name"], {"vi": "Cơ sở"}),
        (["indicators", 0, "centre_types"], []), (["indicators", 0, "period"], "week"),
        (["indicators", 0, "targets", 0, "value"], 60), (["indicators", 0, "targets", 0, "from"], "02/05/2024"),
        (RULE, {"all": []}), (RULE, {"all": [], "any": []}), (RULE, {"activity": "teaching"}),
        (RULE, {"activity": "teaching", "days": {"min": 8}}), (RULE, {"activity": "teaching", "active_days": 8}),
        (RULE, {"activity": "teaching", "active_days": {"minimum": 8}}), (RULE, {"not": [{"activity": "teaching"}]}),
        (RULE, {"users": {"min": 10}}),
    ],
}
MUST_ACCEPT = {
    "collector": [
        (["mqtt"], DELETE), (["outputs"], DELETE), (["late_days"], 3650), (["secret_file"], "/var/lib/edutally/secret"),
        (["mqtt", "server"], "wss://broker.example:8443/mqtt"), (["http", "listen"], "[::1]:8080"),
        (["mqtt", "tls"], {"ca_file": "ca.pem", "cert_file": "c.pem", "key_file": "c.key"}),
        (["outputs"], [{"name": "vm", "type": "victoriametrics", "url": "http://127.0.0.1:8428", "gzip": False}]),
        (["outputs"], [{"name": "a", "type": "influxdb1", "url": "http://127.0.0.1:8086", "database": "edutally"}]),
    ],
    "taxonomy": [(["xapi"], DELETE), (["types", "sports_day.*"], "sports")],
    "indicators": [
        (RULE, {"not": {"activity": "teaching", "seconds": {"max": 3600}}}), (["indicators", 0, "targets"], []),
        (RULE, {"any": [{"activity": "learning", "users": {"min": 10, "max": 20}}]}), (["indicators"], []),
    ],
}


def check_schema(path, faults):
    schema = json.loads(path.read_text(encoding="utf-8"))
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        faults.append(f"{path.relative_to(PROJECT)}: {error.message}")
    return jsonschema.Draft202012Validator(schema)


def check_file(path, validator, faults):
    try:
        document = load(path)
    except ValueError as error:
        faults.append(f"{path.relative_to(PROJECT)}: {error}")
        return None
    for error in validator.iter_errors(document):
        where = "/".join(map(str, error.absolute_path))
        faults.append(f"{path.relative_to(PROJECT)}: {where}: {error.message}")
    return document


def main():
    faults, cases = [], 0
    files = sorted(CONFIG.rglob("*.jsonc"))
    for path in files:
        # A file says itself which schema it meets, as it does to an editor.
        document_schema = load(path).get("$schema")
        if document_schema is None:
            faults.append(f"{path.relative_to(PROJECT)}: has no \"$schema\"")
            continue
        schema_path = (path.parent / document_schema).resolve()
        if not schema_path.exists():
            faults.append(f"{path.relative_to(PROJECT)}: its schema {document_schema} does not exist")
            continue
        check_file(path, check_schema(schema_path, faults), faults)
    for name, refused in MUST_REFUSE.items():
        validator = check_schema(CONFIG / "schema" / f"{name}.schema.json", faults)
        document = load(CONFIG / f"{name}.jsonc")
        for expected, variants in ((False, refused), (True, MUST_ACCEPT[name])):
            for path, value in variants:
                cases += 1
                if validator.is_valid(set_at(document, path, value)) != expected:
                    faults.append(f"{name}.schema.json {'refuses' if expected else 'accepts'} "
                                  f"{'/'.join(map(str, path))} = {'(deleted)' if value is DELETE else json.dumps(value)}")
    for fault in faults:
        print(fault)
    print(f"schemas: {len(files)} files, {cases} variants, {len(faults)} faults")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main())
