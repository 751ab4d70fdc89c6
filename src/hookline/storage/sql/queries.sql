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

-- name: seen_insert
-- Remembers a key; inserts nothing when it is known.
INSERT INTO seen (source_id, key, event_id, body_hash, expires_at_ms)
VALUES (:source_id, :key, :event_id, :body_hash, :expires_at_ms)
ON CONFLICT (source_id, key) DO NOTHING;

-- name: seen_get
-- What a known key stands for.
SELECT s.event_id, s.body_hash, s.expires_at_ms, e.status
FROM seen s LEFT JOIN event e ON e.id = s.event_id
WHERE s.source_id = :source_id AND s.key = :key;

-- name: seen_replace
-- A key whose time was over stands for a new event.
UPDATE seen SET event_id = :event_id, body_hash = :body_hash, expires_at_ms = :expires_at_ms
WHERE source_id = :source_id AND key = :key;

-- name: count_duplicate
-- One more request that carried a known event.
UPDATE event SET duplicates = duplicates + 1 WHERE id = :event_id;

-- name: event_get
-- One event of one organisation with its request.
SELECT e.*, p.method, p.path, p.query, p.headers, p.client, p.scheme, p.body
FROM event e LEFT JOIN payload p ON p.event_id = e.id
WHERE e.org_id = :org_id AND e.id = :id;

-- name: events_newest
-- A page of events of an organisation, newest first.
SELECT * FROM event
WHERE org_id = :org_id AND id < :before AND id >= :low AND id < :high
  AND (CAST(:type_exact AS TEXT) IS NULL OR type = :type_exact)
  AND (CAST(:type_prefix AS TEXT) IS NULL OR substr(type, 1, length(:type_prefix)) = :type_prefix)
  AND (CAST(:provider_event_id AS TEXT) IS NULL OR provider_event_id = :provider_event_id)
  AND (CAST(:status AS TEXT) IS NULL OR status = :status)
ORDER BY id DESC LIMIT :limit;

-- name: events_of_source
-- A page of events of one source, newest first.
SELECT * FROM event
WHERE source_id = :source_id AND id < :before AND id >= :low AND id < :high AND org_id = :org_id
  AND (CAST(:type_exact AS TEXT) IS NULL OR type = :type_exact)
  AND (CAST(:type_prefix AS TEXT) IS NULL OR substr(type, 1, length(:type_prefix)) = :type_prefix)
  AND (CAST(:provider_event_id AS TEXT) IS NULL OR provider_event_id = :provider_event_id)
  AND (CAST(:status AS TEXT) IS NULL OR status = :status)
ORDER BY id DESC LIMIT :limit;

-- name: events_of_rare_status
-- A page of events that failed, were ignored or wait for a person, newest first.
SELECT * FROM event
WHERE org_id = :org_id AND status = :status AND status IN ('failed', 'ignored', 'needs_review')
  AND id < :before AND id >= :low AND id < :high
  AND (CAST(:source_id AS TEXT) IS NULL OR source_id = :source_id)
  AND (CAST(:type_exact AS TEXT) IS NULL OR type = :type_exact)
  AND (CAST(:type_prefix AS TEXT) IS NULL OR substr(type, 1, length(:type_prefix)) = :type_prefix)
  AND (CAST(:provider_event_id AS TEXT) IS NULL OR provider_event_id = :provider_event_id)
ORDER BY id DESC LIMIT :limit;

-- name: set_event_status
-- What people see of an event.
UPDATE event SET status = :status WHERE id = :event_id;

-- name: deliveries_of_event
-- All deliveries of one event: one range of the primary key.
SELECT * FROM delivery WHERE id >= :low AND id < :high ORDER BY id;

-- name: delivery_get
-- One delivery of one organisation.
SELECT * FROM delivery WHERE org_id = :org_id AND id = :id;

-- name: deliveries_newest
-- A page of deliveries of an organisation, newest first.
SELECT * FROM delivery
WHERE org_id = :org_id AND id < :before
  AND (CAST(:endpoint_id AS TEXT) IS NULL OR endpoint_id = :endpoint_id)
  AND (CAST(:state AS TEXT) IS NULL OR state = :state)
ORDER BY id DESC LIMIT :limit;

-- name: attempts_of_event
-- All attempts of all deliveries of one event: one range of the primary key.
SELECT * FROM attempt WHERE delivery_id >= :low AND delivery_id < :high ORDER BY delivery_id, number;

-- name: due_deliveries
-- What an endpoint is owed now, oldest due first, with the size of each body.
SELECT d.id, d.event_id, d.attempts, d.failures, length(p.body) AS size
FROM delivery d JOIN payload p ON p.event_id = d.event_id
WHERE d.endpoint_id = :endpoint_id AND d.state IN ('waiting', 'leased') AND d.due_at_ms <= :now_ms
ORDER BY d.due_at_ms LIMIT :limit;

-- name: lease
-- Takes a delivery until a moment; whoever held it before can change nothing any more.
UPDATE delivery SET state = 'leased', lease = :lease, due_at_ms = :until_ms WHERE id = :id;

-- name: to_send
-- What has to be known to send one delivery.
SELECT e.type, p.headers, p.body
FROM event e JOIN payload p ON p.event_id = e.id WHERE e.id = :event_id;

-- name: next_due
-- When an endpoint is owed something next.
SELECT MIN(due_at_ms) AS due_at_ms FROM delivery WHERE endpoint_id = :endpoint_id AND state IN ('waiting', 'leased');

-- name: endpoints_owed
-- Every endpoint that is owed anything, and when; steps from endpoint to endpoint through the index.
WITH RECURSIVE owed (endpoint_id) AS (
    SELECT MIN(endpoint_id) FROM delivery WHERE state IN ('waiting', 'leased')
    UNION ALL
    SELECT (SELECT MIN(d.endpoint_id) FROM delivery d
            WHERE d.state IN ('waiting', 'leased') AND d.endpoint_id > owed.endpoint_id)
    FROM owed WHERE owed.endpoint_id IS NOT NULL
)
SELECT endpoint_id,
       (SELECT MIN(d.due_at_ms) FROM delivery d
        WHERE d.endpoint_id = owed.endpoint_id AND d.state IN ('waiting', 'leased')) AS due_at_ms
FROM owed WHERE endpoint_id IS NOT NULL;

-- name: release_all_leases
-- Everything that was leased is due at once: asked only by the one server that owns the file.
UPDATE delivery SET state = 'waiting', lease = '', due_at_ms = :now_ms WHERE state IN ('waiting', 'leased') AND lease <> '';

-- name: settle
-- The end of an attempt, or of a lease. Fenced by the lease.
UPDATE delivery
SET state = :state, attempts = attempts + :attempted, failures = :failures, due_at_ms = :due_at_ms, lease = '',
    finished_at_ms = :finished_at_ms, reason = :reason
WHERE id = :id AND lease = :lease AND state = 'leased';

-- name: add_attempt
-- What one try was answered.
INSERT INTO attempt (delivery_id, number, started_at_ms, duration_ms, status, error, detail, address,
                     response_headers, response_body)
VALUES (:delivery_id, :number, :started_at_ms, :duration_ms, :status, :error, :detail, :address,
        :response_headers, :response_body);

-- name: add_delivery
-- An event is owed to one more endpoint.
INSERT INTO delivery (id, org_id, event_id, endpoint_id, state, attempts, failures, due_at_ms, lease,
                      created_at_ms, finished_at_ms, reason)
VALUES (:id, :org_id, :event_id, :endpoint_id, 'waiting', 0, 0, :now_ms, '', :now_ms, 0, '')
ON CONFLICT (id) DO NOTHING;

-- name: replay_delivery
-- A finished delivery is owed again, with a fresh schedule; its attempts stay on record.
UPDATE delivery SET state = 'waiting', failures = 0, due_at_ms = :now_ms, lease = '', finished_at_ms = 0, reason = 'replay'
WHERE id = :id AND state IN ('delivered', 'dead', 'cancelled');

-- name: cancel_delivery
-- A person does not want it delivered any more.
UPDATE delivery SET state = 'cancelled', lease = '', finished_at_ms = :now_ms, reason = :reason
WHERE org_id = :org_id AND id = :id AND state IN ('waiting', 'leased');

-- name: owed_to_endpoint
-- Some of what an endpoint is still owed.
SELECT id, event_id FROM delivery
WHERE endpoint_id = :endpoint_id AND state IN ('waiting', 'leased') ORDER BY due_at_ms LIMIT :limit;

-- name: kill_delivery
-- Owed no more, because its endpoint is gone.
UPDATE delivery SET state = 'dead', lease = '', finished_at_ms = :now_ms, reason = :reason
WHERE id = :id AND state IN ('waiting', 'leased');

-- name: backlog
-- How much every endpoint is owed and the oldest of it: one pass over the index of what is owed.
SELECT endpoint_id, COUNT(*) AS depth, MIN(id) AS oldest FROM delivery
WHERE state IN ('waiting', 'leased') GROUP BY endpoint_id;

-- name: add_rejection
-- A request that was refused.
INSERT INTO rejection (id, org_id, source_name, received_at_ms, cause, detail, status, complete, event_id, request)
VALUES (:id, :org_id, :source_name, :received_at_ms, :cause, :detail, :status, :complete, '', :request);

-- name: rejections_newest
-- A page of rejections, newest first.
SELECT * FROM rejection
WHERE org_id = :org_id AND id < :before
  AND (CAST(:source_name AS TEXT) IS NULL OR source_name = :source_name)
  AND (CAST(:cause AS TEXT) IS NULL OR cause = :cause)
ORDER BY id DESC LIMIT :limit;

-- name: rejection_get
-- One rejection of one organisation.
SELECT * FROM rejection WHERE org_id = :org_id AND id = :id;

-- name: rejection_accepted
-- The refused request became an event after all.
UPDATE rejection SET event_id = :event_id WHERE org_id = :org_id AND id = :id;

-- name: rejections_excess
-- The newest rejection that is too many to keep, by number or by bytes, counted from the newest.
SELECT id FROM (
    SELECT id, ROW_NUMBER() OVER (ORDER BY id DESC) AS number,
           SUM(length(request)) OVER (ORDER BY id DESC) AS bytes
    FROM rejection
) AS counted
WHERE number > :keep OR bytes > :keep_bytes ORDER BY id DESC LIMIT 1;

-- name: strangers_excess
-- The same for requests to no source at all, which anybody can send: they must not push the others out.
SELECT id FROM (
    SELECT id, ROW_NUMBER() OVER (ORDER BY id DESC) AS number,
           SUM(length(request)) OVER (ORDER BY id DESC) AS bytes
    FROM rejection WHERE cause = 'unknown_source'
) AS counted
WHERE number > :keep OR bytes > :keep_bytes ORDER BY id DESC LIMIT 1;

-- name: forget_rejections
-- Removes some of the oldest rejections, up to and including an id.
DELETE FROM rejection WHERE id IN (SELECT id FROM rejection WHERE id <= :upto ORDER BY id LIMIT :limit);

-- name: forget_strangers
-- Removes some of the oldest requests to no source, up to and including an id.
DELETE FROM rejection WHERE id IN (
    SELECT id FROM rejection WHERE id <= :upto AND cause = 'unknown_source' ORDER BY id LIMIT :limit
);

-- name: expired_events
-- Some events of a source that are over and older than its retention.
SELECT id FROM event
WHERE source_id = :source_id AND id < :cut AND status NOT IN ('pending', 'processing')
ORDER BY id LIMIT :limit;

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

-- name: forget_key
-- Gives a key back that was taken for an event that will not exist.
DELETE FROM seen WHERE source_id = :source_id AND key = :key;

-- name: states_of_event
-- Where the deliveries of one event are: one range of the primary key.
SELECT id, endpoint_id, state, attempts FROM delivery WHERE id >= :low AND id < :high;

-- name: event_route
-- What decides where an event goes.
SELECT source_id, type FROM event WHERE id = :event_id;

-- name: clear_review
-- A person has looked: the event is no longer held back.
UPDATE event SET review_reason = '' WHERE id = :event_id AND review_reason <> '';

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

-- name: ping
-- Proves that the database can be written, and changes nothing.
UPDATE meta SET value = value WHERE name = 'schema_ping';

-- name: vault_proof_insert
-- The first secret that the database is opened with is its own.
INSERT INTO meta (name, value) VALUES ('vault_proof', :proof) ON CONFLICT (name) DO NOTHING;

-- name: vault_proof
-- Which secret the database belongs to.
SELECT value FROM meta WHERE name = 'vault_proof';

-- name: processed_if_all_delivered
-- The last of an event's deliveries arrived.
UPDATE event SET status = 'processed'
WHERE id = :event_id
  AND NOT EXISTS (SELECT 1 FROM delivery WHERE id >= :low AND id < :high AND state <> 'delivered');
