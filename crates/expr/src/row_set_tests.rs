//! Tests of the file beside this one.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_set_counts_what_was_put_in(rows in 1_usize..300, picks in proptest::collection::btree_set(0_usize..300, 0..40)) {
        let picks: Vec<usize> = picks.into_iter().filter(|row| *row < rows).collect();
        let mut set = RowSet::empty(rows);
        for row in &picks {
            set.insert(*row);
        }
        prop_assert_eq!(set.iter().collect::<Vec<_>>(), picks.clone());
        prop_assert_eq!(set.count(), picks.len());
        prop_assert_eq!(set.is_empty(), picks.is_empty());
        prop_assert_eq!(set.complement().true_count(), rows - picks.len());
    }

    #[test]
    fn nulls_and_falses_are_found_behind_any_offset(
        values in proptest::collection::vec(proptest::option::of(any::<bool>()), 1..300),
        skip in 0_usize..80,
    ) {
        let skip = skip.min(values.len() - 1);
        let array = BooleanArray::from(values.clone()).slice(skip, values.len() - skip);
        let rest = &values[skip..];
        let expected = |wanted: Option<bool>| -> Vec<usize> {
            rest.iter().enumerate().filter(|(_, value)| **value == wanted).map(|(row, _)| row).collect()
        };
        let found = |set: Option<RowSet>| set.map_or_else(Vec::new, |set| set.iter().collect());
        prop_assert_eq!(found(RowSet::nulls_of(array.nulls())), expected(None));
        prop_assert_eq!(found(RowSet::false_of(&array)), expected(Some(false)));
    }
}
