-- name: add_attempt
-- What one try was answered.
INSERT INTO attempt (delivery_id, number, started_at_ms, duration_ms, status, error, detail, address,
                     response_headers, response_body, manual)
VALUES (:delivery_id, :number, :started_at_ms, :duration_ms, :status, :error, :detail, :address,
        :response_headers, :response_body, :manual);

-- name: attempts_of_event
-- All attempts of all deliveries of one event: one range of the primary key.
SELECT * FROM attempt WHERE delivery_id >= :low AND delivery_id < :high ORDER BY delivery_id, number;

-- name: attempt_get
-- One attempt, with the endpoint that it was made at.
SELECT a.*, d.endpoint_id FROM attempt a JOIN delivery d ON d.id = a.delivery_id
WHERE a.delivery_id = :delivery_id AND a.number = :number;

-- name: attempts_of_endpoint_newest, attempts_of_endpoint_oldest
-- Part of the attempts at one endpoint, newest first: chosen in the index by their time and status, then read. With the
-- bare source_id PostgreSQL might read all events of the source instead of these by their ids.
SELECT a.*, e.id, e.org_id, e.source_id, e.type, e.received_at_ms, e.status AS event_status, e.provider_event_id,
       e.verification, e.review_reason, e.review_detail, e.duplicates, e.channels, e.tags, p.body
FROM attempt i CROSS JOIN attempt a CROSS JOIN event e
     LEFT JOIN payload p ON p.event_id = e.id AND :with_payload = 1
WHERE substr(i.delivery_id, 37, 16) = :tail
  AND (i.started_at_ms, i.delivery_id, i.number) > (:after_ms, :after_id, :after_number)
  AND (i.started_at_ms, i.delivery_id, i.number) < (:before_ms, :before_id, :before_number)
  AND i.status >= :status_from AND i.status < :status_to AND (i.status < :not_from OR i.status >= :not_to)
  AND a.delivery_id = i.delivery_id AND a.number = i.number
  AND e.id = 'msg_' || substr(i.delivery_id, 5, 32) AND e.org_id = :org_id AND e.source_id || '' = :source_id
  AND (CAST(:types AS TEXT) IS NULL OR replace(:types, ' ' || e.type || ' ', '') <> :types)
  AND (CAST(:channel AS TEXT) IS NULL OR replace(e.channels, :channel, '') <> e.channels)
  AND (CAST(:tag AS TEXT) IS NULL OR replace(e.tags, :tag, '') <> e.tags)
ORDER BY i.started_at_ms DESC, i.delivery_id DESC, i.number DESC LIMIT :limit;

-- name: attempts_of_message_newest, attempts_of_message_oldest
-- Part of the attempts of one event, newest first: there are as many as it has endpoints times tries.
SELECT a.*, d.endpoint_id
FROM (
    SELECT delivery_id, number, started_at_ms FROM attempt
    WHERE delivery_id >= :low AND delivery_id < :high
      AND (started_at_ms, delivery_id, number) > (:after_ms, :after_id, :after_number)
      AND (started_at_ms, delivery_id, number) < (:before_ms, :before_id, :before_number)
      AND status >= :status_from AND status < :status_to AND (status < :not_from OR status >= :not_to)
    ORDER BY started_at_ms DESC, delivery_id DESC, number DESC LIMIT :limit
) AS part CROSS JOIN attempt a CROSS JOIN delivery d
WHERE a.delivery_id = part.delivery_id AND a.number = part.number AND d.id = part.delivery_id
ORDER BY part.started_at_ms DESC, part.delivery_id DESC, part.number DESC;

-- name: last_success_at
-- When an endpoint last answered 2xx to an attempt that began at that time or later, whoever made it.
SELECT started_at_ms FROM attempt
WHERE substr(delivery_id, 37, 16) = :tail AND started_at_ms >= :since_ms AND status >= 200 AND status < 300
ORDER BY started_at_ms DESC LIMIT 1;

-- name: expunge_attempt
-- What an endpoint answered goes.
UPDATE attempt SET response_body = :body, response_headers = :headers
WHERE delivery_id = :delivery_id AND number = :number;
