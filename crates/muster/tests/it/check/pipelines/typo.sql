SELECT level,
       houres
FROM school.visit
