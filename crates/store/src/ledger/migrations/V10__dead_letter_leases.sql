-- Who publishes a source's dead letters: one worker at a time, by a lease; and what stops them.

ALTER TABLE dead_letter_cursors
  -- Whoever holds the lease advances the cursor. A worker that died gives way when its lease runs out.
  ADD COLUMN lease uuid,
  ADD COLUMN worker text,
  ADD COLUMN leased_until timestamptz,
  -- Why the source's records cannot be published; it rests until `leased_until` and is then tried again.
  ADD COLUMN fault text,
  ADD CHECK ((lease IS NULL) = (worker IS NULL));

-- Bad files with records that are still to be published.
CREATE VIEW due_bad_files AS
SELECT sources.contract, sources.id AS source_id, sources.topic, sources.topic_id, sources.partition,
  batches.id AS batch_id, batches.revision, files.path, files.rows, files.sha256,
  greatest(batches.from_offset, coalesce(cursors.next_offset, 0)) AS from_offset, batches.to_offset,
  cursors.advanced_at, cursors.leased_until, cursors.fault
FROM sources
LEFT JOIN dead_letter_cursors AS cursors ON cursors.source_id = sources.id
JOIN batches ON batches.source_id = sources.id AND batches.bad > 0 AND batches.from_offset IS NOT NULL
  AND batches.to_offset > coalesce(cursors.next_offset, 0)
JOIN files ON files.batch_id = batches.id AND files.kind = 'bad' AND files.version_removed IS NULL;

-- Takes one source of a contract with records to publish, the one that waits longest, if nobody holds it.
CREATE FUNCTION take_dead_letters(in_contract text, in_worker text, in_secs double precision)
RETURNS TABLE (source_id bigint, lease uuid)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  candidate bigint;
BEGIN
  FOR candidate IN
    SELECT due.source_id FROM due_bad_files AS due
    WHERE due.contract = in_contract AND (due.leased_until IS NULL OR due.leased_until < clock_timestamp())
    GROUP BY due.source_id, due.advanced_at ORDER BY due.advanced_at NULLS FIRST, due.source_id
  LOOP
    RETURN QUERY
      INSERT INTO dead_letter_cursors (source_id, next_offset, lease, worker, leased_until)
        VALUES (candidate, 0, gen_random_uuid(), in_worker, clock_timestamp() + make_interval(secs => in_secs))
        ON CONFLICT (source_id) DO UPDATE
        SET lease = excluded.lease, worker = excluded.worker, leased_until = excluded.leased_until
        -- Looked at again under the row's lock: another worker may have been quicker.
        WHERE dead_letter_cursors.leased_until IS NULL OR dead_letter_cursors.leased_until < clock_timestamp()
        RETURNING dead_letter_cursors.source_id, dead_letter_cursors.lease;
    IF FOUND THEN
      RETURN;
    END IF;
  END LOOP;
END $$;

-- Lets a source rest whose records cannot be published, and tells of it where this is news.
CREATE FUNCTION rest_dead_letters(
  in_source bigint, in_lease uuid, in_fault text, in_secs double precision, in_alerts jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  known text;
BEGIN
  SELECT fault INTO known FROM dead_letter_cursors WHERE source_id = in_source AND lease = in_lease FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE dead_letter_cursors SET lease = NULL, worker = NULL, fault = in_fault,
    leased_until = clock_timestamp() + make_interval(secs => in_secs) WHERE source_id = in_source;
  IF known IS DISTINCT FROM in_fault THEN
    PERFORM put_alerts(in_alerts, NULL, NULL);
  END IF;
END $$;
