-- works with: 3
-- The same index, asked in words that cost less. For a list of three SQLite builds a table in memory for every row that
-- it might index, which took longer than storing the row.

DROP INDEX event_by_rare_status;
CREATE INDEX event_by_rare_status ON event (org_id, status, id)
    WHERE status = 'failed' OR status = 'ignored' OR status = 'needs_review';
