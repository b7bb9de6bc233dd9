-- How runs come to an end: a slot is skipped while another run works, a run that cannot go on is given up and leaves
-- its open claims to the next one, and a scorer that cannot finish a claim gives it back.

CREATE INDEX runs_ended_at ON runs (pipeline, purpose, ended_at) WHERE state <> 'skipped';
CREATE INDEX runs_failed ON runs (pipeline, purpose) WHERE state = 'failed';

DROP FUNCTION open_run(text, text, text, timestamptz, text[], text);

-- Opens the one run of a slot and makes its claims: every batch with good rows that no claim of this pipeline and
-- purpose covers, and the open claims of runs that failed. Without any it is skipped. A slot that has its run answers
-- that run and opens nothing. With `in_alone` a slot that falls into the life of another run is skipped.
CREATE FUNCTION open_run(
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
      WHERE batches.good > 0
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

-- Gives a run up, with the reason people see. Its open claims go to the pipeline's next run. False when the run has
-- ended before.
CREATE FUNCTION fail_run(in_run bigint, in_message text, in_alerts jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE runs SET state = 'failed', message = in_message, ended_at = clock_timestamp()
    WHERE id = in_run AND state = 'open';
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM put_alerts(in_alerts, NULL, in_run);
  RETURN true;
END $$;

-- Gives a claim back before its lease runs out; the try counts when the claim is to blame. False when it has passed on.
CREATE FUNCTION release_claim(in_claim bigint, in_token uuid, in_counts boolean) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE claims SET token = NULL, worker = NULL, leased_until = NULL, tries = tries - (NOT in_counts)::integer
    WHERE id = in_claim AND token = in_token AND state = 'open';
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE tokens SET superseded_at = clock_timestamp() WHERE token = in_token;
  RETURN true;
END $$;

-- Ends a claim: `done` with its predictions and features file, `corrupt` or `failed` with a message. False when the
-- token has passed on or the claim has ended: the caller rolls back. The run ends with its last claim, `failed` when
-- none of its batches could be scored; its row is locked first, so that of two claims ended at once the second sees
-- the first.
CREATE OR REPLACE FUNCTION end_claim(
  in_claim bigint, in_token uuid, in_state text, in_predictions bigint, in_message text, in_files jsonb,
  in_alerts jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  of_run bigint;
  held claims;
  scored boolean;
BEGIN
  SELECT run_id INTO of_run FROM claims WHERE id = in_claim;
  PERFORM FROM runs WHERE id = of_run FOR NO KEY UPDATE;
  SELECT * INTO held FROM claims WHERE id = in_claim FOR NO KEY UPDATE;
  IF NOT FOUND OR held.token IS DISTINCT FROM in_token OR held.state <> 'open' THEN
    RETURN false;
  END IF;
  -- A run may have failed and its claims gone to the next one in between.
  IF held.run_id <> of_run THEN
    PERFORM FROM runs WHERE id = held.run_id FOR NO KEY UPDATE;
  END IF;
  INSERT INTO files (kind, path, claim_id, rows, bytes, sha256, event_micros_min, event_micros_max, token)
    SELECT kind, path, in_claim, rows, bytes, decode(sha256, 'hex'), event_micros_min, event_micros_max, in_token
    FROM jsonb_to_recordset(coalesce(in_files, '[]')) AS given (
      kind text, path text, rows bigint, bytes bigint, sha256 text, event_micros_min bigint, event_micros_max bigint);
  PERFORM put_alerts(in_alerts, NULL, held.run_id);
  UPDATE claims SET state = in_state, predictions = in_predictions, message = in_message, leased_until = NULL,
    ended_at = clock_timestamp() WHERE id = in_claim;
  UPDATE tokens SET superseded_at = clock_timestamp() WHERE token = in_token;
  UPDATE runs SET predictions = predictions + coalesce(in_predictions, 0),
      corrupt = corrupt + (in_state <> 'done')::integer
    WHERE id = held.run_id;
  IF NOT EXISTS (SELECT FROM claims WHERE run_id = held.run_id AND state = 'open') THEN
    scored := EXISTS (SELECT FROM claims WHERE run_id = held.run_id AND state = 'done');
    UPDATE runs SET ended_at = clock_timestamp(), state = CASE WHEN scored THEN 'done' ELSE 'failed' END,
        message = CASE WHEN NOT scored THEN 'none of its batches could be scored; the last: ' || in_message END
      WHERE id = held.run_id AND state = 'open';
  END IF;
  RETURN true;
END $$;
