//! Telling people: drift of new rows from what a model was trained on, an alert message as a target understands it, and
//! its delivery.
//!
//! [`drift`] is used by ingest and training, the rest by `muster`'s sender and by `muster alerts test`. Knows no ledger and
//! no schedule of its own: a message comes in, [`Body`] renders it within the target's budget, [`Courier::deliver`] tries
//! once, [`retry::wait`] says when to try again. What must stay true: nothing private is reached unless the target's file
//! allows it by name, whatever a name resolves to when the connection is made; no address or secret stands in an error; a
//! body holds ids, counts and links, never a value of a person's data.

mod body;
mod courier;
mod digest;
pub mod drift;
mod error;
mod guard;
mod link;
pub mod retry;
mod sign;
mod slack;
mod teams;
mod webhook;

pub use body::Body;
pub use courier::{Address, Courier, Delivery, Failure, Times};
pub use error::Error;
pub use guard::{Guard, Refused, is_public};
pub use sign::{Secret, sign};
