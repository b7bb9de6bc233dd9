//! Deleting what can never be listed.
//!
//! Called by `muster` after assignments and at start: find, ask the ledger, remove. No clock decides. A file goes
//! only when it is not listed and its token is in the ledger's history and superseded. A token the ledger does not
//! know means that the ledger was restored from an older day: its files are kept and reported.

use muster_spec::Token;
use uuid::Uuid;

use super::FileStore;
use crate::error::Error;

/// Where sealed files lie.
const FOLDERS: [&str; 3] = ["good-data", "bad-data", "feature-data"];

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path below the project folder.
    pub path: String,
    /// The token in its name; `None` where there is none: not ours.
    pub token: Option<Token>,
}

/// What the ledger knows of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// Its holder may still commit.
    Live,
    /// It can never commit.
    Superseded,
    /// It is not in the history.
    Unknown,
}

/// What may be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The ledger lists it.
    Listed,
    /// Its writer may still list it.
    Pending,
    /// It can never be listed.
    Dead,
    /// Nothing is known of its token.
    Unknown,
}

impl Verdict {
    /// What follows from the ledger's answer.
    pub fn of(listed: bool, token: TokenState) -> Self {
        match (listed, token) {
            (true, _) => Self::Listed,
            (false, TokenState::Live) => Self::Pending,
            (false, TokenState::Superseded) => Self::Dead,
            (false, TokenState::Unknown) => Self::Unknown,
        }
    }
}

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files deleted.
    pub deleted: Vec<String>,
    /// Files whose token the ledger does not know, kept.
    pub unknown: Vec<String>,
}

/// Every file there is, temporary ones too. Goes before the ledger is asked.
pub fn find(store: &dyn FileStore) -> Result<Vec<FoundFile>, Error> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        for path in store.list(folder)? {
            let token = token_in(&path);
            found.push(FoundFile { path, token });
        }
    }
    Ok(found)
}

/// Deletes the dead ones. `verdicts` are the ledger's, in the order of `found`. Files without a token in their name
/// are none of ours and stay unmentioned.
pub fn remove(store: &dyn FileStore, found: &[FoundFile], verdicts: &[Verdict]) -> Result<Swept, Error> {
    let mut swept = Swept::default();
    for (file, verdict) in found.iter().zip(verdicts) {
        match verdict {
            Verdict::Dead => {
                store.remove(&file.path)?;
                swept.deleted.push(file.path.clone());
            }
            Verdict::Unknown if file.token.is_some() => swept.unknown.push(file.path.clone()),
            Verdict::Unknown | Verdict::Listed | Verdict::Pending => {}
        }
    }
    Ok(swept)
}

/// The token in a file's name: the 32 hexadecimal digits that end its stem, of a temporary name too.
fn token_in(path: &str) -> Option<Token> {
    let name = path.rsplit('/').next()?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let digits = name.split('.').find_map(|part| {
        let (_, digits) = part.rsplit_once('-')?;
        (digits.len() == 32 && digits.bytes().all(is_digit)).then_some(digits)
    })?;
    Uuid::try_parse(digits).ok().map(Token)
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
