-- name: add_fanout
-- An event is stored whose deliveries are still to be written.
INSERT INTO fanout (event_id, done_to, last, due_at_ms) VALUES (:event_id, '', :last, :due_at_ms);

-- name: fanouts_waiting
-- Events whose deliveries are still to be written, oldest first.
SELECT event_id FROM fanout ORDER BY event_id LIMIT 1000;

-- name: fanout_get
-- How far the deliveries of an event are written, with all that is needed to write and send more.
SELECT f.done_to, f.last, f.due_at_ms, e.*, p.method, p.path, p.query, p.headers, p.client, p.scheme, p.body
FROM fanout f JOIN event e ON e.id = f.event_id JOIN payload p ON p.event_id = f.event_id
WHERE f.event_id = :event_id FOR UPDATE OF f;

-- name: fanout_progress
-- The deliveries to the endpoints up to this one are written.
UPDATE fanout SET done_to = :done_to WHERE event_id = :event_id;

-- name: forget_fanout
-- Nothing is to be written any more for an event.
DELETE FROM fanout WHERE event_id = :event_id;
