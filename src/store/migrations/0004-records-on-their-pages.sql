-- A table without rowids keeps no more than a quarter of a page of a row in its tree: nearly every record had a page of its
-- own for the rest of it, which was written with every change and read by every start. In a table with rowids a row may
-- fill a page.
ALTER TABLE records RENAME TO records_keyed;
CREATE TABLE records (
  workflow TEXT NOT NULL,
  task TEXT NOT NULL,
  data TEXT NOT NULL,
  sum INTEGER NOT NULL AS (row_sum(data, workflow, task)) STORED,
  PRIMARY KEY (workflow, task)
) STRICT;
INSERT INTO records (workflow, task, data) SELECT workflow, task, data FROM records_keyed ORDER BY workflow, task;
DROP TABLE records_keyed;
