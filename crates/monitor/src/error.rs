//! What is wrong with a target before anything is sent, or with what drift is held against.
//!
//! What comes of a delivery is no error but a [`crate::Delivery`]. No message repeats an address, a secret or a value.

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is no URL.
    #[error("the address is no URL: {0}")]
    Address(String),
    /// A signing secret has another form.
    #[error("the secret is not `whsec_` and {least} to {most} bytes in base64")]
    Secret {
        /// Bytes at least.
        least: usize,
        /// Bytes at most.
        most: usize,
    },
    /// The HTTP client could not be made.
    #[error("could not make the HTTP client: {0}")]
    Client(String),
    /// A model's training reference cannot be read, or rows do not fit it.
    #[error("the training reference: {0}")]
    Reference(String),
}
