-- name: ping
-- Proves that the database can be written, and changes nothing.
UPDATE meta SET value = value WHERE name = 'schema_ping';

-- name: vault_proof_insert
-- The first secret that the database is opened with is its own.
INSERT INTO meta (name, value) VALUES ('vault_proof', :proof) ON CONFLICT (name) DO NOTHING;

-- name: vault_proof
-- Which secret the database belongs to.
SELECT value FROM meta WHERE name = 'vault_proof';
