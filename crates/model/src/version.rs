//! A model version: files that never change, named by their own sha-256.
//!
//! Written by training, read before scoring. The version is the sha-256 of the manifest, which lists every file with its
//! sha-256: one altered byte anywhere is another version. Nothing in the files depends on when or where they were made.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use muster_spec::{FileSha, ModelVersion};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 1;

/// What a file of a version may take: a forest of ten thousand trees is smaller.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// The files of a model version, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelFiles {
    files: BTreeMap<String, Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    /// The sha-256 of each file, 64 hexadecimal digits, by name.
    files: BTreeMap<String, String>,
}

impl ModelFiles {
    /// Adds a file.
    #[cfg(feature = "train")]
    pub(crate) fn insert(&mut self, name: &str, bytes: Vec<u8>) {
        self.files.insert(name.to_owned(), bytes);
    }

    /// A file's bytes.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// The files with their names, in the alphabet's order; the manifest is not among them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// The manifest: one line of JSON, the same bytes for the same files.
    pub fn manifest(&self) -> Vec<u8> {
        let files = self
            .files
            .iter()
            .map(|(name, bytes)| (name.clone(), hexadecimal(bytes)))
            .collect();
        let mut bytes = serde_json::to_vec(&Manifest { format: FORMAT, files }).expect("a manifest's keys are text");
        bytes.push(b'\n');
        bytes
    }

    /// The version: the sha-256 of the manifest.
    pub fn version(&self) -> ModelVersion {
        ModelVersion::from(hexadecimal(&self.manifest()))
    }

    /// Writes the version to `models/VERSION`, whole or not at all, and returns that folder. A version that is already
    /// there is checked and kept.
    pub fn write(&self, models: &Path) -> Result<PathBuf> {
        let version = self.version();
        let folder = models.join(version.as_str());
        if folder.exists() {
            return Self::read(&folder, &version).map(|_| folder);
        }
        let draft = models.join(format!(".{}.{}", version.as_str(), std::process::id()));
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(|source| file_error("write", &draft, source))?;
        }
        fs::create_dir_all(&draft).map_err(|source| file_error("write", &draft, source))?;
        let manifest = self.manifest();
        for (name, bytes) in self.iter().chain([(MANIFEST, manifest.as_slice())]) {
            let path = draft.join(name);
            write_through(&path, bytes).map_err(|source| file_error("write", &path, source))?;
        }
        sync_folder(&draft)?;
        match fs::rename(&draft, &folder) {
            Ok(()) => {}
            // Another process wrote the same version first.
            Err(_) if folder.exists() => {
                fs::remove_dir_all(&draft).map_err(|source| file_error("write", &draft, source))?;
                return Self::read(&folder, &version).map(|_| folder);
            }
            Err(source) => return Err(file_error("write", &folder, source)),
        }
        sync_folder(models)?;
        Ok(folder)
    }

    /// Reads a version's folder. Fails unless its files are exactly those of `version`.
    pub fn read(folder: &Path, version: &ModelVersion) -> Result<Self> {
        let damaged = |what: String| Error::Version {
            version: version.short().to_owned(),
            what,
        };
        let manifest_bytes = read_bounded(&folder.join(MANIFEST))?;
        if hexadecimal(&manifest_bytes) != version.as_str() {
            return Err(damaged("its manifest is not the one it is named by".into()));
        }
        let manifest: Manifest = serde_json::from_slice(&manifest_bytes)
            .map_err(|error| damaged(format!("its manifest is no manifest: {error}")))?;
        if manifest.format != FORMAT {
            return Err(damaged(format!(
                "it has format {}, this build reads {FORMAT}",
                manifest.format
            )));
        }
        let mut files = Self::default();
        for (name, sha) in manifest.files {
            if Path::new(&name).file_name() != Some(name.as_ref()) {
                return Err(damaged(format!("`{name}` is no file's name")));
            }
            let bytes = read_bounded(&folder.join(&name))?;
            if hexadecimal(&bytes) != sha {
                return Err(damaged(format!("`{name}` was altered")));
            }
            files.files.insert(name, bytes);
        }
        Ok(files)
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    FileSha(Sha256::digest(bytes).into()).to_string()
}

fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let length = fs::metadata(path)
        .map_err(|source| file_error("read", path, source))?
        .len();
    if length > FILE_BYTES_MAX {
        let source = std::io::Error::other(format!("it has {length} bytes, more than {FILE_BYTES_MAX}"));
        return Err(file_error("read", path, source));
    }
    fs::read(path).map_err(|source| file_error("read", path, source))
}

fn write_through(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(folder: &Path) -> Result<()> {
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| file_error("write", folder, source))
}

fn file_error(verb: &'static str, path: &Path, source: std::io::Error) -> Error {
    Error::File {
        verb,
        path: path.display().to_string(),
        source,
    }
}
