-- Drift: batches' features counted in windows, and what each window says of each feature.

-- A window's counts, by model. A batch adds to it in its own commit, so that a batch is counted once or not at all.
CREATE TABLE drift_windows (
  tenant text NOT NULL,
  pipeline text NOT NULL,
  model_version text NOT NULL,
  -- When its first batch may have been committed, and from when on the next window takes them.
  began_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  batches bigint NOT NULL CHECK (batches > 0),
  rows bigint NOT NULL CHECK (rows > 0),
  -- For each feature after another: rows without a value, rows of a new level, rows in each cell of the model's reference.
  counts bigint[] NOT NULL,
  -- For each feature, the buckets of its new levels as bits.
  new_levels bigint[] NOT NULL,
  -- How often it was held against training, and with how many rows the last time.
  looks integer NOT NULL DEFAULT 0,
  looked_rows bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, pipeline, model_version, began_at),
  FOREIGN KEY (pipeline, model_version) REFERENCES model_versions (pipeline, model_version),
  CHECK (ends_at > began_at),
  CHECK (looked_rows <= rows)
);
CREATE INDEX drift_windows_open ON drift_windows (tenant, pipeline) WHERE rows > looked_rows;

-- What the last look at a window said of each feature. As many rows as windows have features, however many batches.
CREATE TABLE drift (
  tenant text NOT NULL,
  pipeline text NOT NULL,
  model_version text NOT NULL,
  feature text NOT NULL,
  began_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('few', 'fine', 'warn', 'alert')),
  -- The measure that says so: psi, ks, missing, new_levels; null where none has reached a limit.
  measure text,
  rows bigint NOT NULL,
  psi double precision,
  -- What the index would be without drift, on the average, and at most how likely it is then.
  psi_expected double precision,
  psi_chance double precision,
  ks double precision,
  ks_chance double precision,
  missing_ratio double precision NOT NULL,
  -- How far that is from training's.
  missing_change double precision NOT NULL,
  missing_chance double precision NOT NULL,
  new_levels_ratio double precision,
  new_levels_chance double precision,
  new_levels_distinct bigint NOT NULL,
  looked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, pipeline, model_version, began_at, feature),
  FOREIGN KEY (tenant, pipeline, model_version, began_at)
    REFERENCES drift_windows (tenant, pipeline, model_version, began_at)
);
CREATE INDEX drift_began_at ON drift (pipeline, began_at);

GRANT INSERT, UPDATE ON drift_windows, drift TO muster_ingest;

-- Adds what a batch counted to the windows of its commit. A pipeline reads one contract, whose counter the commit holds by
-- now: no other commit adds to these windows meanwhile.
CREATE FUNCTION add_drift(in_tenant text, in_drift jsonb) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO drift_windows (tenant, pipeline, model_version, began_at, ends_at, batches, rows, counts, new_levels)
    SELECT coalesce(in_tenant, 'default'), pipeline, model_version, began_at, began_at + length, 1, rows, counts, new_levels
    FROM jsonb_to_recordset(coalesce(in_drift, '[]')) AS given (
      pipeline text, model_version text, window_secs bigint, rows bigint, counts bigint[], new_levels bigint[])
      CROSS JOIN LATERAL make_interval(secs => window_secs) AS length
      CROSS JOIN LATERAL date_bin(length, clock_timestamp(), 'epoch') AS began_at
    ON CONFLICT (tenant, pipeline, model_version, began_at) DO UPDATE
    SET batches = drift_windows.batches + 1, rows = drift_windows.rows + excluded.rows,
      counts = array(SELECT one + other FROM unnest(drift_windows.counts, excluded.counts)
        WITH ORDINALITY AS both_counts (one, other, place) ORDER BY place),
      new_levels = array(SELECT one | other FROM unnest(drift_windows.new_levels, excluded.new_levels)
        WITH ORDINALITY AS both_levels (one, other, place) ORDER BY place);
$$;

-- Writes down what a look at a window says, with the alerts it calls for. False when another worker looked before: then
-- nothing is written. Of a window that a later one of the model was looked at after, nobody is told any more.
CREATE FUNCTION put_drift(
  in_tenant text, in_pipeline text, in_model text, in_began_at timestamptz, in_looks integer, in_rows bigint,
  in_found jsonb, in_alerts jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE drift_windows SET looks = in_looks + 1, looked_rows = in_rows
    WHERE tenant = in_tenant AND pipeline = in_pipeline AND model_version = in_model AND began_at = in_began_at
      AND looks = in_looks;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO drift (
      tenant, pipeline, model_version, feature, began_at, state, measure, rows, psi, psi_expected, psi_chance, ks,
      ks_chance, missing_ratio, missing_change, missing_chance, new_levels_ratio, new_levels_chance, new_levels_distinct)
    SELECT in_tenant, in_pipeline, in_model, feature, in_began_at, state, measure, rows, psi, psi_expected, psi_chance, ks,
      ks_chance, missing_ratio, missing_change, missing_chance, new_levels_ratio, new_levels_chance, new_levels_distinct
    FROM jsonb_to_recordset(in_found) AS given (
      feature text, state text, measure text, rows bigint, psi double precision, psi_expected double precision,
      psi_chance double precision, ks double precision, ks_chance double precision, missing_ratio double precision,
      missing_change double precision, missing_chance double precision, new_levels_ratio double precision,
      new_levels_chance double precision, new_levels_distinct bigint)
    ON CONFLICT (tenant, pipeline, model_version, began_at, feature) DO UPDATE
    SET state = excluded.state, measure = excluded.measure, rows = excluded.rows, psi = excluded.psi,
      psi_expected = excluded.psi_expected, psi_chance = excluded.psi_chance, ks = excluded.ks,
      ks_chance = excluded.ks_chance, missing_ratio = excluded.missing_ratio, missing_change = excluded.missing_change,
      missing_chance = excluded.missing_chance, new_levels_ratio = excluded.new_levels_ratio,
      new_levels_chance = excluded.new_levels_chance, new_levels_distinct = excluded.new_levels_distinct,
      looked_at = clock_timestamp();
  IF NOT EXISTS (
    SELECT FROM drift_windows WHERE tenant = in_tenant AND pipeline = in_pipeline AND model_version = in_model
      AND began_at > in_began_at AND looks > 0)
  THEN
    PERFORM put_alerts(in_alerts, NULL, NULL);
  END IF;
  RETURN true;
END $$;

-- As before, and adds to the windows of drift.
CREATE OR REPLACE FUNCTION put_batch(in_id bigint, in_batch jsonb, in_attempt uuid, in_version bigint) RETURNS void
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
  PERFORM add_drift(in_batch ->> 'tenant', in_batch -> 'drift');
END $$;
