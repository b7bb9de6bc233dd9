//! Tests of the readers through their public functions.

mod broken;
mod folder;
mod garbage;
mod shipped;
mod version1;
