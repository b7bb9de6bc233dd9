//! Which cell a level is in.
//!
//! Made once a feature by [`super::reference`], asked for each row by [`super::sketch`]. Nearly every row has one of a few
//! frequent levels: those are found by a load and a comparison, the others in a hash map.

use arrow::array::StringArray;
use hashbrown::HashMap;
use muster_batch::ShortText;

/// Slots for frequent levels, a power of two.
const SLOTS: usize = 256;

/// The cells of a feature's levels.
#[derive(Clone, Debug, Default)]
pub(super) struct LevelCells {
    slots: Vec<(ShortText, u32)>,
    all: HashMap<String, u32>,
}

impl LevelCells {
    /// The cells of these levels. Of two that meet in a slot the first has it.
    pub(super) fn new<'l>(levels: impl Iterator<Item = (&'l String, u32)>) -> Self {
        let mut cells = Self {
            slots: vec![(ShortText::NONE, 0); SLOTS],
            all: HashMap::new(),
        };
        for (level, cell) in levels {
            if let Some(text) = ShortText::of(level.as_bytes(), 0, level.len()) {
                let slot = &mut cells.slots[text.slot(SLOTS)];
                if slot.0 == ShortText::NONE {
                    *slot = (text, cell);
                }
            }
            cells.all.insert(level.clone(), cell);
        }
        cells
    }

    /// The cell of a row's level; `None` where training did not see it. The row has one.
    #[inline]
    pub(super) fn find(&self, column: &StringArray, row: usize) -> Option<usize> {
        let offsets = column.value_offsets();
        let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
        if let Some(text) = ShortText::of(column.value_data(), start, end) {
            let (known, cell) = self.slots[text.slot(SLOTS)];
            if known == text {
                return Some(cell as usize);
            }
        }
        self.all.get(column.value(row)).map(|cell| *cell as usize)
    }
}
