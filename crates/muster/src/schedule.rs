//! When a pipeline's slots are: five cron fields in a time zone.
//!
//! Used by `score` and `serve`, and by `check` to refuse what does not parse. A slot is an instant in UTC, so that a
//! run has one identity whatever the clock on the wall does. Across a change of the clock a fixed time that does not
//! exist runs at the first instant after the gap, a fixed time that exists twice runs once, the first time; a pattern
//! with a wildcard or a step follows the wall and runs in both copies of an hour.

use chrono::{DateTime, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use muster_spec::nearest;
use muster_spec::pipeline::{Catchup, Schedule};

/// A schedule that parses.
#[derive(Clone, Debug)]
pub struct Slots {
    cron: Cron,
    zone: Tz,
}

/// What of a schedule cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// The key it stands under.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Slots {
    /// Reads a pipeline's schedule; the error says what was expected, and under which key.
    pub fn new(schedule: &Schedule) -> Result<Self, Unreadable> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(&schedule.score).map_err(|error| {
            let why = error.to_string().to_lowercase();
            let why = why.trim_end_matches('.');
            Unreadable {
                key: "score",
                message: format!("`{}` is no schedule of five cron fields: {why}", schedule.score),
                hint: "minute, hour, day of month, month, day of week: `*/2 * * * *`".to_owned(),
            }
        })?;
        let zone = schedule.timezone.parse::<Tz>().map_err(|_| {
            let known: Vec<&str> = TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
            let near = nearest(&schedule.timezone, &known).map(|near| format!("did you mean `{near}`?"));
            Unreadable {
                key: "timezone",
                message: format!("`{}` is no time zone of the IANA database", schedule.timezone),
                hint: near.unwrap_or_else(|| "a place's, as in `Europe/Paris`, or `UTC`".to_owned()),
            }
        })?;
        Ok(Self { cron, zone })
    }

    /// The first slot after an instant; `None` where the pattern never comes again.
    pub fn after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = instant.with_timezone(&self.zone);
        self.cron
            .find_next_occurrence(&local, false)
            .ok()
            .map(|slot| slot.with_timezone(&Utc))
    }

    /// The slots in (`last`, `now`] that `catchup` wants run, oldest first; at most `most` of them, the newest.
    pub fn due(&self, last: DateTime<Utc>, now: DateTime<Utc>, catchup: Catchup, most: usize) -> Vec<DateTime<Utc>> {
        let mut due = std::collections::VecDeque::new();
        let mut next = self.after(last);
        while let Some(slot) = next.filter(|slot| *slot <= now) {
            if due.len() == most {
                due.pop_front();
            }
            due.push_back(slot);
            next = self.after(slot);
        }
        match catchup {
            Catchup::All => due.into(),
            Catchup::Latest => due.pop_back().into_iter().collect(),
            Catchup::None => {
                // A slot counts as met when the scorer was there within the minute.
                due.pop_back()
                    .filter(|slot| now - *slot < chrono::TimeDelta::minutes(1))
                    .into_iter()
                    .collect()
            }
        }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
