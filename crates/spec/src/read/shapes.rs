//! Which keys each part of a contract, pipeline or alert target file has.
//!
//! Read by the readers beside this file, and held equal to the published JSON Schemas by a test. A key that is not here
//! is unknown; a key that is here is read.

/// The keys of one part of a file.
pub(crate) struct Shape {
    /// What people call it: `a rule`.
    pub what: &'static str,
    /// Where the JSON Schema describes it: a name under `$defs`, or empty for the file itself.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the test that compares with the JSON Schemas reads it")
    )]
    pub def: &'static str,
    pub required: &'static [&'static str],
    pub optional: &'static [&'static str],
}

impl Shape {
    pub fn knows(&self, key: &str) -> bool {
        self.names().any(|name| name == key)
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.required.iter().chain(self.optional).copied()
    }
}

pub(crate) const CONTRACT: Shape = Shape {
    what: "a contract",
    def: "",
    required: &["version", "topic", "format", "schema", "key"],
    optional: &[
        "writers",
        "subject",
        "public",
        "event_time",
        "event_id",
        "rules",
        "expectations",
        "dead_letter",
        "text",
        "tests",
    ],
};

pub(crate) const EVENT_TIME: Shape = Shape {
    what: "`event_time`",
    def: "event_time",
    required: &["field"],
    optional: &["optional"],
};

pub(crate) const EVENT_ID: Shape = Shape {
    what: "`event_id`",
    def: "event_id",
    required: &["within"],
    optional: &["header", "field", "keys_max"],
};

/// The keys of a rule that say what it checks; a rule has exactly one.
pub(crate) const CHECKS: &[&str] = &["required", "one_of", "between", "matches", "length", "unique", "expect"];

pub(crate) const RULE: Shape = Shape {
    what: "a rule",
    def: "rule",
    required: &["id"],
    optional: &[
        "field", "severity", "required", "one_of", "between", "matches", "length", "unique", "expect",
    ],
};

pub(crate) const UNIQUE: Shape = Shape {
    what: "`unique`",
    def: "unique",
    required: &["within"],
    optional: &["keys_max"],
};

pub(crate) const EXPECTATION: Shape = Shape {
    what: "an expectation",
    def: "expectation",
    required: &["id"],
    optional: &["measure", "field", "at", "min", "max", "alert"],
};

pub(crate) const DEAD_LETTER: Shape = Shape {
    what: "`dead_letter`",
    def: "dead_letter",
    required: &[],
    optional: &["topic", "stop_above"],
};

pub(crate) const STOP_ABOVE: Shape = Shape {
    what: "`stop_above`",
    def: "stop_above",
    required: &["ratio", "rows"],
    optional: &[],
};

pub(crate) const TEXT: Shape = Shape {
    what: "`text`",
    def: "text",
    required: &[],
    optional: &[
        "delimiter",
        "encoding",
        "decimal",
        "thousands",
        "date",
        "timestamp",
        "missing",
        "trim",
    ],
};

pub(crate) const CASE: Shape = Shape {
    what: "a test",
    def: "test",
    required: &["given", "expect"],
    optional: &[],
};

pub(crate) const PIPELINE: Shape = Shape {
    what: "a pipeline",
    def: "",
    required: &["version", "sources", "features", "model", "schedule"],
    optional: &["bands", "reasons", "drift", "alerts"],
};

pub(crate) const FEATURES: Shape = Shape {
    what: "`features`",
    def: "features",
    required: &["view"],
    optional: &["mode", "entity"],
};

pub(crate) const MODEL: Shape = Shape {
    what: "`model`",
    def: "model",
    required: &["label"],
    optional: &["kind", "positive", "categorical", "ordinal", "params", "seed", "folds"],
};

pub(crate) const BAND: Shape = Shape {
    what: "a band",
    def: "band",
    required: &["name", "from"],
    optional: &[],
};

pub(crate) const REASONS: Shape = Shape {
    what: "`reasons`",
    def: "reasons",
    required: &["bands"],
    optional: &[],
};

pub(crate) const SCHEDULE: Shape = Shape {
    what: "`schedule`",
    def: "schedule",
    required: &["score"],
    optional: &["timezone", "overlap", "catchup"],
};

pub(crate) const DRIFT: Shape = Shape {
    what: "`drift`",
    def: "drift",
    required: &[],
    optional: &[
        "window",
        "min_rows",
        "psi",
        "ks",
        "missing",
        "new_levels",
        "false_alarms",
        "to",
    ],
};

pub(crate) const DRIFT_LIMITS: Shape = Shape {
    what: "limits of drift",
    def: "drift_limits",
    required: &["warn", "alert"],
    optional: &[],
};

pub(crate) const ALERT: Shape = Shape {
    what: "an alert",
    def: "alert",
    required: &["id", "when", "to"],
    optional: &[],
};

pub(crate) const TARGET: Shape = Shape {
    what: "an alert target",
    def: "",
    required: &["version", "kind", "url"],
    optional: &["secrets", "allow_hosts", "group", "limits", "resolved"],
};

pub(crate) const HELD_IN: Shape = Shape {
    what: "what holds a secret",
    def: "held_in",
    required: &[],
    optional: &["env", "file"],
};

pub(crate) const GROUP: Shape = Shape {
    what: "`group`",
    def: "group",
    required: &[],
    optional: &["by", "wait", "interval", "repeat"],
};

pub(crate) const LIMITS: Shape = Shape {
    what: "`limits`",
    def: "limits",
    required: &[],
    optional: &["messages_per_minute", "alerts_max", "body_bytes_max"],
};

/// All parts of a contract file.
#[cfg(test)]
pub(crate) const OF_CONTRACT: &[&Shape] = &[
    &CONTRACT,
    &EVENT_TIME,
    &EVENT_ID,
    &RULE,
    &UNIQUE,
    &EXPECTATION,
    &DEAD_LETTER,
    &STOP_ABOVE,
    &TEXT,
    &CASE,
];

/// All parts of a pipeline file.
#[cfg(test)]
pub(crate) const OF_PIPELINE: &[&Shape] = &[
    &PIPELINE,
    &FEATURES,
    &MODEL,
    &BAND,
    &REASONS,
    &SCHEDULE,
    &DRIFT,
    &DRIFT_LIMITS,
    &ALERT,
];

/// All parts of an alert target's file.
#[cfg(test)]
pub(crate) const OF_TARGET: &[&Shape] = &[&TARGET, &HELD_IN, &GROUP, &LIMITS];
