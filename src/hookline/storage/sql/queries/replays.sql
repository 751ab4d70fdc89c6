-- name: add_replay
-- A replay of many events begins.
INSERT INTO replay (id, org_id, filter, state, total, seen, replayed, cursor, created_at_ms, finished_at_ms)
VALUES (:id, :org_id, :filter, 'running', :total, 0, 0, :cursor, :now_ms, 0);

-- name: replay_get
-- One replay of one organisation.
SELECT * FROM replay WHERE org_id = :org_id AND id = :id;

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
