-- name: expired_events
-- Some events of a source that are over and older than its retention.
SELECT id FROM event
WHERE source_id = :source_id AND id < :cut AND status NOT IN ('pending', 'processing')
ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED;

-- name: event_sources
-- Every source that has events, by stepping through the index: also those that were removed.
WITH RECURSIVE of_source (source_id) AS (
    SELECT MIN(source_id) FROM event
    UNION ALL
    SELECT (SELECT MIN(e.source_id) FROM event e WHERE e.source_id > of_source.source_id)
    FROM of_source WHERE of_source.source_id IS NOT NULL
)
SELECT source_id FROM of_source WHERE source_id IS NOT NULL;

-- name: forget_event
-- Removes an event.
DELETE FROM event WHERE id = :id;

-- name: forget_payload
-- Removes the bytes of an event.
DELETE FROM payload WHERE event_id = :id;

-- name: forget_deliveries
-- Removes the deliveries of an event.
DELETE FROM delivery WHERE id >= :low AND id < :high;

-- name: forget_attempts
-- Removes the attempts of an event.
DELETE FROM attempt WHERE delivery_id >= :low AND delivery_id < :high;

-- name: forget_seen
-- Forgets some keys whose time is over.
DELETE FROM seen WHERE (source_id, key) IN (
    SELECT source_id, key FROM seen WHERE expires_at_ms IS NOT NULL AND expires_at_ms <= :now_ms LIMIT :limit
);

-- name: expired_payloads
-- Some payloads whose time is over, with the status of their events: by time, then by event.
SELECT p.event_id, p.expires_at_ms, e.status
FROM payload p CROSS JOIN event e
WHERE p.expires_at_ms IS NOT NULL AND p.expires_at_ms <= :now_ms
  AND (p.expires_at_ms, p.event_id) > (:after_ms, :after_id) AND e.id = p.event_id
ORDER BY p.expires_at_ms, p.event_id LIMIT :limit;

-- name: forget_expired_payload
-- Removes the bytes of an event, unless it is owed to somebody by now.
DELETE FROM payload
WHERE event_id = :id
  AND NOT EXISTS (SELECT 1 FROM event e WHERE e.id = :id AND e.status IN ('pending', 'processing'));
