-- Version 1 of edutally.db. Times are milliseconds since 1970 UTC, days are counted from 1970-01-01 in the deployment's
-- time zone. Analysts use the views (v_*) at the end: tables may change between versions, views keep their columns.

-- Small named values of the program's own: journal position, how far indicators are evaluated.
CREATE TABLE value (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

-- Numbers for names, so that the large tables stay small.
CREATE TABLE centre (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE activity (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE device (
    number INTEGER PRIMARY KEY, realm TEXT NOT NULL, centre TEXT NOT NULL, device TEXT NOT NULL,
    UNIQUE (centre, device, realm)
) STRICT;

-- One row per device and epoch: which sequence numbers came (facts/ranges.h), and the quality figures.
-- The epoch '' holds events without a sequence.
CREATE TABLE stream (
    device INTEGER NOT NULL REFERENCES device, epoch TEXT NOT NULL, ranges BLOB NOT NULL,
    received INTEGER NOT NULL, repeated INTEGER NOT NULL, missing INTEGER NOT NULL,
    last_received_ms INTEGER NOT NULL, last_event_ms INTEGER NOT NULL,
    PRIMARY KEY (device, epoch)
) STRICT, WITHOUT ROWID;

-- Facts. Sets (facts/distinct.h) stand apart: they are dropped once a day can no longer change, the counts stay.
CREATE TABLE fact_day (
    centre INTEGER NOT NULL REFERENCES centre, day INTEGER NOT NULL, activity INTEGER NOT NULL REFERENCES activity,
    events INTEGER NOT NULL, seconds INTEGER NOT NULL, users INTEGER NOT NULL, devices INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (centre, day, activity)
) STRICT, WITHOUT ROWID;
CREATE INDEX fact_day_revision ON fact_day (revision, centre, day, activity);
CREATE TABLE fact_day_set (
    centre INTEGER NOT NULL, day INTEGER NOT NULL, activity INTEGER NOT NULL, users BLOB, devices BLOB,
    PRIMARY KEY (day, centre, activity)
) STRICT, WITHOUT ROWID;

CREATE TABLE fact_month (
    centre INTEGER NOT NULL REFERENCES centre, month INTEGER NOT NULL, activity INTEGER NOT NULL REFERENCES activity,
    events INTEGER NOT NULL, seconds INTEGER NOT NULL, users INTEGER NOT NULL, devices INTEGER NOT NULL,
    PRIMARY KEY (centre, month, activity)
) STRICT, WITHOUT ROWID;
CREATE TABLE fact_month_set (
    centre INTEGER NOT NULL, month INTEGER NOT NULL, activity INTEGER NOT NULL, users BLOB, devices BLOB,
    sealed INTEGER NOT NULL DEFAULT 0, -- 1: sketches without keys
    PRIMARY KEY (month, centre, activity)
) STRICT, WITHOUT ROWID;

-- `minute` is the first minute of a local hour, counted from 1970 UTC.
CREATE TABLE fact_hour (
    centre INTEGER NOT NULL REFERENCES centre, minute INTEGER NOT NULL, activity INTEGER NOT NULL REFERENCES activity,
    events INTEGER NOT NULL, seconds INTEGER NOT NULL, revision INTEGER NOT NULL,
    PRIMARY KEY (centre, minute, activity)
) STRICT, WITHOUT ROWID;
CREATE INDEX fact_hour_revision ON fact_hour (revision, centre, minute, activity);

-- Ids of events without a sequence, within their day.
CREATE TABLE seen (day INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY (day, id)) STRICT, WITHOUT ROWID;

-- What was not counted, and why. Quarantined rows may still count. The same content for the same reason is one row.
CREATE TABLE rejected (
    id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint BLOB NOT NULL UNIQUE, quarantined INTEGER NOT NULL,
    reason TEXT NOT NULL, detail TEXT NOT NULL, received_ms INTEGER NOT NULL, topic TEXT NOT NULL, centre TEXT,
    raw BLOB NOT NULL, times INTEGER NOT NULL
) STRICT;
CREATE INDEX rejected_received ON rejected (received_ms);

-- Results. Periods are numbered as in indicator/period.h.
CREATE TABLE adoption (
    indicator TEXT NOT NULL, area TEXT NOT NULL, period INTEGER NOT NULL, period_kind TEXT NOT NULL,
    registered INTEGER NOT NULL, reporting INTEGER NOT NULL, adopting INTEGER NOT NULL, target REAL,
    rule_hash TEXT NOT NULL, registry_hash TEXT NOT NULL, computed_ms INTEGER NOT NULL, revision INTEGER NOT NULL,
    UNIQUE (indicator, area, period)
) STRICT;
CREATE INDEX adoption_revision ON adoption (revision);
CREATE TABLE verdict (
    indicator TEXT NOT NULL, centre INTEGER NOT NULL REFERENCES centre, period INTEGER NOT NULL,
    period_kind TEXT NOT NULL, reporting INTEGER NOT NULL, adopts INTEGER NOT NULL, conditions TEXT NOT NULL,
    revision INTEGER NOT NULL,
    UNIQUE (indicator, period, centre)
) STRICT;
CREATE INDEX verdict_revision ON verdict (revision);
CREATE INDEX verdict_centre ON verdict (centre, period);

-- Outputs: how far each has come, and the points that a server refused for good.
CREATE TABLE output_cursor (
    output TEXT NOT NULL, series TEXT NOT NULL, revision INTEGER NOT NULL, PRIMARY KEY (output, series)
) STRICT, WITHOUT ROWID;
CREATE TABLE refused_point (
    output TEXT NOT NULL, line TEXT NOT NULL, reason TEXT NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (output, line)
) STRICT, WITHOUT ROWID;

CREATE VIEW v_usage_daily AS
    SELECT c.id AS centre, date(f.day * 86400, 'unixepoch') AS day, a.name AS activity, f.events, f.seconds, f.users,
           f.devices
    FROM fact_day f JOIN centre c ON c.number = f.centre JOIN activity a ON a.number = f.activity;
CREATE VIEW v_usage_hourly AS
    SELECT c.id AS centre, strftime('%Y-%m-%dT%H:%M:%SZ', f.minute * 60, 'unixepoch') AS hour, a.name AS activity,
           f.events, f.seconds
    FROM fact_hour f JOIN centre c ON c.number = f.centre JOIN activity a ON a.number = f.activity;
CREATE VIEW v_usage_monthly AS
    SELECT c.id AS centre, printf('%04d-%02d', f.month / 12, f.month % 12 + 1) AS month, a.name AS activity, f.events,
           f.seconds, f.users, f.devices
    FROM fact_month f JOIN centre c ON c.number = f.centre JOIN activity a ON a.number = f.activity;
CREATE VIEW v_adoption AS
    SELECT indicator, area,
           CASE period_kind
               WHEN 'month' THEN printf('%04d-%02d', period / 12, period % 12 + 1)
               WHEN 'quarter' THEN printf('%04d-Q%d', period / 4, period % 4 + 1)
               WHEN 'school_year' THEN printf('%04d/%04d', period, period + 1)
               ELSE printf('%04d', period) END AS period,
           registered, reporting, adopting, CAST(adopting AS REAL) / registered AS rate,
           CAST(adopting AS REAL) / registered AS lower,
           CAST(adopting + registered - reporting AS REAL) / registered AS upper, target, rule_hash, registry_hash
    FROM adoption;
CREATE VIEW v_verdict AS
    SELECT v.indicator, c.id AS centre,
           CASE v.period_kind
               WHEN 'month' THEN printf('%04d-%02d', v.period / 12, v.period % 12 + 1)
               WHEN 'quarter' THEN printf('%04d-Q%d', v.period / 4, v.period % 4 + 1)
               WHEN 'school_year' THEN printf('%04d/%04d', v.period, v.period + 1)
               ELSE printf('%04d', v.period) END AS period,
           v.reporting, v.adopts, v.conditions
    FROM verdict v JOIN centre c ON c.number = v.centre;
CREATE VIEW v_rejected AS
    SELECT id, CASE quarantined WHEN 1 THEN 'quarantined' ELSE 'rejected' END AS state, reason, detail,
           strftime('%Y-%m-%dT%H:%M:%SZ', received_ms / 1000, 'unixepoch') AS received, topic, centre, times, raw
    FROM rejected;
CREATE VIEW v_devices AS
    SELECT d.realm, d.centre, d.device, s.epoch, s.received, s.repeated, s.missing,
           strftime('%Y-%m-%dT%H:%M:%SZ', s.last_received_ms / 1000, 'unixepoch') AS last_received,
           strftime('%Y-%m-%dT%H:%M:%SZ', s.last_event_ms / 1000, 'unixepoch') AS last_event
    FROM stream s JOIN device d ON d.number = s.device;
