//! A PostgreSQL address as libpq reads it: what the driver understands, and the parameters beside it that are ours.
//!
//! Used by [`super::dialing`] and, for psql, by the binary. Both forms are read, `postgres://user@host/db?key=value` and
//! `key=value key='value'`. What the driver understands is handed to it as it stands; a password is told to nobody.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::error::{Error, with_causes};

/// libpq's parameters that the driver does not know, or knows less of.
const OURS: [&str; 5] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "passfile"];

/// Where libpq looks for files that an address does not name; nowhere unless told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsualFiles {
    /// The home folder: `.pgpass`, and `.postgresql/` with root certificate, certificate and key.
    pub home: Option<PathBuf>,
    /// The password file that `PGPASSFILE` names.
    pub password_file: Option<PathBuf>,
}

/// An address, read.
#[derive(Debug)]
pub(crate) struct Address {
    /// What the driver understands.
    pub(crate) config: Config,
    ours: Vec<(String, String)>,
    usual: UsualFiles,
}

impl Address {
    /// Reads an address. The password comes from it, else from libpq's password file.
    pub(crate) fn read(text: &str, usual: &UsualFiles) -> Result<Self, Error> {
        let (driver, ours) = split(text, &OURS)?;
        let mut config: Config = driver
            .parse()
            .map_err(|error: tokio_postgres::Error| Error::Address(with_causes(&error)))?;
        if config.get_hosts().is_empty() {
            // The host's name is what a certificate is held against: an address stands for itself.
            for address in config.get_hostaddrs().to_vec() {
                config.host(address.to_string());
            }
        }
        let usual = usual.clone();
        Self { config, ours, usual }.with_password_of_file()
    }

    /// One of our own parameters, by libpq's name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        // The last one holds, as with libpq.
        let found = self.ours.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A file that a parameter names, or the one at its usual place below the home folder if that is there.
    pub(crate) fn file(&self, parameter: &str, usual: &str) -> Option<PathBuf> {
        match self.parameter(parameter) {
            Some(path) => Some(path.into()),
            None => self.below_home(usual).filter(|path| path.exists()),
        }
    }

    fn below_home(&self, path: &str) -> Option<PathBuf> {
        self.usual.home.as_ref().map(|home| home.join(path))
    }

    fn with_password_of_file(mut self) -> Result<Self, Error> {
        if self.config.get_password().is_some() {
            return Ok(self);
        }
        let named = self.parameter("passfile").map(PathBuf::from);
        let usual = || self.usual.password_file.clone().or_else(|| self.below_home(".pgpass"));
        let Some(path) = named.clone().or_else(usual) else {
            return Ok(self);
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == ErrorKind::NotFound => return Ok(self),
            Err(error) => return Err(cannot_read("passfile", &path, &error)),
        };
        if is_open_to_others(&path) {
            let why = "it is open to others than its owner";
            return Err(Error::Address(format!(
                "`passfile={}` is not used: {why}",
                path.display()
            )));
        }
        if let Some(password) = password_for(&text, &self.config) {
            self.config.password(password);
        }
        Ok(self)
    }
}

/// An address without its password, for a program that shows its arguments to everybody on the machine.
pub(crate) fn without_password(text: &str) -> Result<String, Error> {
    let (mut text, _) = split(text, &["password"])?;
    if let Some(from) = scheme_end(&text) {
        let to = text[from..].find(['/', '?']).map_or(text.len(), |at| from + at);
        let user_end = text[from..to].rfind('@').map(|at| from + at);
        let colon = user_end.and_then(|end| text[from..end].find(':').map(|at| (from + at, end)));
        if let Some((colon, end)) = colon {
            text.replace_range(colon..end, "");
        }
    }
    Ok(text)
}

/// A file that a parameter names cannot be read.
pub(crate) fn cannot_read(parameter: &str, path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::Address(format!("`{parameter}={}` cannot be read: {why}", path.display()))
}

/// Whether a secret file is open to others: libpq refuses such a one, but takes root's that a group may read.
pub(crate) fn is_open_to_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|facts| {
        let allowed = if facts.uid() == 0 { 0o640 } else { 0o600 };
        facts.mode() & 0o777 & !(allowed | 0o100) != 0
    })
}

/// Where a URL's scheme ends; `None` for the other form.
fn scheme_end(text: &str) -> Option<usize> {
    let schemes = ["postgres://", "postgresql://"];
    schemes
        .iter()
        .find(|scheme| text.starts_with(**scheme))
        .map(|scheme| scheme.len())
}

/// What is left of an address without the parameters named, and those.
fn split(text: &str, named: &[&str]) -> Result<(String, Vec<(String, String)>), Error> {
    if scheme_end(text).is_some() {
        Ok(split_url(text, named))
    } else {
        split_pairs(text, named)
    }
}

fn split_url(text: &str, named: &[&str]) -> (String, Vec<(String, String)>) {
    let Some((base, query)) = text.split_once('?') else {
        return (text.to_owned(), Vec::new());
    };
    let plain = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let (mut kept, mut taken) = (Vec::new(), Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if named.contains(&&*plain(key)) {
            taken.push((plain(key), plain(value)));
        } else {
            kept.push(pair);
        }
    }
    let mark = if kept.is_empty() { "" } else { "?" };
    (format!("{base}{mark}{}", kept.join("&")), taken)
}

fn split_pairs(text: &str, named: &[&str]) -> Result<(String, Vec<(String, String)>), Error> {
    let (mut kept, mut taken) = (String::new(), Vec::new());
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((key, after)) = rest.split_once('=') else {
            return Err(Error::Address("a parameter without `=`".to_owned()));
        };
        let (value, after) = pair_value(after.trim_start())?;
        if named.contains(&key.trim()) {
            taken.push((key.trim().to_owned(), value));
        } else {
            kept.push_str(&rest[..rest.len() - after.len()]);
            kept.push(' ');
        }
        rest = after.trim_start();
    }
    Ok((kept.trim_end().to_owned(), taken))
}

/// A value up to its end, quoted or not, and what follows it.
fn pair_value(text: &str) -> Result<(String, &str), Error> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut letters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            letter if !quoted && letter.is_whitespace() => return Ok((value, &text[at..])),
            letter => value.push(letter),
        }
    }
    if quoted {
        return Err(Error::Address("a quote that does not end".to_owned()));
    }
    Ok((value, ""))
}

/// The password of the first line that fits: `host:port:database:user:password`, `*` fits all.
fn password_for(text: &str, config: &Config) -> Option<String> {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(_)) | None => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let user = config.get_user().unwrap_or_default();
    let wanted = [&*host, &*port, config.get_dbname().unwrap_or(user), user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields_of(line);
        let fits = |(field, wanted): (&String, &&str)| field == "*" || field == wanted;
        let password = fields.get(4)?;
        fields.iter().zip(&wanted).all(fits).then(|| password.clone())
    })
}

/// A line's fields, at most five; `\:` and `\\` stand for themselves.
fn fields_of(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let escaped = if letter == '\\' { letters.next() } else { None };
        if letter == ':' && fields.len() < 5 {
            fields.push(String::new());
        } else if let Some(field) = fields.last_mut() {
            field.push(escaped.unwrap_or(letter));
        }
    }
    fields
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
