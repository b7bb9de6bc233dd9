//! The eight kinds of fault, each with the rules it must be found by.
//!
//! A fault changes one row and names exactly the rules that the row then breaks.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::candidate::Candidate;

/// What can be wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A required cell is empty.
    Missing,
    /// A cell too many or too few.
    Column,
    /// Letters where a number belongs.
    Type,
    /// A number beyond its range.
    Range,
    /// A level nobody knows.
    Level,
    /// The key of an earlier good row.
    Duplicate,
    /// A text that does not follow its pattern.
    Format,
    /// Text damaged on its way through other encodings.
    Encoding,
}

/// A row with its fault.
#[derive(Debug)]
pub struct Spoilt {
    /// The line, without its end.
    pub line: Vec<u8>,
    /// Exactly the rules the row breaks.
    pub rules: Vec<&'static str>,
}

/// What the faults need to know of the rows before them.
#[derive(Debug, Default)]
pub struct Written {
    keys: Vec<String>,
}

/// How many keys of good rows are remembered for duplicates.
const KEYS_MAX: usize = 4096;

impl Written {
    /// Remembers a good row.
    pub fn good(&mut self, candidate: &Candidate) {
        if self.keys.len() < KEYS_MAX {
            self.keys.push(candidate.cells[0].clone());
        }
    }
}

const KINDS: [Fault; 8] = [
    Fault::Missing,
    Fault::Column,
    Fault::Type,
    Fault::Range,
    Fault::Level,
    Fault::Duplicate,
    Fault::Format,
    Fault::Encoding,
];

impl Fault {
    /// One of the eight.
    pub fn any(random: &mut ChaCha8Rng) -> Self {
        KINDS[random.random_range(0..KINDS.len())]
    }

    /// Spoils a row; `None` where it cannot be spoilt this way (no earlier good row whose key could be taken).
    pub fn apply(self, candidate: &mut Candidate, written: &Written, random: &mut ChaCha8Rng) -> Option<Spoilt> {
        match self {
            Self::Missing => Some(missing(candidate, random)),
            Self::Column => Some(ragged(candidate, random)),
            Self::Type => Some(set(candidate, random, &TYPES)),
            Self::Range => Some(set(candidate, random, &RANGES)),
            Self::Level => Some(set(candidate, random, &LEVELS)),
            Self::Format => Some(set(candidate, random, &FORMATS)),
            Self::Encoding => Some(encoding(candidate, random)),
            Self::Duplicate => {
                candidate.cells[0].clone_from(written.keys.choose(random)?);
                Some(Spoilt {
                    line: candidate.line(),
                    rules: vec!["enrollee_id.unique"],
                })
            }
        }
    }
}

/// A column, what is written there, and the rules that break.
type Change = (usize, &'static str, &'static [&'static str]);

const TYPES: [Change; 5] = [
    (0, "A17", &["enrollee_id.type"]),
    (0, "0x1F", &["enrollee_id.type"]),
    (2, "high", &["city_development_index.type"]),
    (12, "47.5", &["training_hours.type"]),
    (12, "1_000", &["training_hours.type"]),
];
const RANGES: [Change; 5] = [
    (2, "1.7", &["city_development_index.range"]),
    (2, "-0.1", &["city_development_index.range"]),
    (2, "nan", &["city_development_index.range"]),
    (12, "-3", &["training_hours.range"]),
    (12, "100000", &["training_hours.range"]),
];
const LEVELS: [Change; 5] = [
    (3, "male", &["gender.level"]),
    (9, "Oct-49", &["company_size.level"]),
    (9, "10000", &["company_size.level"]),
    (6, "Bachelor", &["education_level.level"]),
    (11, "5", &["last_new_job.level"]),
];
const FORMATS: [Change; 3] = [
    (1, "City-103", &["city.format"]),
    (1, "city_", &["city.format"]),
    (1, "city_1234", &["city.format"]),
];

fn set(candidate: &mut Candidate, random: &mut ChaCha8Rng, changes: &[Change]) -> Spoilt {
    let (column, text, rules) = changes[random.random_range(0..changes.len())];
    text.clone_into(&mut candidate.cells[column]);
    Spoilt {
        line: candidate.line(),
        rules: rules.to_vec(),
    }
}

fn missing(candidate: &mut Candidate, random: &mut ChaCha8Rng) -> Spoilt {
    let (column, rule) = [
        (0, "enrollee_id.required"),
        (1, "city.required"),
        (12, "training_hours.required"),
    ][random.random_range(0..3)];
    candidate.cells[column].clear();
    Spoilt {
        line: candidate.line(),
        rules: vec![rule],
    }
}

fn ragged(candidate: &Candidate, random: &mut ChaCha8Rng) -> Spoilt {
    let mut line = candidate.line();
    if random.random_bool(0.5) {
        line.extend_from_slice(b",1");
    } else {
        let last = line.iter().rposition(|byte| *byte == b',').unwrap_or(line.len());
        line.truncate(last);
    }
    Spoilt {
        line,
        rules: vec!["row.ragged"],
    }
}

/// A line that is not UTF-8, a replacement character, or text that was read in the wrong encoding and saved again.
fn encoding(candidate: &mut Candidate, random: &mut ChaCha8Rng) -> Spoilt {
    // A discipline belongs to a university's degree: without one another rule would break too.
    candidate.cells[6] = "Graduate".into();
    match random.random_range(0..3) {
        0 => {
            let mut line = candidate.line();
            line.push(0xff);
            Spoilt {
                line,
                rules: vec!["record.undecodable"],
            }
        }
        1 => {
            candidate.cells[7] = "Bus\u{fffd}ness Degree".into();
            Spoilt {
                line: candidate.line(),
                rules: vec!["major_discipline.encoding", "major_discipline.level"],
            }
        }
        _ => {
            candidate.cells[7] = "\u{c3}\u{a9}conomie".into();
            Spoilt {
                line: candidate.line(),
                rules: vec!["major_discipline.encoding", "major_discipline.level"],
            }
        }
    }
}
