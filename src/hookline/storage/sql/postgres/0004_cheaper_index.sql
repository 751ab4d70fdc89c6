-- works with: 3
-- Nothing changes: what is too dear for SQLite in the same migration costs PostgreSQL nothing.

COMMENT ON INDEX event_by_rare_status IS 'Events that people look for: failed, ignored, needs_review';
