-- name: newest_event
-- The event that was made last.
SELECT MAX(id) AS id FROM event;

-- name: seen_insert
-- Remembers a key; inserts nothing when it is known.
INSERT INTO seen (source_id, key, event_id, body_hash, expires_at_ms)
VALUES (:source_id, :key, :event_id, :body_hash, :expires_at_ms)
ON CONFLICT (source_id, key) DO NOTHING RETURNING key;

-- name: seen_get
-- What a known key stands for.
SELECT s.event_id, s.body_hash, s.expires_at_ms, e.status
FROM seen s LEFT JOIN event e ON e.id = s.event_id
WHERE s.source_id = :source_id AND s.key = :key;

-- name: seen_replace
-- A key stands for another event than the one it stood for, unless it stands for a third by now.
UPDATE seen SET event_id = :event_id, body_hash = :body_hash, expires_at_ms = :expires_at_ms
WHERE source_id = :source_id AND key = :key AND event_id = :instead_of;

-- name: count_duplicate
-- One more request that carried a known event.
UPDATE event SET duplicates = duplicates + 1 WHERE id = :event_id;

-- name: event_get
-- One event of one organisation with its request.
SELECT e.*, p.method, p.path, p.query, p.headers, p.client, p.scheme, p.body
FROM event e LEFT JOIN payload p ON p.event_id = e.id
WHERE e.org_id = :org_id AND e.id = :id;

-- name: events_newest, events_oldest
-- Part of the events of an organisation, newest first.
SELECT * FROM event
WHERE org_id = :org_id AND id > :after AND id < :before
  AND (CAST(:type_exact AS TEXT) IS NULL OR type = :type_exact)
  AND (CAST(:type_prefix AS TEXT) IS NULL OR substr(type, 1, length(:type_prefix)) = :type_prefix)
  AND (CAST(:types AS TEXT) IS NULL OR replace(:types, ' ' || type || ' ', '') <> :types)
  AND (CAST(:channel AS TEXT) IS NULL OR replace(channels, :channel, '') <> channels)
  AND (CAST(:tag AS TEXT) IS NULL OR replace(tags, :tag, '') <> tags)
  AND (CAST(:provider_event_id AS TEXT) IS NULL OR provider_event_id = :provider_event_id)
  AND (CAST(:status AS TEXT) IS NULL OR status = :status)
ORDER BY id DESC LIMIT :limit;

-- name: events_of_source_newest, events_of_source_oldest
-- Part of the events of one source, newest first, with their bytes where they are asked for.
SELECT e.*, p.headers, p.body
FROM event e LEFT JOIN payload p ON p.event_id = e.id AND :with_payload = 1
WHERE e.source_id = :source_id AND e.id > :after AND e.id < :before AND e.org_id = :org_id
  AND (CAST(:type_exact AS TEXT) IS NULL OR type = :type_exact)
  AND (CAST(:type_prefix AS TEXT) IS NULL OR substr(type, 1, length(:type_prefix)) = :type_prefix)
  AND (CAST(:types AS TEXT) IS NULL OR replace(:types, ' ' || type || ' ', '') <> :types)
  AND (CAST(:channel AS TEXT) IS NULL OR replace(channels, :channel, '') <> channels)
  AND (CAST(:tag AS TEXT) IS NULL OR replace(tags, :tag, '') <> tags)
  AND (CAST(:provider_event_id AS TEXT) IS NULL OR provider_event_id = :provider_event_id)
  AND (CAST(:status AS TEXT) IS NULL OR status = :status)
ORDER BY e.id DESC LIMIT :limit;

-- name: events_of_rare_status_newest, events_of_rare_status_oldest
-- Part of the events that failed, were ignored or wait for a person, newest first.
SELECT * FROM event
WHERE org_id = :org_id AND status = :status
  AND (status = 'failed' OR status = 'ignored' OR status = 'needs_review')
  AND id > :after AND id < :before
  AND (CAST(:source_id AS TEXT) IS NULL OR source_id = :source_id)
  AND (CAST(:type_exact AS TEXT) IS NULL OR type = :type_exact)
  AND (CAST(:type_prefix AS TEXT) IS NULL OR substr(type, 1, length(:type_prefix)) = :type_prefix)
  AND (CAST(:types AS TEXT) IS NULL OR replace(:types, ' ' || type || ' ', '') <> :types)
  AND (CAST(:channel AS TEXT) IS NULL OR replace(channels, :channel, '') <> channels)
  AND (CAST(:tag AS TEXT) IS NULL OR replace(tags, :tag, '') <> tags)
  AND (CAST(:provider_event_id AS TEXT) IS NULL OR provider_event_id = :provider_event_id)
ORDER BY id DESC LIMIT :limit;

-- name: refresh_event_status
-- What people see of an event, from the states of its deliveries: the rule is core.state.event_status.
UPDATE event SET status = CASE
    WHEN EXISTS (SELECT 1 FROM fanout WHERE event_id = :event_id)
        OR (SELECT id FROM delivery WHERE id >= :low AND id < :high AND state IN ('waiting', 'leased')
            ORDER BY id DESC LIMIT 1) IS NOT NULL
    THEN CASE
        WHEN EXISTS (SELECT 1 FROM delivery WHERE id >= :low AND id < :high AND attempts > 0) THEN 'processing'
        ELSE 'pending'
    END
    WHEN EXISTS (SELECT 1 FROM delivery WHERE id >= :low AND id < :high AND state = 'dead') THEN 'failed'
    WHEN EXISTS (SELECT 1 FROM delivery WHERE id >= :low AND id < :high AND state = 'delivered') THEN 'processed'
    ELSE 'ignored'
END
WHERE id = :event_id;

-- name: to_send
-- What has to be known to send one delivery.
SELECT e.type, p.headers, p.body
FROM event e JOIN payload p ON p.event_id = e.id WHERE e.id = :event_id;

-- name: forget_key
-- Gives a key back that was taken for an event that will not exist.
DELETE FROM seen WHERE source_id = :source_id AND key = :key;

-- name: event_route
-- What decides where an event goes, and whether it can be sent at all.
SELECT e.org_id, e.source_id, e.type, e.channels, e.provider_event_id, e.only_endpoint,
       EXISTS (SELECT 1 FROM payload p WHERE p.event_id = e.id) AS has_payload,
       EXISTS (SELECT 1 FROM fanout f WHERE f.event_id = e.id) AS is_wide
FROM event e WHERE e.id = :event_id;

-- name: clear_review
-- A person has looked: the event is no longer held back.
UPDATE event SET review_reason = '' WHERE id = :event_id AND review_reason <> '';

-- name: processed_if_all_delivered
-- The last of an event's deliveries arrived, and none is still to be written. Very many are made in the order of their
-- ids, more or less: from the highest id down, one that did not arrive yet is found soonest.
UPDATE event SET status = 'processed'
WHERE id = :event_id
  AND (SELECT id FROM delivery WHERE id >= :low AND id < :high AND state <> 'delivered' ORDER BY id DESC LIMIT 1) IS NULL
  AND NOT EXISTS (SELECT 1 FROM fanout WHERE event_id = :event_id)
RETURNING id;
