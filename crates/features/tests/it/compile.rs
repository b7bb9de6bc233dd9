//! Views that cannot be: what the user is told.

use muster_features::{FeatureKind, View};
use muster_spec::read;

use crate::project::{contract, pipeline};

fn refused(sql: &str) -> String {
    let problems = View::compile(&pipeline(sql, "rows", ""), &[contract("hr.person")]).expect_err(sql);
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    told.join("\n")
}

#[test]
fn a_view_that_is_not_row_local_is_refused_with_its_reason() {
    let cases = [
        (
            "SELECT hours FROM \"hr.person\" WHERE hours > 1",
            "1:31: the view has `WHERE`",
        ),
        (
            "SELECT hours FROM (SELECT hours FROM hr.person WHERE flag) t",
            "1:48: the view has `WHERE`",
        ),
        ("SELECT hours FROM hr.person LIMIT 5", "1:29: the view has `LIMIT`"),
        (
            "SELECT hours\nFROM hr.person\nORDER BY hours",
            "3:1: the view has `ORDER BY`",
        ),
        ("SELECT DISTINCT hours FROM hr.person", "1:8: the view has `DISTINCT`"),
        (
            "SELECT avg(hours) AS h FROM hr.person",
            "1:8: the view has an aggregate",
        ),
        (
            "SELECT hours FROM hr.person GROUP BY hours",
            "1:29: the view has an aggregate",
        ),
        (
            "SELECT row_number() OVER () AS n FROM hr.person",
            "1:21: the view has a window function",
        ),
        (
            "SELECT a.hours FROM hr.person a JOIN hr.person b ON a.id = b.id",
            "1:33: the view has a join",
        ),
        (
            "SELECT hours FROM hr.person UNION ALL SELECT hours FROM hr.person",
            "1:29: the view has `UNION`",
        ),
        ("SELECT 1 AS one", "1:1: the view has rows of its own"),
        (
            "SELECT (SELECT max(hours) FROM hr.person) AS m FROM hr.person",
            "1:9: the view has a subquery",
        ),
        (
            "SELECT hours IN (SELECT hours FROM hr.person) AS m FROM hr.person",
            "1:18: the view has a subquery",
        ),
        (
            "SELECT random() AS r FROM hr.person",
            "1:8: `random` does not depend on the row alone",
        ),
        (
            "SELECT CAST(now() AS VARCHAR) AS r FROM hr.person",
            "1:13: `now` does not depend on the row alone",
        ),
        (
            "SELECT hours AS __muster_0 FROM hr.person",
            "1:17: a column cannot be named `__muster_0`",
        ),
    ];
    for (sql, told) in cases {
        assert!(
            refused(sql).starts_with(&format!("pipelines/v.sql:{told}\n  hint: ")),
            "{sql}: {}",
            refused(sql)
        );
    }
}

#[test]
fn a_view_that_does_not_plan_is_told_at_its_place() {
    let cases = [
        (
            "SELECT\n  hour\nFROM hr.person",
            "2:3: there is no column `hour`\n  hint: did you mean `hours`?",
        ),
        (
            "SELECT city FROM hr.person",
            "1:8: there is no column `city`\n  hint: did you mean `City`?",
        ),
        ("SELECT hours FROM hr.persn", "1:19: SQL: there is no source `hr.persn`"),
        ("SELECT hours\nFROM", "2:5: SQL: expected: identifier, found: EOF"),
        (
            "SELECT hours hours hours FROM hr.person",
            "1:20: SQL: expected: end of statement, found: hours",
        ),
        (
            "SELECT lowerr(City) AS x FROM hr.person",
            "1:8: SQL: invalid function 'lowerr'\n  hint: did you mean `lower`?",
        ),
        (
            "SELECT hours + City + flag AS x FROM hr.person",
            "1:8: SQL: cannot coerce arithmetic expression Int32 + Utf8 to valid types",
        ),
        (
            "SELECT hours FROM hr.person; SELECT hours FROM hr.person",
            "1:30: SQL: a feature view is one SELECT",
        ),
        ("DROP TABLE x", "1:1: SQL: a feature view is one SELECT"),
        ("", "1:1: SQL: a feature view is one SELECT"),
        (
            "SELECT hours, hours FROM hr.person",
            "1:15: two columns of the view have the same name\n  hint: rename one with `AS`",
        ),
    ];
    for (sql, told) in cases {
        assert_eq!(refused(sql), format!("pipelines/v.sql:{told}"), "{sql}");
    }
}

#[test]
fn a_label_that_reaches_a_feature_is_found_behind_any_name() {
    let cases = [
        ("SELECT target FROM hr.person", 8, "target"),
        ("SELECT hours, target * 2 AS t FROM hr.person", 15, "t"),
        ("SELECT CASE WHEN target = 1 THEN hours END AS h FROM hr.person", 8, "h"),
        (
            "SELECT x AS y FROM (SELECT coalesce(target, 0) AS x, hours FROM hr.person) i",
            8,
            "y",
        ),
        (
            "WITH i AS (SELECT target AS hours FROM hr.person) SELECT i.hours FROM i",
            58,
            "hours",
        ),
    ];
    for (sql, place, column) in cases {
        let told = format!("pipelines/v.sql:1:{place}: the column `{column}` depends on the label `target`");
        assert!(refused(sql).starts_with(&told), "{sql}: {}", refused(sql));
    }
    // A label that stays inside is no feature.
    let sql = "SELECT hours FROM (SELECT hours, target FROM hr.person) i";
    assert!(View::compile(&pipeline(sql, "rows", ""), &[contract("hr.person")]).is_ok());
}

#[test]
fn every_column_that_is_no_feature_is_told() {
    let told = refused("SELECT *, hours + 1, hours AS \"Kurs %\" FROM hr.person");
    for part in [
        "the column `target` depends on the label",
        "`_offset` is no name of a feature",
        "the column `day` is of type Date32",
        "`Kurs %` is no name of a feature",
        "hours + Int64(1)` is no name of a feature",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn names_of_the_pipeline_that_the_view_lacks_are_told() {
    let model = "  categorical: [city]\n";
    let pipeline = pipeline("SELECT City, hours FROM hr.person", "rows", model);
    let problems = View::compile(&pipeline, &[contract("hr.person")]).expect_err("two names do not fit");
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "pipelines/p.yaml:6:17: the view has no column `city`\n  hint: did you mean `City`?",
            "pipelines/p.yaml:6:16: the text feature `City` is neither categorical nor ordinal\n  \
             hint: list it in the model, or leave it out of the view",
        ]
    );
}

#[test]
fn entities_are_refused_with_a_word() {
    let problems = View::compile(
        &pipeline("SELECT hours FROM hr.person", "entities", ""),
        &[contract("hr.person")],
    );
    assert_eq!(problems.unwrap_err()[0].message, "`mode: entities` is not built yet");
}

#[test]
fn columns_take_one_of_four_types() {
    let sql = "SELECT hours, id, share, CAST(share AS REAL) AS small, cost, flag, hours > 3 AS long, upper(City) AS up,
        date_part('month', day) AS month, CASE WHEN flag THEN 'yes' ELSE 'no' END AS word FROM hr.person";
    let model = "  categorical: [up, word]\n";
    let view = View::compile(&pipeline(sql, "rows", model), &[contract("hr.person")]).unwrap();
    let kinds = view
        .features
        .iter()
        .map(|feature| (feature.name.as_str(), feature.kind));
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [
            ("hours", FeatureKind::Whole),
            ("id", FeatureKind::Whole),
            ("share", FeatureKind::Number),
            ("small", FeatureKind::Number),
            ("cost", FeatureKind::Number),
            ("flag", FeatureKind::Boolean),
            ("long", FeatureKind::Boolean),
            ("up", FeatureKind::Text),
            ("month", FeatureKind::Whole),
            ("word", FeatureKind::Text),
        ]
    );
}

#[test]
fn the_shipped_view_compiles() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = |folder: &str, name: &str| std::fs::read_to_string(root.join(folder).join(name)).ok();
    let yaml = text("schemas", "hr.candidate.contract.yaml").unwrap();
    let candidate = read::contract("hr.candidate", "schemas/c.yaml", &yaml, &|name| text("schemas", name)).unwrap();
    let yaml = text("pipelines", "job-change.yaml").unwrap();
    let contracts = [candidate];
    let pipeline = read::pipeline(
        "job-change",
        "p.yaml",
        &yaml,
        &|name| text("pipelines", name),
        &contracts,
    )
    .unwrap();
    let view = View::compile(&pipeline, &contracts).unwrap();
    assert_eq!((view.features.len(), view.source.as_str()), (12, "hr.candidate"));
}
