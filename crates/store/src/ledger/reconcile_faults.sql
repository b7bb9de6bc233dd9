-- What does not add up, one line each.
WITH named AS (
  SELECT sources.*, format('source %s (`%s` partition %s)', id, topic, partition) AS label FROM sources
), steps AS (
  SELECT source_id, from_offset, to_offset FROM batches WHERE from_offset IS NOT NULL
  UNION ALL
  SELECT source_id, from_offset, to_offset FROM gaps
), chained AS (
  SELECT source_id, from_offset, to_offset,
    lag(to_offset) OVER (PARTITION BY source_id ORDER BY from_offset, to_offset) AS to_before
  FROM steps
), mended AS (
  SELECT source_id, lower(range) AS from_offset, upper(range) AS to_offset,
    max(upper(range)) OVER (PARTITION BY source_id ORDER BY lower(range), upper(range)
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS to_before
  FROM repaired_rows, unnest(good) AS range
), ends AS (
  SELECT source_id, min(from_offset) AS first_offset, max(to_offset) AS next_offset FROM steps GROUP BY source_id
), listed AS (
  SELECT batch_id, sum(rows) FILTER (WHERE kind = 'good') AS good, sum(rows) FILTER (WHERE kind = 'bad') AS bad
  -- What was removed past its age is not there any more and was counted all the same.
  FROM files WHERE batch_id IS NOT NULL AND (version_removed IS NULL OR removed_for = 'retained') GROUP BY batch_id
), broken AS (
  SELECT batch_id, sum(rows) FILTER (WHERE severity = 'error') AS violations FROM violations GROUP BY batch_id
), file_rows AS (
  SELECT contract, sum(counted) AS counted
  FROM (SELECT contract, upper(part) - lower(part) AS counted FROM batch_file_rows, unnest(batch_file_rows.rows) AS part
        UNION ALL SELECT contract, bit_count(rows) FROM batch_file_blocks) AS held GROUP BY contract
), distinct_ranges AS MATERIALIZED (
  SELECT contract, file_sha256, part
  FROM (SELECT contract, file_sha256, range_agg(part) AS rows
        FROM batch_file_rows, unnest(batch_file_rows.rows) AS part GROUP BY contract, file_sha256) AS held,
    unnest(held.rows) AS part
), distinct_blocks AS MATERIALIZED (
  SELECT contract, file_sha256, block, block * 65536 AS first, bit_or(rows) AS rows
  FROM batch_file_blocks GROUP BY contract, file_sha256, block
), distinct_file_rows AS (
  -- A row of one batch's range may be in another batch's block.
  SELECT contract, sum(counted) AS counted
  FROM (SELECT contract, upper(part) - lower(part) AS counted FROM distinct_ranges
        UNION ALL SELECT contract, bit_count(rows) FROM distinct_blocks
        UNION ALL
        SELECT contract, -bit_count(substring(rows
            FROM (greatest(lower(part) - first, 0) + 1)::int
            FOR (least(upper(part) - first, 65536) - greatest(lower(part) - first, 0))::int))
        FROM distinct_ranges JOIN distinct_blocks USING (contract, file_sha256)
        WHERE lower(part) < first + 65536 AND upper(part) > first) AS held
  GROUP BY contract
), duplicates AS (
  SELECT contract, sum(duplicate) AS counted FROM batches GROUP BY contract
)
SELECT format('%s: offsets %s to %s are in no batch and no recorded gap', label, to_before, from_offset)
  FROM chained JOIN named ON named.id = source_id WHERE from_offset > to_before
UNION ALL
SELECT format('%s: offsets %s to %s are in two batches', label, from_offset, least(to_before, to_offset))
  FROM chained JOIN named ON named.id = source_id WHERE from_offset < to_before
UNION ALL
SELECT format('%s: its next offset is %s and its batches end at %s', label, coalesce(named.next_offset::text, 'unset'),
    coalesce(ends.next_offset::text, 'none'))
  FROM named LEFT JOIN ends ON ends.source_id = named.id WHERE named.next_offset IS DISTINCT FROM ends.next_offset
UNION ALL
SELECT format('%s: its first offset is %s and its batches begin at %s', label,
    coalesce(named.first_offset::text, 'unset'), coalesce(ends.first_offset::text, 'none'))
  FROM named LEFT JOIN ends ON ends.source_id = named.id WHERE named.first_offset IS DISTINCT FROM ends.first_offset
UNION ALL
SELECT format('batch %s: received %s is not good %s + bad %s + duplicate %s + tombstone %s', id, received, good, bad,
    duplicate, tombstone)
  FROM batches WHERE kind = 'ingest' AND received <> good + bad + duplicate + tombstone
UNION ALL
SELECT format('batch %s: %s good rows counted and %s in listed files', id, batches.good, coalesce(listed.good, 0))
  FROM batches LEFT JOIN listed ON listed.batch_id = batches.id
  WHERE kind = 'ingest' AND batches.good <> coalesce(listed.good, 0)
UNION ALL
SELECT format('batch %s: %s bad records counted and %s in listed files', id, batches.bad, coalesce(listed.bad, 0))
  FROM batches LEFT JOIN listed ON listed.batch_id = batches.id
  WHERE kind = 'ingest' AND batches.bad <> coalesce(listed.bad, 0)
UNION ALL
SELECT format('batch %s: %s rows repaired and %s in listed files', id, batches.repaired, coalesce(listed.good, 0))
  FROM batches LEFT JOIN listed ON listed.batch_id = batches.id
  WHERE kind <> 'ingest' AND batches.repaired <> coalesce(listed.good, 0)
UNION ALL
SELECT format('%s: %s rows repaired of %s bad ones', label, sum(repaired), sum(bad))
  FROM batches JOIN named ON named.id = source_id GROUP BY label HAVING sum(repaired) > sum(bad)
UNION ALL
SELECT format('%s: offsets %s to %s are repaired twice', label, from_offset, least(to_before, to_offset))
  FROM mended JOIN named ON named.id = source_id WHERE from_offset < to_before
UNION ALL
SELECT format('batch %s: %s bad records with %s violations', id, bad, coalesce(broken.violations, 0))
  FROM batches LEFT JOIN broken ON broken.batch_id = batches.id
  WHERE kind = 'ingest' AND bad > coalesce(broken.violations, 0)
UNION ALL
SELECT format('contract `%s`: %s rows of published files are held twice and only %s records are duplicates', contract,
    file_rows.counted - distinct_file_rows.counted, duplicates.counted)
  FROM file_rows JOIN distinct_file_rows USING (contract) JOIN duplicates USING (contract)
  WHERE file_rows.counted - distinct_file_rows.counted > duplicates.counted
