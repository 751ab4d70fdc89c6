-- name: routing_version
-- The number of the newest change of sources, endpoints and event types.
SELECT value FROM meta WHERE name = 'routing_version';

-- name: bump_routing
-- Tells every routing table in memory, in every process, that it is out of date.
UPDATE meta SET value = value + 1 WHERE name = 'routing_version';

-- name: changed_sources
-- The sources that changed after a version.
SELECT * FROM source WHERE version > :version;

-- name: changed_endpoints
-- The endpoints that changed after a version.
SELECT * FROM endpoint WHERE version > :version;

-- name: changed_event_types
-- The event types that changed after a version.
SELECT * FROM event_type WHERE version > :version;

-- name: gone_since
-- What was removed after a version.
SELECT id FROM gone WHERE version > :version;

-- name: bury
-- Remembers what was removed, for the routing tables that still hold it.
INSERT INTO gone (id, version) VALUES (:id, :version)
ON CONFLICT (id) DO UPDATE SET version = excluded.version;

-- name: bury_endpoints_of_source
-- Remembers the endpoints of a source that is removed.
INSERT INTO gone (id, version)
SELECT id, CAST(:version AS BIGINT) FROM endpoint WHERE org_id = :org_id AND source_id = :source_id
ON CONFLICT (id) DO UPDATE SET version = excluded.version;

-- name: put_source
-- Creates a source, or replaces what a person may change of it; one of another kind stays as it is.
INSERT INTO source (id, org_id, kind, name, uid, spec, secrets, managed_by, created_at_ms, updated_at_ms, version)
VALUES (:id, :org_id, :kind, :name, :uid, :spec, :secrets, :managed_by, :now_ms, :now_ms, :version)
ON CONFLICT (org_id, name) DO UPDATE SET
    uid = excluded.uid, spec = excluded.spec, secrets = excluded.secrets, managed_by = excluded.managed_by,
    updated_at_ms = excluded.updated_at_ms, version = excluded.version
WHERE source.kind = excluded.kind;

-- name: delete_source
-- Removes a source; its events stay until retention takes them.
DELETE FROM source WHERE org_id = :org_id AND id = :id;

-- name: delete_endpoints_of_source
-- Removes the endpoints of a source that is removed.
DELETE FROM endpoint WHERE org_id = :org_id AND source_id = :source_id;

-- name: put_endpoint
-- Creates an endpoint, or replaces what a person may change of it.
INSERT INTO endpoint (id, org_id, source_id, name, uid, spec, secrets, managed_by, state, state_reason,
                      state_since_ms, failing_since_ms, created_at_ms, updated_at_ms, version)
VALUES (:id, :org_id, :source_id, :name, :uid, :spec, :secrets, :managed_by, :state, :state_reason,
        :now_ms, :failing_since_ms, :now_ms, :now_ms, :version)
ON CONFLICT (source_id, name) DO UPDATE SET
    uid = excluded.uid, spec = excluded.spec, secrets = excluded.secrets, managed_by = excluded.managed_by,
    state_since_ms = CASE endpoint.state WHEN excluded.state THEN endpoint.state_since_ms ELSE :now_ms END,
    state = excluded.state, state_reason = excluded.state_reason, failing_since_ms = excluded.failing_since_ms,
    updated_at_ms = excluded.updated_at_ms, version = excluded.version;

-- name: set_fifo_of_owed
-- What an endpoint is owed already follows when its order begins or ceases to be strict.
UPDATE delivery SET fifo = :fifo WHERE endpoint_id = :endpoint_id AND state IN ('waiting', 'leased');

-- name: delete_endpoint
-- Removes an endpoint.
DELETE FROM endpoint WHERE org_id = :org_id AND id = :id;

-- name: set_endpoint_state
-- Pauses, resumes or disables an endpoint; one that is active again has not failed yet.
UPDATE endpoint SET state = :state, state_reason = :reason, state_since_ms = :now_ms, version = :version,
    failing_since_ms = CASE WHEN :state = 'active' THEN 0 ELSE failing_since_ms END
WHERE id = :id;

-- name: note_endpoint_state
-- What the breaker found; what a person or a 410 decided stays.
UPDATE endpoint SET
    state_since_ms = CASE state WHEN :state THEN state_since_ms ELSE :now_ms END,
    state = :state, state_reason = :reason,
    failing_since_ms = COALESCE(:failing_since_ms, failing_since_ms)
WHERE id = :id AND state NOT IN ('paused', 'disabled');

-- name: sources_of_org
-- All providers' sources of an organisation.
SELECT * FROM source WHERE org_id = :org_id AND kind = 'provider' ORDER BY name;

-- name: source_get
-- A provider's source of an organisation by its name or its id.
SELECT * FROM source WHERE org_id = :org_id AND kind = 'provider' AND (name = :name_or_id OR id = :name_or_id);

-- name: endpoints_of_source
-- All endpoints of a source.
SELECT * FROM endpoint WHERE org_id = :org_id AND source_id = :source_id ORDER BY name;

-- name: endpoint_get
-- An endpoint of a source by its id, its name or its owner's id of it.
SELECT * FROM endpoint WHERE org_id = :org_id AND source_id = :source_id AND id = :key
UNION ALL
SELECT * FROM endpoint WHERE org_id = :org_id AND source_id = :source_id AND name = :key AND id <> :key
UNION ALL
SELECT * FROM endpoint WHERE org_id = :org_id AND source_id = :source_id AND uid = :key AND uid <> '' AND id <> :key;

-- name: newest_endpoint
-- The endpoint of a source that was made last.
SELECT id FROM endpoint WHERE source_id = :source_id ORDER BY id DESC LIMIT 1;

-- name: endpoint_by_name
-- The endpoint of this name at a source.
SELECT * FROM endpoint WHERE source_id = :source_id AND name = :name;

-- name: endpoint_by_id
-- An endpoint, whosever it is.
SELECT * FROM endpoint WHERE id = :id;
