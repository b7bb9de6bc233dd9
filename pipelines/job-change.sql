-- Features of a candidate: the row's own fields. Muster adds position and entity, and keeps the label away.
SELECT
  city,
  city_development_index,
  gender,
  relevent_experience,
  enrolled_university,
  education_level,
  major_discipline,
  experience,
  company_size,
  company_type,
  last_new_job,
  training_hours
FROM "hr.candidate"
