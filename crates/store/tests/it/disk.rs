//! A disk that fails: every operation of a seal fails once, and each time nothing is left and nothing is retried.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use muster_spec::{Offset, SourceId};
use muster_store::files::PendingFile;
use muster_store::{BatchWriter, Error, FileStore, FolderStore, Sealed};

use crate::support::{Fate, contract, judged, token};

const NO_SPACE: i32 = 28;
const SOURCE: SourceId = SourceId(1);

/// A folder whose nth operation fails, and every later one on the same handle is counted.
struct FailingStore {
    inner: FolderStore,
    operations: Arc<AtomicUsize>,
    fails_at: usize,
    used_after: Arc<AtomicUsize>,
}

struct FailingFile {
    inner: Box<dyn PendingFile>,
    operations: Arc<AtomicUsize>,
    fails_at: usize,
    used_after: Arc<AtomicUsize>,
    failed: bool,
}

impl FailingStore {
    fn fails(&self) -> bool {
        self.operations.fetch_add(1, Ordering::SeqCst) == self.fails_at
    }
}

impl FailingFile {
    fn fails(&mut self) -> bool {
        if self.failed {
            self.used_after.fetch_add(1, Ordering::SeqCst);
        }
        self.failed |= self.operations.fetch_add(1, Ordering::SeqCst) == self.fails_at;
        self.failed
    }
}

fn no_space() -> io::Error {
    io::Error::from_raw_os_error(NO_SPACE)
}

impl FileStore for FailingStore {
    fn create(&self, folder: &str, name: &str) -> Result<Box<dyn PendingFile>, Error> {
        if self.fails() {
            return Err(Error::file("create", name, no_space()));
        }
        Ok(Box::new(FailingFile {
            inner: self.inner.create(folder, name)?,
            operations: Arc::clone(&self.operations),
            fails_at: self.fails_at,
            used_after: Arc::clone(&self.used_after),
            failed: false,
        }))
    }

    fn open(&self, path: &str) -> Result<File, Error> {
        self.inner.open(path)
    }

    fn sync_folder(&self, folder: &str) -> Result<(), Error> {
        if self.fails() {
            return Err(Error::file("sync the folder", folder, no_space()));
        }
        self.inner.sync_folder(folder)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, Error> {
        self.inner.list(folder)
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        self.inner.remove(path)
    }
}

impl Write for FailingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.fails() {
            Err(no_space())
        } else {
            self.inner.write(bytes)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl PendingFile for FailingFile {
    fn path(&self) -> &str {
        self.inner.path()
    }

    fn sync(&mut self) -> Result<(), Error> {
        if self.fails() {
            return Err(Error::file("sync", self.inner.path(), no_space()));
        }
        self.inner.sync()
    }

    fn reopen(&self) -> Result<File, Error> {
        self.inner.reopen()
    }

    fn rename(&mut self, name: &str, replace: bool) -> Result<(), Error> {
        if self.fails() {
            return Err(Error::file("rename to", name, no_space()));
        }
        self.inner.rename(name, replace)
    }
}

struct Tried {
    result: Result<Sealed, Error>,
    operations: usize,
    used_after: usize,
    left: Vec<String>,
}

fn seal_with_failure_at(fails_at: usize) -> Tried {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FailingStore {
        inner: FolderStore::new(folder.path()),
        operations: Arc::default(),
        fails_at,
        used_after: Arc::default(),
    });
    let contract = contract();
    let shared: Arc<dyn FileStore> = Arc::clone(&store) as Arc<dyn FileStore>;
    let mut writer = BatchWriter::new(shared, Arc::clone(&contract), SOURCE, token(), Offset(0)).unwrap();
    let fates: Vec<Fate> = (0..2000)
        .map(|at| match at % 10 {
            0 => Fate::Bad(vec!["columns"], None),
            _ => Fate::Good(at * 7919, at * 1000),
        })
        .collect();
    let pushed = writer.push(&judged(&contract, SOURCE, 0, &fates));
    let result = pushed.and_then(|()| writer.seal(&|_| ()));
    let mut left = store.list("good-data").unwrap();
    left.extend(store.list("bad-data").unwrap());
    Tried {
        result,
        operations: store.operations.load(Ordering::SeqCst),
        used_after: store.used_after.load(Ordering::SeqCst),
        left,
    }
}

#[test]
fn a_disk_error_at_any_operation_leaves_nothing_and_is_named() {
    let whole = seal_with_failure_at(usize::MAX);
    assert!(whole.result.is_ok());
    assert_eq!(whole.left.len(), 3);
    assert!(whole.operations > 12, "{}", whole.operations);
    for fails_at in 0..whole.operations {
        let tried = seal_with_failure_at(fails_at);
        let error = tried.result.expect_err("the operation failed");
        let Error::File { path, source, .. } = &error else {
            panic!("operation {fails_at}: {error:?}");
        };
        assert!(!path.is_empty());
        assert_eq!(source.raw_os_error(), Some(NO_SPACE), "operation {fails_at}");
        assert!(error.retry(), "a whole new batch may succeed later");
        assert_eq!(tried.left, Vec::<String>::new(), "operation {fails_at}");
        assert_eq!(tried.used_after, 0, "operation {fails_at}: its handle was used again");
    }
}

#[test]
fn a_writer_that_failed_takes_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn FileStore> = Arc::new(FailingStore {
        inner: FolderStore::new(folder.path()),
        operations: Arc::default(),
        fails_at: 0,
        used_after: Arc::default(),
    });
    let contract = contract();
    let mut writer = BatchWriter::new(store, Arc::clone(&contract), SOURCE, token(), Offset(0)).unwrap();
    let batch = judged(&contract, SOURCE, 0, &[Fate::Good(1, 1)]);
    assert!(matches!(writer.push(&batch), Err(Error::File { .. })));
    assert!(matches!(writer.push(&batch), Err(Error::Broken(_))));
    assert!(matches!(writer.seal(&|_| ()), Err(Error::Broken(_))));
}
