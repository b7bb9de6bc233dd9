//! Files put into a project, all of them or none: written under names that nobody reads, made durable, then renamed.
//!
//! Used by [`super`]. What must stay true: nothing that is there is changed; a process that dies at any moment leaves a
//! project that `check` has nothing to say about, or none; and starting again takes over what is there already and is
//! byte for byte what would be written. So the order of the files matters: each comes after those that it names.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::failpoint;
use crate::publishing::sha_of;

/// What a file holds.
pub(super) enum Content<'c> {
    /// This text.
    Text(&'c str),
    /// What this file holds.
    Copy(&'c Path),
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Its place.
    pub(super) path: PathBuf,
    /// Whether it was there already, as it would have been written.
    pub(super) was_there: bool,
}

/// Files on their way, taken away again unless all arrive.
#[derive(Default)]
struct Placing {
    /// Files under names that nobody reads, with the names they shall have.
    pending: Vec<(PathBuf, PathBuf)>,
    /// Files that have their names.
    renamed: Vec<PathBuf>,
}

/// Ends where a file is there that is not what would be written.
pub(super) fn refuse_others(files: &[(PathBuf, Content<'_>)]) -> anyhow::Result<()> {
    for (path, content) in files {
        if path.exists() && !content.is_in(path)? {
            bail!(
                "`{}` is there already, and nothing is overwritten\n  hint: --name gives contract and pipeline another name",
                path.display()
            );
        }
    }
    Ok(())
}

/// Puts files in their places, in this order.
///
/// Errors: a file that is there and holds something else; nothing is left behind then.
pub(super) fn place(files: &[(PathBuf, Content<'_>)]) -> anyhow::Result<Vec<Placed>> {
    refuse_others(files)?;
    let mut placing = Placing::default();
    let mut placed = Vec::new();
    for (path, content) in files {
        let was_there = path.exists();
        // What a process left that died is written anew, or no longer needed.
        let pending = pending_name(path);
        if was_there {
            let _ = fs::remove_file(pending);
        } else {
            placing.write(pending, path, content)?;
        }
        placed.push(Placed {
            path: path.clone(),
            was_there,
        });
    }
    placing.rename()?;
    Ok(placed)
}

/// The name of a file until it is whole: no reader takes it.
fn pending_name(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.unfinished"))
}

impl Content<'_> {
    /// Whether a file that is there holds just this.
    fn is_in(&self, path: &Path) -> anyhow::Result<bool> {
        let unread = || format!("could not read `{}`", path.display());
        match self {
            Self::Text(text) => Ok(fs::read(path).with_context(unread)? == text.as_bytes()),
            Self::Copy(from) => {
                let [there, given] = [path, from].map(|file| fs::metadata(file).map(|facts| facts.len()));
                Ok(same_file(path, from) || (there.ok() == given.ok() && sha_of(path)? == sha_of(from)?))
            }
        }
    }
}

fn same_file(left: &Path, right: &Path) -> bool {
    matches!((left.canonicalize(), right.canonicalize()), (Ok(left), Ok(right)) if left == right)
}

impl Placing {
    fn write(&mut self, pending: PathBuf, path: &Path, content: &Content<'_>) -> anyhow::Result<()> {
        let unwritten = || format!("could not write `{}`", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(unwritten)?;
        }
        failpoint::reach("init.write");
        let mut file = File::create(&pending).with_context(unwritten)?;
        self.pending.push((pending, path.to_owned()));
        match content {
            Content::Text(text) => file.write_all(text.as_bytes()).with_context(unwritten)?,
            Content::Copy(from) => {
                let mut source = File::open(from).with_context(|| format!("could not open `{}`", from.display()))?;
                let unread = || format!("could not copy `{}` to `{}`", from.display(), path.display());
                std::io::copy(&mut source, &mut file).with_context(unread)?;
            }
        }
        failpoint::reach("init.sync");
        file.sync_all().with_context(unwritten)
    }

    fn rename(mut self) -> anyhow::Result<()> {
        let Self { pending, renamed } = &mut self;
        for (pending, path) in &*pending {
            let unwritten = || format!("could not write `{}`", path.display());
            failpoint::reach("init.rename");
            if path.exists() {
                bail!("`{}` was just made by somebody else", path.display());
            }
            fs::rename(pending, path).with_context(unwritten)?;
            renamed.push(path.clone());
            if let Some(folder) = path.parent() {
                File::open(folder)
                    .and_then(|folder| folder.sync_all())
                    .with_context(unwritten)?;
            }
        }
        pending.clear();
        renamed.clear();
        Ok(())
    }
}

impl Drop for Placing {
    fn drop(&mut self) {
        let pending = self.pending.iter().map(|(pending, _)| pending);
        for path in pending.chain(&self.renamed) {
            let _ = fs::remove_file(path);
        }
    }
}
