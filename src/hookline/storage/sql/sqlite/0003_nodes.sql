-- Several servers on one database.

-- `fifo` is from now on the place in the endpoint's order, in which events were stored; 0: order does not count.
-- What was owed before stays before: in place 1, by the ids.
DROP INDEX delivery_in_order;
CREATE INDEX delivery_in_order ON delivery (endpoint_id, fifo, id) WHERE fifo > 0 AND state IN ('waiting', 'leased');

-- The last place that was given out at each endpoint where order counts.
CREATE TABLE place (
    endpoint_id TEXT PRIMARY KEY,
    last        BIGINT NOT NULL
) WITHOUT ROWID;

-- The servers that are running. `beat` grows as long as one lives; its leases begin with its id.
CREATE TABLE node (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL,
    version       TEXT NOT NULL,
    started_at_ms BIGINT NOT NULL,
    beat          BIGINT NOT NULL
) WITHOUT ROWID;

-- When what must be done once for all servers is due next.
INSERT INTO meta (name, value) VALUES ('housekeeping_due_ms', 0);
-- Written to prove that the database can be written.
INSERT INTO meta (name, value) VALUES ('ping', 0);
-- The oldest schema whose code may serve this one: see storage/migrate.py.
INSERT INTO meta (name, value) VALUES ('schema_works_with', 3);
