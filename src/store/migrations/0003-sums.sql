-- Every row ends in a checksum of its values: SQLite tells when a page is malformed, not when a byte of a value has changed.
-- The column is computed where the row is written; whoever opens the ledger compares (`check-ledger.ts`). A stored
-- column cannot be added to a table, so each is made anew.
ALTER TABLE journal RENAME TO journal_unsummed;
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  workflow TEXT NOT NULL,
  type TEXT NOT NULL,
  task TEXT,
  attempt INTEGER,
  data TEXT NOT NULL,
  sum INTEGER NOT NULL AS (row_sum(data, seq, time, workflow, type, task, attempt)) STORED
) STRICT;
INSERT INTO journal (seq, time, workflow, type, task, attempt, data)
SELECT seq, time, workflow, type, task, attempt, data FROM journal_unsummed ORDER BY seq;
DROP TABLE journal_unsummed;
CREATE INDEX journal_by_workflow ON journal (workflow, seq);

ALTER TABLE workflows RENAME TO workflows_unsummed;
CREATE TABLE workflows (
  uid TEXT PRIMARY KEY,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  -- Milliseconds; NULL while it exists. Records of a deleted workflow are kept for a while.
  deleted_at INTEGER,
  data TEXT NOT NULL,
  sum INTEGER NOT NULL AS (row_sum(data, uid, namespace, name, version, deleted_at)) STORED
) STRICT;
INSERT INTO workflows (uid, namespace, name, version, deleted_at, data)
SELECT uid, namespace, name, version, deleted_at, data FROM workflows_unsummed;
DROP TABLE workflows_unsummed;
CREATE UNIQUE INDEX workflows_by_name ON workflows (namespace, name) WHERE deleted_at IS NULL;

ALTER TABLE records RENAME TO records_unsummed;
CREATE TABLE records (
  workflow TEXT NOT NULL,
  task TEXT NOT NULL,
  data TEXT NOT NULL,
  sum INTEGER NOT NULL AS (row_sum(data, workflow, task)) STORED,
  PRIMARY KEY (workflow, task)
) STRICT, WITHOUT ROWID;
INSERT INTO records (workflow, task, data) SELECT workflow, task, data FROM records_unsummed;
DROP TABLE records_unsummed;

ALTER TABLE preimages RENAME TO preimages_unsummed;
CREATE TABLE preimages (
  digest TEXT PRIMARY KEY,
  data TEXT NOT NULL,
  sum INTEGER NOT NULL AS (row_sum(data, digest)) STORED
) STRICT, WITHOUT ROWID;
INSERT INTO preimages (digest, data) SELECT digest, data FROM preimages_unsummed;
DROP TABLE preimages_unsummed;

ALTER TABLE floor RENAME TO floor_unsummed;
CREATE TABLE floor (version INTEGER NOT NULL, sum INTEGER NOT NULL AS (row_sum('', version)) STORED) STRICT;
INSERT INTO floor (version) SELECT version FROM floor_unsummed;
DROP TABLE floor_unsummed;
