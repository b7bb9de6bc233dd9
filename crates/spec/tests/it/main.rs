//! Tests of the readers through their public functions.

mod shipped;
