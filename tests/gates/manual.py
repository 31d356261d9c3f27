#!/usr/bin/python3
"""What the program knows, its manual knows: settings, their defaults, and the reasons for which something is not counted.

The tables of the program (settings.def, reasons.def, counters.def) are compared with the schema that editors use, with
edutally(5), and with the operator's guide, in which people look things up when something is wrong.
"""

import json
import re

import sources

SCHEMA = "config/schema/collector.schema.json"
PAGE = "packaging/man/edutally.5"
GUIDE = "docs/operators.md"
REASONS = "collector/decode/reasons.def"
COUNTERS = "collector/base/counters.def"
SETTINGS = "collector/settings/settings.def"


def leaves(schema, node, path=""):
    """(dotted path, schema) of every setting; those of an output under outputs."""
    if "$ref" in node and "properties" not in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]] | node
    if node.get("type") == "array" and "$ref" in node["items"] and node["items"]["$ref"].endswith("/output"):
        node = schema["$defs"]["output"]
    if "properties" not in node:
        yield path, node
        return
    for name, child in node["properties"].items():
        if name != "$schema":
            yield from leaves(schema, child, f"{path}.{name}".lstrip("."))


def check_page(settings, faults):
    page = sources.text_of(PAGE)
    words = set(re.findall(r"\w+(?:\.\w+)*", page))
    for path, node in settings:
        name = path.rsplit(".", 1)[1] if path.startswith("outputs.") else path
        if name not in words:
            faults.append(f"{PAGE}: says nothing of {path}")
        default = node.get("default")
        if default is not None and not isinstance(default, bool) and str(default) not in words:
            faults.append(f"{PAGE}: the default of {path}, {default}, is not there")


ROW = re.compile(r"^(OUTPUT_)?SETTING\((\w+), \"([a-z0-9_.]+)\", \w+, (REQUIRED|OPTIONAL), (NULL|\"[^\"]*\"), \w+, "
                 r"(-?\d+), (-?\d+),", re.MULTILINE)


def check_row(row, node, required, faults):
    output, kind, path, presence, default, least, most = row
    said = {"minimum": int(least), "maximum": int(most)} if kind == "WHOLE" else {}
    if default != "NULL" and kind == "WHOLE":
        said["default"] = int(default.strip('"'))
    elif default != "NULL":
        said["default"] = {"true": True, "false": False}.get(default.strip('"'), default.strip('"'))
    for key, value in said.items():
        if node.get(key) != value:
            faults.append(f"{SCHEMA}: {key} of {path} is {node.get(key)}, in {SETTINGS} {value}")
    if (presence == "REQUIRED") != required:
        faults.append(f"{SCHEMA}: {path} is {'required' if required else 'optional'}, in {SETTINGS} it is not")


def required_paths(schema, node, path=""):
    """Dotted paths that are required once their section is there."""
    if path == "outputs":
        node = schema["$defs"]["output"]
    for name, child in node.get("properties", {}).items():
        below = f"{path}.{name}".lstrip(".")
        if name in node.get("required", []):
            yield below
        yield from required_paths(schema, child, below)


def check_table(schema, settings, faults):
    """Each row of settings.def is in the schema and the other way round, with its default, bounds and presence."""
    rows = {("outputs." if row[0] else "") + row[2]: row for row in ROW.findall(sources.text_of(SETTINGS))}
    # The list itself is a row of the table; in the schema, its entries' settings are.
    rows.pop("outputs", None)
    known, required = dict(settings), set(required_paths(schema, schema))
    for name in sorted(set(rows) - set(known)):
        faults.append(f"{SCHEMA}: does not know {name}, which {SETTINGS} has")
    for name in sorted(set(known) - set(rows)):
        faults.append(f"{SETTINGS}: does not have {name}, which {SCHEMA} knows")
    for name in sorted(set(known) & set(rows)):
        check_row(rows[name], known[name], name in required, faults)
    return len(rows)


def check_guide(faults):
    guide = sources.text_of(GUIDE)
    reasons = re.findall(r"^REASON\(\w+, \"(\w+)\"", sources.text_of(REASONS), re.MULTILINE)
    for reason in reasons:
        if f"`{reason}`" not in guide:
            faults.append(f"{GUIDE}: does not explain the reason {reason}")
    kinds = re.findall(r"^(COUNTER|GAUGE)\((\w+)", sources.text_of(COUNTERS), re.MULTILINE)
    metrics = {f"edutally_{name}" + ("_total" if kind == "COUNTER" else "") for kind, name in kinds}
    for named in sorted(set(re.findall(r"\bedutally_[a-z_]+\b", guide)) - metrics - {"edutally_"}):
        if not re.search(re.escape(named) + r"[*.N]", guide):
            faults.append(f"{GUIDE}: names {named}, which no table of counters has")
    return len(reasons)


def main():
    faults = []
    schema = json.loads(sources.text_of(SCHEMA))
    settings = list(leaves(schema, schema))
    check_page(settings, faults)
    rows = check_table(schema, settings, faults)
    reasons = check_guide(faults)
    return sources.finish("manual", faults, f"{len(settings)} settings in the schema, {rows} in the table, {reasons} reasons")


sources.run(main)
