-- Only visits that lasted.
SELECT level, hours
FROM school.visit
WHERE hours > 1
