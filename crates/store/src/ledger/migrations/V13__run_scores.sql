-- Predictions counted by run, band and twentieth of the score: what a dashboard reads, whose cost must grow with runs
-- and not with predictions. Added to with each claim's predictions, in their transaction.
CREATE TABLE run_scores (
  run_id bigint NOT NULL REFERENCES runs (id),
  band text NOT NULL,
  -- N counts the scores from N/20 up to below (N+1)/20; a score of 1 is in the last.
  twentieth smallint NOT NULL CHECK (twentieth BETWEEN 0 AND 19),
  predictions bigint NOT NULL CHECK (predictions > 0),
  PRIMARY KEY (run_id, band, twentieth)
);
GRANT INSERT, UPDATE ON run_scores TO muster_score;

INSERT INTO run_scores (run_id, band, twentieth, predictions)
  SELECT run_id, band, least(floor(score * 20), 19), count(*)
  FROM predictions JOIN claims ON claims.id = predictions.claim_id GROUP BY 1, 2, 3;
