-- Predictions: narrow, a partition a month, and no uniqueness index: the fenced claim makes each once.

CREATE TABLE predictions (
  tenant text NOT NULL,
  -- Leads to pipeline, purpose, run and model version.
  claim_id bigint NOT NULL,
  batch_id bigint NOT NULL,
  -- The position, where a row was scored; an as-of time, where an entity was.
  source_id bigint,
  record_offset bigint,
  as_of timestamptz,
  entity text,
  score double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
  band text NOT NULL,
  -- [{"feature": NAME, "contribution": log-odds}], largest first; null where reasons are made on demand.
  reasons jsonb,
  scored_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((source_id IS NULL) = (record_offset IS NULL)),
  CHECK ((source_id IS NULL) <> (as_of IS NULL))
) PARTITION BY RANGE (scored_at);

CREATE INDEX predictions_claim ON predictions USING brin (claim_id);
CREATE INDEX predictions_scored_at ON predictions USING brin (scored_at);
CREATE INDEX predictions_entity ON predictions (entity);

CREATE TABLE predictions_rest PARTITION OF predictions DEFAULT;

-- Makes the partitions of this month and the next. Roles that may not make tables call it; rows that came before
-- their partition stay in the default one, and then the month goes on there.
CREATE FUNCTION make_prediction_months() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = muster, pg_temp AS $$
DECLARE
  month date;
  partition_name text;
BEGIN
  FOR month IN
    SELECT generate_series(this_month, this_month + interval '1 month', interval '1 month')::date
    FROM date_trunc('month', now() AT TIME ZONE 'UTC') AS this_month
  LOOP
    partition_name := format('predictions_%s', to_char(month, 'YYYY_MM'));
    IF to_regclass(partition_name) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE TABLE %I PARTITION OF predictions FOR VALUES FROM (%L) TO (%L)', partition_name,
          format('%s 00:00:00+00', month), format('%s 00:00:00+00', (month + interval '1 month')::date));
      EXCEPTION WHEN duplicate_table OR check_violation THEN
        NULL;
      END;
    END IF;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION make_prediction_months() FROM PUBLIC;
SELECT make_prediction_months();

-- What a person reads: each prediction with its pipeline, model and position.
CREATE VIEW prediction_details AS
  SELECT predictions.tenant, claims.pipeline, claims.purpose, claims.model_version, claims.run_id, predictions.entity,
    predictions.score, predictions.band, predictions.reasons, sources.topic, sources.partition,
    predictions.source_id, predictions.record_offset, predictions.as_of, predictions.batch_id, predictions.scored_at
  FROM predictions
  JOIN claims ON claims.id = predictions.claim_id
  LEFT JOIN sources ON sources.id = predictions.source_id;
