//! Sealing and opening: what is written comes back, and nothing else is believed.

use std::cell::RefCell;
use std::fs;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType};
use muster_batch::{FileKind, FileRows, KeyKind, Refusal};
use muster_spec::{FileSha, Offset, SourceId};
use muster_store::files::{ListedFile, check, open, read_keys};
use muster_store::{BatchWriter, Error, FileStore, FolderStore, Step};

use crate::support::{Fate, NO_TIME, YAML, contract, contract_from, judged, token};

const SOURCE: SourceId = SourceId(3);
const HOUR: i64 = 3_600_000_000;

fn fates() -> Vec<Fate> {
    vec![
        Fate::Good(1, HOUR),
        Fate::Bad(vec!["visitor_id.required"], None),
        Fate::Duplicate,
        Fate::Duplicate,
        Fate::Absent,
        Fate::Tombstone,
        Fate::Bad(vec!["record.undecodable"], Some(Refusal::Truncated)),
        Fate::Good(2, NO_TIME),
        Fate::Duplicate,
    ]
}

struct Place {
    folder: tempfile::TempDir,
    store: Arc<dyn FileStore>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(FolderStore::new(folder.path()));
        Self { folder, store }
    }

    fn writer(&self, from: i64) -> BatchWriter {
        BatchWriter::new(Arc::clone(&self.store), contract(), SOURCE, token(), Offset(from)).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let mut files = self.store.list("good-data").unwrap();
        files.extend(self.store.list("bad-data").unwrap());
        files
    }

    /// A sealed good file of 100 rows.
    fn good_file(&self) -> ListedFile {
        let mut writer = self.writer(0);
        let fates: Vec<Fate> = (0..100).map(|key| Fate::Good(key, key * HOUR)).collect();
        writer.push(&judged(&contract(), SOURCE, 0, &fates)).unwrap();
        listed(&writer.seal(&|_| ()).unwrap().files[0])
    }
}

fn listed(file: &muster_batch::DataFile) -> ListedFile {
    ListedFile::whole(&file.path, file.rows, file.sha256)
}

#[test]
fn what_is_sealed_comes_back_with_positions_reasons_and_raw_bytes() {
    let place = Place::new();
    let mut writer = place.writer(10);
    let mut first = judged(&contract(), SOURCE, 10, &fates());
    first.keys.file_rows = vec![rows_of(4, 6), rows_of(0, 2)];
    writer.push(&first).unwrap();
    let mut second = judged(&contract(), SOURCE, 19, &fates());
    second.keys.file_rows = vec![rows_of(2, 4)];
    writer.push(&second).unwrap();
    assert_eq!(writer.rows(), 16);
    assert!(writer.bytes() > 0);
    let sealed = writer.seal(&|_| ()).unwrap();

    let counts = (
        sealed.received,
        sealed.good,
        sealed.bad,
        sealed.duplicates,
        sealed.tombstones,
    );
    assert_eq!(counts, (16, 4, 4, 6, 2));
    assert_eq!((sealed.delta.from, sealed.delta.to), (Offset(10), Offset(28)));
    assert_eq!(sealed.duplicate_offsets, vec![(12, 14), (18, 19), (21, 23), (27, 28)]);
    assert_eq!(sealed.event_times, Some((HOUR, HOUR)));
    assert_eq!(sealed.file_rows, vec![rows_of(0, 6)]);
    let rules: Vec<_> = sealed
        .rules
        .iter()
        .map(|rule| (&*rule.rule, rule.rows, &*rule.sample))
        .collect();
    let expected: Vec<(&str, u64, &[i64])> = vec![
        ("record.undecodable", 2, &[16, 25]),
        ("visitor_id.required", 2, &[11, 20]),
    ];
    assert_eq!(rules, expected);

    let kinds: Vec<FileKind> = sealed.files.iter().map(|file| file.kind).collect();
    assert_eq!(kinds, vec![FileKind::Good, FileKind::Bad, FileKind::Keys]);
    let name = format!("s3-10-28-{}", sealed.token);
    let paths: Vec<&str> = sealed.files.iter().map(|file| &*file.path).collect();
    assert_eq!(
        paths,
        vec![
            &*format!("good-data/test.visit/{name}.parquet"),
            &*format!("bad-data/test.visit/{name}.parquet"),
            &*format!("good-data/test.visit/{name}.keys"),
        ]
    );
    assert_eq!(place.files().len(), 3, "nothing but the sealed files is left");

    let good = open(&*place.store, &listed(&sealed.files[0]), None)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let names: Vec<_> = good
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(
        names,
        [
            "visitor_id",
            "page",
            "seen_at",
            "_source",
            "_topic",
            "_partition",
            "_offset",
            "_event_time"
        ]
    );
    let column = |name: &str| good.column_by_name(name).unwrap();
    assert_eq!(column("visitor_id").as_primitive::<Int64Type>().values(), &[1, 2, 1, 2]);
    assert_eq!(column("_source").as_primitive::<Int64Type>().values(), &[3; 4]);
    assert_eq!(column("_partition").as_primitive::<Int32Type>().values(), &[0; 4]);
    assert_eq!(column("_topic").as_string::<i32>().value(3), "test.visit.v1");
    assert_eq!(
        column("_offset").as_primitive::<Int64Type>().values(),
        &[10, 17, 19, 26]
    );
    let times = column("_event_time").as_primitive::<TimestampMicrosecondType>();
    assert_eq!(
        times.iter().collect::<Vec<_>>(),
        vec![Some(HOUR), None, Some(HOUR), None]
    );

    let bad = open(&*place.store, &listed(&sealed.files[1]), None)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let names: Vec<_> = bad.schema().fields().iter().map(|field| field.name().clone()).collect();
    let expected = "_source _topic _partition _offset _timestamp _key _headers _payload _violations _warnings _reason";
    assert_eq!(names.join(" "), expected);
    let column = |name: &str| bad.column_by_name(name).unwrap();
    assert_eq!(
        column("_offset").as_primitive::<Int64Type>().values(),
        &[11, 16, 20, 25]
    );
    assert_eq!(column("_payload").as_binary::<i32>().value(1), b"payload-16");
    assert_eq!(column("_key").as_binary::<i32>().value(0), 11i64.to_be_bytes());
    let timestamps = column("_timestamp").as_primitive::<TimestampMillisecondType>();
    assert_eq!(timestamps.value(0), 1_700_000_000_011);
    let headers = column("_headers").as_binary::<i32>();
    assert!(headers.is_null(0), "offset 11 has no header");
    assert_eq!(headers.value(1), b"\x05\0\0\0ce_id\x0a\0\0\0payload-16");
    let violations = column("_violations").as_list::<i32>().value(1);
    assert_eq!(violations.as_string::<i32>().value(0), "record.undecodable");
    let reasons: Vec<_> = column("_reason").as_string::<i32>().iter().collect();
    assert_eq!(reasons, vec![None, Some("truncated"), None, Some("truncated")]);
}

fn rows_of(from: u64, to: u64) -> FileRows {
    FileRows {
        file: FileSha([1; 32]),
        from,
        to,
    }
}

#[test]
fn a_file_that_has_no_row_does_not_come_to_be() {
    let cases: [(&[Fate], &[FileKind]); 4] = [
        (&[Fate::Good(1, HOUR)], &[FileKind::Good, FileKind::Keys]),
        (&[Fate::Bad(vec!["columns"], None)], &[FileKind::Bad]),
        (&[Fate::Tombstone, Fate::Duplicate], &[]),
        (&[Fate::Absent, Fate::Absent], &[]),
    ];
    for (fates, expected) in cases {
        let place = Place::new();
        let mut writer = place.writer(0);
        writer.push(&judged(&contract(), SOURCE, 0, fates)).unwrap();
        let sealed = writer.seal(&|_| ()).unwrap();
        let kinds: Vec<FileKind> = sealed.files.iter().map(|file| file.kind).collect();
        assert_eq!(kinds, expected, "{fates:?}");
        assert_eq!(sealed.delta.to, Offset(fates.len() as i64));
        assert_eq!(place.files().len(), expected.len());
    }
}

#[test]
fn each_step_is_told_before_it_is_done() {
    let place = Place::new();
    let mut writer = place.writer(0);
    let fates = [Fate::Good(1, HOUR), Fate::Bad(vec!["columns"], None)];
    writer.push(&judged(&contract(), SOURCE, 0, &fates)).unwrap();
    let told = RefCell::new(Vec::new());
    let renamed = |files: Vec<String>| files.iter().filter(|path| !path.contains("/.")).count();
    writer
        .seal(&|step| told.borrow_mut().push((step, renamed(place.files()))))
        .unwrap();
    let (good, bad, keys) = (FileKind::Good, FileKind::Bad, FileKind::Keys);
    let expected = [
        (Step::Write(good), 0),
        (Step::Write(bad), 0),
        (Step::Write(keys), 0),
        (Step::Sync(good), 0),
        (Step::Sync(bad), 0),
        (Step::Sync(keys), 0),
        (Step::Check(good), 0),
        (Step::Check(bad), 0),
        (Step::Check(keys), 0),
        (Step::Rename(good), 0),
        (Step::Rename(bad), 1),
        (Step::Rename(keys), 2),
        (Step::SyncFolders, 3),
    ];
    assert_eq!(told.into_inner(), expected);
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let place = Place::new();
    let mut writer = place.writer(0);
    writer.push(&judged(&contract(), SOURCE, 0, &fates())).unwrap();
    assert_eq!(place.files().len(), 3);
    drop(writer);
    assert_eq!(place.files(), Vec::<String>::new());
}

#[test]
fn a_batch_that_does_not_follow_is_refused_and_the_writer_goes_on() {
    let place = Place::new();
    let mut writer = place.writer(5);
    for from in [4, 6, 0] {
        let refused = writer.push(&judged(&contract(), SOURCE, from, &fates()));
        assert!(
            matches!(refused, Err(Error::NotContiguous { expected: 5, .. })),
            "{refused:?}"
        );
    }
    writer.push(&judged(&contract(), SOURCE, 5, &fates())).unwrap();
    assert_eq!(writer.seal(&|_| ()).unwrap().delta.to, Offset(14));
}

#[test]
fn the_same_name_is_never_overwritten_and_discarding_frees_it() {
    let place = Place::new();
    let token = token();
    let seal = || {
        let store = Arc::clone(&place.store);
        let mut writer = BatchWriter::new(store, contract(), SOURCE, token, Offset(0)).unwrap();
        writer.push(&judged(&contract(), SOURCE, 0, &fates())).unwrap();
        writer.seal(&|_| ())
    };
    let first = seal().unwrap();
    let bytes = fs::read(place.folder.path().join(&first.files[0].path)).unwrap();
    let second = seal();
    assert!(
        matches!(
            second,
            Err(Error::File {
                action: "rename to",
                ..
            })
        ),
        "{second:?}"
    );
    assert_eq!(fs::read(place.folder.path().join(&first.files[0].path)).unwrap(), bytes);
    assert_eq!(place.files().len(), 3, "the second writer's files are gone");
    first.discard(&*place.store).unwrap();
    assert!(seal().is_ok());
}

#[test]
fn a_contract_whose_name_leads_elsewhere_is_refused() {
    for name in ["../up", "a/b", ".hidden", "", "a b"] {
        let mut contract = (*contract()).clone();
        contract.name = name.into();
        let place = Place::new();
        let refused = BatchWriter::new(Arc::clone(&place.store), Arc::new(contract), SOURCE, token(), Offset(0));
        assert!(matches!(refused.err(), Some(Error::Path(_))), "{name}");
    }
}

#[test]
fn a_file_that_was_truncated_is_damaged_and_never_a_panic() {
    let place = Place::new();
    let listed = place.good_file();
    check(&*place.store, &listed).unwrap();
    let path = place.folder.path().join(&listed.path);
    let whole = fs::read(&path).unwrap();
    for length in [0, 1, 4, 11, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let opened = open(&*place.store, &listed, None).err();
        assert!(
            matches!(&opened, Some(Error::Damaged { path, .. }) if *path == listed.path),
            "{length}: {opened:?}"
        );
    }
    fs::remove_file(&path).unwrap();
    let text = check(&*place.store, &listed).unwrap_err().to_string();
    assert!(text.contains(&listed.path) && text.contains("gone"), "{text}");
}

#[test]
fn an_altered_byte_anywhere_is_damaged_and_never_a_panic() {
    let place = Place::new();
    let listed = place.good_file();
    let path = place.folder.path().join(&listed.path);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 0x41;
        fs::write(&path, &altered).unwrap();
        assert!(
            matches!(check(&*place.store, &listed), Err(Error::Damaged { .. })),
            "byte {at}"
        );
        // Even when the ledger itself lists the altered bytes, reading them ends in rows or an error.
        let lying = ListedFile {
            sha256: sha(&altered),
            ..listed.clone()
        };
        if let Ok(batches) = open(&*place.store, &lying, None) {
            let read: Result<Vec<_>, _> = batches.collect();
            assert!(read.is_ok() || matches!(read, Err(Error::Damaged { .. })), "byte {at}");
        }
    }
}

fn sha(bytes: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).into()
}

#[test]
fn a_column_that_is_not_there_is_named() {
    let place = Place::new();
    let listed = place.good_file();
    let text = open(&*place.store, &listed, Some(&["visitor_id", "shoe_size"]))
        .err()
        .unwrap()
        .to_string();
    assert!(text.contains("shoe_size"), "{text}");
    let some: Vec<_> = open(&*place.store, &listed, Some(&["_offset"]))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(some.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 100);
    assert_eq!(some[0].num_columns(), 1);
}

#[test]
fn keys_come_back_under_the_numbers_of_the_contract_that_reads_them() {
    let place = Place::new();
    let mut writer = place.writer(0);
    writer.push(&judged(&contract(), SOURCE, 0, &fates())).unwrap();
    let sealed = writer.seal(&|_| ()).unwrap();
    let keys = listed(&sealed.files[2]);
    assert_eq!(sealed.files[2].event_times, None, "a key without a time always matters");

    let same = contract();
    let entries = read_keys(&*place.store, &keys, &same).unwrap();
    let unique = same.rule("visitor_id.unique").unwrap().0;
    let events = KeyKind::Event;
    assert_eq!(
        entries.kinds,
        vec![KeyKind::Unique(unique), events, KeyKind::Unique(unique), events]
    );
    assert_eq!(entries.fingerprints, vec![7, 0, 14, 7]);
    assert_eq!(entries.event_times, vec![HOUR, HOUR, NO_TIME, NO_TIME]);
    assert_eq!(entries.offsets, vec![0, 0, 7, 7]);
    assert_eq!(entries.payload_hashes, vec![0, 99, 0, 99]);

    let renumbered = contract_from(&YAML.replace(
        "rules:\n",
        "rules:\n  - { id: page.required, field: page, required: true }\n",
    ));
    assert_ne!(renumbered.rule("visitor_id.unique").unwrap().0, unique);
    let entries = read_keys(&*place.store, &keys, &renumbered).unwrap();
    assert_eq!(entries.kinds[0], KeyKind::Unique(unique + 1));

    let dropped = contract_from(&YAML.replace("visitor_id.unique", "visitor_id.once"));
    let entries = read_keys(&*place.store, &keys, &dropped).unwrap();
    assert_eq!(entries.kinds, vec![events, events]);
}

#[test]
fn a_good_file_is_no_key_file() {
    let place = Place::new();
    let listed = place.good_file();
    let text = read_keys(&*place.store, &listed, &contract()).unwrap_err().to_string();
    assert!(text.contains(&listed.path) && text.contains("key file"), "{text}");
}
