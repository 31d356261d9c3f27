-- Version 2: what is known of each device's quality; rejected rows that cannot be read without the deployment's secret;
-- and the ledger of the rows that bounds let go.

ALTER TABLE stream ADD COLUMN late INTEGER NOT NULL DEFAULT 0;     -- events that came over 24 hours after their time
ALTER TABLE stream ADD COLUMN given_up INTEGER NOT NULL DEFAULT 0; -- missing numbers that are not asked for any more

-- `raw` is sealed (AES-256-GCM, store/seal.h). `position`: the record in the journal; -1 is not known. The large column
-- stands last: what stands behind it costs a walk through its pages.
DROP VIEW v_rejected;
DROP INDEX rejected_received;
ALTER TABLE rejected RENAME TO rejected_1;
CREATE TABLE rejected (
    id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint BLOB NOT NULL UNIQUE, quarantined INTEGER NOT NULL,
    reason TEXT NOT NULL, detail TEXT NOT NULL, received_ms INTEGER NOT NULL, topic TEXT NOT NULL, centre TEXT,
    device TEXT NOT NULL, position INTEGER NOT NULL, times INTEGER NOT NULL, raw BLOB NOT NULL
) STRICT;
INSERT INTO rejected SELECT id, fingerprint, quarantined, reason, detail, received_ms, topic, centre, '', -1, times, raw
    FROM rejected_1;
DROP TABLE rejected_1;
CREATE INDEX rejected_received ON rejected (received_ms);
CREATE INDEX rejected_place ON rejected (centre, device);
-- The program seals them before it does anything else.
INSERT INTO value VALUES ('rejected_plain', 1);
CREATE VIEW v_rejected AS
    SELECT id, CASE quarantined WHEN 1 THEN 'quarantined' ELSE 'rejected' END AS state, reason, detail,
           strftime('%Y-%m-%dT%H:%M:%SZ', received_ms / 1000, 'unixepoch') AS received, topic, centre, times, raw,
           device, position
    FROM rejected;

-- What may be created from outside is bounded, and a bound is looked at with each event: these counts make that one
-- look-up. `quarantine_count`: rows of events that were set aside, by centre; '*' (no centre's name): of all of them.
CREATE TABLE quarantine_count (centre TEXT PRIMARY KEY, rows INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO quarantine_count SELECT coalesce(centre, ''), count(*) FROM rejected WHERE quarantined = 1 GROUP BY 1;
INSERT INTO quarantine_count SELECT '*', count(*) FROM rejected WHERE quarantined = 1;
CREATE TRIGGER quarantine_more AFTER INSERT ON rejected WHEN new.quarantined = 1 BEGIN
    INSERT INTO quarantine_count VALUES (coalesce(new.centre, ''), 1) ON CONFLICT DO UPDATE SET rows = rows + 1;
    UPDATE quarantine_count SET rows = rows + 1 WHERE centre = '*';
END;
CREATE TRIGGER quarantine_less AFTER DELETE ON rejected WHEN old.quarantined = 1 BEGIN
    UPDATE quarantine_count SET rows = rows - 1 WHERE centre IN (coalesce(old.centre, ''), '*');
    DELETE FROM quarantine_count WHERE centre = coalesce(old.centre, '') AND rows = 0;
END;
CREATE TABLE device_count (centre TEXT PRIMARY KEY, devices INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO device_count SELECT centre, count(*) FROM device GROUP BY centre;
CREATE TRIGGER device_more AFTER INSERT ON device BEGIN
    INSERT INTO device_count VALUES (new.centre, 1) ON CONFLICT DO UPDATE SET devices = devices + 1;
END;
CREATE TRIGGER device_less AFTER DELETE ON device BEGIN
    UPDATE device_count SET devices = devices - 1 WHERE centre = old.centre;
END;
ALTER TABLE device ADD COLUMN epochs INTEGER NOT NULL DEFAULT 0;
UPDATE device SET epochs = (SELECT count(*) FROM stream WHERE stream.device = number);
-- Before: only then can a row that replaces another be told from one more.
CREATE TRIGGER epoch_more BEFORE INSERT ON stream
    WHEN NOT EXISTS (SELECT 1 FROM stream WHERE device = new.device AND epoch = new.epoch) BEGIN
    UPDATE device SET epochs = epochs + 1 WHERE number = new.device;
END;
CREATE TRIGGER epoch_less AFTER DELETE ON stream BEGIN
    UPDATE device SET epochs = epochs - 1 WHERE number = old.device;
END;

-- What was rejected or set aside and is not in `rejected` any more, or never was, because a bound was reached.
-- cause: 'age', 'room' (rejected.keep_days, max_rows, max_bytes), 'rate' (the share of a device or a centre) or 'full' (of a
-- quarantine that is full nothing goes, and nothing more comes in).
CREATE TABLE let_go (
    centre TEXT NOT NULL, device TEXT NOT NULL, reason TEXT NOT NULL, cause TEXT NOT NULL, events INTEGER NOT NULL,
    first_received_ms INTEGER NOT NULL, last_received_ms INTEGER NOT NULL,
    first_position INTEGER NOT NULL, last_position INTEGER NOT NULL,
    PRIMARY KEY (centre, device, reason, cause)
) STRICT, WITHOUT ROWID;

DROP VIEW v_devices;
CREATE VIEW v_devices AS
    SELECT d.realm, d.centre, d.device, s.epoch, s.received, s.repeated, s.missing,
           strftime('%Y-%m-%dT%H:%M:%SZ', s.last_received_ms / 1000, 'unixepoch') AS last_received,
           strftime('%Y-%m-%dT%H:%M:%SZ', s.last_event_ms / 1000, 'unixepoch') AS last_event,
           s.received + s.missing + s.given_up AS expected, s.late, s.given_up
    FROM stream s JOIN device d ON d.number = s.device;
CREATE VIEW v_quality AS
    SELECT c.centre, coalesce(s.devices, 0) AS devices, coalesce(s.expected, 0) AS expected,
           coalesce(s.received, 0) AS received, coalesce(s.missing, 0) AS missing, coalesce(s.repeated, 0) AS repeated,
           coalesce(s.late, 0) AS late, coalesce(s.given_up, 0) AS given_up,
           (SELECT coalesce(sum(r.times), 0) FROM rejected r WHERE r.centre = c.centre AND r.quarantined = 0) AS rejected,
           (SELECT coalesce(sum(r.times), 0) FROM rejected r WHERE r.centre = c.centre AND r.quarantined = 1)
               AS quarantined,
           (SELECT coalesce(sum(l.events), 0) FROM let_go l WHERE l.centre = c.centre) AS let_go
    FROM (SELECT centre FROM device UNION SELECT centre FROM rejected WHERE centre <> ''
          UNION SELECT centre FROM let_go WHERE centre <> '') c
    LEFT JOIN (SELECT d.centre, count(DISTINCT d.number) AS devices,
                      sum(s.received + s.missing + s.given_up) AS expected, sum(s.received) AS received,
                      sum(s.missing) AS missing, sum(s.repeated) AS repeated, sum(s.late) AS late,
                      sum(s.given_up) AS given_up
               FROM device d JOIN stream s ON s.device = d.number GROUP BY d.centre) s ON s.centre = c.centre;
CREATE VIEW v_let_go AS
    SELECT centre, device, reason, cause, events,
           strftime('%Y-%m-%dT%H:%M:%SZ', first_received_ms / 1000, 'unixepoch') AS first_received,
           strftime('%Y-%m-%dT%H:%M:%SZ', last_received_ms / 1000, 'unixepoch') AS last_received,
           first_position, last_position
    FROM let_go;

-- Results that no longer stand (other rules, another registry, a clock that was ahead): outputs write zeros over the points
-- that they wrote of them, for not every database can forget one. `area` is '' for a centre's, `centre` 0 for an area's.
-- Ids fall from -1: of one revision they come before all that stands.
CREATE TABLE withdrawn (
    id INTEGER PRIMARY KEY, indicator TEXT NOT NULL, area TEXT NOT NULL, centre INTEGER NOT NULL, period INTEGER NOT NULL,
    period_kind TEXT NOT NULL, revision INTEGER NOT NULL, UNIQUE (indicator, area, centre, period)
) STRICT;
CREATE INDEX withdrawn_revision ON withdrawn (revision);
CREATE TRIGGER adoption_stands AFTER INSERT ON adoption BEGIN
    DELETE FROM withdrawn WHERE indicator = new.indicator AND area = new.area AND centre = 0 AND period = new.period;
END;
CREATE TRIGGER verdict_stands AFTER INSERT ON verdict BEGIN
    DELETE FROM withdrawn WHERE indicator = new.indicator AND area = '' AND centre = new.centre AND period = new.period;
END;
