-- The schema as it is for SQLite after its migration 3. Times are UTC milliseconds, ids are TEXT that sorts by time.
--
-- COLLATE "C": ids, names and types sort by their bytes, whatever language the database was made for.
-- The four tables that grow with every event are divided by time. Their ids begin with the time, so the range of a
-- partition is a range of ids (storage/postgres/partitions.py). What comes when no partition was made for it lands in
-- the default one: nothing is ever refused for that.

CREATE TABLE meta (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO meta (name, value) VALUES
    ('routing_version', 1),
    ('housekeeping_due_ms', 0),
    ('ping', 0),
    ('schema_version', 0),
    ('schema_works_with', 3);

CREATE TABLE node (
    id            TEXT COLLATE "C" PRIMARY KEY,
    name          TEXT COLLATE "C" NOT NULL,
    role          TEXT COLLATE "C" NOT NULL,
    version       TEXT COLLATE "C" NOT NULL,
    started_at_ms BIGINT NOT NULL,
    beat          BIGINT NOT NULL
);

CREATE TABLE source (
    id            TEXT COLLATE "C" PRIMARY KEY,
    org_id        TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    spec          TEXT COLLATE "C" NOT NULL,
    secrets       BYTEA NOT NULL,
    managed_by    TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL DEFAULT 'provider',
    uid           TEXT COLLATE "C" NOT NULL DEFAULT '',
    version       BIGINT NOT NULL DEFAULT 0,
    UNIQUE (org_id, name)
);

CREATE UNIQUE INDEX source_by_uid ON source (org_id, uid) WHERE uid <> '';
CREATE INDEX source_by_kind ON source (org_id, kind, id);
CREATE INDEX source_by_version ON source (version);

CREATE TABLE endpoint (
    id               TEXT COLLATE "C" PRIMARY KEY,
    org_id           TEXT COLLATE "C" NOT NULL,
    source_id        TEXT COLLATE "C" NOT NULL,
    name             TEXT COLLATE "C" NOT NULL,
    spec             TEXT COLLATE "C" NOT NULL,
    secrets          BYTEA NOT NULL,
    managed_by       TEXT COLLATE "C" NOT NULL,
    state            TEXT COLLATE "C" NOT NULL,
    state_reason     TEXT COLLATE "C" NOT NULL,
    state_since_ms   BIGINT NOT NULL,
    created_at_ms    BIGINT NOT NULL,
    updated_at_ms    BIGINT NOT NULL,
    uid              TEXT COLLATE "C" NOT NULL DEFAULT '',
    version          BIGINT NOT NULL DEFAULT 0,
    failing_since_ms BIGINT NOT NULL DEFAULT 0,
    UNIQUE (source_id, name)
);

CREATE UNIQUE INDEX endpoint_by_uid ON endpoint (source_id, uid) WHERE uid <> '';
CREATE INDEX endpoint_by_source ON endpoint (source_id, id);
CREATE INDEX endpoint_by_version ON endpoint (version);

CREATE TABLE gone (
    id      TEXT COLLATE "C" PRIMARY KEY,
    version BIGINT NOT NULL
);

CREATE INDEX gone_by_version ON gone (version);

CREATE TABLE event_type (
    org_id        TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    description   TEXT COLLATE "C" NOT NULL,
    archived      BIGINT NOT NULL,
    deprecated    BIGINT NOT NULL,
    feature_flag  TEXT COLLATE "C" NOT NULL,
    schemas       TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    version       BIGINT NOT NULL,
    PRIMARY KEY (org_id, name)
);

CREATE INDEX event_type_by_version ON event_type (version);

CREATE TABLE event (
    id                TEXT COLLATE "C" PRIMARY KEY,
    org_id            TEXT COLLATE "C" NOT NULL,
    source_id         TEXT COLLATE "C" NOT NULL,
    type              TEXT COLLATE "C" NOT NULL,
    status            TEXT COLLATE "C" NOT NULL,
    received_at_ms    BIGINT NOT NULL,
    provider_event_id TEXT COLLATE "C" NOT NULL,
    verification      TEXT COLLATE "C" NOT NULL,
    review_reason     TEXT COLLATE "C" NOT NULL,
    review_detail     TEXT COLLATE "C" NOT NULL,
    duplicates        BIGINT NOT NULL,
    channels          TEXT COLLATE "C" NOT NULL DEFAULT '',
    tags              TEXT COLLATE "C" NOT NULL DEFAULT '',
    only_endpoint     TEXT COLLATE "C" NOT NULL DEFAULT ''
) PARTITION BY RANGE (id);

CREATE INDEX event_by_source ON event (source_id, id);
CREATE INDEX event_by_rare_status ON event (org_id, status, id)
    WHERE status IN ('failed', 'ignored', 'needs_review');

CREATE TABLE payload (
    event_id      TEXT COLLATE "C" PRIMARY KEY,
    method        TEXT COLLATE "C" NOT NULL,
    path          TEXT COLLATE "C" NOT NULL,
    query         BYTEA NOT NULL,
    headers       BYTEA NOT NULL,
    client        TEXT COLLATE "C" NOT NULL,
    scheme        TEXT COLLATE "C" NOT NULL,
    body          BYTEA NOT NULL,
    expires_at_ms BIGINT
) PARTITION BY RANGE (event_id);

CREATE INDEX payload_by_expiry ON payload (expires_at_ms, event_id) WHERE expires_at_ms IS NOT NULL;

CREATE TABLE delivery (
    id             TEXT COLLATE "C" PRIMARY KEY,
    org_id         TEXT COLLATE "C" NOT NULL,
    event_id       TEXT COLLATE "C" NOT NULL,
    endpoint_id    TEXT COLLATE "C" NOT NULL,
    state          TEXT COLLATE "C" NOT NULL,
    attempts       BIGINT NOT NULL,
    failures       BIGINT NOT NULL,
    due_at_ms      BIGINT NOT NULL,
    lease          TEXT COLLATE "C" NOT NULL,
    created_at_ms  BIGINT NOT NULL,
    finished_at_ms BIGINT NOT NULL,
    reason         TEXT COLLATE "C" NOT NULL,
    fifo           BIGINT NOT NULL DEFAULT 0,
    manual         BIGINT NOT NULL DEFAULT 0
) PARTITION BY RANGE (id);

-- With the id: of what is due at the same time the oldest comes first. (SQLite's index has it anyway.)
CREATE INDEX delivery_owed ON delivery (endpoint_id, due_at_ms, id) WHERE state IN ('waiting', 'leased');
CREATE INDEX delivery_in_order ON delivery (endpoint_id, fifo, id) WHERE fifo > 0 AND state IN ('waiting', 'leased');
CREATE INDEX delivery_of_endpoint ON delivery (substr(id, 37, 16), id);
-- What a server that died was working on. SQLite has one server, which asks for all leases at its start.
CREATE INDEX delivery_leased ON delivery (lease) WHERE lease <> '';

CREATE TABLE attempt (
    delivery_id      TEXT COLLATE "C" NOT NULL,
    number           BIGINT NOT NULL,
    started_at_ms    BIGINT NOT NULL,
    duration_ms      DOUBLE PRECISION NOT NULL,
    status           BIGINT NOT NULL,
    error            TEXT COLLATE "C" NOT NULL,
    detail           TEXT COLLATE "C" NOT NULL,
    address          TEXT COLLATE "C" NOT NULL,
    response_headers BYTEA NOT NULL,
    response_body    BYTEA NOT NULL,
    manual           BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (delivery_id, number)
) PARTITION BY RANGE (delivery_id);

CREATE INDEX attempt_of_endpoint ON attempt (substr(delivery_id, 37, 16), started_at_ms, delivery_id, number, status);

CREATE TABLE event_default PARTITION OF event DEFAULT;
CREATE TABLE payload_default PARTITION OF payload DEFAULT;
CREATE TABLE delivery_default PARTITION OF delivery DEFAULT;
CREATE TABLE attempt_default PARTITION OF attempt DEFAULT;

CREATE TABLE seen (
    source_id     TEXT COLLATE "C" NOT NULL,
    key           TEXT COLLATE "C" NOT NULL,
    event_id      TEXT COLLATE "C" NOT NULL,
    body_hash     BYTEA NOT NULL,
    expires_at_ms BIGINT,
    PRIMARY KEY (source_id, key)
);

CREATE INDEX seen_by_expiry ON seen (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

-- Taken in the commits that store events, so its rows are locked and updated often: room for that on each page.
CREATE TABLE place (
    endpoint_id TEXT COLLATE "C" PRIMARY KEY,
    last        BIGINT NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE fanout (
    event_id  TEXT COLLATE "C" PRIMARY KEY,
    done_to   TEXT COLLATE "C" NOT NULL,
    last      TEXT COLLATE "C" NOT NULL,
    due_at_ms BIGINT NOT NULL
);

CREATE TABLE rejection (
    id             TEXT COLLATE "C" PRIMARY KEY,
    org_id         TEXT COLLATE "C" NOT NULL,
    source_name    TEXT COLLATE "C" NOT NULL,
    received_at_ms BIGINT NOT NULL,
    cause          TEXT COLLATE "C" NOT NULL,
    detail         TEXT COLLATE "C" NOT NULL,
    status         BIGINT NOT NULL,
    complete       BIGINT NOT NULL,
    event_id       TEXT COLLATE "C" NOT NULL,
    request        BYTEA NOT NULL
);

CREATE TABLE replay (
    id             TEXT COLLATE "C" PRIMARY KEY,
    org_id         TEXT COLLATE "C" NOT NULL,
    filter         TEXT COLLATE "C" NOT NULL,
    state          TEXT COLLATE "C" NOT NULL,
    total          BIGINT NOT NULL,
    seen           BIGINT NOT NULL,
    replayed       BIGINT NOT NULL,
    cursor         TEXT COLLATE "C" NOT NULL,
    created_at_ms  BIGINT NOT NULL,
    finished_at_ms BIGINT NOT NULL,
    kind           TEXT COLLATE "C" NOT NULL DEFAULT 'replay'
);
