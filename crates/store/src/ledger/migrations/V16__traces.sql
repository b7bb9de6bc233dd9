-- What traces and verifications look up: predictions by their claim and position, alerts by what raised them, the bands
-- that scores were put into.

-- A claim's rows come in the order of their offsets, and claims in the order of their numbers: new entries go to the end.
DROP INDEX predictions_claim;
CREATE INDEX predictions_claim ON predictions (claim_id, record_offset);
CREATE INDEX alerts_batch ON alerts (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX alerts_run ON alerts (run_id) WHERE run_id IS NOT NULL;

-- The pipeline's bands when the claim was scored: [{"name": NAME, "from": SCORE}], highest first. Null where it was scored
-- before they were kept.
ALTER TABLE claims ADD COLUMN bands jsonb;

-- As before, with the id that a prediction goes by: its claim and its offset.
CREATE OR REPLACE VIEW prediction_details AS
  SELECT predictions.tenant, claims.pipeline, claims.purpose, claims.model_version, claims.run_id, predictions.entity,
    predictions.score, predictions.band, predictions.reasons, sources.topic, sources.partition,
    predictions.source_id, predictions.record_offset, predictions.as_of, predictions.batch_id, predictions.scored_at,
    predictions.claim_id || '-' || predictions.record_offset AS prediction
  FROM predictions
  JOIN claims ON claims.id = predictions.claim_id
  LEFT JOIN sources ON sources.id = predictions.source_id;
