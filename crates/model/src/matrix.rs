//! Encoded features: the numbers a forest sees.
//!
//! Made by the encoder, read by training, scoring and reasons. Row-major, so that a row is one slice.

/// Rows of encoded features.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    values: Vec<f64>,
    columns: usize,
}

impl Matrix {
    /// A matrix of `values`, row after row.
    ///
    /// # Panics
    /// When the values are not whole rows.
    pub fn new(values: Vec<f64>, columns: usize) -> Self {
        assert!(
            columns > 0 && values.len().is_multiple_of(columns),
            "a matrix holds whole rows"
        );
        Self { values, columns }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns.max(1)
    }

    /// How many features a row has.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All values, row after row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    /// The rows at these places, in their order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        let mut values = Vec::with_capacity(rows.len() * self.columns);
        for &row in rows {
            values.extend_from_slice(self.row(row));
        }
        Self {
            values,
            columns: self.columns,
        }
    }
}
