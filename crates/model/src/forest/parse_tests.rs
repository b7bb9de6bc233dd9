//! Tests of the file beside this one: whatever the text is, the answer is a forest or an error with its line.

use proptest::prelude::*;

use super::*;
use crate::Matrix;
use crate::data;

fn text() -> &'static str {
    static TEXT: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| data::train(600, 1, "num_leaves=6", 4).text().unwrap());
    &TEXT
}

/// The line an error names.
fn line_of(error: &Error) -> usize {
    match error {
        Error::Text { line, .. } => *line,
        other => panic!("`{other}` names no line"),
    }
}

/// The model with the first line that begins with `key=` replaced, and the sizes of trees told anew.
fn with(key: &str, change: impl Fn(&str) -> String) -> String {
    let mut done = false;
    let mut lines: Vec<String> = Vec::new();
    for line in text().lines() {
        match line.strip_prefix(&format!("{key}=")) {
            Some(value) if !done => {
                done = true;
                lines.push(format!("{key}={}", change(value)));
            }
            _ => lines.push(line.to_owned()),
        }
    }
    assert!(done, "no line of the model begins with `{key}=`");
    let mut changed = lines.join("\n") + "\n";
    if key != "tree_sizes" {
        let mut sizes = Vec::new();
        let mut rest = &changed[changed.find("Tree=0").unwrap()..changed.find("end of trees").unwrap()];
        while !rest.is_empty() {
            let size = rest[1..].find("Tree=").map_or(rest.len(), |at| at + 1);
            sizes.push(size.to_string());
            rest = &rest[size..];
        }
        let told = text().lines().find(|line| line.starts_with("tree_sizes=")).unwrap();
        changed = changed.replace(told, &format!("tree_sizes={}", sizes.join(" ")));
    }
    changed
}

#[test]
fn lightgbms_own_text_is_refused() {
    let forest = forest(text()).unwrap();
    assert_eq!(forest.trees.len(), 4);
    assert_eq!(forest.feature_names.len(), data::COLUMNS);
    assert!(
        forest.trees.iter().any(|tree| !tree.words.is_empty()),
        "the sample has category splits"
    );
}

#[test]
fn the_end_of_a_python_models_text_is_refused() {
    assert!(forest(&format!("{}\npandas_categorical:null\n", text())).is_ok());
    assert!(forest(&format!("{}\nsomething\n", text())).is_err());
}

#[test]
fn a_text_cut_anywhere_is_taken() {
    let text = text();
    for end in 0..text.len() {
        let error = forest(&text[..end]).expect_err(&format!("cut at byte {end}"));
        assert!(
            line_of(&error) <= text[..end].lines().count() + 1,
            "cut at byte {end}: {error}"
        );
    }
}

#[test]
fn a_text_without_one_of_its_lines_is_taken() {
    let lines: Vec<&str> = text().lines().collect();
    let trees_end = lines.iter().position(|line| *line == "end of trees").unwrap();
    for left_out in 0..=trees_end {
        let rest: Vec<&str> = lines
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != left_out)
            .map(|(_, line)| *line)
            .collect();
        assert!(
            forest(&(rest.join("\n") + "\n")).is_err(),
            "without line {}",
            left_out + 1
        );
    }
}

#[test]
fn damage_is_taken_or_blamed_on_another_line() {
    type Change = fn(&str) -> String;
    let cases: &[(&str, Change)] = &[
        ("version", |_| "v3".into()),
        ("num_class", |_| "3".into()),
        ("num_tree_per_iteration", |_| "2".into()),
        ("max_feature_idx", |_| "900000000000".into()),
        ("max_feature_idx", |_| "18446744073709551615".into()),
        ("max_feature_idx", |_| "6".into()),
        ("objective", |_| "multiclass num_class:3".into()),
        ("objective", |_| "binary sigmoid:0".into()),
        ("objective", |_| "binary sigmoid:nan".into()),
        ("feature_names", |value| value.replacen(' ', "  ", 1)),
        ("feature_infos", |value| value.rsplit_once(' ').unwrap().0.into()),
        ("tree_sizes", |value| value.rsplit_once(' ').unwrap().0.into()),
        ("tree_sizes", |value| format!("{value} 10")),
        ("tree_sizes", |value| format!("1{value}")),
        ("tree_sizes", |_| String::new()),
        ("num_leaves", |_| "0".into()),
        ("num_leaves", |_| "1".into()),
        ("num_leaves", |_| "7".into()),
        ("num_leaves", |_| "4000000000".into()),
        ("num_leaves", |_| "-5".into()),
        ("num_cat", |_| "0".into()),
        ("num_cat", |value| format!("{value}0")),
        ("split_feature", |value| {
            format!("8 {}", value.split_once(' ').unwrap().1)
        }),
        ("split_feature", |value| {
            format!("-1 {}", value.split_once(' ').unwrap().1)
        }),
        ("split_gain", |value| {
            format!("nan {}", value.split_once(' ').unwrap().1)
        }),
        ("threshold", |value| format!("nan {}", value.split_once(' ').unwrap().1)),
        ("threshold", |value| format!("{value} 1")),
        ("decision_type", |value| {
            format!("16 {}", value.split_once(' ').unwrap().1)
        }),
        ("decision_type", |value| {
            format!("14 {}", value.split_once(' ').unwrap().1)
        }),
        ("decision_type", |value| {
            format!("300 {}", value.split_once(' ').unwrap().1)
        }),
        ("left_child", |value| format!("0 {}", value.split_once(' ').unwrap().1)),
        ("left_child", |value| format!("99 {}", value.split_once(' ').unwrap().1)),
        ("left_child", |value| {
            format!("-99 {}", value.split_once(' ').unwrap().1)
        }),
        ("left_child", |value| {
            format!("-2147483648 {}", value.split_once(' ').unwrap().1)
        }),
        ("right_child", |value| {
            format!("-1 {}", value.split_once(' ').unwrap().1)
        }),
        ("leaf_value", |value| {
            format!("1e999 {}", value.split_once(' ').unwrap().1)
        }),
        ("leaf_value", |value| {
            format!("0x1 {}", value.split_once(' ').unwrap().1)
        }),
        ("leaf_count", |value| {
            format!("1000000 {}", value.split_once(' ').unwrap().1)
        }),
        ("internal_count", |value| {
            format!("0 {}", value.split_once(' ').unwrap().1)
        }),
        ("is_linear", |_| "1".into()),
        ("shrinkage", |_| String::new()),
    ];
    for (key, change) in cases {
        let changed = with(key, change);
        let error = forest(&changed).expect_err(&format!("{key}: {}", change(&"1 2 3 4".repeat(3))));
        assert!(line_of(&error) > 1, "{key}: {error}");
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn bounds_of_categories_are_trusted() {
    type Change = fn(&str) -> String;
    let cases: &[(&str, Change)] = &[
        ("cat_boundaries", |value| {
            format!("1 {}", value.split_once(' ').unwrap().1)
        }),
        ("cat_boundaries", |value| format!("{value}9")),
        ("cat_boundaries", |_| "0".into()),
        ("cat_threshold", |value| format!("{value} 0")),
        ("cat_threshold", |value| format!("4294967296{value}")),
    ];
    for (key, change) in cases {
        assert!(forest(&with(key, change)).is_err(), "{key}");
    }
}

#[test]
fn a_circle_of_splits_is_walked_forever() {
    // Splits 1 and 2 are each other's children and nobody else's.
    let text = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=0\n\
        objective=binary sigmoid:1\nfeature_names=a\nfeature_infos=none\ntree_sizes=SIZE\n\n";
    let tree = "Tree=0\nnum_leaves=4\nnum_cat=0\nsplit_feature=0 0 0\nsplit_gain=1 1 1\nthreshold=1 1 1\n\
        decision_type=0 0 0\nleft_child=-1 2 1\nright_child=-2 -3 -4\nleaf_value=1 1 1 1\nleaf_weight=1 1 1 1\n\
        leaf_count=1 1 1 1\ninternal_value=1 1 1\ninternal_weight=1 1 1\ninternal_count=2 2 2\nis_linear=0\nshrinkage=1\n\n\n";
    let text = text.replace("SIZE", &tree.len().to_string()) + tree + "end of trees\n\nend of parameters\n";
    let error = forest(&text).unwrap_err();
    assert!(error.to_string().contains("a child that is not its own"), "{error}");
    let mended = text
        .replace("left_child=-1 2 1", "left_child=1 2 -1")
        .replace("internal_count=2 2 2", "internal_count=4 3 2");
    assert!(forest(&mended).is_ok(), "{:?}", forest(&mended));
}

proptest! {
    #[test]
    fn mutated_text_crashes_the_parser_or_the_evaluator(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), 0_usize..12), 1..6)
    ) {
        let mut bytes = text().as_bytes().to_vec();
        let alphabet = b"0123456789- .\ne=";
        for (place, kind) in changes {
            let at = place.index(bytes.len());
            match kind {
                0 => bytes.truncate(at),
                1 => { bytes.remove(at); }
                2 => { let byte = bytes[at]; bytes.insert(at, byte); }
                _ => bytes[at] = alphabet[(at + kind) % alphabet.len()],
            }
            if bytes.is_empty() { break; }
        }
        let text = String::from_utf8(bytes).unwrap();
        if let Ok(forest) = Forest::parse(&text) {
            let matrix = Matrix::new(vec![f64::NAN; 3 * forest.columns()], forest.columns());
            let scores = forest.raw(&matrix).unwrap();
            prop_assert_eq!(scores.len(), 3);
            let forest = std::sync::Arc::new(forest);
            prop_assert_eq!(crate::Reasons::new(forest.clone()).contributions(&matrix).unwrap().len(), 3 * (forest.columns() + 1));
        }
    }

    #[test]
    fn any_text_crashes_the_parser(text in "(tree\n)?([a-z_]{1,12}=[0-9 .e-]{0,20}\n){0,20}\n?(Tree=0\n)?.{0,40}") {
        prop_assert!(forest(&text).is_err());
    }
}
