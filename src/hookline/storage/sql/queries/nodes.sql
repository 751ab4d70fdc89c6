-- name: join
-- A server begins.
INSERT INTO node (id, name, role, version, started_at_ms, beat)
VALUES (:id, :name, :role, :version, :started_at_ms, 0);

-- name: beat
-- A server lives; no row when it was declared dead.
UPDATE node SET beat = beat + 1 WHERE id = :id;

-- name: nodes
-- All servers.
SELECT * FROM node ORDER BY id;

-- name: retire
-- A server is about to end.
UPDATE node SET role = :role WHERE id = :id;

-- name: leave
-- A server ends.
DELETE FROM node WHERE id = :id;

-- name: bury_node
-- A server is dead, unless it gave a sign of life since.
DELETE FROM node WHERE id = :id AND beat = :beat;
