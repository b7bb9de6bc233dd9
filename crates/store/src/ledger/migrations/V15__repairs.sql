-- Bad rows made good: who did it and why, which rows, and the commit that moves them.

-- The patch of a repair: what stood in the changed fields before and after. It holds values, so it is a sealed file
-- beside the bad one and no column of the ledger.
ALTER TABLE files DROP CONSTRAINT files_kind_check;
ALTER TABLE files ADD CONSTRAINT files_kind_check CHECK (kind IN ('good', 'bad', 'keys', 'features', 'patch'));

-- What somebody did to bad rows: `repair` changes them, `replay` judges them again as they came. No value of a row here.
CREATE TABLE repairs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL DEFAULT 'default',
  contract text NOT NULL REFERENCES contracts (name),
  contract_version text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('repair', 'replay')),
  author text NOT NULL CHECK (author <> ''),
  reason text NOT NULL CHECK (reason <> ''),
  -- Whose rows were asked for, by the rule they broke; null for all.
  rule_id text,
  -- The fields that the patch sets.
  fields text[] NOT NULL DEFAULT '{}',
  -- What its files and commits carry, until it ends or falls silent.
  token uuid NOT NULL REFERENCES tokens (token),
  leased_until timestamptz NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  FOREIGN KEY (contract, contract_version) REFERENCES contract_versions (contract, contract_version)
);
CREATE INDEX repairs_open ON repairs (leased_until) WHERE ended_at IS NULL;
CREATE INDEX repairs_contract ON repairs (contract, begun_at);

-- The rows of a repair's batch, by their offsets in its source. A row is made good at most once.
CREATE TABLE repaired_rows (
  batch_id bigint PRIMARY KEY REFERENCES batches (id) DEFERRABLE INITIALLY DEFERRED,
  repair_id bigint NOT NULL REFERENCES repairs (id),
  source_id bigint NOT NULL REFERENCES sources (id),
  good int8multirange NOT NULL,
  -- Changed and judged again, and bad for all that; replayed rows that stay bad are not listed.
  still_bad int8multirange NOT NULL,
  -- The rules that those break, with how many of them: {rule: rows}.
  rules_left jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX repaired_rows_source ON repaired_rows (source_id);
CREATE INDEX repaired_rows_repair ON repaired_rows (repair_id);

GRANT INSERT, UPDATE ON repairs TO muster_ingest;
GRANT INSERT ON repaired_rows TO muster_ingest;

-- Begins a repair under a token of its own. Tokens of repairs that fell silent are superseded first: their files can be
-- swept from then on, and a commit of theirs that comes late is refused.
CREATE FUNCTION begin_repair(in_repair jsonb, in_worker text, in_lease_secs double precision)
RETURNS TABLE (repair_id bigint, token uuid)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  own uuid := gen_random_uuid();
BEGIN
  WITH silent AS (
    UPDATE repairs SET ended_at = clock_timestamp()
      WHERE ended_at IS NULL AND leased_until < clock_timestamp() RETURNING repairs.token)
  UPDATE tokens SET superseded_at = clock_timestamp()
    FROM silent WHERE tokens.token = silent.token AND superseded_at IS NULL;
  INSERT INTO tokens (token, writer, worker) VALUES (own, 'repair', in_worker);
  RETURN QUERY
    INSERT INTO repairs (tenant, contract, contract_version, kind, author, reason, rule_id, fields, token, leased_until)
      SELECT given.tenant, given.contract, given.contract_version, given.kind, given.author, given.reason, given.rule,
        given.fields, own, clock_timestamp() + make_interval(secs => in_lease_secs)
      FROM jsonb_to_record(in_repair) AS given (
        tenant text, contract text, contract_version text, kind text, author text, reason text, rule text, fields text[])
      RETURNING repairs.id, repairs.token;
END $$;

-- Ends a repair: nothing is committed under its token any more.
CREATE FUNCTION end_repair(in_repair bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE repairs SET ended_at = clock_timestamp() WHERE id = in_repair AND ended_at IS NULL;
  UPDATE tokens SET superseded_at = clock_timestamp()
    WHERE token = (SELECT repairs.token FROM repairs WHERE id = in_repair) AND superseded_at IS NULL;
END $$;

-- Why a repair's batch may not go in; null when it may. The source's row is locked, so that a verdict can change only
-- by what has raised the revision before.
CREATE FUNCTION fence_repair(in_batch jsonb) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  held sources;
BEGIN
  -- Held to the commit's end: nobody gives the repair up meanwhile.
  PERFORM FROM repairs WHERE id = (in_batch ->> 'repair')::bigint AND token = (in_batch ->> 'token')::uuid
    AND ended_at IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN 'token';
  END IF;
  SELECT * INTO held FROM sources WHERE id = (in_batch ->> 'source')::bigint;
  RETURN CASE
    WHEN held.id IS NULL THEN 'unknown'
    WHEN held.revision <> (in_batch ->> 'revision')::bigint THEN 'revision'
    -- Keys were accepted since they were looked at. Null where the contract asks for no unique key.
    WHEN held.next_offset <> (in_batch ->> 'next_offset')::bigint THEN 'offset'
    WHEN EXISTS (
      SELECT FROM repaired_rows WHERE source_id = held.id
        AND repaired_rows.good && ((in_batch ->> 'good')::int8multirange + (in_batch ->> 'still_bad')::int8multirange))
      THEN 'verdict'
  END;
END $$;

-- Commits rows of one source that were judged again: lists their files and raises the source's revision, so that batches
-- judged before are judged anew. Answers {batch, version} or {fenced, next_offset, revision}. The same attempt asked
-- again answers the same: whoever lost an answer asks until there is one.
CREATE FUNCTION commit_repair(in_attempt uuid, in_batch jsonb, in_lease_secs double precision) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  source constant bigint := (in_batch ->> 'source')::bigint;
  contract constant text := in_batch ->> 'contract';
  made_good constant int8multirange := (in_batch ->> 'good')::int8multirange;
  known jsonb;
  fault text;
  own bigint;
  counted bigint;
BEGIN
  PERFORM lock_sources(ARRAY[source]);
  SELECT attempts.outcomes INTO known FROM attempts WHERE attempts.id = in_attempt;
  IF FOUND THEN
    RETURN known;
  END IF;
  fault := fence_repair(in_batch);
  IF fault IS NOT NULL THEN
    RETURN (SELECT jsonb_build_object('fenced', fault, 'next_offset', max(next_offset), 'revision', max(revision))
      FROM sources WHERE id = source);
  END IF;

  own := nextval(pg_get_serial_sequence('batches', 'id'));
  INSERT INTO repaired_rows (batch_id, repair_id, source_id, good, still_bad, rules_left)
    VALUES (own, (in_batch ->> 'repair')::bigint, source, made_good, (in_batch ->> 'still_bad')::int8multirange,
      in_batch -> 'rules_left');
  UPDATE sources SET revision = revision + 1 WHERE id = source AND NOT isempty(made_good);
  UPDATE repairs SET leased_until = clock_timestamp() + make_interval(secs => in_lease_secs)
    WHERE id = (in_batch ->> 'repair')::bigint;

  -- The counter last: it is held to the commit's end and sets its place among all commits.
  UPDATE contracts SET version = version + 1 WHERE name = contract RETURNING version INTO counted;
  INSERT INTO batches (
      id, tenant, contract, contract_version, version, kind, source_id, revision, received, good, bad, duplicate,
      tombstone, repaired, event_time_min, event_time_max, token, attempt)
    SELECT own, given.tenant, contract, given.contract_version, counted, given.kind, source, given.revision, 0, 0, 0, 0,
      0, given.repaired, moment(given.event_micros_min), moment(given.event_micros_max), given.token, in_attempt
    FROM jsonb_to_record(in_batch) AS given (
      tenant text, contract_version text, kind text, revision bigint, repaired bigint, event_micros_min bigint,
      event_micros_max bigint, token uuid);
  INSERT INTO files (
      kind, path, batch_id, source_id, rows, bytes, sha256, event_micros_min, event_micros_max, contract,
      contract_version, token, version_added)
    SELECT given.kind, path, own, source, rows, bytes, decode(sha256, 'hex'), event_micros_min, event_micros_max,
      contract, in_batch ->> 'contract_version', (in_batch ->> 'token')::uuid, counted
    FROM jsonb_to_recordset(in_batch -> 'files') AS given (
      kind text, path text, rows bigint, bytes bigint, sha256 text, event_micros_min bigint, event_micros_max bigint);
  known := jsonb_build_object('batch', own, 'version', counted);
  INSERT INTO attempts (id, outcomes) VALUES (in_attempt, known);
  RETURN known;
END $$;

-- Opens the one run of a slot and makes its claims, as before: every batch with good or repaired rows that no claim of
-- this pipeline and purpose covers, and the open claims of runs that failed. Without any it is skipped. A slot that has
-- its run answers that run and opens nothing. With `in_alone` a slot that falls into the life of another run is skipped.
CREATE OR REPLACE FUNCTION open_run(
  in_tenant text, in_pipeline text, in_purpose text, in_slot timestamptz, in_contracts text[], in_model text,
  in_alone boolean)
RETURNS TABLE (run_id bigint, opened boolean, state text, claims bigint, message text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  opened_id bigint;
  busy timestamptz;
  made bigint;
BEGIN
  PERFORM make_prediction_months();
  INSERT INTO pipelines (name) VALUES (in_pipeline) ON CONFLICT (name) DO NOTHING;
  INSERT INTO contracts (name) SELECT unnest(in_contracts) ORDER BY 1 ON CONFLICT (name) DO NOTHING;
  -- One slot of a pipeline at a time, so that each sees the runs of the others.
  PERFORM FROM pipelines WHERE name = in_pipeline FOR NO KEY UPDATE;
  INSERT INTO runs (tenant, pipeline, purpose, slot_utc, model_version)
    VALUES (in_tenant, in_pipeline, in_purpose, in_slot, in_model)
    ON CONFLICT (pipeline, purpose, slot_utc) DO NOTHING RETURNING id INTO opened_id;
  IF opened_id IS NULL THEN
    RETURN QUERY SELECT runs.id, false, runs.state, runs.claims, runs.message FROM runs
      WHERE pipeline = in_pipeline AND purpose = in_purpose AND slot_utc = in_slot;
    RETURN;
  END IF;

  IF in_alone THEN
    SELECT max(slot_utc) INTO busy FROM runs
      WHERE pipeline = in_pipeline AND purpose = in_purpose AND id <> opened_id AND state <> 'skipped'
        AND (ended_at IS NULL OR ended_at > in_slot AND started_at <= in_slot);
    IF busy IS NOT NULL THEN
      RETURN QUERY UPDATE runs SET state = 'skipped', ended_at = clock_timestamp(),
          message = format('the run of %s was still at work', to_char(busy AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC'))
        WHERE id = opened_id RETURNING runs.id, true, runs.state, runs.claims, runs.message;
      RETURN;
    END IF;
  END IF;

  INSERT INTO claim_cursors (pipeline, purpose, contract)
    SELECT in_pipeline, in_purpose, unnest(in_contracts) ORDER BY 3 ON CONFLICT DO NOTHING;
  PERFORM FROM claim_cursors WHERE pipeline = in_pipeline AND purpose = in_purpose AND contract = ANY (in_contracts)
    ORDER BY contract FOR UPDATE;
  -- One statement, one snapshot: the versions read and the batches seen belong together. What a scorer still holds of
  -- a failed run keeps its model.
  WITH read AS (
    SELECT cursors.contract, cursors.version AS after, contracts.version AS upto
    FROM claim_cursors AS cursors JOIN contracts ON contracts.name = cursors.contract
    WHERE cursors.pipeline = in_pipeline AND cursors.purpose = in_purpose AND cursors.contract = ANY (in_contracts)
  ), taken_over AS (
    UPDATE claims SET run_id = opened_id,
        model_version = CASE WHEN claims.leased_until > clock_timestamp() THEN claims.model_version ELSE in_model END
      FROM runs WHERE runs.id = claims.run_id AND runs.pipeline = in_pipeline AND runs.purpose = in_purpose
        AND runs.state = 'failed' AND claims.state = 'open'
      RETURNING claims.id
  ), made_claims AS (
    INSERT INTO claims (pipeline, purpose, batch_id, run_id, model_version)
      SELECT in_pipeline, in_purpose, batches.id, opened_id, in_model
      FROM read JOIN batches ON batches.contract = read.contract
        AND batches.version > read.after AND batches.version <= read.upto
      WHERE batches.good + batches.repaired > 0
      ORDER BY batches.version, batches.id
      ON CONFLICT (pipeline, purpose, batch_id) DO NOTHING
      RETURNING id
  ), moved AS (
    UPDATE claim_cursors AS cursors SET version = read.upto FROM read
      WHERE cursors.pipeline = in_pipeline AND cursors.purpose = in_purpose AND cursors.contract = read.contract
  )
  UPDATE runs SET claims = (SELECT count(*) FROM made_claims) + (SELECT count(*) FROM taken_over),
      read_versions = (SELECT coalesce(jsonb_object_agg(contract, upto), '{}') FROM read)
    WHERE id = opened_id RETURNING runs.claims INTO made;
  IF made = 0 THEN
    UPDATE runs SET state = 'skipped', ended_at = clock_timestamp() WHERE id = opened_id;
  END IF;
  RETURN QUERY SELECT runs.id, true, runs.state, runs.claims, runs.message FROM runs WHERE id = opened_id;
END $$;
