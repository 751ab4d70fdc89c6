-- name: deliveries_of_event
-- All deliveries of one event: one range of the primary key.
SELECT * FROM delivery WHERE id >= :low AND id < :high ORDER BY id;

-- name: delivery_get
-- One delivery of one organisation.
SELECT * FROM delivery WHERE org_id = :org_id AND id = :id;

-- name: deliveries_newest
-- A page of deliveries of an organisation, newest first.
SELECT * FROM delivery
WHERE org_id = :org_id AND id < :before
  AND (CAST(:endpoint_id AS TEXT) IS NULL OR endpoint_id = :endpoint_id)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
ORDER BY id DESC LIMIT :limit;

-- name: attempts_of_event
-- All attempts of all deliveries of one event: one range of the primary key.
SELECT * FROM attempt WHERE delivery_id >= :low AND delivery_id < :high ORDER BY delivery_id, number;

-- name: due_deliveries
-- What an endpoint is owed now, oldest due first, with the size of each body.
SELECT d.id, d.event_id, d.attempts, d.failures, length(p.body) AS size
FROM delivery d JOIN payload p ON p.event_id = d.event_id
WHERE d.endpoint_id = :endpoint_id AND d.state IN ('waiting', 'leased') AND d.due_at_ms <= :now_ms
ORDER BY d.due_at_ms LIMIT :limit;

-- name: lease
-- Takes a delivery until a moment; whoever held it before can change nothing any more.
UPDATE delivery SET state = 'leased', lease = :lease, due_at_ms = :until_ms WHERE id = :id;

-- name: next_due
-- When an endpoint is owed something next.
SELECT MIN(due_at_ms) AS due_at_ms FROM delivery WHERE endpoint_id = :endpoint_id AND state IN ('waiting', 'leased');

-- name: endpoints_owed
-- Every endpoint that is owed anything, and when; steps from endpoint to endpoint through the index.
WITH RECURSIVE owed (endpoint_id) AS (
    SELECT MIN(endpoint_id) FROM delivery WHERE state IN ('waiting', 'leased')
    UNION ALL
    SELECT (SELECT MIN(d.endpoint_id) FROM delivery d
            WHERE d.state IN ('waiting', 'leased') AND d.endpoint_id > owed.endpoint_id)
    FROM owed WHERE owed.endpoint_id IS NOT NULL
)
SELECT endpoint_id,
       (SELECT MIN(d.due_at_ms) FROM delivery d
        WHERE d.endpoint_id = owed.endpoint_id AND d.state IN ('waiting', 'leased')) AS due_at_ms
FROM owed WHERE endpoint_id IS NOT NULL;

-- name: release_all_leases
-- Everything that was leased is due at once: asked only by the one server that owns the file.
UPDATE delivery SET state = 'waiting', lease = '', due_at_ms = :now_ms WHERE state IN ('waiting', 'leased') AND lease <> '';

-- name: settle
-- The end of an attempt, or of a lease. Fenced by the lease.
UPDATE delivery
SET state = :state, attempts = attempts + :attempted, failures = :failures, due_at_ms = :due_at_ms, lease = '',
    finished_at_ms = :finished_at_ms, reason = :reason
WHERE id = :id AND lease = :lease AND state = 'leased';

-- name: add_attempt
-- What one try was answered.
INSERT INTO attempt (delivery_id, number, started_at_ms, duration_ms, status, error, detail, address,
                     response_headers, response_body)
VALUES (:delivery_id, :number, :started_at_ms, :duration_ms, :status, :error, :detail, :address,
        :response_headers, :response_body);

-- name: add_delivery
-- An event is owed to one more endpoint.
INSERT INTO delivery (id, org_id, event_id, endpoint_id, state, attempts, failures, due_at_ms, lease,
                      created_at_ms, finished_at_ms, reason)
VALUES (:id, :org_id, :event_id, :endpoint_id, 'waiting', 0, 0, :now_ms, '', :now_ms, 0, '')
ON CONFLICT (id) DO NOTHING;

-- name: replay_delivery
-- A finished delivery is owed again, with a fresh schedule; its attempts stay on record.
UPDATE delivery SET state = 'waiting', failures = 0, due_at_ms = :now_ms, lease = '', finished_at_ms = 0, reason = 'replay'
WHERE id = :id AND state IN ('delivered', 'dead', 'cancelled');

-- name: cancel_delivery
-- A person does not want it delivered any more.
UPDATE delivery SET state = 'cancelled', lease = '', finished_at_ms = :now_ms, reason = :reason
WHERE org_id = :org_id AND id = :id AND state IN ('waiting', 'leased');

-- name: owed_to_endpoint
-- Some of what an endpoint is still owed.
SELECT id, event_id FROM delivery
WHERE endpoint_id = :endpoint_id AND state IN ('waiting', 'leased') ORDER BY due_at_ms LIMIT :limit;

-- name: kill_delivery
-- Owed no more, because its endpoint is gone.
UPDATE delivery SET state = 'dead', lease = '', finished_at_ms = :now_ms, reason = :reason
WHERE id = :id AND state IN ('waiting', 'leased');

-- name: backlog
-- How much every endpoint is owed and the oldest of it: one pass over the index of what is owed.
SELECT endpoint_id, COUNT(*) AS depth, MIN(id) AS oldest FROM delivery
WHERE state IN ('waiting', 'leased') GROUP BY endpoint_id;

-- name: states_of_event
-- Where the deliveries of one event are: one range of the primary key.
SELECT id, endpoint_id, state, attempts FROM delivery WHERE id >= :low AND id < :high;
