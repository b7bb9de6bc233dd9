//! What environment variables and files hold for a target: its address and its secrets.
//!
//! Read anew for every message, so that a secret is exchanged by changing a file. Errors name the variable or the file,
//! never what it holds.

use std::io::Read;
use std::path::Path;

use muster_monitor::Address;
use muster_spec::AlertTarget;
use muster_spec::target::HeldIn;

/// No address and no secret is longer than this.
const BYTES_MAX: u64 = 16 << 10;

/// A target's address and secrets; the error says what is missing, in words for people.
pub fn address(target: &AlertTarget, project: &Path) -> Result<Address, String> {
    let url = held(&target.url, project)?;
    let secrets = target
        .secrets
        .iter()
        .map(|secret| held(secret, project))
        .collect::<Result<Vec<_>, _>>()?;
    Address::read(&url, &secrets).map_err(|error| error.to_string())
}

fn held(place: &HeldIn, project: &Path) -> Result<String, String> {
    let (text, what) = match place {
        HeldIn::Env(name) => match (std::env::var(name), std::env::var(format!("{name}_FILE"))) {
            (Ok(text), _) => (text, format!("the environment variable `{name}`")),
            (Err(_), Ok(path)) => {
                let what = format!("the file that `{name}_FILE` names");
                let read = file(Path::new(&path));
                (read.map_err(|error| format!("{what} cannot be read: {error}"))?, what)
            }
            (Err(_), Err(_)) => return Err(format!("the environment variable `{name}` is not set")),
        },
        HeldIn::File(path) => {
            let what = format!("the file `{path}`");
            (
                file(&project.join(path)).map_err(|error| format!("{what} cannot be read: {error}"))?,
                what,
            )
        }
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(format!("{what} is empty"));
    }
    Ok(text.to_owned())
}

fn file(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
#[path = "held_tests.rs"]
mod tests;
