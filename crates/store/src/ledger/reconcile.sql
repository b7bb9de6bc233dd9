-- Counts by topic and partition, summed over the topic's incarnations; sources without a batch count nothing.
SELECT sources.topic, sources.partition,
  coalesce(sum(batches.received), 0)::bigint, coalesce(sum(batches.good), 0)::bigint,
  coalesce(sum(batches.bad), 0)::bigint, coalesce(sum(batches.duplicate), 0)::bigint,
  coalesce(sum(batches.tombstone), 0)::bigint, coalesce(sum(batches.repaired), 0)::bigint
FROM sources LEFT JOIN batches ON batches.source_id = sources.id
GROUP BY sources.topic, sources.partition
ORDER BY sources.topic, sources.partition
