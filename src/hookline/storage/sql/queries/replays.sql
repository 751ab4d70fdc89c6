-- name: add_replay
-- A replay of many events begins.
INSERT INTO replay (id, org_id, filter, state, total, seen, replayed, cursor, created_at_ms, finished_at_ms, kind)
VALUES (:id, :org_id, :filter, 'running', :total, 0, 0, '', :now_ms, 0, :kind);

-- name: replay_get
-- One replay of one organisation.
SELECT * FROM replay WHERE org_id = :org_id AND id = :id;

-- name: replay_to_push
-- The same, for whoever is about to push it.
SELECT * FROM replay WHERE org_id = :org_id AND id = :id FOR UPDATE;

-- name: replays_newest
-- A page of replays, newest first.
SELECT * FROM replay WHERE org_id = :org_id AND id < :before ORDER BY id DESC LIMIT :limit;

-- name: replays_running
-- Every replay that is not finished.
SELECT * FROM replay WHERE state = 'running' ORDER BY id;

-- name: replay_progress
-- How far a replay is.
UPDATE replay SET state = :state, seen = seen + :seen, replayed = replayed + :replayed, cursor = :cursor,
    finished_at_ms = :finished_at_ms
WHERE id = :id;

-- name: events_for_endpoint
-- Some events of a source, oldest first, with where each of them is on its way to one endpoint.
SELECT e.id, e.type, e.status, e.received_at_ms, e.channels, e.only_endpoint, d.state,
       (SELECT p.event_id FROM payload p WHERE p.event_id = e.id) IS NOT NULL AS has_payload
FROM event e LEFT JOIN delivery d ON d.id = 'dlv_' || substr(e.id, 5, 32) || :tail
WHERE e.source_id = :source_id AND e.id > :after AND e.id < :before AND e.org_id = :org_id
  AND (CAST(:type_exact AS TEXT) IS NULL OR e.type = :type_exact)
  AND (CAST(:type_prefix AS TEXT) IS NULL OR substr(e.type, 1, length(:type_prefix)) = :type_prefix)
  AND (CAST(:types AS TEXT) IS NULL OR replace(:types, ' ' || e.type || ' ', '') <> :types)
  AND (CAST(:channel AS TEXT) IS NULL OR replace(e.channels, :channel, '') <> e.channels)
  AND (CAST(:tag AS TEXT) IS NULL OR replace(e.tags, :tag, '') <> e.tags)
  AND (CAST(:provider_event_id AS TEXT) IS NULL OR e.provider_event_id = :provider_event_id)
  AND (CAST(:status AS TEXT) IS NULL OR e.status = :status)
ORDER BY e.id LIMIT :limit;

-- name: dead_of_endpoint
-- Some events that did not arrive at one endpoint, oldest first.
SELECT e.id, e.received_at_ms, e.status
FROM delivery d CROSS JOIN event e
WHERE substr(d.id, 37, 16) = :tail AND d.id > :after AND d.id < :before AND d.endpoint_id = :endpoint_id
  AND d.state = 'dead' AND e.id = d.event_id AND e.org_id = :org_id
  AND EXISTS (SELECT 1 FROM payload p WHERE p.event_id = e.id)
  AND (CAST(:source_id AS TEXT) IS NULL OR e.source_id = :source_id)
  AND (CAST(:type_exact AS TEXT) IS NULL OR e.type = :type_exact)
  AND (CAST(:type_prefix AS TEXT) IS NULL OR substr(e.type, 1, length(:type_prefix)) = :type_prefix)
  AND (CAST(:types AS TEXT) IS NULL OR replace(:types, ' ' || e.type || ' ', '') <> :types)
  AND (CAST(:channel AS TEXT) IS NULL OR replace(e.channels, :channel, '') <> e.channels)
  AND (CAST(:tag AS TEXT) IS NULL OR replace(e.tags, :tag, '') <> e.tags)
  AND (CAST(:provider_event_id AS TEXT) IS NULL OR e.provider_event_id = :provider_event_id)
  AND (CAST(:status AS TEXT) IS NULL OR e.status = :status)
ORDER BY d.id LIMIT :limit;
