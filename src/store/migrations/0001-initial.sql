-- The ledger. `journal` is append-only and the only source of `records`; `records` is its projection, kept in the
-- same transaction so that opening needs no replay.
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  workflow TEXT NOT NULL,
  type TEXT NOT NULL,
  task TEXT,
  attempt INTEGER,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX journal_by_workflow ON journal (workflow, seq);

CREATE TABLE workflows (
  uid TEXT PRIMARY KEY,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  -- Milliseconds; NULL while it exists. Records of a deleted workflow are kept for a while.
  deleted_at INTEGER,
  data TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX workflows_by_name ON workflows (namespace, name) WHERE deleted_at IS NULL;

CREATE TABLE records (
  workflow TEXT NOT NULL,
  task TEXT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (workflow, task)
) STRICT, WITHOUT ROWID;

-- Shared parts of definitions, once per template.
CREATE TABLE preimages (digest TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT, WITHOUT ROWID;
