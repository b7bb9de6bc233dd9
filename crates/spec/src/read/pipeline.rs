//! Reads a pipeline file: sources, features, model, bands, reasons, schedule, drift, alerts.
//!
//! Called by `crate::read`. The view's SQL is taken as text; `features` plans it. Names of features are the view's, so
//! only what concerns the contracts themselves is checked here: label, entity, and the order an `ordinal` feature takes
//! from its field's `one_of`.

use super::contract::version;
use super::drift;
use super::report::{Keys, Report};
use super::shapes::{ALERT, BAND, FEATURES, MODEL, PIPELINE, REASONS, SCHEDULE};
use super::tree::{self, Node, Plain, Value};
use crate::ids::{ContractName, PipelineName};
use crate::pipeline::{
    Band, Catchup, FeatureSpec, Mode, ModelKind, ModelSpec, Overlap, PipelineAlert, Reasons, Schedule,
};
use crate::{Check, Contract, FieldKind, Pipeline};

const SEED: u64 = 42;
const FOLDS: u32 = 5;

pub(super) fn read(
    name: &str,
    yaml: &str,
    open: &dyn Fn(&str) -> Option<String>,
    contracts: &[Contract],
    report: &mut Report<'_>,
) -> Option<Pipeline> {
    let root = tree::parse(yaml, report)?;
    let keys = report.keys(&root, &PIPELINE)?;
    version(&keys, report);
    let sources = keys.get("sources").map(|node| sources(node, contracts, report));
    let sources = sources.unwrap_or_default();
    let features = keys
        .get("features")
        .and_then(|node| features(node, open, &sources, report));
    let model = keys.get("model").and_then(|node| model(node, &sources, report));
    let bands = keys.get("bands").map_or_else(default_bands, |node| bands(node, report));
    let reasons = keys
        .get("reasons")
        .map_or(Some(Reasons::All), |node| reasons(node, &bands, report));
    let schedule = keys.get("schedule").and_then(|node| schedule(node, report));
    let drift = keys
        .get("drift")
        .map_or_else(Default::default, |node| drift::read(node, report));
    let alerts = keys.get("alerts").map(|node| alerts(node, report));
    Some(Pipeline {
        name: PipelineName::from(name),
        text: yaml.to_owned(),
        sources: sources.iter().map(|contract| contract.name.clone()).collect(),
        features: features?,
        model: model?,
        bands,
        reasons: reasons?,
        schedule: schedule?,
        drift,
        alerts: alerts.unwrap_or_default(),
    })
}

fn sources<'c>(node: &Node, contracts: &'c [Contract], report: &mut Report<'_>) -> Vec<&'c Contract> {
    let mut sources: Vec<&Contract> = Vec::new();
    let items = report.list(node).unwrap_or_default();
    if items.is_empty() {
        report.say(node.place, "a pipeline has at least one source");
    }
    for item in items {
        let Some(name) = report.text(item) else { continue };
        let name = ContractName::from(name);
        if sources.iter().any(|source| source.name == name) {
            report.say(item.place, format!("the source `{name}` stands twice"));
            continue;
        }
        let Some(contract) = contracts.iter().find(|contract| contract.name == name) else {
            let known = contracts.iter().map(|contract| contract.name.as_str());
            report.unknown(item.place, "contract", name.as_str(), known);
            continue;
        };
        sources.push(contract);
    }
    sources
}

/// The name of a field that at least one source has. Where no source was read, any name is taken.
fn field<'n>(node: &'n Node, sources: &[&Contract], report: &mut Report<'_>) -> Option<&'n str> {
    let name = report.text(node)?;
    let known = || {
        sources
            .iter()
            .flat_map(|source| &source.fields)
            .map(|field| field.name.as_str())
    };
    if !sources.is_empty() && !known().any(|field| field == name) {
        report.unknown(node.place, "field", name, known());
        return None;
    }
    Some(name)
}

fn features(
    node: &Node,
    open: &dyn Fn(&str) -> Option<String>,
    sources: &[&Contract],
    report: &mut Report<'_>,
) -> Option<FeatureSpec> {
    let keys = report.keys(node, &FEATURES)?;
    let words = [("rows", Mode::Rows), ("entities", Mode::Entities)];
    let mode = keys
        .get("mode")
        .map_or(Some(Mode::Rows), |node| report.word(node, &words));
    let key_of_first = || sources.first().map(|source| source.fields[source.key].name.as_str());
    let entity = keys
        .get("entity")
        .map_or_else(key_of_first, |node| field(node, sources, report));
    let named = keys.get("view")?;
    let view = report.beside(named)?;
    let Some(sql) = open(view) else {
        report.say(named.place, format!("there is no file `{view}` beside this one"));
        return None;
    };
    Some(FeatureSpec {
        view: view.to_owned(),
        sql,
        mode: mode?,
        entity: entity?.to_owned(),
    })
}

fn model(node: &Node, sources: &[&Contract], report: &mut Report<'_>) -> Option<ModelSpec> {
    let keys = report.keys(node, &MODEL)?;
    let kinds = [("lightgbm", ModelKind::Lightgbm)];
    let kind = keys
        .get("kind")
        .map_or(Some(ModelKind::Lightgbm), |node| report.word(node, &kinds));
    let label = keys.get("label").and_then(|node| field(node, sources, report));
    let positive = keys.get("positive").map_or(Some("1"), |node| report.written(node));
    let categorical = keys
        .get("categorical")
        .map(|node| names(node, report))
        .unwrap_or_default();
    let ordinal = keys.get("ordinal").map(|node| names(node, report)).unwrap_or_default();
    let label_place = keys.place_of("label");
    for (node, name) in categorical.iter().chain(&ordinal) {
        if Some(*name) == label {
            let hint = format!("line {} names it as the label", label_place.0);
            report.hint(node.place, format!("the label `{name}` cannot be a feature"), hint);
        }
    }
    for (node, name) in &ordinal {
        if categorical.iter().any(|(_, other)| other == name) {
            report.say(node.place, format!("`{name}` is both categorical and ordinal"));
        }
        if !sources.is_empty() && !sources.iter().any(|source| has_order(source, name)) {
            let hint = "an ordinal feature takes the order of its field's `one_of` or enum";
            report.hint(node.place, format!("no field `{name}` has an order"), hint);
        }
    }
    let params = keys.get("params").map(|node| params(node, report)).unwrap_or_default();
    let seed = keys.get("seed").map_or(Some(SEED), |node| report.whole(node, 0));
    Some(ModelSpec {
        kind: kind?,
        label: label?.to_owned(),
        positive: positive?.to_owned(),
        categorical: owned(&categorical),
        ordinal: owned(&ordinal),
        params,
        seed: seed?,
        folds: folds(&keys, report)?,
    })
}

fn folds(keys: &Keys<'_>, report: &mut Report<'_>) -> Option<u32> {
    let Some(node) = keys.get("folds") else {
        return Some(FOLDS);
    };
    let folds = report.whole(node, 2)?;
    if folds > 100 {
        report.say(node.place, "at most 100 folds");
    }
    Some(folds as u32)
}

/// Whether the contract gives the values of a field an order.
fn has_order(contract: &Contract, name: &str) -> bool {
    let Some(field) = contract.field(name) else {
        return false;
    };
    let ordered = |check: &Check| matches!(check, Check::OneOf(_));
    let ruled = contract
        .rules
        .iter()
        .any(|rule| rule.field == Some(field) && ordered(&rule.check));
    ruled || matches!(contract.fields[field].kind, FieldKind::Enum(_))
}

fn names<'n>(node: &'n Node, report: &mut Report<'_>) -> Vec<(&'n Node, &'n str)> {
    let mut names: Vec<(&Node, &str)> = Vec::new();
    for item in report.list(node).unwrap_or_default() {
        let Some(name) = report.text(item) else { continue };
        if names.iter().any(|(_, earlier)| *earlier == name) {
            report.say(item.place, format!("`{name}` stands twice"));
            continue;
        }
        names.push((item, name));
    }
    names
}

fn owned(names: &[(&Node, &str)]) -> Vec<String> {
    names.iter().map(|(_, name)| (*name).to_owned()).collect()
}

/// LightGBM's parameters as they are written, in the file's order.
fn params(node: &Node, report: &mut Report<'_>) -> Vec<(String, String)> {
    let Value::Map(entries) = &node.value else {
        report.say(
            node.place,
            format!("expected parameters and values, found {}", node.kind()),
        );
        return Vec::new();
    };
    let mut params: Vec<(String, String)> = Vec::new();
    for (key, value) in entries {
        if params.iter().any(|(name, _)| *name == key.text) {
            report.say(key.place, format!("the parameter `{}` stands twice", key.text));
        }
        if key.text == "seed" || key.text.ends_with("_seed") {
            report.hint(key.place, "seeds all come from `model.seed`", "move the number there");
        }
        if let Some(value) = report.written(value) {
            params.push((key.text.clone(), value.to_owned()));
        }
    }
    params
}

fn default_bands() -> Vec<Band> {
    let band = |name: &str, from| Band {
        name: name.to_owned(),
        from,
    };
    vec![band("high", 0.5), band("low", 0.0)]
}

fn bands(node: &Node, report: &mut Report<'_>) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for item in report.list(node).unwrap_or_default() {
        let Some(band) = band(item, report) else { continue };
        if bands.iter().any(|earlier| earlier.name == band.name) {
            report.say(item.place, format!("the band `{}` stands twice", band.name));
        }
        if bands.iter().any(|earlier| earlier.from.total_cmp(&band.from).is_eq()) {
            report.say(item.place, format!("two bands begin at {}", band.from));
        }
        bands.push(band);
    }
    bands.sort_by(|left, right| right.from.total_cmp(&left.from));
    // -0 is 0 as well, hence not `== 0.0` on the sorted last.
    if bands.last().is_none_or(|last| last.from > 0.0) {
        let hint = "add `{ name: ..., from: 0 }`: every score has a band";
        report.hint(node.place, "the bands do not begin at 0", hint);
    }
    bands
}

fn band(node: &Node, report: &mut Report<'_>) -> Option<Band> {
    let keys = report.keys(node, &BAND)?;
    let name = keys.get("name").and_then(|node| report.text(node));
    let from = keys.get("from").and_then(|node| report.number_within(node, 0.0, 1.0));
    Some(Band {
        name: name?.to_owned(),
        from: from?.abs(),
    })
}

fn reasons(node: &Node, bands: &[Band], report: &mut Report<'_>) -> Option<Reasons> {
    if let Some(Plain::Text(_)) = node.plain() {
        let words = [("all", &Reasons::All), ("on_demand", &Reasons::OnDemand)];
        return report.word(node, &words).cloned();
    }
    let keys = report.keys(node, &REASONS)?;
    let chosen = names(keys.get("bands")?, report);
    for (node, name) in &chosen {
        if !bands.iter().any(|band| band.name == *name) {
            report.unknown(node.place, "band", name, bands.iter().map(|band| band.name.as_str()));
        }
    }
    Some(Reasons::Bands(owned(&chosen)))
}

fn schedule(node: &Node, report: &mut Report<'_>) -> Option<Schedule> {
    let keys = report.keys(node, &SCHEDULE)?;
    let score = keys.get("score").and_then(|node| five_fields(node, report));
    let timezone = keys.get("timezone").map_or(Some("UTC"), |node| report.text(node));
    let overlaps = [("skip", Overlap::Skip), ("allow", Overlap::Allow)];
    let overlap = keys
        .get("overlap")
        .map_or(Some(Overlap::Skip), |node| report.word(node, &overlaps));
    let catchups = [
        ("latest", Catchup::Latest),
        ("none", Catchup::None),
        ("all", Catchup::All),
    ];
    let catchup = keys
        .get("catchup")
        .map_or(Some(Catchup::Latest), |node| report.word(node, &catchups));
    Some(Schedule {
        score: score?.to_owned(),
        timezone: timezone?.to_owned(),
        overlap: overlap?,
        catchup: catchup?,
    })
}

fn five_fields<'n>(node: &'n Node, report: &mut Report<'_>) -> Option<&'n str> {
    let text = report.text(node)?;
    let count = text.split_whitespace().count();
    if count == 5 {
        return Some(text);
    }
    let hint = "minute, hour, day of month, month, day of week: `*/2 * * * *`";
    report.hint(
        node.place,
        format!("a schedule has five fields, this one has {count}"),
        hint,
    );
    None
}

fn alerts(node: &Node, report: &mut Report<'_>) -> Vec<PipelineAlert> {
    let mut alerts: Vec<PipelineAlert> = Vec::new();
    for item in report.list(node).unwrap_or_default() {
        let Some(alert) = alert(item, report) else { continue };
        if alerts.iter().any(|earlier| earlier.id == alert.id) {
            report.say(item.place, format!("the alert `{}` stands twice", alert.id));
        }
        alerts.push(alert);
    }
    alerts
}

fn alert(node: &Node, report: &mut Report<'_>) -> Option<PipelineAlert> {
    let keys = report.keys(node, &ALERT)?;
    let id = keys.get("id").and_then(|node| report.text(node));
    let to = keys.get("to").and_then(|node| report.text(node));
    let when = keys.get("when").and_then(|node| condition(node, report));
    Some(PipelineAlert {
        id: id?.to_owned(),
        when: when?.to_owned(),
        to: to?.to_owned(),
    })
}

/// A measure's name, a comparison, a number.
fn condition<'n>(node: &'n Node, report: &mut Report<'_>) -> Option<&'n str> {
    let text = report.text(node)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    if let [_, "<" | "<=" | ">" | ">=", number] = words[..]
        && number.parse::<f64>().is_ok_and(f64::is_finite)
    {
        return Some(text);
    }
    let hint = "a name, `<`, `<=`, `>` or `>=`, a number: `positive_rate > 0.6`";
    report.hint(node.place, format!("`{text}` is no condition"), hint);
    None
}
