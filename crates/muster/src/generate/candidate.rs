//! One candidate: columns drawn with the dependencies that make the target learnable.
//!
//! The shares and effects below are round numbers chosen so that a tree model reaches an AUC near 0.8; they describe no
//! real person.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// The columns of the file, in order.
pub const COLUMNS: [&str; 14] = [
    "enrollee_id",
    "city",
    "city_development_index",
    "gender",
    "relevent_experience",
    "enrolled_university",
    "education_level",
    "major_discipline",
    "experience",
    "company_size",
    "company_type",
    "last_new_job",
    "training_hours",
    "target",
];

/// Cities with their development index in thousandths; the first ones are the large ones.
const CITIES: [(u16, u16); 24] = [
    (103, 920),
    (21, 624),
    (16, 910),
    (114, 926),
    (160, 920),
    (136, 897),
    (67, 855),
    (75, 939),
    (102, 804),
    (104, 924),
    (73, 754),
    (100, 887),
    (71, 884),
    (11, 550),
    (61, 913),
    (74, 579),
    (90, 698),
    (83, 923),
    (173, 878),
    (138, 836),
    (28, 939),
    (9, 743),
    (128, 527),
    (145, 555),
];
const EDUCATION: [(&str, u32); 6] = [
    ("Graduate", 61),
    ("Masters", 23),
    ("High School", 10),
    ("Phd", 2),
    ("Primary School", 2),
    ("", 2),
];
const DISCIPLINE: [(&str, u32); 6] = [
    ("STEM", 88),
    ("Humanities", 4),
    ("Other", 3),
    ("Business Degree", 2),
    ("Arts", 2),
    ("No Major", 1),
];
const UNIVERSITY: [(&str, u32); 4] = [
    ("no_enrollment", 72),
    ("Full time course", 20),
    ("Part time course", 6),
    ("", 2),
];
const GENDER: [(&str, u32); 4] = [("Male", 69), ("", 23), ("Female", 7), ("Other", 1)];
const COMPANY_SIZE: [(&str, u32); 8] = [
    ("50-99", 23),
    ("100-500", 20),
    ("10000+", 16),
    ("10/49", 12),
    ("1000-4999", 10),
    ("<10", 10),
    ("500-999", 6),
    ("5000-9999", 3),
];
const COMPANY_TYPE: [(&str, u32); 6] = [
    ("Pvt Ltd", 75),
    ("Funded Startup", 8),
    ("Public Sector", 7),
    ("Early Stage Startup", 5),
    ("NGO", 4),
    ("Other", 1),
];

/// A candidate's cells, in the order of [`COLUMNS`].
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The cells as they are written.
    pub cells: [String; 14],
}

impl Candidate {
    /// The candidate of a row; `enrollee_id` is the row's number, scattered but unique.
    pub fn new(row: u64, random: &mut ChaCha8Rng) -> Self {
        let square: f64 = random.random::<f64>() * random.random::<f64>();
        let (city, index) = CITIES[((square * CITIES.len() as f64) as usize).min(CITIES.len() - 1)];
        let years = (random.random::<f64>().powf(1.4) * 23.0) as u32;
        let employed = random.random_bool(0.69);
        let size = if employed { pick(&COMPANY_SIZE, random) } else { "" };
        let kind = if employed { pick(&COMPANY_TYPE, random) } else { "" };
        let education = pick(&EDUCATION, random);
        let relevant = random.random_bool(if years > 2 { 0.82 } else { 0.3 });
        let schooled = !matches!(education, "High School" | "Primary School" | "");
        let discipline = if schooled { pick(&DISCIPLINE, random) } else { "" };
        let hours = 1 + (-(1.0 - random.random::<f64>()).ln() * 60.0).min(335.0) as u32;
        let mut logit = -2.1 + 9.0 * (0.80 - f64::from(index) / 1000.0);
        logit += if employed { 0.0 } else { 1.7 };
        logit += if years < 6 { 0.9 } else { -0.02 * f64::from(years) };
        logit += if education == "Graduate" { 0.5 } else { 0.0 };
        logit += if relevant { -0.3 } else { 0.3 };
        let leaves = random.random_bool(1.0 / (1.0 + (-logit).exp()));
        let cells = [
            scatter(row).to_string(),
            format!("city_{city}"),
            decimals(index),
            pick(&GENDER, random).into(),
            if relevant {
                "Has relevent experience"
            } else {
                "No relevent experience"
            }
            .into(),
            pick(&UNIVERSITY, random).into(),
            education.into(),
            discipline.into(),
            experience(years),
            size.into(),
            kind.into(),
            last_new_job(years, random),
            hours.to_string(),
            u8::from(leaves).to_string(),
        ];
        Self { cells }
    }

    /// The line, without its end.
    pub fn line(&self) -> Vec<u8> {
        self.cells.join(",").into_bytes()
    }
}

/// How many candidates there can be: ids are below ten million, and this is the greatest prime there.
pub const CANDIDATES_MAX: u64 = 9_999_991;

/// A bijection on 0..[`CANDIDATES_MAX`], from 1 on: ids look drawn and never meet.
fn scatter(row: u64) -> u64 {
    1 + row.wrapping_mul(7_654_321) % CANDIDATES_MAX
}

fn decimals(thousandths: u16) -> String {
    format!("0.{thousandths:03}").trim_end_matches('0').to_owned()
}

fn experience(years: u32) -> String {
    match years {
        0 => "<1".into(),
        1..=20 => years.to_string(),
        _ => ">20".into(),
    }
}

/// Whoever has less than a year of experience never changed jobs.
fn last_new_job(years: u32, random: &mut ChaCha8Rng) -> String {
    if years == 0 {
        return "never".into();
    }
    match random.random_range(0..20_u32).min(years) {
        0 => "never".into(),
        gap @ 1..=4 => gap.to_string(),
        gap if gap >= 16 => ">4".into(),
        _ => "1".into(),
    }
}

fn pick(shares: &[(&'static str, u32)], random: &mut ChaCha8Rng) -> &'static str {
    let total: u32 = shares.iter().map(|(_, share)| share).sum();
    let mut left = random.random_range(0..total);
    for (value, share) in shares {
        if left < *share {
            return value;
        }
        left -= share;
    }
    shares[0].0
}
