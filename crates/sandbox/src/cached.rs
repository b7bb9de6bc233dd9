//! Servers that are made ready once a machine, in the user's cache folder.
//!
//! Used by Apache Kafka and Apicurio. One process at a time makes one ready. What must stay true: a folder under its
//! final name is complete.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{Error, OnPath, Result};

/// The folder of this name, made anew where it is not current.
pub fn folder(
    name: &str,
    is_current: impl FnOnce(&Path) -> bool,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let cache = cache_folder()?;
    fs::create_dir_all(&cache).on("create", &cache)?;
    let (folder, lock_file) = (cache.join(name), cache.join(format!("{name}.lock")));
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_file)
        .on("open", &lock_file)?;
    lock.lock().on("lock", &lock_file)?;
    if !is_current(&folder) {
        let unfinished = cache.join(format!("{name}.new"));
        remove(&unfinished)?;
        fs::create_dir_all(&unfinished).on("create", &unfinished)?;
        make(&unfinished)?;
        remove(&folder)?;
        fs::rename(&unfinished, &folder).on("rename", &unfinished)?;
    }
    Ok(folder)
}

fn cache_folder() -> Result<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let missing = Error::Missing {
        what: "a cache folder".to_owned(),
        hint: "set HOME or XDG_CACHE_HOME",
    };
    cache.map(|cache| cache.join("muster")).ok_or(missing)
}

/// Removes a file or a folder with all it holds; that it is not there is fine.
pub fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).on("remove", path),
        _ => Ok(()),
    }
}
