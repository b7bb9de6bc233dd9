//! Decoding records, through the public decoder.

mod corruption;
mod evolution;
mod fixture;
mod json;
mod mutation;
mod oracle;
mod published;
mod schemas;
