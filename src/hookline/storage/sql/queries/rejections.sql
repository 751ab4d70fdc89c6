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
