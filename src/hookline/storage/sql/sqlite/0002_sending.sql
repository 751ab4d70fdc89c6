-- Sending: an application is a source, a message is an event.

-- `version` is the routing version a row was changed at: a routing table in memory reads only what is newer.
ALTER TABLE source ADD COLUMN kind TEXT NOT NULL DEFAULT 'provider';
ALTER TABLE source ADD COLUMN uid TEXT NOT NULL DEFAULT '';
ALTER TABLE source ADD COLUMN version BIGINT NOT NULL DEFAULT 0;

CREATE UNIQUE INDEX source_by_uid ON source (org_id, uid) WHERE uid <> '';
CREATE INDEX source_by_kind ON source (org_id, kind, id);
CREATE INDEX source_by_version ON source (version);

ALTER TABLE endpoint ADD COLUMN uid TEXT NOT NULL DEFAULT '';
ALTER TABLE endpoint ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE endpoint ADD COLUMN failing_since_ms BIGINT NOT NULL DEFAULT 0;

CREATE UNIQUE INDEX endpoint_by_uid ON endpoint (source_id, uid) WHERE uid <> '';
CREATE INDEX endpoint_by_source ON endpoint (source_id, id);
CREATE INDEX endpoint_by_version ON endpoint (version);

-- Sources, endpoints and event types that were removed, for the routing tables that still hold them.
CREATE TABLE gone (
    id      TEXT PRIMARY KEY,
    version BIGINT NOT NULL
);

CREATE INDEX gone_by_version ON gone (version);

CREATE TABLE event_type (
    org_id        TEXT NOT NULL,
    name          TEXT NOT NULL,
    description   TEXT NOT NULL,
    archived      BIGINT NOT NULL,
    deprecated    BIGINT NOT NULL,
    feature_flag  TEXT NOT NULL,
    schemas       TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    PRIMARY KEY (org_id, name)
) WITHOUT ROWID;

CREATE INDEX event_type_by_version ON event_type (version);

-- Words with a space before and after each, so that one of them is found by its spaces.
ALTER TABLE event ADD COLUMN channels TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN tags TEXT NOT NULL DEFAULT '';
-- The id of the only endpoint it was ever meant for, whatever others want.
ALTER TABLE event ADD COLUMN only_endpoint TEXT NOT NULL DEFAULT '';

ALTER TABLE payload ADD COLUMN expires_at_ms BIGINT;

CREATE INDEX payload_by_expiry ON payload (expires_at_ms, event_id) WHERE expires_at_ms IS NOT NULL;

-- `fifo`: strictly in order. `manual`: a person asked for it.
ALTER TABLE delivery ADD COLUMN fifo BIGINT NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN manual BIGINT NOT NULL DEFAULT 0;
ALTER TABLE attempt ADD COLUMN manual BIGINT NOT NULL DEFAULT 0;

CREATE INDEX delivery_in_order ON delivery (endpoint_id, id) WHERE fifo = 1 AND state IN ('waiting', 'leased');

-- The last 16 digits of a delivery's id are its endpoint's: shorter than `endpoint_id`, and the attempts have it too.
CREATE INDEX delivery_of_endpoint ON delivery (substr(id, 37, 16), id);
CREATE INDEX attempt_of_endpoint ON attempt (substr(delivery_id, 37, 16), started_at_ms, delivery_id, number, status);

-- Events that go to very many endpoints, while their deliveries are being written: those to the endpoints after
-- `done_to` and up to `last` are missing still.
CREATE TABLE fanout (
    event_id  TEXT PRIMARY KEY,
    done_to   TEXT NOT NULL,
    last      TEXT NOT NULL,
    due_at_ms BIGINT NOT NULL
);

-- `replay`, `recover`, `missing` or `bulk`.
ALTER TABLE replay ADD COLUMN kind TEXT NOT NULL DEFAULT 'replay';
