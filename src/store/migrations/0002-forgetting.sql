-- Which workflow's records ever referred to which shared part, so that forgetting a workflow can take its own along.
CREATE TABLE preimage_uses (
  workflow TEXT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (workflow, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX preimage_uses_by_digest ON preimage_uses (digest);
INSERT OR IGNORE INTO preimage_uses (workflow, digest)
SELECT records.workflow, attempt.value ->> '$.preimage.templateDigest'
FROM records, json_each(records.data, '$.attempts') AS attempt
WHERE attempt.value ->> '$.preimage.templateDigest' IS NOT NULL;

-- The newest version given out when something was last forgotten: versions are never given out twice.
CREATE TABLE floor (version INTEGER NOT NULL) STRICT;
INSERT INTO floor (version)
SELECT max((SELECT coalesce(max(seq), 0) FROM journal), (SELECT coalesce(max(version), 0) FROM workflows));
