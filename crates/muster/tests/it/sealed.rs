//! The same rows break the same rules wherever they are judged: by `validate`, by ingest on the mock broker, by ingest
//! on a real Kafka, as Avro and as JSON. Bad files say by their records' headers which row of which file they hold.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use muster_sandbox::kafka::broker_for_tests;
use muster_sandbox::postgres::fresh_database;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::program::{muster, run};
use crate::real_file::fresh_project;
use crate::validate::{Broken, broken};

/// Reviews with one fault or two each, among them what only a file can have.
const REVIEWS: &[u8] =
    b"review_id,employee_id,reviewer_id,relation,period,rating,strengths,improvements,anonymous,submitted_at\n\
R000001,17,18,PEER,2026-H1,4,good,,false,2026-07-01T10:00:00Z\n\
X1,17,18,PEER,2026-H1,9,good,,false,2026-07-01T10:00:00Z\n\
R000003,seventeen,18,BOSS,2026-H3,4.5,\"a \"\"quoted\"\", broken\nline \\ with a tab\t\",,maybe,2026-07-01\n\
R000004,17,17,PEER,2026-H1,4,good,\"\",false,2026-07-01T10:00:00Z\n\
R000001,17,18,PEER,2026-H1,5,better,,false,2026-07-01T10:00:00Z\n\
R000006,17\n\
R000007,,18,SELF,2026-H1,4,good,,false,2026-07-01T10:00:00Z\n\
R000008,17,18,PEER,2026-H1,4,\xff,,false,2026-07-01T10:00:00Z\n\
R000009,17,18,PEER,2026-H1,4,caf\xc3\x83\xc2\xa9,,false,2026-07-01T10:00:00Z\n\
R000010,17,18,PEER,2026-H1,4,caf\xc3\xa9 \xf0\x9f\x98\x80,,false,2026-07-01T10:00:00Z\n";

/// Reviews of a file with a column too many.
const MORE: &str = "review_id,employee_id,relation,period,rating,submitted_at,mood\n\
R000021,17,PEER,2026-H1,4,2026-07-01T10:00:00Z,fine\n\
R000022,17,PEER,2026-H1,0,2026-07-01T10:00:00Z,fine\n";

/// Reviews of a file that lacks columns, all of which have defaults.
const LESS: &str = "review_id,employee_id,relation,period,rating,submitted_at\n\
R000031,17,PEER,2026-H1,4,2026-07-01T10:00:00Z\n\
R000032,17,PEER,2026-H1,0,2026-07-01T10:00:00Z\n";

/// A project with files in its drop folder.
struct World {
    folder: TempDir,
    /// Each file with its contract, in the order they are published.
    files: Vec<(PathBuf, &'static str)>,
}

impl World {
    fn new(name: &str) -> Self {
        let generated = tempfile::tempdir().unwrap();
        let mut command = muster();
        command.args([
            "generate",
            "hr.candidate",
            "--rows",
            "1500",
            "--faults",
            "0.2",
            "--seed",
            "3",
        ]);
        command.arg("--out").arg(generated.path());
        run(command).with_code(0);
        let topic = format!("it.sealed.{name}.{}", std::process::id());
        let folder = fresh_project(&generated.path().join("hr.candidate.csv"), &topic);
        let yaml = folder.path().join("schemas/feedback.review.contract.yaml");
        let text = std::fs::read_to_string(&yaml).unwrap();
        std::fs::write(&yaml, text.replace("feedback.review.v1", &format!("{topic}.reviews"))).unwrap();
        let raw = folder.path().join("raw-data");
        let reviews = raw.join("feedback.review");
        std::fs::create_dir_all(&reviews).unwrap();
        for (name, bytes) in [
            ("a.csv", REVIEWS),
            ("b.csv", MORE.as_bytes()),
            ("c.csv", LESS.as_bytes()),
        ] {
            std::fs::write(reviews.join(name), bytes).unwrap();
        }
        let columns = raw.join("hr.candidate/columns.csv");
        std::fs::copy(generated.path().join("hr.candidate-columns.csv"), &columns).unwrap();
        std::fs::copy(
            generated.path().join("hr.candidate.truth.csv"),
            folder.path().join("truth.csv"),
        )
        .unwrap();
        let mut files = vec![
            (raw.join("hr.candidate/aug_train.csv"), "hr.candidate"),
            (columns, "hr.candidate"),
        ];
        files.extend(["a.csv", "b.csv", "c.csv"].map(|name| (reviews.join(name), "feedback.review")));
        Self { folder, files }
    }

    /// What `validate` finds in a file.
    fn validated(&self, file: &Path, contract: &str) -> Broken {
        let out = self.folder.path().join("validated");
        let mut command = muster();
        command.arg("validate").arg(file).args(["--contract", contract]);
        command.arg("--project").arg(self.folder.path()).arg("--out").arg(&out);
        run(command).with_code(1);
        broken(&out)
    }

    /// What the sealed bad files hold of a file.
    fn sealed(&self, file: &Path) -> Broken {
        let sha = Sha256::digest(std::fs::read(file).unwrap());
        let mut found = Broken::new();
        let mut folders = vec![self.folder.path().join("bad-data")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.extension() {
                    _ if path.is_dir() => folders.push(path),
                    Some(ending) if ending == "parquet" => rows_of(&path, &sha, &mut found),
                    _ => {}
                }
            }
        }
        found
    }

    /// Holds every file against `validate`; gives what was found of all.
    fn check(&self, where_: &str) -> BTreeSet<String> {
        let mut rules = BTreeSet::new();
        for (file, contract) in &self.files {
            let due = self.validated(file, contract);
            assert!(!due.is_empty());
            let name = file.display();
            assert_eq!(self.sealed(file), due, "{name} on {where_}");
            rules.extend(due.into_iter().map(|(_, rule)| rule));
        }
        let truth = std::fs::read_to_string(self.folder.path().join("truth.csv")).unwrap();
        let lines = truth.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
        let generated = lines.filter(|cells| cells[0] == "hr.candidate.csv");
        let truth: Broken = generated
            .map(|cells| (cells[1].parse().unwrap(), cells[2].to_owned()))
            .collect();
        assert_eq!(
            self.sealed(&self.files[0].0),
            truth,
            "the generator's truth on {where_}"
        );
        rules
    }
}

/// The rows of a bad file that came from the file of this sha-256.
fn rows_of(path: &Path, sha: &[u8], found: &mut Broken) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let (headers, violations) = (
            batch["_headers"].as_binary::<i32>(),
            batch["_violations"].as_list::<i32>(),
        );
        for at in 0..batch.num_rows() {
            let headers = headers_of(headers.value(at));
            let value = |name: &str| {
                headers
                    .iter()
                    .find(|(found, _)| found == name)
                    .map(|(_, value)| &value[..])
            };
            if value("muster-file") != Some(sha) {
                continue;
            }
            let row = u64::from_be_bytes(value("muster-row").unwrap().try_into().unwrap());
            let rules = violations.value(at);
            found.extend(
                rules
                    .as_string::<i32>()
                    .iter()
                    .flatten()
                    .map(|rule| (row, rule.to_owned())),
            );
        }
    }
}

/// A record's headers as a bad file keeps them: lengths in four bytes, little-endian, before each name and value.
fn headers_of(mut bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut take = || {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (value, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        bytes = rest;
        Some(value.to_vec())
    };
    let mut headers = Vec::new();
    while let Some(name) = take() {
        headers.push((String::from_utf8(name).unwrap(), take().unwrap()));
    }
    headers
}

#[test]
fn rows_of_files_break_the_same_rules_on_the_mock_as_in_validate_and_in_truth() {
    let world = World::new("mock");
    let mut command = muster();
    command.args(["demo", "--once", "--project"]).arg(world.folder.path());
    run(command).with_code(0);
    let rules = world.check("the mock");
    for rule in [
        "row.ragged",
        "record.undecodable",
        "columns",
        "strengths.encoding",
        "relation.type",
    ] {
        assert!(rules.contains(rule), "`{rule}` is not among {rules:?}");
    }
}

#[test]
fn rows_of_files_break_the_same_rules_on_kafka_as_in_validate_and_in_truth() {
    let Some(brokers) = broker_for_tests() else { return };
    let world = World::new("kafka");
    let database_url = fresh_database("muster_it").unwrap();
    let of_world = |arguments: &[&str]| {
        let mut command = muster();
        command.args(arguments).arg("--project").arg(world.folder.path());
        command
            .env("DATABASE_URL", &database_url)
            .env("KAFKA_BROKERS", &brokers);
        run(command).with_code(0)
    };
    of_world(&["migrate"]);
    for (file, contract) in &world.files {
        let file = file.to_str().unwrap();
        of_world(&["publish", file, "--contract", contract, "--partitions", "3"]);
    }
    of_world(&["ingest", "--once", "hr.candidate", "feedback.review"]);
    world.check("Kafka");
}
