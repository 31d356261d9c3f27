#!/usr/bin/python3
"""Who includes what: the walls between the rooms, and which room knows which foreign library.

Data walks in one direction, in the order of ROOMS: a room includes headers of rooms above it in that list and never of
those below, and its CMakeLists.txt USES no other. A third-party library is known to the rooms that FOREIGN names. The
simulator shares no code with the collector, so that one bug cannot cancel itself out. Tests may include what they test.
"""

import re

import sources

ROOMS = ["base", "settings", "registry", "journal", "ingest", "decode", "facts", "indicator", "store", "output", "api",
         "commands"]
# Lies in collector/ or in commands/, above the rooms that it joins and below the commands that start it.
PIPELINE = "pipeline"
RANK = {room: rank for rank, room in enumerate(ROOMS)} | {PIPELINE: ROOMS.index("commands") - 0.5}

SIM = "firmware-sim/sim"
FOREIGN = {
    r"MQTT\w*\.h": ["ingest", SIM],
    r"sqlite3\.h": ["store"],
    r"curl/.+": ["output"],
    r"microhttpd\.h": ["api"],
    # What libmicrohttpd encrypts with: certificates are tried before it gets them.
    r"gnutls/.+": ["api"],
    # The one parser of JSON, inside one wrapper per use: config files, messages, rules, answers.
    r"(cjson/)?cJSON\.h": ["base", "settings", "registry", "decode", "indicator", "store", "api", "commands", SIM],
    # Digests for keys and registries; the journal's encryption; why a broker's certificate is not trusted.
    r"openssl/.+": ["base", "journal", "ingest"],
    r"zlib\.h": ["output", "api"],
    r"zstd\.h": ["journal"],
    r"xxhash\.h": ["base", "registry", "decode", "facts", "store", SIM],
    r"uni(str|norm|case|conv|ctype|types|stdio|name)\.h": ["base", "decode", "registry"],
    r"csv\.h": ["registry"],
    r"systemd/.+": ["commands"],
}
# C17 and POSIX, and what Linux adds; everything else has to stand above.
SYSTEM = re.compile(r"(assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|stdalign|"
                    r"stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|tgmath|threads|time|uchar|"
                    r"wchar|wctype|dirent|dlfcn|fcntl|getopt|glob|grp|libgen|netdb|poll|pthread|pwd|regex|sched|"
                    r"semaphore|spawn|strings|sysexits|syslog|termios|unistd|endian|byteswap|malloc|arpa/inet|"
                    r"net/if|netinet/(in|tcp)|sys/\w+|linux/\w+|\w*intrin|arm_acle)\.h")
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"]+)[>\"]")


def place_of(name):
    """The room that a file belongs to, "pipeline", "main", or the folder of firmware-sim."""
    parts = name.split("/")
    if parts[0] == "firmware-sim":
        return "/".join(parts[:2])
    if parts[-1] in ("pipeline.c", "pipeline.h"):
        return PIPELINE
    return parts[1] if len(parts) > 2 else "main"


def allowed_in(header):
    for pattern, rooms in FOREIGN.items():
        if re.fullmatch(pattern, header):
            return rooms
    return None


def check_foreign(place, header, where, faults, uses):
    rooms = allowed_in(header)
    if rooms is None:
        if not SYSTEM.fullmatch(header):
            faults.append(f"{where}: <{header}> is no header of C or POSIX, and no room may include it")
    elif place not in rooms:
        faults.append(f"{where}: <{header}> belongs to {', '.join(rooms)}, not to {place}")
    else:
        uses.setdefault(header.split("/")[0], set()).add(place)


def check_own(name, place, header, where, faults):
    room = header.split("/")[0] if "/" in header else None
    if ".." in header.split("/"):
        faults.append(f"{where}: \"{header}\" climbs over the wall; include it as \"room/header.h\"")
    elif place.startswith("firmware-sim"):
        if room in RANK:
            faults.append(f"{where}: the simulator shares no code with the collector, \"{header}\" is the collector's")
        elif place == "firmware-sim/device" and room == "sim":
            faults.append(f"{where}: firmware embeds the device's client, which knows nothing of the simulator")
    elif room is None:
        if not (sources.PROJECT / name).with_name(header).exists():
            faults.append(f"{where}: \"{header}\" is not in this room; include it as \"room/header.h\"")
    elif room not in RANK and room != place:
        faults.append(f"{where}: \"{header}\" is of no room that the gate knows")
    elif place != "main" and room != place and RANK[place_of_header(header)] >= RANK[place]:
        faults.append(f"{where}: {place} may not use {room}, which is not above it")


def place_of_header(header):
    return PIPELINE if header.endswith("pipeline.h") else header.split("/")[0]


def check_file(name, faults, uses):
    place, count = place_of(name), 0
    if place not in RANK and place != "main" and not place.startswith("firmware-sim"):
        return 0
    for number, line in enumerate(sources.text_of(name).split("\n"), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        count += 1
        where = f"{name}:{number}"
        quoted, header = match.group(1) == '"', match.group(2)
        if quoted:
            check_own(name, place, header, where, faults)
        else:
            check_foreign(place, header, where, faults, uses)
    return count


def check_cmake(room, faults):
    """The compiler can only keep the walls if the build names no room below."""
    path = sources.PROJECT / "collector" / room / "CMakeLists.txt"
    if not path.exists():
        return
    text = re.sub(r"#[^\n]*", "", path.read_text(encoding="utf-8"))
    # Another word in capitals, as PACKAGES, begins another list.
    for match in re.finditer(r"\bUSES\b([^)]*)", text):
        for word in match.group(1).split():
            if word.isupper():
                break
            if RANK.get(word, len(ROOMS)) >= RANK[room]:
                faults.append(f"collector/{room}/CMakeLists.txt: USES {word}, which is not above {room}")


def main():
    faults, uses, count = [], {}, 0
    names = sources.c_files("collector/", "firmware-sim/")
    for name in names:
        count += check_file(name, faults, uses)
    for room in ROOMS:
        check_cmake(room, faults)
    for library, rooms in sorted(uses.items()):
        print(f"{library}: {', '.join(sorted(rooms))}")
    return sources.finish("walls", faults, f"{len(names)} files, {count} includes, {len(ROOMS)} rooms")


sources.run(main)
