-- name: application_get
-- What an organisation calls so: an application by its id, or by the organisation's own id of it.
SELECT * FROM source WHERE org_id = :org_id AND kind = 'application' AND id = :id_or_uid
UNION ALL
SELECT * FROM source
WHERE org_id = :org_id AND kind = 'application' AND uid = :id_or_uid AND uid <> '' AND id <> :id_or_uid;

-- name: application_of_uid
-- Whose an organisation's own id is.
SELECT * FROM source WHERE org_id = :org_id AND uid = :uid AND uid <> '';

-- name: applications_oldest
-- Part of the applications of an organisation, oldest first.
SELECT * FROM source WHERE org_id = :org_id AND kind = 'application' AND id > :anchor ORDER BY id LIMIT :limit;

-- name: applications_newest
-- Part of the applications of an organisation, newest first.
SELECT * FROM source WHERE org_id = :org_id AND kind = 'application' AND id < :anchor ORDER BY id DESC LIMIT :limit;

-- name: operational_get
-- The source by which an organisation is told about its own endpoints and messages.
SELECT * FROM source WHERE org_id = :org_id AND name = 'hookline.operational' AND kind = 'operational';

-- name: sender_get
-- Whom an application's endpoint, or one for operational webhooks, belongs to.
SELECT * FROM source WHERE org_id = :org_id AND id = :id AND kind IN ('application', 'operational');

-- name: endpoint_of_uid
-- Whose a customer's own id is.
SELECT * FROM endpoint WHERE source_id = :source_id AND uid = :uid AND uid <> '';

-- name: endpoints_oldest
-- Part of the endpoints of an application, oldest first.
SELECT * FROM endpoint
WHERE org_id = :org_id AND source_id = :source_id AND id > :anchor ORDER BY id LIMIT :limit;

-- name: endpoints_newest
-- Part of the endpoints of an application, newest first.
SELECT * FROM endpoint
WHERE org_id = :org_id AND source_id = :source_id AND id < :anchor ORDER BY id DESC LIMIT :limit;
