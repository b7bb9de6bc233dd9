//! Where words and columns of a view are found.

use super::{Near, Places};

const SQL: &str = "-- WHERE is no word here
SELECT hours,
       (SELECT max(hours) FROM t WHERE 'LIMIT' = \"ORDER\") AS m, t.*, hours * 2 AS twice,
       round(hours, 1) AS h
FROM t LIMIT 5;
SELECT 2";

#[test]
fn words_are_found_outside_comments_and_quotes() {
    let places = Places::of(SQL);
    assert_eq!(places.start(), (2, 1));
    assert_eq!(places.near(&Near::Words(&["WHERE"])), (3, 34));
    assert_eq!(places.near(&Near::Words(&["OFFSET", "limit"])), (5, 8));
    assert_eq!(
        places.near(&Near::Words(&["ORDER"])),
        (2, 1),
        "it stands in quotes only"
    );
    assert_eq!(places.near(&Near::Function("ROUND".into())), (4, 8));
    assert_eq!(places.near(&Near::Subquery), (3, 9));
    assert_eq!(places.second(), Some((6, 1)));
    assert_eq!(places.end(), (6, 9));
}

#[test]
fn columns_are_found_around_a_star() {
    let places = Places::of(SQL);
    // Two before the star, two behind it, three that it stands for.
    let found: Vec<_> = (0..7).map(|at| places.column(at, 7)).collect();
    assert_eq!(found, [(2, 8), (3, 8), (3, 65), (3, 65), (3, 65), (3, 70), (4, 8)]);
    let places = Places::of("WITH i AS (SELECT a, b FROM t) SELECT DISTINCT i.a, b FROM i");
    assert_eq!(places.column(0, 2), (1, 48));
    assert_eq!(places.column(1, 2), (1, 53));
}

#[test]
fn a_text_without_words_has_a_beginning() {
    for text in ["", "  ", "-- nothing", "'open"] {
        let places = Places::of(text);
        assert_eq!(
            (places.start(), places.end(), places.second()),
            ((1, 1), (1, 1), None),
            "{text}"
        );
    }
}
