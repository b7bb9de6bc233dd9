//! Rows to verdicts.
