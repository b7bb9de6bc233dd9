-- $1 source, $2 reach in microseconds (null: everything). One row at least, so that the greatest event time is told
-- even where no file matters.
WITH mine AS (
  SELECT sources.id, topic, topic_id, topics.grown_at, topics.grown_event_micros
  FROM sources JOIN topics USING (topic, topic_id) WHERE sources.id = $1
), greatest AS (
  SELECT max(event_micros_max) AS micros FROM files WHERE source_id = $1 AND kind = 'good'
), bound AS (
  -- An interval of more than all time reaches back to the beginning; microseconds are kept from running over.
  SELECT CASE
    WHEN $2::bigint IS NULL OR micros IS NULL OR micros::numeric - $2 < -9223372036854775807 THEN NULL
    ELSE micros - $2 END AS micros
  FROM greatest
), near AS (
  SELECT sources.id FROM sources JOIN mine USING (topic, topic_id) CROSS JOIN bound
  WHERE sources.id = mine.id
    OR (mine.grown_at IS NOT NULL AND (bound.micros IS NULL OR mine.grown_event_micros >= bound.micros))
)
SELECT greatest.micros, files.source_id,
  files.path, files.rows, files.first_row, coalesce(files.file_rows, files.rows), files.sha256
FROM greatest CROSS JOIN bound
LEFT JOIN (files JOIN batches ON batches.id = files.batch_id)
  ON files.source_id IN (SELECT id FROM near) AND files.kind = 'keys' AND files.version_removed IS NULL
  AND (bound.micros IS NULL OR files.event_micros_max IS NULL OR files.event_micros_max >= bound.micros)
ORDER BY files.source_id, batches.from_offset NULLS LAST, files.batch_id
