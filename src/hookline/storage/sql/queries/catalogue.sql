-- name: routing_version
-- The number of the newest change of sources and endpoints.
SELECT value FROM meta WHERE name = 'routing_version';

-- name: bump_routing
-- Tells every routing table in memory, in every process, that it is out of date.
UPDATE meta SET value = value + 1 WHERE name = 'routing_version';

-- name: all_sources
-- Everything the routing table needs to know of sources.
SELECT * FROM source ORDER BY org_id, name;

-- name: all_endpoints
-- Everything the routing table needs to know of endpoints.
SELECT * FROM endpoint ORDER BY source_id, name;

-- name: put_source
-- Creates a source, or replaces what a person may change of it.
INSERT INTO source (id, org_id, name, spec, secrets, managed_by, created_at_ms, updated_at_ms)
VALUES (:id, :org_id, :name, :spec, :secrets, :managed_by, :now_ms, :now_ms)
ON CONFLICT (org_id, name) DO UPDATE SET
    spec = excluded.spec, secrets = excluded.secrets, managed_by = excluded.managed_by,
    updated_at_ms = excluded.updated_at_ms;

-- name: delete_source
-- Removes a source; its events stay until retention takes them.
DELETE FROM source WHERE org_id = :org_id AND id = :id;

-- name: delete_endpoints_of_source
-- Removes the endpoints of a source that is removed.
DELETE FROM endpoint WHERE org_id = :org_id AND source_id = :source_id;

-- name: put_endpoint
-- Creates an endpoint, or replaces what a person may change of it.
INSERT INTO endpoint (id, org_id, source_id, name, spec, secrets, managed_by, state, state_reason,
                      state_since_ms, created_at_ms, updated_at_ms)
VALUES (:id, :org_id, :source_id, :name, :spec, :secrets, :managed_by, :state, :state_reason,
        :now_ms, :now_ms, :now_ms)
ON CONFLICT (source_id, name) DO UPDATE SET
    spec = excluded.spec, secrets = excluded.secrets, managed_by = excluded.managed_by,
    state_since_ms = CASE endpoint.state WHEN excluded.state THEN endpoint.state_since_ms ELSE :now_ms END,
    state = excluded.state, state_reason = excluded.state_reason, updated_at_ms = excluded.updated_at_ms;

-- name: delete_endpoint
-- Removes an endpoint.
DELETE FROM endpoint WHERE org_id = :org_id AND id = :id;

-- name: set_endpoint_state
-- Pauses, resumes or disables an endpoint.
UPDATE endpoint SET state = :state, state_reason = :reason, state_since_ms = :now_ms WHERE id = :id;

-- name: note_endpoint_state
-- What the breaker found; what a person or a 410 decided stays.
UPDATE endpoint SET state = :state, state_reason = :reason, state_since_ms = :now_ms
WHERE id = :id AND state NOT IN ('paused', 'disabled');

-- name: sources_of_org
-- All sources of an organisation.
SELECT * FROM source WHERE org_id = :org_id ORDER BY name;

-- name: source_get
-- A source of an organisation by its name or its id.
SELECT * FROM source WHERE org_id = :org_id AND (name = :name_or_id OR id = :name_or_id);

-- name: endpoints_of_source
-- All endpoints of a source.
SELECT * FROM endpoint WHERE org_id = :org_id AND source_id = :source_id ORDER BY name;

-- name: endpoint_by_name
-- The endpoint of this name at a source.
SELECT * FROM endpoint WHERE source_id = :source_id AND name = :name;
