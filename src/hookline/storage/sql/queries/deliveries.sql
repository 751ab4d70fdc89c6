-- What is named by its id says in which states it is not: see arrays/delivering.sql.

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
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
ORDER BY id DESC LIMIT :limit;

-- name: deliveries_of_event_newest, deliveries_of_event_oldest
-- Part of the deliveries of one event: a range of the primary key, walked down.
SELECT * FROM delivery WHERE id > :after AND id < :before ORDER BY id DESC LIMIT :limit;

-- name: deliveries_of_endpoint
-- A page of the deliveries to one endpoint, newest first.
SELECT * FROM delivery
WHERE substr(id, 37, 16) = :tail AND id < :before AND org_id = :org_id AND endpoint_id = :endpoint_id
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
ORDER BY id DESC LIMIT :limit;

-- name: messages_of_endpoint_newest, messages_of_endpoint_oldest
-- Part of what one endpoint was ever owed, newest first, with the events and, where asked for, their bytes. The source
-- is asked for as in attempts_of_endpoint_newest.
SELECT d.id AS delivery_id, d.event_id, d.endpoint_id, d.state, d.attempts, d.failures, d.due_at_ms, d.created_at_ms,
       d.finished_at_ms, d.reason, e.*, p.headers, p.body
FROM delivery d CROSS JOIN event e LEFT JOIN payload p ON p.event_id = e.id AND :with_payload = 1
WHERE substr(d.id, 37, 16) = :tail AND d.id > :after AND d.id < :before AND d.endpoint_id = :endpoint_id
  AND (CAST(:states AS TEXT) IS NULL OR replace(:states, ' ' || d.state || ' ', '') <> :states)
  AND e.id = d.event_id AND e.org_id = :org_id AND e.source_id || '' = :source_id
  AND (CAST(:types AS TEXT) IS NULL OR replace(:types, ' ' || e.type || ' ', '') <> :types)
  AND (CAST(:channel AS TEXT) IS NULL OR replace(e.channels, :channel, '') <> e.channels)
  AND (CAST(:tag AS TEXT) IS NULL OR replace(e.tags, :tag, '') <> e.tags)
ORDER BY d.id DESC LIMIT :limit;

-- name: endpoint_stats
-- How many deliveries of an endpoint are in each state, by a range of its index.
SELECT COALESCE(SUM(CASE state WHEN 'waiting' THEN 1 ELSE 0 END), 0) AS waiting,
       COALESCE(SUM(CASE state WHEN 'leased' THEN 1 ELSE 0 END), 0) AS leased,
       COALESCE(SUM(CASE state WHEN 'delivered' THEN 1 ELSE 0 END), 0) AS delivered,
       COALESCE(SUM(CASE state WHEN 'dead' THEN 1 ELSE 0 END), 0) AS dead,
       COALESCE(SUM(CASE state WHEN 'cancelled' THEN 1 ELSE 0 END), 0) AS cancelled
FROM delivery
WHERE substr(id, 37, 16) = :tail AND id > :after AND id < :before AND org_id = :org_id AND endpoint_id = :endpoint_id;

-- name: due_deliveries
-- What an endpoint is owed now, oldest due first, with the size of each body; not what others are just taking.
SELECT d.id, d.event_id, d.attempts, d.failures, d.fifo, d.manual, d.due_at_ms, length(p.body) AS size
FROM delivery d JOIN payload p ON p.event_id = d.event_id
WHERE d.endpoint_id = :endpoint_id AND d.state IN ('waiting', 'leased') AND d.due_at_ms <= :now_ms
ORDER BY d.due_at_ms, d.id LIMIT :limit FOR UPDATE OF d SKIP LOCKED;

-- name: owed_in_order
-- What a first-in-first-out endpoint is owed, due or not, in the order of its places, with the size of each body.
SELECT d.id, d.event_id, d.attempts, d.failures, d.manual, d.due_at_ms, length(p.body) AS size
FROM delivery d JOIN payload p ON p.event_id = d.event_id
WHERE d.endpoint_id = :endpoint_id AND d.fifo > 0 AND d.state IN ('waiting', 'leased')
ORDER BY d.fifo, d.id LIMIT :limit FOR UPDATE OF d;

-- name: lease
-- Takes a delivery until a moment, unless somebody took it since it was looked at; whoever held it before can change
-- nothing any more.
UPDATE delivery SET state = 'leased', lease = :lease, due_at_ms = :until_ms
WHERE id = :id AND state IN ('waiting', 'leased') AND due_at_ms = :was_due_ms RETURNING id;

-- name: next_due
-- When an endpoint is owed something next.
SELECT MIN(due_at_ms) AS due_at_ms FROM delivery WHERE endpoint_id = :endpoint_id AND state IN ('waiting', 'leased');

-- name: endpoints_owed
-- Every endpoint that is owed anything, when, and the state it is in; steps from endpoint to endpoint through the index.
WITH RECURSIVE owed (endpoint_id) AS (
    SELECT MIN(endpoint_id) FROM delivery WHERE state IN ('waiting', 'leased')
    UNION ALL
    SELECT (SELECT MIN(d.endpoint_id) FROM delivery d
            WHERE d.state IN ('waiting', 'leased') AND d.endpoint_id > owed.endpoint_id)
    FROM owed WHERE owed.endpoint_id IS NOT NULL
)
SELECT endpoint_id,
       (SELECT MIN(d.due_at_ms) FROM delivery d
        WHERE d.endpoint_id = owed.endpoint_id AND d.state IN ('waiting', 'leased')) AS due_at_ms,
       (SELECT e.state FROM endpoint e WHERE e.id = owed.endpoint_id) AS state
FROM owed WHERE endpoint_id IS NOT NULL;

-- name: release_all_leases
-- Everything that was leased is due at once: asked only by the one server that owns the file.
UPDATE delivery SET state = 'waiting', lease = '', due_at_ms = :now_ms WHERE state IN ('waiting', 'leased') AND lease <> '';

-- name: leases_of_node
-- What a server holds that is declared dead: some of it. Its leases begin with its id.
SELECT id, endpoint_id FROM delivery
WHERE lease <> '' AND lease >= :low AND lease < :high LIMIT :limit FOR UPDATE;

-- name: release_lease
-- A delivery that nobody works on any more is due at once.
UPDATE delivery SET state = 'waiting', lease = '', due_at_ms = :now_ms
WHERE id = :id AND state NOT IN ('waiting', 'delivered', 'dead', 'cancelled');

-- name: end_lease
-- What is leased under this name is due at once: nobody knows that it is leased.
UPDATE delivery SET state = 'waiting', lease = '', due_at_ms = :now_ms
WHERE lease <> '' AND lease = :lease RETURNING endpoint_id;

-- name: take_places
-- The next places in the order of an endpoint; the last of them.
INSERT INTO place (endpoint_id, last) VALUES (:endpoint_id, 1 + :count)
ON CONFLICT (endpoint_id) DO UPDATE SET last = place.last + :count
RETURNING last;

-- name: settle
-- The end of an attempt, or of a lease. Fenced by the lease.
UPDATE delivery
SET state = :state, attempts = attempts + :attempted, failures = :failures, due_at_ms = :due_at_ms, lease = '',
    finished_at_ms = :finished_at_ms, reason = :reason
WHERE id = :id AND lease = :lease AND state = 'leased' RETURNING id;

-- name: add_delivery
-- An event is owed to one more endpoint.
INSERT INTO delivery (id, org_id, event_id, endpoint_id, state, attempts, failures, due_at_ms, lease,
                      created_at_ms, finished_at_ms, reason, fifo, manual)
VALUES (:id, :org_id, :event_id, :endpoint_id, 'waiting', 0, 0, :due_at_ms, '', :now_ms, 0, '', :fifo, :manual)
ON CONFLICT (id) DO NOTHING;

-- name: replay_delivery
-- A finished delivery is owed again, with a fresh schedule; its attempts stay on record.
UPDATE delivery SET state = 'waiting', failures = 0, due_at_ms = :now_ms, lease = '', finished_at_ms = 0, reason = 'replay',
    fifo = CASE WHEN :fifo = 0 THEN 0 WHEN fifo > 0 THEN fifo ELSE 1 END, manual = :manual
WHERE id = :id AND state IN ('delivered', 'dead', 'cancelled') RETURNING id;

-- name: hasten_delivery
-- A person does not want to wait for the next try.
UPDATE delivery SET due_at_ms = :now_ms, manual = 1
WHERE id = :id AND state NOT IN ('leased', 'delivered', 'dead', 'cancelled');

-- name: cancel_delivery
-- A person does not want it delivered any more.
UPDATE delivery SET state = 'cancelled', lease = '', finished_at_ms = :now_ms, reason = :reason
WHERE org_id = :org_id AND id = :id AND state NOT IN ('delivered', 'dead', 'cancelled');

-- name: owed_to_endpoint
-- Some of what an endpoint is still owed; not what is being sent at this moment, by whichever server.
SELECT id, event_id FROM delivery
WHERE endpoint_id = :endpoint_id AND state IN ('waiting', 'leased') AND (state = 'waiting' OR due_at_ms <= :now_ms)
ORDER BY due_at_ms LIMIT :limit;

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

-- name: state_of_delivery
-- The same of the one delivery to one endpoint.
SELECT id, endpoint_id, state, attempts FROM delivery WHERE id = :id;

-- name: cancel_deliveries_of_event
-- An event is owed to nobody any more.
UPDATE delivery SET state = 'cancelled', lease = '', finished_at_ms = :now_ms, reason = :reason
WHERE id >= :low AND id < :high AND state NOT IN ('delivered', 'dead', 'cancelled');
