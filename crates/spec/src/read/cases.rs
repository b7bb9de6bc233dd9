//! Reads `tests:`, the contract's own examples.
//!
//! Called by the contract reader. A value of `given` is taken as JSON as it is written: an unquoted `5` is a number, also
//! where the field is text, so that a test can give a wrong type on purpose.

use serde_json::{Map, Number, Value as Json};

use super::report::Report;
use super::shapes::CASE;
use super::tree::{Node, Plain, Value};
use crate::contract::ContractTest;
use crate::{Field, Rule};

pub(super) fn read(
    node: Option<&Node>,
    fields: &[Field],
    rules: &[Rule],
    report: &mut Report<'_>,
) -> Vec<ContractTest> {
    let items = node.and_then(|node| report.list(node)).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| case(item, fields, rules, report))
        .collect()
}

fn case(node: &Node, fields: &[Field], rules: &[Rule], report: &mut Report<'_>) -> Option<ContractTest> {
    let keys = report.keys(node, &CASE)?;
    let given = keys.get("given").and_then(|node| given(node, fields, report));
    let expect = keys.get("expect").map(|node| expected(node, fields, rules, report));
    Some(ContractTest {
        given: Json::Object(given?),
        expect: expect?,
        place: node.place,
    })
}

fn given(node: &Node, fields: &[Field], report: &mut Report<'_>) -> Option<Map<String, Json>> {
    let Value::Map(entries) = &node.value else {
        report.say(node.place, format!("expected fields and values, found {}", node.kind()));
        return None;
    };
    let mut given = Map::new();
    for (key, value) in entries {
        if !fields.is_empty() && !fields.iter().any(|field| field.name == key.text) {
            let names = fields.iter().map(|field| field.name.as_str());
            report.unknown(key.place, "field", &key.text, names);
        }
        let Some(value) = json(value, report) else { continue };
        if given.insert(key.text.clone(), value).is_some() {
            report.say(key.place, format!("the field `{}` stands twice", key.text));
        }
    }
    Some(given)
}

fn json(node: &Node, report: &mut Report<'_>) -> Option<Json> {
    let Some(plain) = node.plain() else {
        report.say(node.place, format!("expected one value, found {}", node.kind()));
        return None;
    };
    Some(match plain {
        Plain::Null => Json::Null,
        Plain::Boolean(flag) => Json::Bool(flag),
        Plain::Whole(whole) => Json::from(whole),
        Plain::Number(number) => Json::Number(Number::from_f64(number)?),
        Plain::Text(text) => Json::from(text),
    })
}

fn expected(node: &Node, fields: &[Field], rules: &[Rule], report: &mut Report<'_>) -> Vec<String> {
    let mut ids = Vec::new();
    for item in report.list(node).unwrap_or_default() {
        let Some(id) = report.text(item) else { continue };
        let known = fields.is_empty() || rules.iter().any(|rule| rule.id == id);
        if !known {
            report.unknown(item.place, "rule", id, rules.iter().map(|rule| rule.id.as_str()));
        } else if ids.iter().any(|earlier| earlier == id) {
            report.say(item.place, format!("the rule `{id}` stands twice"));
        } else {
            ids.push(id.to_owned());
        }
    }
    ids
}
