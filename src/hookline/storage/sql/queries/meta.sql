-- name: ping
-- Proves that the database can be written.
UPDATE meta SET value = value + 1 WHERE name = 'ping';

-- name: take_housekeeping
-- What is done once for all servers is due, and whoever hears so does it.
UPDATE meta SET value = :next_ms WHERE name = 'housekeeping_due_ms' AND value <= :now_ms;

-- name: schema_works_with
-- The oldest schema whose code may serve this one.
SELECT value FROM meta WHERE name = 'schema_works_with';

-- name: set_schema_works_with
-- Remembers it.
UPDATE meta SET value = :works_with WHERE name = 'schema_works_with';

-- name: vault_proof_insert
-- The first secret that the database is opened with is its own.
INSERT INTO meta (name, value) VALUES ('vault_proof', :proof) ON CONFLICT (name) DO NOTHING;

-- name: vault_proof
-- Which secret the database belongs to.
SELECT value FROM meta WHERE name = 'vault_proof';

-- name: move_under_way
-- Whether a move into this database is not finished.
SELECT value FROM meta WHERE name = 'move_under_way';
