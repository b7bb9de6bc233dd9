//! Tests of the file beside this one.

use arrow::array::{Array, AsArray, BooleanArray};
use proptest::prelude::*;

use super::{Bits, Column};
use crate::decode::slot::Slot;
use muster_spec::FieldKind;

proptest! {
    #[test]
    fn bits_are_where_arrow_looks_for_them(bits in prop::collection::vec(any::<bool>(), 0..300)) {
        let mut packed = Bits::with_capacity(0);
        for bit in &bits {
            packed.push(*bit);
        }
        let array = BooleanArray::new(packed.finish(), None);
        prop_assert_eq!(array.iter().flatten().collect::<Vec<_>>(), bits);
    }

    #[test]
    fn cells_come_out_as_they_went_in(cells in prop::collection::vec(prop::option::of(".{0,40}"), 0..200)) {
        let mut column = Column::new(&FieldKind::Text, 0);
        for cell in &cells {
            column.push(cell.as_ref().map_or(Slot::Null, |cell| Slot::Bytes(cell.as_bytes())));
        }
        let array = column.finish(&super::data_type(&FieldKind::Text));
        let read: Vec<_> = array.as_string::<i32>().iter().map(|cell| cell.map(str::to_owned)).collect();
        prop_assert_eq!(read, cells);
    }
}

#[test]
fn a_column_without_nulls_has_no_null_buffer() {
    let mut column = Column::new(&FieldKind::Long, 2);
    column.push(Slot::Long(1));
    assert!(column.finish(&super::data_type(&FieldKind::Long)).nulls().is_none());
}

#[test]
#[should_panic(expected = "a slot is of its field's kind")]
fn a_slot_of_another_kind_is_a_mistake() {
    Column::new(&FieldKind::Long, 1).push(Slot::Int(1));
}
