-- Pipelines, model versions and their aliases, runs and claims.

CREATE TABLE pipelines (
  name text PRIMARY KEY CHECK (name <> ''),
  first_seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE model_versions (
  pipeline text NOT NULL REFERENCES pipelines (name),
  model_version text NOT NULL CHECK (model_version ~ '^[0-9a-f]{64}$'),
  -- The folder of its files, below the project's.
  path text NOT NULL,
  pipeline_text text NOT NULL,
  view_version text NOT NULL,
  metrics jsonb NOT NULL,
  -- The contracts' versions the training rows were read at: {contract: version}.
  read_versions jsonb NOT NULL DEFAULT '{}',
  trained_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (pipeline, model_version)
);

CREATE TABLE model_aliases (
  pipeline text NOT NULL,
  alias text NOT NULL CHECK (alias <> ''),
  model_version text NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (pipeline, alias),
  FOREIGN KEY (pipeline, model_version) REFERENCES model_versions (pipeline, model_version)
);

-- Every move of an alias, for the record.
CREATE TABLE model_alias_moves (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline text NOT NULL,
  alias text NOT NULL,
  model_version text NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE runs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL DEFAULT 'default',
  pipeline text NOT NULL REFERENCES pipelines (name),
  purpose text NOT NULL CHECK (purpose <> ''),
  slot_utc timestamptz NOT NULL,
  model_version text NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'skipped', 'failed')),
  message text,
  -- The contracts' versions it read: {contract: version}.
  read_versions jsonb NOT NULL DEFAULT '{}',
  claims bigint NOT NULL DEFAULT 0,
  predictions bigint NOT NULL DEFAULT 0,
  corrupt bigint NOT NULL DEFAULT 0,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  UNIQUE (pipeline, purpose, slot_utc),
  FOREIGN KEY (pipeline, model_version) REFERENCES model_versions (pipeline, model_version),
  CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE INDEX runs_open ON runs (pipeline, purpose) WHERE state = 'open';
CREATE INDEX runs_started_at ON runs (started_at);

-- Up to which version of a contract batches have claims, for a pipeline and purpose.
CREATE TABLE claim_cursors (
  pipeline text NOT NULL REFERENCES pipelines (name),
  purpose text NOT NULL,
  contract text NOT NULL REFERENCES contracts (name),
  version bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (pipeline, purpose, contract)
);

CREATE TABLE claims (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline text NOT NULL REFERENCES pipelines (name),
  purpose text NOT NULL,
  batch_id bigint NOT NULL REFERENCES batches (id),
  run_id bigint NOT NULL REFERENCES runs (id),
  model_version text NOT NULL,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'corrupt', 'failed')),
  token uuid,
  worker text,
  -- Until when the token's holder is left alone, by the database's clock.
  leased_until timestamptz,
  tries integer NOT NULL DEFAULT 0,
  predictions bigint,
  message text,
  ended_at timestamptz,
  UNIQUE (pipeline, purpose, batch_id),
  CHECK ((state = 'open') = (ended_at IS NULL)),
  CHECK ((state = 'done') = (predictions IS NOT NULL))
);
CREATE INDEX claims_open ON claims (run_id, id) WHERE state = 'open';
CREATE INDEX claims_batch ON claims (batch_id);

ALTER TABLE tokens ADD FOREIGN KEY (claim_id) REFERENCES claims (id);
ALTER TABLE files ADD FOREIGN KEY (claim_id) REFERENCES claims (id);
ALTER TABLE alerts ADD FOREIGN KEY (run_id) REFERENCES runs (id);

-- Keeps an immutable model version. The first becomes champion, a later one challenger until promoted. Answers the
-- alias it took; null when the version was kept before.
CREATE FUNCTION keep_model(
  in_pipeline text, in_version text, in_path text, in_pipeline_text text, in_view_version text, in_metrics jsonb,
  in_read_versions jsonb) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  taken text;
BEGIN
  INSERT INTO pipelines (name) VALUES (in_pipeline) ON CONFLICT (name) DO NOTHING;
  PERFORM FROM pipelines WHERE name = in_pipeline FOR UPDATE;
  INSERT INTO model_versions (
      pipeline, model_version, path, pipeline_text, view_version, metrics, read_versions)
    VALUES (in_pipeline, in_version, in_path, in_pipeline_text, in_view_version, in_metrics, in_read_versions)
    ON CONFLICT (pipeline, model_version) DO NOTHING;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  taken := CASE
    WHEN EXISTS (SELECT FROM model_aliases WHERE pipeline = in_pipeline AND alias = 'champion') THEN 'challenger'
    ELSE 'champion'
  END;
  PERFORM move_alias(in_pipeline, taken, in_version);
  RETURN taken;
END $$;

-- Points an alias at a version. False when there is no such version. A challenger that becomes champion is no
-- challenger any more.
CREATE FUNCTION move_alias(in_pipeline text, in_alias text, in_version text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM pipelines WHERE name = in_pipeline FOR UPDATE;
  IF NOT EXISTS (SELECT FROM model_versions WHERE pipeline = in_pipeline AND model_version = in_version) THEN
    RETURN false;
  END IF;
  INSERT INTO model_aliases (pipeline, alias, model_version) VALUES (in_pipeline, in_alias, in_version)
    ON CONFLICT (pipeline, alias) DO UPDATE SET model_version = excluded.model_version, moved_at = now();
  INSERT INTO model_alias_moves (pipeline, alias, model_version) VALUES (in_pipeline, in_alias, in_version);
  IF in_alias = 'champion' THEN
    DELETE FROM model_aliases WHERE pipeline = in_pipeline AND alias = 'challenger' AND model_version = in_version;
  END IF;
  RETURN true;
END $$;

-- Opens the one run of a slot and makes its claims: every batch with good rows that no claim of this pipeline and
-- purpose covers. Without any it is skipped. A slot that has its run answers that run and opens nothing.
CREATE FUNCTION open_run(
  in_tenant text, in_pipeline text, in_purpose text, in_slot timestamptz, in_contracts text[], in_model text)
RETURNS TABLE (run_id bigint, opened boolean, state text, claims bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  opened_id bigint;
  made bigint;
BEGIN
  PERFORM make_prediction_months();
  INSERT INTO pipelines (name) VALUES (in_pipeline) ON CONFLICT (name) DO NOTHING;
  INSERT INTO contracts (name) SELECT unnest(in_contracts) ORDER BY 1 ON CONFLICT (name) DO NOTHING;
  INSERT INTO runs (tenant, pipeline, purpose, slot_utc, model_version)
    VALUES (in_tenant, in_pipeline, in_purpose, in_slot, in_model)
    ON CONFLICT (pipeline, purpose, slot_utc) DO NOTHING RETURNING id INTO opened_id;
  IF opened_id IS NULL THEN
    RETURN QUERY SELECT runs.id, false, runs.state, runs.claims FROM runs
      WHERE pipeline = in_pipeline AND purpose = in_purpose AND slot_utc = in_slot;
    RETURN;
  END IF;

  INSERT INTO claim_cursors (pipeline, purpose, contract)
    SELECT in_pipeline, in_purpose, unnest(in_contracts) ORDER BY 3 ON CONFLICT DO NOTHING;
  PERFORM FROM claim_cursors WHERE pipeline = in_pipeline AND purpose = in_purpose AND contract = ANY (in_contracts)
    ORDER BY contract FOR UPDATE;
  -- One statement, one snapshot: the versions read and the batches seen belong together.
  WITH read AS (
    SELECT cursors.contract, cursors.version AS after, contracts.version AS upto
    FROM claim_cursors AS cursors JOIN contracts ON contracts.name = cursors.contract
    WHERE cursors.pipeline = in_pipeline AND cursors.purpose = in_purpose AND cursors.contract = ANY (in_contracts)
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
  UPDATE runs SET claims = (SELECT count(*) FROM made_claims),
      read_versions = (SELECT coalesce(jsonb_object_agg(contract, upto), '{}') FROM read)
    WHERE id = opened_id RETURNING runs.claims INTO made;
  IF made = 0 THEN
    UPDATE runs SET state = 'skipped', ended_at = clock_timestamp() WHERE id = opened_id;
  END IF;
  RETURN QUERY SELECT runs.id, true, runs.state, runs.claims FROM runs WHERE id = opened_id;
END $$;

-- Takes the next claim of a pipeline's open runs, oldest first: one nobody holds, or whose lease has run out. Its new
-- token fences whoever held it.
CREATE FUNCTION take_claim(in_pipeline text, in_purpose text, in_worker text, in_lease_secs double precision)
RETURNS TABLE (
  claim_id bigint, token uuid, run_id bigint, slot_utc timestamptz, batch_id bigint, model_version text, tries integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  taken bigint;
BEGIN
  SELECT claims.id INTO taken FROM claims JOIN runs ON runs.id = claims.run_id
    WHERE runs.pipeline = in_pipeline AND runs.purpose = in_purpose AND runs.state = 'open'
      AND claims.state = 'open'
      AND (claims.leased_until IS NULL OR claims.leased_until < clock_timestamp())
    ORDER BY claims.run_id, claims.id LIMIT 1
    FOR UPDATE OF claims SKIP LOCKED;
  IF taken IS NULL THEN
    RETURN;
  END IF;
  UPDATE tokens SET superseded_at = clock_timestamp() WHERE claim_id = taken AND superseded_at IS NULL;
  UPDATE claims SET token = gen_random_uuid(), worker = in_worker, tries = tries + 1,
      leased_until = clock_timestamp() + make_interval(secs => in_lease_secs)
    WHERE id = taken;
  INSERT INTO tokens (token, writer, claim_id, worker)
    SELECT token, 'claim', id, in_worker FROM claims WHERE id = taken;
  RETURN QUERY
    SELECT claims.id, claims.token, claims.run_id, runs.slot_utc, claims.batch_id, claims.model_version, claims.tries
    FROM claims JOIN runs ON runs.id = claims.run_id WHERE claims.id = taken;
END $$;

-- Lengthens the lease of a claim that is still held. False when it is not.
CREATE FUNCTION extend_claim(in_claim bigint, in_token uuid, in_lease_secs double precision) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE claims SET leased_until = clock_timestamp() + make_interval(secs => in_lease_secs)
    WHERE id = in_claim AND token = in_token AND state = 'open';
  RETURN FOUND;
END $$;

-- Ends a claim: `done` with its predictions and features file, `corrupt` or `failed` with a message. False when the
-- token has passed on or the claim has ended: the caller rolls back. The run ends with its last claim; its row is
-- locked first, so that of two claims ended at once the second sees the first.
CREATE FUNCTION end_claim(
  in_claim bigint, in_token uuid, in_state text, in_predictions bigint, in_message text, in_files jsonb,
  in_alerts jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  held claims;
BEGIN
  PERFORM FROM runs WHERE id = (SELECT run_id FROM claims WHERE id = in_claim) FOR NO KEY UPDATE;
  SELECT * INTO held FROM claims WHERE id = in_claim FOR NO KEY UPDATE;
  IF NOT FOUND OR held.token IS DISTINCT FROM in_token OR held.state <> 'open' THEN
    RETURN false;
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
  UPDATE runs SET state = 'done', ended_at = clock_timestamp()
    WHERE id = held.run_id AND state = 'open'
      AND NOT EXISTS (SELECT FROM claims WHERE run_id = held.run_id AND state = 'open');
  RETURN true;
END $$;
