SELECT city FROM "hr.candidate"
