-- name: insert_events
-- Events as they are accepted, a column a parameter.
INSERT INTO event (id, org_id, source_id, type, status, received_at_ms, provider_event_id, verification, review_reason,
                   review_detail, duplicates, channels, tags, only_endpoint)
SELECT * FROM unnest(
    CAST(:id AS TEXT[]), CAST(:org_id AS TEXT[]), CAST(:source_id AS TEXT[]), CAST(:type AS TEXT[]),
    CAST(:status AS TEXT[]), CAST(:received_at_ms AS BIGINT[]), CAST(:provider_event_id AS TEXT[]),
    CAST(:verification AS TEXT[]), CAST(:review_reason AS TEXT[]), CAST(:review_detail AS TEXT[]),
    CAST(:duplicates AS BIGINT[]), CAST(:channels AS TEXT[]), CAST(:tags AS TEXT[]), CAST(:only_endpoint AS TEXT[])
);

-- name: insert_payloads
-- The bytes of events as they are accepted.
INSERT INTO payload (event_id, method, path, query, headers, client, scheme, body, expires_at_ms)
SELECT * FROM unnest(
    CAST(:event_id AS TEXT[]), CAST(:method AS TEXT[]), CAST(:path AS TEXT[]), CAST(:query AS BYTEA[]),
    CAST(:headers AS BYTEA[]), CAST(:client AS TEXT[]), CAST(:scheme AS TEXT[]), CAST(:body AS BYTEA[]),
    CAST(:expires_at_ms AS BIGINT[])
);

-- name: insert_deliveries
-- What events are owed to, as they are accepted.
INSERT INTO delivery (id, org_id, event_id, endpoint_id, state, attempts, failures, due_at_ms, lease, created_at_ms,
                      finished_at_ms, reason, fifo, manual)
SELECT * FROM unnest(
    CAST(:id AS TEXT[]), CAST(:org_id AS TEXT[]), CAST(:event_id AS TEXT[]), CAST(:endpoint_id AS TEXT[]),
    CAST(:state AS TEXT[]), CAST(:attempts AS BIGINT[]), CAST(:failures AS BIGINT[]), CAST(:due_at_ms AS BIGINT[]),
    CAST(:lease AS TEXT[]), CAST(:created_at_ms AS BIGINT[]), CAST(:finished_at_ms AS BIGINT[]),
    CAST(:reason AS TEXT[]), CAST(:fifo AS BIGINT[]), CAST(:manual AS BIGINT[])
);

-- name: seen_insert
-- Remembers keys; which of them are new. Keys that another transaction has just taken are waited for.
WITH given AS (
    SELECT * FROM unnest(
        CAST(:key AS TEXT[]), CAST(:source_id AS TEXT[]), CAST(:event_id AS TEXT[]), CAST(:body_hash AS BYTEA[]),
        CAST(:expires_at_ms AS BIGINT[])
    ) WITH ORDINALITY AS given (key, source_id, event_id, body_hash, expires_at_ms, place)
), made AS (
    INSERT INTO seen (source_id, key, event_id, body_hash, expires_at_ms)
    SELECT source_id, key, event_id, body_hash, expires_at_ms FROM given ORDER BY place
    ON CONFLICT (source_id, key) DO NOTHING
    RETURNING source_id, key
)
SELECT given.place FROM made JOIN given ON given.source_id = made.source_id AND given.key = made.key;

-- name: seen_get
-- What known keys stand for.
SELECT given.place, s.event_id, s.body_hash, s.expires_at_ms, e.status
FROM unnest(CAST(:key AS TEXT[]), CAST(:source_id AS TEXT[])) WITH ORDINALITY AS given (key, source_id, place)
     JOIN seen s ON s.source_id = given.source_id AND s.key = given.key
     LEFT JOIN event e ON e.id = s.event_id;

-- name: count_duplicate
-- One more request that carried each of these known events; one of them may be named several times.
UPDATE event e SET duplicates = e.duplicates + given.times
FROM (
    SELECT event_id, COUNT(*) AS times FROM unnest(CAST(:event_id AS TEXT[])) AS given (event_id)
    GROUP BY event_id
) AS given
WHERE e.id = given.event_id;
