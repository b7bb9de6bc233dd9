SELECT level, hours FROM school.visit
