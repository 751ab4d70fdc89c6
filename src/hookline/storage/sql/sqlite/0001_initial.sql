-- The first schema. Times are UTC milliseconds, ids are TEXT that sorts by time (core/ids.py).

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
) WITHOUT ROWID;

-- Counts every change of source and endpoint: routing tables in memory are compared with it, never timed out.
INSERT INTO meta (name, value) VALUES ('routing_version', 1);

CREATE TABLE source (
    id            TEXT PRIMARY KEY,
    org_id        TEXT NOT NULL,
    name          TEXT NOT NULL,
    spec          TEXT NOT NULL,
    secrets       BLOB NOT NULL,
    managed_by    TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    UNIQUE (org_id, name)
);

CREATE TABLE endpoint (
    id               TEXT PRIMARY KEY,
    org_id           TEXT NOT NULL,
    source_id        TEXT NOT NULL,
    name             TEXT NOT NULL,
    spec             TEXT NOT NULL,
    secrets          BLOB NOT NULL,
    managed_by       TEXT NOT NULL,
    state            TEXT NOT NULL,
    state_reason     TEXT NOT NULL,
    state_since_ms   BIGINT NOT NULL,
    created_at_ms    BIGINT NOT NULL,
    updated_at_ms    BIGINT NOT NULL,
    UNIQUE (source_id, name)
);

-- What people search. The bytes are apart, so that a change of status does not rewrite them.
CREATE TABLE event (
    id                TEXT PRIMARY KEY,
    org_id            TEXT NOT NULL,
    source_id         TEXT NOT NULL,
    type              TEXT NOT NULL,
    status            TEXT NOT NULL,
    received_at_ms    BIGINT NOT NULL,
    provider_event_id TEXT NOT NULL,
    verification      TEXT NOT NULL,
    review_reason     TEXT NOT NULL,
    review_detail     TEXT NOT NULL,
    duplicates        BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX event_by_source ON event (source_id, id);

-- The statuses a person looks for are rare; the others are found without an index of their own.
CREATE INDEX event_by_rare_status ON event (org_id, status, id)
    WHERE status IN ('failed', 'ignored', 'needs_review');

CREATE TABLE payload (
    event_id TEXT PRIMARY KEY,
    method   TEXT NOT NULL,
    path     TEXT NOT NULL,
    query    BLOB NOT NULL,
    headers  BLOB NOT NULL,
    client   TEXT NOT NULL,
    scheme   TEXT NOT NULL,
    body     BLOB NOT NULL
);

CREATE TABLE delivery (
    id             TEXT PRIMARY KEY,
    org_id         TEXT NOT NULL,
    event_id       TEXT NOT NULL,
    endpoint_id    TEXT NOT NULL,
    state          TEXT NOT NULL,
    attempts       BIGINT NOT NULL,
    failures       BIGINT NOT NULL,
    due_at_ms      BIGINT NOT NULL,
    lease          TEXT NOT NULL,
    created_at_ms  BIGINT NOT NULL,
    finished_at_ms BIGINT NOT NULL,
    reason         TEXT NOT NULL
) WITHOUT ROWID;

-- The queue: what is owed, by endpoint, in the order it falls due. A lease is a due time plus a token.
CREATE INDEX delivery_owed ON delivery (endpoint_id, due_at_ms)
    WHERE state IN ('waiting', 'leased');

CREATE TABLE attempt (
    delivery_id      TEXT NOT NULL,
    number           BIGINT NOT NULL,
    started_at_ms    BIGINT NOT NULL,
    duration_ms      DOUBLE PRECISION NOT NULL,
    status           BIGINT NOT NULL,
    error            TEXT NOT NULL,
    detail           TEXT NOT NULL,
    address          TEXT NOT NULL,
    response_headers BLOB NOT NULL,
    response_body    BLOB NOT NULL,
    PRIMARY KEY (delivery_id, number)
) WITHOUT ROWID;

-- What has been seen. Lives longer than the events: a unique id is processed once, for ever.
CREATE TABLE seen (
    source_id     TEXT NOT NULL,
    key           TEXT NOT NULL,
    event_id      TEXT NOT NULL,
    body_hash     BLOB NOT NULL,
    expires_at_ms BIGINT,
    PRIMARY KEY (source_id, key)
) WITHOUT ROWID;

CREATE INDEX seen_by_expiry ON seen (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

CREATE TABLE rejection (
    id             TEXT PRIMARY KEY,
    org_id         TEXT NOT NULL,
    source_name    TEXT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    cause          TEXT NOT NULL,
    detail         TEXT NOT NULL,
    status         BIGINT NOT NULL,
    complete       BIGINT NOT NULL,
    event_id       TEXT NOT NULL,
    request        BLOB NOT NULL
);

CREATE TABLE replay (
    id             TEXT PRIMARY KEY,
    org_id         TEXT NOT NULL,
    filter         TEXT NOT NULL,
    state          TEXT NOT NULL,
    total          BIGINT NOT NULL,
    seen           BIGINT NOT NULL,
    replayed       BIGINT NOT NULL,
    cursor         TEXT NOT NULL,
    created_at_ms  BIGINT NOT NULL,
    finished_at_ms BIGINT NOT NULL
);
