-- A month of a busy ledger beside what is there: BATCHES batches of two contracts in 16 sources, each scored by a claim
-- with ROWS predictions, with the violations, statistics, alerts, repairs, pauses and parked batches of such a month.
INSERT INTO contracts (name, version) SELECT 'load.' || n, BATCHES FROM generate_series(1, 2) AS n;
INSERT INTO contract_versions (contract, contract_version, topic, contract_text, schema_text)
  SELECT name, repeat('a', 64), name || '.v1', '', '' FROM contracts WHERE name LIKE 'load.%';
INSERT INTO topics (topic, topic_id, incarnation, partitions)
  SELECT name || '.v1', gen_random_uuid(), 0, 8 FROM contracts WHERE name LIKE 'load.%';
INSERT INTO sources (topic, topic_id, partition, contract, first_offset, next_offset, token, worker, paused_reason, paused_at)
  SELECT topic, topic_id, n, left(topic, -3), 0, 1000000000, gen_random_uuid(), 'load', CASE n WHEN 7 THEN 'stop_above' END,
    CASE n WHEN 7 THEN now() END
  FROM topics, generate_series(0, 7) AS n WHERE topic LIKE 'load.%';
INSERT INTO pipelines (name) VALUES ('load');
INSERT INTO model_versions (pipeline, model_version, path, pipeline_text, view_version, metrics)
  SELECT 'load', repeat(n::text, 64), 'models/' || n, '', '1',
    '{"rows": 1000, "out_of_fold": {"measures": {"auc": 0.8, "log_loss": 0.4}}, "held_out": {"auc": 0.79}}'
  FROM generate_series(1, 3) AS n;
INSERT INTO model_aliases (pipeline, alias, model_version) VALUES ('load', 'champion', repeat('3', 64));

CREATE TEMP TABLE made AS
  SELECT nextval(pg_get_serial_sequence('batches', 'id')) AS id, n, source.id AS source_id, source.contract, source.token,
    now() - interval '30 days' * (1 - n::float8 / BATCHES) AS at
  FROM generate_series(1, BATCHES) AS n
  JOIN (SELECT *, row_number() OVER (ORDER BY id) AS place FROM sources WHERE topic LIKE 'load.%') AS source
    ON source.place = n % 16 + 1;
INSERT INTO batches (id, contract, contract_version, version, kind, source_id, from_offset, to_offset, revision, received,
    good, bad, duplicate, tombstone, repaired, event_time_min, event_time_max, token, attempt, committed_at)
  SELECT id, contract, repeat('a', 64), n, CASE WHEN n % 500 = 0 THEN 'repair' ELSE 'ingest' END, source_id,
    CASE WHEN n % 500 > 0 THEN n * 1000 END, CASE WHEN n % 500 > 0 THEN n * 1000 + ROWS + 12 END, 0,
    CASE WHEN n % 500 > 0 THEN ROWS + 12 ELSE 0 END, ROWS, CASE WHEN n % 500 > 0 THEN 10 ELSE 0 END,
    CASE WHEN n % 500 > 0 THEN 2 ELSE 0 END, 0, CASE WHEN n % 500 > 0 THEN 0 ELSE ROWS END, at - interval '1 minute', at,
    token, gen_random_uuid(), at
  FROM made;
INSERT INTO violations (batch_id, contract, rule_id, severity, rows, sample_offsets, committed_at)
  SELECT id, contract, 'field_' || rule || '.level', CASE rule % 5 WHEN 0 THEN 'warn' ELSE 'error' END, 1 + rule % 3,
    ARRAY[n * 1000, n * 1000 + 1], at
  FROM made, generate_series(n % 15, n % 15 + 4) AS rule;
INSERT INTO batch_statistics (batch_id, contract, measure, value, committed_at)
  SELECT id, contract, measure, random(), at FROM made, unnest(ARRAY['bad_ratio', 'rows', 'age.mean', 'age.null_ratio']) AS measure;
INSERT INTO alerts (fingerprint, condition, about, measured, threshold, measured_over, target, batch_id, raised_at, assigned_at)
  SELECT 'contract/' || contract || '/bad_ratio', 'bad_ratio', contract, 0.2, 0.1, 'a batch', 'data-quality', id, at,
    CASE WHEN n % 40 > 0 THEN at END
  FROM made WHERE n % 20 = 0;
INSERT INTO alert_messages (id, tenant, target, group_key, alerts, state, made_at, tries, ended_at)
  SELECT 'msg_' || lpad(id::text, 32, '0'), tenant, target, 'about=' || about, 1, 'delivered', raised_at, 1, raised_at
  FROM alerts WHERE assigned_at IS NOT NULL AND about LIKE 'load.%';
INSERT INTO alert_deliveries (alert_id, tenant, target, group_key, fingerprint, state, raised_at, message_id)
  SELECT id, tenant, target, 'about=' || about, fingerprint, state, raised_at, 'msg_' || lpad(id::text, 32, '0')
  FROM alerts WHERE assigned_at IS NOT NULL AND about LIKE 'load.%';
INSERT INTO runs (pipeline, purpose, slot_utc, model_version, state, claims, predictions, started_at, ended_at)
  SELECT 'load', 'score', date_trunc('minute', min(at)), repeat((1 + min(n) * 3 / (BATCHES + 1))::text, 64), 'done',
    count(*), count(*) * ROWS, min(at), min(at) + interval '7 seconds'
  FROM made GROUP BY n / 5;
INSERT INTO claim_cursors (pipeline, purpose, contract, version)
  SELECT 'load', 'score', name, BATCHES - 5 FROM contracts WHERE name LIKE 'load.%';
INSERT INTO claims (pipeline, purpose, batch_id, run_id, model_version, state, predictions, message, ended_at)
  SELECT 'load', 'score', made.id, run.id, run.model_version, CASE WHEN n % 1000 = 7 THEN 'corrupt' ELSE 'done' END,
    CASE WHEN n % 1000 = 7 THEN NULL ELSE ROWS END, CASE WHEN n % 1000 = 7 THEN 'a file is missing' END, at
  FROM made JOIN (SELECT id, model_version, row_number() OVER (ORDER BY id) - 1 AS place FROM runs WHERE pipeline = 'load') AS run
    ON run.place = n / 5;
CREATE TEMP TABLE drawn AS
  SELECT claims.id AS claim_id, batch_id, made.source_id, made.n * 1000 + k AS record_offset,
    random() * random() AS score, made.at
  FROM claims JOIN made ON made.id = claims.batch_id, generate_series(1, ROWS) AS k WHERE claims.state = 'done';
INSERT INTO predictions (tenant, claim_id, batch_id, source_id, record_offset, entity, score, band, reasons, scored_at)
  SELECT 'default', claim_id, batch_id, source_id, record_offset, (record_offset % 200000)::text, score,
    CASE WHEN score >= 0.5 THEN 'looking' WHEN score >= 0.25 THEN 'undecided' ELSE 'staying' END,
    '[{"feature": "city", "contribution": 0.77}, {"feature": "company_size", "contribution": 0.64}, {"feature": "experience", "contribution": -0.33}]', at
  FROM drawn;
INSERT INTO run_scores (run_id, band, twentieth, predictions)
  SELECT run_id, CASE WHEN score >= 0.5 THEN 'looking' WHEN score >= 0.25 THEN 'undecided' ELSE 'staying' END,
    least(floor(score * 20), 19), count(*)
  FROM drawn JOIN claims ON claims.id = drawn.claim_id GROUP BY 1, 2, 3;
INSERT INTO drift_windows (tenant, pipeline, model_version, began_at, ends_at, batches, rows, counts, new_levels, looks, looked_rows)
  SELECT 'default', 'load', repeat('3', 64), hour, hour + interval '1 hour', 60, 6000, ARRAY[0, 0, 6000], ARRAY[0], 3, 6000
  FROM generate_series(date_trunc('hour', now()) - interval '30 days', now(), '1 hour') AS hour;
INSERT INTO drift (tenant, pipeline, model_version, feature, began_at, state, measure, rows, psi, psi_expected, psi_chance, ks,
    ks_chance, missing_ratio, missing_change, missing_chance, new_levels_ratio, new_levels_chance, new_levels_distinct)
  SELECT tenant, pipeline, model_version, 'feature_' || n, began_at,
    CASE n WHEN 1 THEN 'alert' WHEN 2 THEN 'warn' ELSE 'fine' END, CASE WHEN n <= 2 THEN 'psi' END, rows, random() / n, 0.002,
    random(), random() / n, random(), random() / 10, random() / 10, random(), 0, 1, 0
  FROM drift_windows, generate_series(1, 12) AS n WHERE pipeline = 'load';
DROP TABLE made, drawn;
ANALYZE;
