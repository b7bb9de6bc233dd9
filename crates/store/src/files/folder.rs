//! A folder as the place of sealed files.
//!
//! Every system call's result is looked at, `close` apart, whose errors `sync` has told before. A new folder is made
//! durable in its parent, or the files in it could vanish with it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{FileStore, PendingFile};
use crate::error::Error;

/// Tells apart the temporary files of one process that have source and token in common.
static NEXT_TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// Sealed files below one folder.
#[derive(Clone, Debug)]
pub struct FolderStore {
    root: PathBuf,
}

impl FolderStore {
    /// Files below `root`, the project folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where a path below the folder really is.
    pub fn locate(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn make_folder(&self, folder: &str) -> Result<PathBuf, Error> {
        let place = self.locate(folder);
        if !place.is_dir() {
            fs::create_dir_all(&place).map_err(|error| Error::file("make the folder", folder, error))?;
            let mut made = place.as_path();
            while let Some(parent) = made.parent().filter(|_| made != self.root) {
                sync_folder(parent).map_err(|error| Error::file("sync the folder of", folder, error))?;
                made = parent;
            }
        }
        Ok(place)
    }
}

impl FileStore for FolderStore {
    fn create(&self, folder: &str, name: &str) -> Result<Box<dyn PendingFile>, Error> {
        let place = self.make_folder(folder)?;
        let number = NEXT_TEMPORARY.fetch_add(1, Ordering::Relaxed);
        let temporary = format!(".{name}.{}-{number}.tmp", std::process::id());
        let path = join(folder, &temporary);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(place.join(&temporary))
            .map_err(|error| Error::file("create", &*path, error))?;
        Ok(Box::new(FolderFile {
            file,
            place: place.join(&temporary),
            path,
            folder: folder.to_owned(),
            renamed: false,
        }))
    }

    fn open(&self, path: &str) -> Result<File, Error> {
        File::open(self.locate(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::damaged(path, "it is gone"),
            _ => Error::file("open", path, error),
        })
    }

    fn sync_folder(&self, folder: &str) -> Result<(), Error> {
        sync_folder(&self.locate(folder)).map_err(|error| Error::file("sync the folder", folder, error))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        let mut waiting = vec![folder.to_owned()];
        while let Some(folder) = waiting.pop() {
            let place = self.locate(&folder);
            let entries = match fs::read_dir(&place) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::file("list", folder, error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| Error::file("list", &*folder, error))?;
                // A name that is not UTF-8 is none of ours.
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let path = join(&folder, &name);
                let kind = entry
                    .file_type()
                    .map_err(|error| Error::file("look at", &*path, error))?;
                if kind.is_dir() {
                    waiting.push(path);
                } else if kind.is_file() {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        match fs::remove_file(self.locate(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("delete", path, error)),
            _ => Ok(()),
        }
    }
}

struct FolderFile {
    file: File,
    place: PathBuf,
    path: String,
    folder: String,
    renamed: bool,
}

impl Write for FolderFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl PendingFile for FolderFile {
    fn path(&self) -> &str {
        &self.path
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.file
            .sync_all()
            .map_err(|error| Error::file("sync", &*self.path, error))
    }

    fn reopen(&self) -> Result<File, Error> {
        File::open(&self.place).map_err(|error| Error::file("reopen", &*self.path, error))
    }

    fn rename(&mut self, name: &str, replace: bool) -> Result<(), Error> {
        let place = self.place.with_file_name(name);
        let path = join(&self.folder, name);
        let taken = !replace
            && place
                .try_exists()
                .map_err(|error| Error::file("look for", &*path, error))?;
        if taken {
            let error = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(Error::file("rename to", path, error));
        }
        fs::rename(&self.place, &place).map_err(|error| Error::file("rename to", &*path, error))?;
        self.place = place;
        self.path = path;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for FolderFile {
    fn drop(&mut self) {
        if !self.renamed {
            // Nothing can be done about an error here: the sweeper takes what is left.
            drop(fs::remove_file(&self.place));
        }
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

fn sync_folder(place: &Path) -> io::Result<()> {
    File::open(place)?.sync_all()
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
