-- What is named by its id says in which states it is not. With those of the queue, a plan that was made while little was
-- owed would go by the queue's indexes, which are the shortest then, and later read all that is owed to find a few.

-- name: lock_events
-- Holds events, so that what is written about them is worked out from everything that was committed before.
SELECT e.id FROM unnest(CAST(:id AS TEXT[])) AS given (id) JOIN event e ON e.id = given.id
ORDER BY e.id FOR NO KEY UPDATE OF e;

-- name: lock_endpoints
-- Holds endpoints where order counts, so that only one at a time decides what is sent next.
SELECT e.id FROM endpoint e WHERE e.id = ANY (CAST(:id AS TEXT[])) ORDER BY e.id FOR NO KEY UPDATE OF e;

-- name: lease
-- Takes deliveries until a moment, those that nobody else took since they were looked at.
WITH given AS (
    SELECT * FROM unnest(
        CAST(:id AS TEXT[]), CAST(:was_due_ms AS BIGINT[]), CAST(:lease AS TEXT[]), CAST(:until_ms AS BIGINT[])
    ) WITH ORDINALITY AS given (id, was_due_ms, lease, until_ms, place)
)
UPDATE delivery d SET state = 'leased', lease = given.lease, due_at_ms = given.until_ms
FROM given
WHERE d.id = given.id AND d.state NOT IN ('delivered', 'dead', 'cancelled') AND d.due_at_ms = given.was_due_ms
RETURNING given.place;

-- name: to_send
-- What has to be known to send deliveries of these events.
SELECT given.place, e.type, p.headers, p.body
FROM unnest(CAST(:event_id AS TEXT[])) WITH ORDINALITY AS given (event_id, place)
     JOIN event e ON e.id = given.event_id JOIN payload p ON p.event_id = given.event_id;

-- name: settle
-- The ends of attempts, or of leases. Each is fenced by its lease.
WITH given AS (
    SELECT * FROM unnest(
        CAST(:id AS TEXT[]), CAST(:lease AS TEXT[]), CAST(:state AS TEXT[]), CAST(:attempted AS BIGINT[]),
        CAST(:failures AS BIGINT[]), CAST(:due_at_ms AS BIGINT[]), CAST(:finished_at_ms AS BIGINT[]),
        CAST(:reason AS TEXT[])
    ) WITH ORDINALITY AS given (id, lease, state, attempted, failures, due_at_ms, finished_at_ms, reason, place)
)
UPDATE delivery d
SET state = given.state, attempts = d.attempts + given.attempted, failures = given.failures,
    due_at_ms = given.due_at_ms, lease = '', finished_at_ms = given.finished_at_ms, reason = given.reason
FROM given
WHERE d.id = given.id AND d.lease = given.lease AND d.state NOT IN ('waiting', 'delivered', 'dead', 'cancelled')
RETURNING given.place;

-- name: add_attempt
-- What tries were answered.
INSERT INTO attempt (delivery_id, number, started_at_ms, duration_ms, status, error, detail, address,
                     response_headers, response_body, manual)
SELECT * FROM unnest(
    CAST(:delivery_id AS TEXT[]), CAST(:number AS BIGINT[]), CAST(:started_at_ms AS BIGINT[]),
    CAST(:duration_ms AS DOUBLE PRECISION[]), CAST(:status AS BIGINT[]), CAST(:error AS TEXT[]),
    CAST(:detail AS TEXT[]), CAST(:address AS TEXT[]), CAST(:response_headers AS BYTEA[]),
    CAST(:response_body AS BYTEA[]), CAST(:manual AS BIGINT[])
);

-- name: processed_if_all_delivered
-- The last deliveries of events arrived, and none is still to be written.
UPDATE event e SET status = 'processed'
FROM unnest(CAST(:event_id AS TEXT[]), CAST(:low AS TEXT[]), CAST(:high AS TEXT[]))
     WITH ORDINALITY AS given (event_id, low, high, place)
WHERE e.id = given.event_id
  AND (SELECT d.id FROM delivery d WHERE d.id >= given.low AND d.id < given.high AND d.state <> 'delivered'
       ORDER BY d.id DESC LIMIT 1) IS NULL
  AND NOT EXISTS (SELECT 1 FROM fanout f WHERE f.event_id = given.event_id)
RETURNING given.place;

-- name: refresh_event_status
-- What people see of events, from the states of their deliveries: the rule is core.state.event_status.
UPDATE event e SET status = CASE
    WHEN (SELECT f.event_id FROM fanout f WHERE f.event_id = given.event_id) IS NOT NULL
        OR (SELECT d.id FROM delivery d
            WHERE d.id >= given.low AND d.id < given.high AND d.state NOT IN ('delivered', 'dead', 'cancelled')
            ORDER BY d.id DESC LIMIT 1) IS NOT NULL
    THEN CASE
        WHEN EXISTS (SELECT 1 FROM delivery d WHERE d.id >= given.low AND d.id < given.high AND d.attempts > 0)
        THEN 'processing'
        ELSE 'pending'
    END
    WHEN EXISTS (SELECT 1 FROM delivery d WHERE d.id >= given.low AND d.id < given.high AND d.state = 'dead')
    THEN 'failed'
    WHEN EXISTS (SELECT 1 FROM delivery d WHERE d.id >= given.low AND d.id < given.high AND d.state = 'delivered')
    THEN 'processed'
    ELSE 'ignored'
END
FROM unnest(CAST(:event_id AS TEXT[]), CAST(:low AS TEXT[]), CAST(:high AS TEXT[])) AS given (event_id, low, high)
WHERE e.id = given.event_id;
