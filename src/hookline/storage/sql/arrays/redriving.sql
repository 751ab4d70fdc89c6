-- name: replay_delivery
-- Finished deliveries are owed again, with a fresh schedule; their attempts stay on record.
UPDATE delivery d
SET state = 'waiting', failures = 0, due_at_ms = given.now_ms, lease = '', finished_at_ms = 0, reason = 'replay',
    fifo = CASE WHEN given.fifo = 0 THEN 0 WHEN d.fifo > 0 THEN d.fifo ELSE 1 END, manual = given.manual
FROM unnest(CAST(:id AS TEXT[]), CAST(:now_ms AS BIGINT[]), CAST(:fifo AS BIGINT[]), CAST(:manual AS BIGINT[]))
     WITH ORDINALITY AS given (id, now_ms, fifo, manual, place)
WHERE d.id = given.id AND d.state IN ('delivered', 'dead', 'cancelled')
RETURNING given.place;

-- name: kill_delivery
-- Owed no more, because their endpoint is gone.
UPDATE delivery d SET state = 'dead', lease = '', finished_at_ms = given.now_ms, reason = given.reason
FROM unnest(CAST(:id AS TEXT[]), CAST(:now_ms AS BIGINT[]), CAST(:reason AS TEXT[])) AS given (id, now_ms, reason)
WHERE d.id = given.id AND d.state NOT IN ('delivered', 'dead', 'cancelled');
