"""Every point of the four series, once as SQLite's views say them and once as InfluxDB has them: equal sets are equal stores.
Worked out in Python alone, so that a fault of the collector's own line protocol cannot hide itself."""

import datetime

import model

TAGS = {"usage": ("activity", "centre"), "usage_hour": ("activity", "centre"), "adoption": ("area", "indicator"),
        "centre_adoption": ("centre", "indicator")}


def point(series, row, time_ms, **fields):
    """Hashable; a field without a value is no field."""
    return (series, tuple(row[tag] for tag in TAGS[series]), time_ms,
            tuple(sorted((name, value) for name, value in fields.items() if value is not None)))


def day_start_ms(day, zone=model.ZONE):
    return round(datetime.datetime.combine(datetime.date.fromisoformat(day), datetime.time(), zone).timestamp() * 1000)


def first_day(period):
    """Of "2025-10", "2025-Q4", "2025/2026" (a school year begins in September) and "2025"."""
    year = int(period[:4])
    if "Q" in period:
        return f"{year}-{int(period[-1]) * 3 - 2:02}-01"
    if "/" in period:
        return f"{year}-09-01"
    return f"{period}-01" if "-" in period else f"{year}-01-01"


def in_sqlite(deploy):
    points = set()
    for row in deploy.sql("SELECT * FROM v_usage_daily"):
        points.add(point("usage", row, day_start_ms(row["day"]), events=row["events"], seconds=row["seconds"],
                         users=row["users"], devices=row["devices"]))
    for row in deploy.sql("SELECT * FROM v_usage_hourly"):
        hour_ms = round(model.instant(row["hour"]).timestamp() * 1000)
        points.add(point("usage_hour", row, hour_ms, events=row["events"], seconds=row["seconds"]))
    for row in deploy.sql("SELECT * FROM v_adoption"):
        rates = {name: row[name] for name in ("rate", "lower", "upper") if row["registered"] > 0}
        points.add(point("adoption", row, day_start_ms(first_day(row["period"])), registered=row["registered"],
                         reporting=row["reporting"], adopting=row["adopting"], target=row["target"], **rates))
    for row in deploy.sql("SELECT * FROM v_verdict"):
        points.add(point("centre_adoption", row, day_start_ms(first_day(row["period"])), reporting=row["reporting"],
                         adopting=row["adopts"]))
    return points | withdrawn(deploy, {made[:3] for made in points})


def withdrawn(deploy, standing):
    """Results that no longer stand have 0 in all their fields, unless one that stands has taken their place."""
    points, areas = set(), dict.fromkeys(("registered", "reporting", "adopting", "rate", "lower", "upper", "target"), 0)
    for row in deploy.sql("SELECT w.*, c.id AS centre_id FROM withdrawn w LEFT JOIN centre c ON c.number = w.centre"):
        year, month = {"month": (row["period"] // 12, row["period"] % 12 + 1), "year": (row["period"], 1),
                       "quarter": (row["period"] // 4, row["period"] % 4 * 3 + 1),
                       "school_year": (row["period"], 9)}[row["period_kind"]]
        time_ms = day_start_ms(f"{year:04}-{month:02}-01")
        made = (point("adoption", row, time_ms, **areas) if row["area"] else
                point("centre_adoption", row | {"centre": row["centre_id"]}, time_ms, reporting=0, adopting=0))
        if made[:3] not in standing:
            points.add(made)
    return points


def in_influx(influx, database="edutally"):
    points = set()
    for series, tags in TAGS.items():
        for row in influx.query(f'SELECT * FROM "{series}"', database):
            fields = {name: value for name, value in row.items() if name != "time" and name not in tags}
            points.add(point(series, row, row["time"], **fields))
    return points


def assert_level(test, deploy, influx, database="edutally"):
    """InfluxDB holds exactly what SQLite holds: each point, each field, and no point more."""
    here, there = in_sqlite(deploy), in_influx(influx, database)
    test.assertEqual((sorted(here - there)[:5], sorted(there - here)[:5]), ([], []),
                     f"{database}: {len(here - there)} of {len(here)} points are not there, {len(there - here)} are only there")
    return here
