-- name: forget_event
-- Removes events.
DELETE FROM event e USING unnest(CAST(:id AS TEXT[])) AS given (id) WHERE e.id = given.id;

-- name: forget_payload
-- Removes the bytes of events.
DELETE FROM payload p USING unnest(CAST(:id AS TEXT[])) AS given (id) WHERE p.event_id = given.id;

-- name: forget_deliveries
-- Removes the deliveries of events.
DELETE FROM delivery d
USING unnest(CAST(:low AS TEXT[]), CAST(:high AS TEXT[])) AS given (low, high)
WHERE d.id >= given.low AND d.id < given.high;

-- name: forget_attempts
-- Removes the attempts of events.
DELETE FROM attempt a
USING unnest(CAST(:low AS TEXT[]), CAST(:high AS TEXT[])) AS given (low, high)
WHERE a.delivery_id >= given.low AND a.delivery_id < given.high;

-- name: forget_expired_payload
-- Removes the bytes of events, unless one is owed to somebody by now.
DELETE FROM payload p USING unnest(CAST(:id AS TEXT[])) AS given (id)
WHERE p.event_id = given.id
  AND NOT EXISTS (SELECT 1 FROM event e WHERE e.id = p.event_id AND e.status IN ('pending', 'processing'));
