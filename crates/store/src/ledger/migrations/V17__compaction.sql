-- Files that hold the rows of several batches, and files that go: merged into others, or past their age.

-- A listing is what a batch has in a file: all of it, as sealed, or the rows from `first_row` on of a merged one.
ALTER TABLE files DROP CONSTRAINT files_path_key;
ALTER TABLE files
  ADD COLUMN first_row bigint NOT NULL DEFAULT 0 CHECK (first_row >= 0),
  -- Rows of the whole file; null where it has no others than these.
  ADD COLUMN file_rows bigint CHECK (file_rows >= first_row + rows),
  -- Why it was removed.
  ADD COLUMN removed_for text CHECK (removed_for IN ('merged', 'retained')),
  -- When the file itself was deleted.
  ADD COLUMN deleted_at timestamptz;
CREATE UNIQUE INDEX files_path ON files (path, first_row);
CREATE INDEX files_removed ON files (path) WHERE version_removed IS NOT NULL AND deleted_at IS NULL;
GRANT UPDATE (version_removed, removed_for, deleted_at) ON files TO muster_ingest;

-- As before, with where a batch's rows begin in their file.
CREATE OR REPLACE VIEW due_bad_files AS
SELECT sources.contract, sources.id AS source_id, sources.topic, sources.topic_id, sources.partition,
  batches.id AS batch_id, batches.revision, files.path, files.rows, files.sha256,
  greatest(batches.from_offset, coalesce(cursors.next_offset, 0)) AS from_offset, batches.to_offset,
  cursors.advanced_at, cursors.leased_until, cursors.fault, files.first_row, files.file_rows
FROM sources
LEFT JOIN dead_letter_cursors AS cursors ON cursors.source_id = sources.id
JOIN batches ON batches.source_id = sources.id AND batches.bad > 0 AND batches.from_offset IS NOT NULL
  AND batches.to_offset > coalesce(cursors.next_offset, 0)
JOIN files ON files.batch_id = batches.id AND files.kind = 'bad' AND files.version_removed IS NULL;

-- Readers: whoever reads files for longer than a moment, whatever its role, and may write nothing else. The contract's row
-- is locked for a moment: a commit that removes files comes before the reader, who then does not see them, or after it,
-- and then the files stay.
CREATE FUNCTION open_reader(in_contract text, in_reader text, in_secs double precision)
RETURNS TABLE (id bigint, version bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = muster, pg_temp AS $$
#variable_conflict use_column
DECLARE
  held bigint;
BEGIN
  SELECT version INTO held FROM contracts WHERE name = in_contract FOR SHARE;
  IF FOUND THEN
    RETURN QUERY
      INSERT INTO readers (contract, version, reader, leased_until)
        VALUES (in_contract, held, in_reader, clock_timestamp() + make_interval(secs => in_secs))
        RETURNING readers.id, readers.version;
  END IF;
END $$;

-- Lengthens the lease of a reader. False when it ran out: what it reads may be gone.
CREATE FUNCTION extend_reader(in_reader bigint, in_secs double precision) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = muster, pg_temp AS $$
BEGIN
  UPDATE readers SET leased_until = clock_timestamp() + make_interval(secs => in_secs)
    WHERE id = in_reader AND leased_until > clock_timestamp();
  RETURN FOUND;
END $$;

-- Closes a reader, and forgets those whose lease ran out.
CREATE FUNCTION close_reader(in_reader bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = muster, pg_temp AS $$
  DELETE FROM readers WHERE id = in_reader OR leased_until < clock_timestamp();
$$;
REVOKE ALL ON FUNCTION open_reader(text, text, double precision), extend_reader(bigint, double precision),
  close_reader(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_reader(text, text, double precision), extend_reader(bigint, double precision),
  close_reader(bigint) TO muster_ingest, muster_score, muster_read;
REVOKE INSERT, UPDATE, DELETE ON readers FROM muster_score;

-- Files nobody can read any more and that are still there: removed from the list for every batch, before no version that
-- an open run or reader holds, and for no batch that a scorer has in hand.
CREATE VIEW deletable_files AS
SELECT removed.path, removed.contract, removed.bytes
FROM (
  SELECT files.path, min(coalesce(files.contract, batches.contract)) AS contract, max(files.bytes) AS bytes,
    max(files.version_removed) AS version_removed
  FROM files
  LEFT JOIN claims ON claims.id = files.claim_id
  JOIN batches ON batches.id = coalesce(files.batch_id, claims.batch_id)
  WHERE files.version_removed IS NOT NULL AND files.deleted_at IS NULL
  GROUP BY files.path) AS removed
WHERE NOT EXISTS (SELECT FROM files WHERE files.path = removed.path AND files.version_removed IS NULL)
  AND NOT EXISTS (
    SELECT FROM readers WHERE readers.contract = removed.contract AND readers.version < removed.version_removed
      AND readers.leased_until > clock_timestamp())
  AND NOT EXISTS (
    SELECT FROM runs WHERE runs.state = 'open'
      AND (runs.read_versions ->> removed.contract)::bigint < removed.version_removed)
  AND NOT EXISTS (
    SELECT FROM files JOIN claims ON claims.batch_id = files.batch_id
    WHERE files.path = removed.path AND claims.state = 'open' AND claims.leased_until > clock_timestamp());

-- Takes the right to merge files of a contract's sources, a token each. Whoever had it can no longer list what it merged.
CREATE FUNCTION take_merging(in_contract text, in_sources bigint[], in_worker text)
RETURNS TABLE (source_id bigint, token uuid)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM lock_sources(array(SELECT id FROM sources WHERE contract = in_contract));
  UPDATE tokens SET superseded_at = clock_timestamp()
    FROM sources WHERE sources.id = tokens.source_id AND sources.contract = in_contract
      AND tokens.writer = 'compaction' AND tokens.superseded_at IS NULL;
  RETURN QUERY
    INSERT INTO tokens (token, writer, source_id, worker)
      SELECT gen_random_uuid(), 'compaction', source, in_worker FROM unnest(in_sources) AS source
      RETURNING tokens.source_id, tokens.token;
END $$;

-- Locks listings in id order; those of them that are still listed.
CREATE FUNCTION hold_files(in_files bigint[]) RETURNS bigint[]
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM files WHERE id = ANY (in_files) ORDER BY id FOR NO KEY UPDATE;
  RETURN array(SELECT id FROM files WHERE id = ANY (in_files) AND version_removed IS NULL);
END $$;

-- Takes listings off a contract's list in its next version, which it answers.
CREATE FUNCTION remove_files(in_contract text, in_files bigint[], in_reason text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  removed bigint;
BEGIN
  UPDATE contracts SET version = version + 1 WHERE name = in_contract RETURNING version INTO STRICT removed;
  UPDATE files SET version_removed = removed, removed_for = in_reason WHERE id = ANY (in_files);
  RETURN removed;
END $$;

-- Lists one file in place of several of a source, whose rows it holds in their order. False, and nothing was done, when
-- the token has passed on or one of them was removed meanwhile.
CREATE FUNCTION merge_files(in_token uuid, in_files bigint[], in_file jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  listed bigint;
  merged bigint;
BEGIN
  PERFORM FROM tokens WHERE token = in_token AND superseded_at IS NULL FOR UPDATE;
  IF NOT FOUND OR cardinality(hold_files(in_files)) < cardinality(in_files) THEN
    RETURN false;
  END IF;
  SELECT sum(rows) INTO listed FROM files WHERE id = ANY (in_files);
  IF listed <> (in_file ->> 'rows')::bigint THEN
    RAISE EXCEPTION 'a merged file has not the % rows of its files', listed;
  END IF;
  merged := remove_files((SELECT contract FROM files WHERE id = in_files[1]), in_files, 'merged');
  INSERT INTO files (
      kind, path, batch_id, source_id, rows, first_row, file_rows, bytes, sha256, event_micros_min, event_micros_max,
      contract, contract_version, token, version_added)
    SELECT files.kind, given.path, files.batch_id, files.source_id, files.rows,
      sum(files.rows) OVER (ORDER BY place) - files.rows, given.rows, given.bytes, decode(given.sha256, 'hex'),
      files.event_micros_min, files.event_micros_max, files.contract, files.contract_version, in_token, merged
    FROM unnest(in_files) WITH ORDINALITY AS removed (id, place) JOIN files USING (id)
      CROSS JOIN jsonb_to_record(in_file) AS given (path text, rows bigint, bytes bigint, sha256 text);
  RETURN true;
END $$;

-- Listings that may pass their age: since when they are kept, and whether somebody still waits for their rows. That is a
-- pipeline which has a model of the contract and has not scored so far, or the topic of its dead letters. Keys are not among them:
-- what decides duplicates is forgotten by event time, not by age.
CREATE VIEW aging_files AS
SELECT files.id, files.kind, batches.contract, files.path, files.rows, files.bytes,
  CASE files.kind WHEN 'features' THEN files.sealed_at ELSE batches.committed_at END AS kept_since,
  CASE files.kind
    WHEN 'good' THEN
      EXISTS (SELECT FROM claims WHERE claims.batch_id = files.batch_id AND claims.state = 'open')
      OR EXISTS (
        SELECT FROM model_versions AS models
        LEFT JOIN claim_cursors AS cursors ON cursors.pipeline = models.pipeline AND cursors.contract = batches.contract
        WHERE models.read_versions ? batches.contract AND coalesce(cursors.version, 0) < batches.version)
    WHEN 'bad' THEN
      EXISTS (
        SELECT FROM dead_letter_cursors AS cursors WHERE cursors.source_id = batches.source_id
          AND cursors.next_offset < batches.to_offset)
    ELSE false END AS awaited
FROM files
LEFT JOIN claims ON claims.id = files.claim_id
JOIN batches ON batches.id = coalesce(files.batch_id, claims.batch_id)
WHERE files.version_removed IS NULL AND files.kind <> 'keys';

-- Removes listings of a contract that are past their age, awaited ones only when told to. Answers how many.
CREATE FUNCTION retain_files(in_contract text, in_files bigint[], in_awaited boolean) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  past bigint[];
BEGIN
  past := hold_files(in_files);
  past := array(SELECT id FROM aging_files WHERE id = ANY (past) AND (in_awaited OR NOT awaited));
  IF cardinality(past) > 0 THEN
    PERFORM remove_files(in_contract, past, 'retained');
  END IF;
  RETURN cardinality(past);
END $$;
