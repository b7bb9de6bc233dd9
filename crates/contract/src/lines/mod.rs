//! Text files to rows.
