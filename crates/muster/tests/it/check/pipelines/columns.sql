SELECT level,
       hours,
       occurred_at,
       hours * 2,
       coalesce(target, 0) AS was
FROM school.visit
