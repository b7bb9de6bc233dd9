//! The commit protocol as a model of workers, wire and ledger, its invariants checked after each step; the same steps
//! on the real ledger's functions; and planted bugs, to see that the invariants would notice.

mod against_ledger;
mod invariants;
mod machine;
mod model;
mod planted;
