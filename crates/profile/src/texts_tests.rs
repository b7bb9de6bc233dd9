//! Texts split by a label.

use super::{Texts, cramers_v};

fn of<'t>(texts: impl IntoIterator<Item = (&'t str, usize)>) -> Texts {
    let mut seen = Texts::default();
    texts.into_iter().for_each(|(text, label)| seen.add(text, label));
    seen
}

#[test]
fn a_pattern_is_what_all_texts_look_like() {
    let pattern = |texts: &[&str]| of(texts.iter().map(|text| (*text, 0))).pattern();
    assert_eq!(
        pattern(&["city_1", "city_21", "city_103"]).as_deref(),
        Some("^city_[0-9]{1,3}$")
    );
    assert_eq!(pattern(&["B-001", "B-117"]).as_deref(), Some("^B-[0-9]{3}$"));
    assert_eq!(
        pattern(&["1.5 (a)", "2.7 (a)"]).as_deref(),
        Some("^[0-9]{1}\\.[0-9]{1} \\(a\\)$")
    );
    assert_eq!(pattern(&["#1<2>", "#9<8>"]).as_deref(), Some("^#[0-9]{1}<[0-9]{1}>$"));
    // Signs that mean nothing to a regular expression stand as they are, those that nobody sees by their number.
    assert_eq!(pattern(&["0–10", "1–10"]).as_deref(), Some("^[0-9]{1}–[0-9]{2}$"));
    assert_eq!(
        pattern(&["€\u{202f}4’0", "€\u{202f}5’1"]).as_deref(),
        Some("^€\\x{202f}[0-9]{1}’[0-9]{1}$")
    );
    assert_eq!(pattern(&["a\n1", "a\n2"]).as_deref(), Some("^a\\x{a}[0-9]{1}$"));
    assert_eq!(pattern(&["city_1", "town_1"]), None);
    assert_eq!(pattern(&["red", "red"]), None, "a word is no shape");
}

#[test]
fn a_level_that_decides_the_label_has_an_association_of_one_and_a_coin_none() {
    let decided = [[50, 0, 0], [0, 50, 0]];
    assert!((cramers_v(decided.into_iter()).unwrap() - 1.0).abs() < 1e-9);
    let coin = [[25, 25, 3], [25, 25, 9]];
    assert!(cramers_v(coin.into_iter()).unwrap() < 1e-9);
    assert_eq!(
        cramers_v([[50, 0, 0], [9, 0, 0]].into_iter()),
        None,
        "without both labels nothing is told"
    );
    // As many levels as rows tell nothing, however well they fit: that is what the correction is for.
    let names = (0..100).map(|row| if row % 2 == 0 { [1, 0, 0] } else { [0, 1, 0] });
    assert!(cramers_v(names).unwrap() < 0.2);
}

#[test]
fn memory_does_not_grow_with_levels() {
    let names: Vec<String> = (0..50_000).map(|at| format!("name {at}")).collect();
    let texts = of(names.iter().map(|name| (&**name, 0)));
    assert_eq!(texts.levels().len(), 2_000);
    assert!(!texts.is_exact());
    assert_eq!(texts.count(), 50_000);
}

#[test]
fn sentences_are_told_from_names() {
    assert!(
        of([
            ("the team was good and lunch was late", 0),
            ("my manager never listens to anybody", 0)
        ])
        .is_prose()
    );
    assert!(!of([("No relevent experience", 0), ("Has relevent experience", 0)]).is_prose());
}
