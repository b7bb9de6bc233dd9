-- The commit: one statement that makes files, counts and offsets of several sources visible together, and the
-- statement that finds out what became of one whose answer was lost.

-- Locks sources in id order. Everything that holds several sources goes through here.
CREATE FUNCTION lock_sources(in_sources bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM sources WHERE id = ANY (in_sources) ORDER BY id FOR NO KEY UPDATE;
END $$;

-- Why a batch may not go in; null when it may. The source's row is locked.
CREATE FUNCTION fence_batch(in_batch jsonb) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  held sources;
BEGIN
  SELECT * INTO held FROM sources WHERE id = (in_batch ->> 'source')::bigint;
  RETURN CASE
    WHEN held.id IS NULL THEN 'unknown'
    WHEN held.token IS DISTINCT FROM (in_batch ->> 'token')::uuid THEN 'token'
    WHEN held.next_offset <> (in_batch ->> 'from')::bigint THEN 'offset'
    WHEN held.revision <> (in_batch ->> 'revision')::bigint THEN 'revision'
  END;
END $$;

-- Writes what belongs to a batch, all but the batch's own row and its files.
CREATE FUNCTION put_batch_parts(in_id bigint, in_batch jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO violations (batch_id, contract, rule_id, severity, rows, sample_offsets)
    SELECT in_id, in_batch ->> 'contract', rule, severity, rows, sample
    FROM jsonb_to_recordset(in_batch -> 'violations')
      AS given (rule text, severity text, rows bigint, sample bigint[]);
  INSERT INTO batch_statistics (batch_id, contract, measure, field, value)
    SELECT in_id, in_batch ->> 'contract', measure, field, value
    FROM jsonb_to_recordset(in_batch -> 'statistics') AS given (measure text, field text, value double precision);
  INSERT INTO batch_file_rows (batch_id, source_id, contract, file_sha256, rows)
    SELECT in_id, (in_batch ->> 'source')::bigint, in_batch ->> 'contract', decode(file, 'hex'), rows::int8multirange
    FROM jsonb_to_recordset(in_batch -> 'file_rows') AS given (file text, rows text);
  PERFORM put_alerts(in_batch -> 'alerts', in_id, NULL);
END $$;

-- Writes a batch's own row and its files under the version its contract's counter gave.
CREATE FUNCTION put_batch(in_id bigint, in_batch jsonb, in_attempt uuid, in_version bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO batches (
      id, tenant, contract, contract_version, version, source_id, from_offset, to_offset, revision,
      received, good, bad, duplicate, tombstone, event_time_min, event_time_max, duplicate_offsets, token, attempt)
    SELECT in_id, given.tenant, given.contract, given.contract_version, in_version, given.source, given."from",
      given."to", given.revision, given.received, given.good, given.bad, given.duplicate, given.tombstone,
      moment(given.event_micros_min), moment(given.event_micros_max), given.duplicate_offsets::int8multirange,
      given.token, in_attempt
    FROM jsonb_to_record(in_batch) AS given (
      tenant text, contract text, contract_version text, source bigint, "from" bigint, "to" bigint, revision bigint,
      received bigint, good bigint, bad bigint, duplicate bigint, tombstone bigint, event_micros_min bigint,
      event_micros_max bigint, duplicate_offsets text, token uuid);
  INSERT INTO files (
      kind, path, batch_id, source_id, rows, bytes, sha256, event_micros_min, event_micros_max, contract,
      contract_version, token, version_added)
    SELECT kind, path, in_id, (in_batch ->> 'source')::bigint, rows, bytes, decode(sha256, 'hex'), event_micros_min,
      event_micros_max, in_batch ->> 'contract', in_batch ->> 'contract_version', (in_batch ->> 'token')::uuid,
      in_version
    FROM jsonb_to_recordset(in_batch -> 'files') AS given (
      kind text, path text, rows bigint, bytes bigint, sha256 text, event_micros_min bigint, event_micros_max bigint);
END $$;

-- Commits batches of several sources. A source that fails its fence is left out and reported, the others go in.
-- Answers a list, one entry a batch: {source, from, to, batch, version} or {source, from, to, fenced, next_offset,
-- revision}. The same attempt asked twice answers the same and does nothing the second time.
CREATE FUNCTION commit_batches(in_attempt uuid, in_batches jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  outcomes jsonb := '[]';
  known jsonb;
  batch jsonb;
  fault text;
  id bigint;
  accepted jsonb[] := '{}';
  accepted_ids bigint[] := '{}';
  versions jsonb := '{}';
  counted record;
BEGIN
  PERFORM lock_sources(array(SELECT (value ->> 'source')::bigint FROM jsonb_array_elements(in_batches)));
  SELECT attempts.outcomes INTO known FROM attempts WHERE attempts.id = in_attempt;
  IF FOUND THEN
    RETURN known;
  END IF;

  FOR batch IN
    SELECT value FROM jsonb_array_elements(in_batches)
    ORDER BY (value ->> 'source')::bigint, (value ->> 'from')::bigint
  LOOP
    fault := fence_batch(batch);
    IF fault IS NULL THEN
      id := nextval(pg_get_serial_sequence('batches', 'id'));
      PERFORM put_batch_parts(id, batch);
      UPDATE sources SET first_offset = coalesce(first_offset, (batch ->> 'from')::bigint),
        next_offset = (batch ->> 'to')::bigint WHERE sources.id = (batch ->> 'source')::bigint;
      accepted := accepted || batch;
      accepted_ids := accepted_ids || id;
    ELSE
      outcomes := outcomes || (
        SELECT jsonb_build_object('source', batch -> 'source', 'from', batch -> 'from', 'to', batch -> 'to',
          'fenced', fault, 'next_offset', max(next_offset), 'revision', max(revision))
        FROM sources WHERE sources.id = (batch ->> 'source')::bigint);
    END IF;
  END LOOP;

  -- The counters last and in name order: they are held to the commit's end and set its place among all commits.
  FOR counted IN SELECT DISTINCT value ->> 'contract' AS contract FROM unnest(accepted) AS value ORDER BY 1 LOOP
    UPDATE contracts SET version = version + 1 WHERE name = counted.contract;
    versions := versions || (SELECT jsonb_build_object(name, version) FROM contracts WHERE name = counted.contract);
  END LOOP;
  FOR place IN 1 .. cardinality(accepted) LOOP
    batch := accepted[place];
    PERFORM put_batch(accepted_ids[place], batch, in_attempt, (versions ->> (batch ->> 'contract'))::bigint);
    outcomes := outcomes || jsonb_build_object('source', batch -> 'source', 'from', batch -> 'from',
      'to', batch -> 'to', 'batch', accepted_ids[place], 'version', versions -> (batch ->> 'contract'));
  END LOOP;
  INSERT INTO attempts (id, outcomes) VALUES (in_attempt, outcomes);
  RETURN outcomes;
END $$;

-- What became of an attempt whose answer was lost. Its sources' locks are held, in id order, so it cannot be under
-- way. Absent, the tokens it was made under are raised in this same transaction: then it can never come. Answers
-- {outcomes} or {raised: [{source, token, next_offset, revision}]}, a source whose token had passed on left out.
CREATE FUNCTION resolve_attempt(in_attempt uuid, in_sources bigint[], in_tokens uuid[], in_worker text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  known jsonb;
  still_held bigint[];
BEGIN
  PERFORM lock_sources(in_sources);
  SELECT jsonb_build_object('outcomes', outcomes) INTO known FROM attempts WHERE id = in_attempt;
  IF FOUND THEN
    RETURN known;
  END IF;
  still_held := array(
    SELECT sources.id FROM sources JOIN unnest(in_sources, in_tokens) AS asked (id, token)
      ON sources.id = asked.id AND sources.token = asked.token);
  PERFORM raise_source_tokens(still_held, in_worker);
  RETURN jsonb_build_object('raised', coalesce((
    SELECT jsonb_agg(jsonb_build_object('source', id, 'token', token, 'next_offset', next_offset, 'revision', revision)
      ORDER BY id)
    FROM sources WHERE id = ANY (still_held)), '[]'));
END $$;
