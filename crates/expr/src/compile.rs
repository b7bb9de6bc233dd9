//! From a contract's rules to steps over columns.
//!
//! Used by [`crate::Rules::compile`]. Each typed rule is held against its field's type here, so that running it
//! cannot meet a type it was not made for; whatever does not fit is a [`Problem`] at the rule's place. `unique` and the
//! built-in rules that only decoding sees are not compiled: the judge and decode answer for them.

use muster_spec::{Check, Contract, Field, FieldKind, Problem, Rule, RuleNumber};
use regex::bytes::Regex;

use crate::numbers::NumberCheck;
use crate::rules::Step;
use crate::sql;
use crate::text::{CHECKS_MAX, TextCheck, TextColumn};

/// The steps of a contract's rules, or everything that is wrong with them.
pub(crate) fn steps(contract: &Contract) -> Result<Vec<Step>, Vec<Problem>> {
    let mut compiler = Compiler {
        contract,
        steps: Vec::new(),
        texts: vec![Vec::new(); contract.fields.len()],
        problems: Vec::new(),
    };
    compiler.presence();
    for (at, rule) in contract.rules.iter().enumerate() {
        if let Err(fault) = compiler.rule(RuleNumber(at as u16), rule) {
            compiler.problems.push(problem(contract, rule, fault));
        }
    }
    compiler.finish()
}

/// What is wrong with a rule, and what to do.
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

fn problem(contract: &Contract, rule: &Rule, fault: Fault) -> Problem {
    let (line, column) = rule.place.unwrap_or_default();
    Problem {
        file: format!("schemas/{}.contract.yaml", contract.name),
        line,
        column,
        message: format!("rule `{}`: {}", rule.id, fault.message),
        hint: fault.hint,
    }
}

struct Compiler<'a> {
    contract: &'a Contract,
    steps: Vec<Step>,
    /// The text checks of each field; they run in one pass.
    texts: Vec<Vec<(TextCheck, RuleNumber)>>,
    problems: Vec<Problem>,
}

impl Compiler<'_> {
    /// Fields that may not be null and have no `required` rule: a null there is no value of the field's type.
    fn presence(&mut self) {
        for (at, field) in self.contract.fields.iter().enumerate() {
            let timed = |time: &muster_spec::EventTime| time.field == at && !time.optional;
            let needed = !field.nullable || self.contract.event_time.as_ref().is_some_and(timed);
            let declared = |rule: &Rule| rule.field == Some(at) && rule.check == Check::Required;
            if needed
                && !self.contract.rules.iter().any(declared)
                && let Some(rule) = self.contract.built_in(&Check::Type, Some(at))
            {
                self.steps.push(Step::Present { field: at, rule });
            }
        }
    }

    fn rule(&mut self, number: RuleNumber, rule: &Rule) -> Result<(), Fault> {
        match (&rule.check, rule.field) {
            (Check::Decodable | Check::Columns | Check::Ragged | Check::EventIdConflict | Check::Type, _) => Ok(()),
            (Check::Expect(text), _) => {
                let rule = sql::compile(self.contract, number, text)?;
                self.steps.push(Step::Sql(rule));
                Ok(())
            }
            (_, None) => Err(Fault::new("it needs a field")),
            (Check::Unique { .. }, Some(_)) => Ok(()),
            (Check::Required, Some(field)) => {
                self.steps.push(Step::Present { field, rule: number });
                Ok(())
            }
            (check, Some(at)) => self.typed(number, check, at),
        }
    }

    fn typed(&mut self, number: RuleNumber, check: &Check, at: usize) -> Result<(), Fault> {
        let field = &self.contract.fields[at];
        let is_text = matches!(field.kind, FieldKind::Text | FieldKind::Enum(_));
        let text = match check {
            Check::Encoding if is_text => TextCheck::Encoding,
            Check::Matches(pattern) if is_text => TextCheck::Matches(whole(pattern)?),
            Check::Length(least, most) if is_text => TextCheck::Length(least.unwrap_or(0), most.unwrap_or(u32::MAX)),
            Check::OneOf(values) if is_text => one_of_text(field, values)?,
            Check::Encoding | Check::Matches(_) | Check::Length(..) => return Err(unfit(check, field, "text")),
            Check::Between(low, high) => {
                self.number(number, at, between(field, *low, *high)?);
                return Ok(());
            }
            Check::OneOf(values) => {
                self.number(number, at, one_of_numbers(field, values)?);
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.texts[at].push((text, number));
        Ok(())
    }

    fn number(&mut self, rule: RuleNumber, field: usize, check: NumberCheck) {
        self.steps.push(Step::Number { field, rule, check });
    }

    fn finish(mut self) -> Result<Vec<Step>, Vec<Problem>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        for (field, checks) in self.texts.iter().enumerate() {
            for some in checks.chunks(CHECKS_MAX) {
                let column = TextColumn::new(some.to_vec());
                self.steps.push(Step::Text { field, column });
            }
        }
        Ok(self.steps)
    }
}

/// The regular expression that only the whole text can match.
fn whole(pattern: &str) -> Result<Regex, Fault> {
    Regex::new(&format!(r"\A(?:{pattern})\z")).map_err(|error| {
        let last = error
            .to_string()
            .lines()
            .last()
            .unwrap_or_default()
            .replace("error: ", "");
        Fault::new(format!("`{pattern}` is no regular expression: {last}"))
    })
}

fn one_of_text(field: &Field, values: &[String]) -> Result<TextCheck, Fault> {
    if let FieldKind::Enum(symbols) = &field.kind
        && let Some(value) = values.iter().find(|value| !symbols.contains(value))
    {
        let fault = Fault::new(format!("`{value}` is no symbol of the enum `{}`", field.name));
        return Err(match nearest(value, symbols.iter().map(String::as_str)) {
            Some(symbol) => fault.hint(format!("did you mean `{symbol}`?")),
            None => fault,
        });
    }
    let mut sorted: Vec<Box<[u8]>> = values.iter().map(|value| value.as_bytes().into()).collect();
    sorted.sort_by(|one, other| one.len().cmp(&other.len()).then_with(|| one.cmp(other)));
    Ok(TextCheck::OneOf(sorted))
}

fn between(field: &Field, low: Option<f64>, high: Option<f64>) -> Result<NumberCheck, Fault> {
    let (low, high) = (low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY));
    if low.is_nan() || high.is_nan() {
        return Err(Fault::new("NaN is no bound"));
    }
    let whole = |scale: i8, least: i128, greatest: i128| {
        let bounds = (
            scaled(low, scale, true).max(least),
            scaled(high, scale, false).min(greatest),
        );
        Ok(NumberCheck::Whole(bounds.0, bounds.1))
    };
    match &field.kind {
        FieldKind::Int => whole(0, i32::MIN.into(), i32::MAX.into()),
        FieldKind::Long => whole(0, i64::MIN.into(), i64::MAX.into()),
        FieldKind::Decimal { scale, .. } => whole(*scale, i128::MIN, i128::MAX),
        FieldKind::Float | FieldKind::Double => Ok(NumberCheck::Real(low, high)),
        _ => Err(unfit(&Check::Between(None, None), field, "number")),
    }
}

/// A bound as a whole number of 10^-`scale`, exact to the digits it is written with, rounded up or down.
fn scaled(bound: f64, scale: i8, up: bool) -> i128 {
    if bound.is_infinite() {
        return if bound > 0.0 { i128::MAX } else { i128::MIN };
    }
    let text = format!("{}", bound.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let places = usize::try_from(scale).unwrap_or(0);
    let kept = fraction.get(..places).unwrap_or(fraction);
    let digits = format!("{whole}{kept:0<places$}");
    let size: i128 = digits.parse().unwrap_or(i128::MAX);
    let cut = fraction
        .get(places..)
        .is_some_and(|rest| rest.bytes().any(|digit| digit != b'0'));
    match (bound < 0.0, cut && up, cut && !up) {
        (false, true, _) => size.saturating_add(1),
        (true, _, true) => (-size).saturating_sub(1),
        (false, ..) => size,
        (true, ..) => -size,
    }
}

fn one_of_numbers(field: &Field, values: &[String]) -> Result<NumberCheck, Fault> {
    let fault = |value: &String| {
        Fault::new(format!(
            "`{value}` is no value of `{}`, {}",
            field.name,
            kind_word(field)
        ))
    };
    let whole = |read: &dyn Fn(&str) -> Option<i128>| {
        let read: Result<Vec<i128>, Fault> = values
            .iter()
            .map(|text| read(text).ok_or_else(|| fault(text)))
            .collect();
        Ok(NumberCheck::WholeOf(read?))
    };
    match &field.kind {
        FieldKind::Int => whole(&|text| text.parse::<i32>().ok().map(i128::from)),
        FieldKind::Long => whole(&|text| text.parse::<i64>().ok().map(i128::from)),
        FieldKind::Boolean => {
            let read: Result<Vec<bool>, Fault> = values
                .iter()
                .map(|text| text.parse().map_err(|_| fault(text)))
                .collect();
            let read = read?;
            Ok(NumberCheck::TruthOf(read.contains(&false), read.contains(&true)))
        }
        _ => Err(unfit(&Check::OneOf(Vec::new()), field, "text, whole number or boolean")),
    }
}

fn unfit(check: &Check, field: &Field, needed: &str) -> Fault {
    let word = match check {
        Check::Matches(_) => "matches",
        Check::Length(..) => "length",
        Check::Between(..) => "between",
        Check::OneOf(_) => "one_of",
        _ => "the rule",
    };
    let fault = Fault::new(format!(
        "`{word}` needs a {needed} field and `{}` is {}",
        field.name,
        kind_word(field)
    ));
    if matches!(
        field.kind,
        FieldKind::Date | FieldKind::TimestampMillis | FieldKind::TimestampMicros
    ) {
        return fault.hint(format!("write `expect: \"{} >= DATE '2020-01-01'\"`", field.name));
    }
    fault
}

fn kind_word(field: &Field) -> &'static str {
    match &field.kind {
        FieldKind::Boolean => "a boolean",
        FieldKind::Int => "an int",
        FieldKind::Long => "a long",
        FieldKind::Float => "a float",
        FieldKind::Double => "a double",
        FieldKind::Text => "a text",
        FieldKind::Bytes => "bytes",
        FieldKind::Enum(_) => "an enum",
        FieldKind::Date => "a date",
        FieldKind::TimestampMillis | FieldKind::TimestampMicros => "a timestamp",
        FieldKind::Decimal { .. } => "a decimal",
    }
}

/// The known name that is most like a word, where one is like it at all.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(&lower, &name.to_lowercase());
    known
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
