-- name: event_type_get
-- One event type of an organisation.
SELECT * FROM event_type WHERE org_id = :org_id AND name = :name;

-- name: put_event_type
-- Creates an event type, or replaces it.
INSERT INTO event_type (org_id, name, description, archived, deprecated, feature_flag, schemas,
                        created_at_ms, updated_at_ms, version)
VALUES (:org_id, :name, :description, :archived, :deprecated, :feature_flag, :schemas,
        :created_at_ms, :updated_at_ms, :version)
ON CONFLICT (org_id, name) DO UPDATE SET
    description = excluded.description, archived = excluded.archived, deprecated = excluded.deprecated,
    feature_flag = excluded.feature_flag, schemas = excluded.schemas,
    updated_at_ms = excluded.updated_at_ms, version = excluded.version;

-- name: delete_event_type
-- Removes an event type; messages of it stay.
DELETE FROM event_type WHERE org_id = :org_id AND name = :name;

-- name: event_types_rising
-- Part of the event types of an organisation, by name.
SELECT * FROM event_type
WHERE org_id = :org_id AND name > :anchor
  AND (:include_archived = 1 OR archived = 0)
  AND (CAST(:flags AS TEXT) IS NULL OR feature_flag = '' OR replace(:flags, ' ' || feature_flag || ' ', '') <> :flags)
ORDER BY name LIMIT :limit;

-- name: event_types_falling
-- Part of the event types of an organisation, by name, the last first.
SELECT * FROM event_type
WHERE org_id = :org_id AND name < :anchor
  AND (:include_archived = 1 OR archived = 0)
  AND (CAST(:flags AS TEXT) IS NULL OR feature_flag = '' OR replace(:flags, ' ' || feature_flag || ' ', '') <> :flags)
ORDER BY name DESC LIMIT :limit;
