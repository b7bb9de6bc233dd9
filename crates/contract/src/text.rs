//! Text that is not yet typed, parsed strictly.
