-- Rows of published files where a batch holds many: a bit a row. Rows of a keyed topic are spread over its partitions, so
-- that a batch's ranges are nearly as many as its rows, and reading one range costs more than judging its row. A block
-- with few ranges stays in `batch_file_rows`; no row of a batch is in both.
CREATE TABLE batch_file_blocks (
  batch_id bigint NOT NULL REFERENCES batches (id) DEFERRABLE INITIALLY DEFERRED,
  source_id bigint NOT NULL,
  contract text NOT NULL,
  file_sha256 bytea NOT NULL CHECK (length(file_sha256) = 32),
  -- Rows block * 65536 and following, the first of them leftmost.
  block bigint NOT NULL CHECK (block >= 0),
  rows bit(65536) NOT NULL,
  PRIMARY KEY (batch_id, file_sha256, block)
);
CREATE INDEX batch_file_blocks_file ON batch_file_blocks (file_sha256, contract);
CREATE INDEX batch_file_blocks_source ON batch_file_blocks (source_id);
GRANT INSERT ON batch_file_blocks TO muster_ingest;

CREATE OR REPLACE FUNCTION put_batch_parts(in_id bigint, in_batch jsonb) RETURNS void
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
  INSERT INTO batch_file_blocks (batch_id, source_id, contract, file_sha256, block, rows)
    SELECT in_id, (in_batch ->> 'source')::bigint, in_batch ->> 'contract', decode(file, 'hex'), block,
      ('x' || bits)::bit(65536)
    FROM jsonb_to_recordset(in_batch -> 'file_blocks') AS given (file text, block bigint, bits text);
  PERFORM put_alerts(in_batch -> 'alerts', in_id, NULL);
END $$;
