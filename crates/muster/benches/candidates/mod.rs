//! Records as they come from a topic of the shipped contract `hr.candidate`, one in twenty bad: what the benches of judging
//! and sealing work on.

use muster_batch::{BytesColumn, Headers, RawBatch};
use muster_contract::decode::TextWriter;
use muster_spec::{Contract, Offset, OffsetDelta, SourceId};

/// Records a batch.
pub const BATCH_ROWS: usize = 8_192;

/// The contract that ships with the repository.
pub fn shipped() -> Contract {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/");
    let open = |file: &str| std::fs::read_to_string(format!("{folder}{file}")).ok();
    let yaml = open("hr.candidate.contract.yaml").expect("the contract ships with the repository");
    muster_spec::read::contract("hr.candidate", "hr.candidate.contract.yaml", &yaml, &open)
        .expect("the shipped contract is one")
}

/// A batch of records from this offset on.
pub fn records(contract: &Contract, from: usize) -> RawBatch {
    let mut writer = TextWriter::new(muster_spec::schema_id(&muster_spec::all_text_schema(contract)));
    let (mut payloads, mut keys, mut headers) = (BytesColumn::default(), BytesColumn::default(), Headers::default());
    for row in from..from + BATCH_ROWS {
        let cells = cells(row);
        let cells: Vec<Option<&[u8]>> = cells
            .iter()
            .map(|cell| Some(cell.as_bytes()).filter(|cell| !cell.is_empty()))
            .collect();
        payloads.push(Some(writer.write(cells.iter().copied())));
        keys.push(cells[0]);
        headers.push(std::iter::empty());
    }
    let offsets: Vec<i64> = (from as i64..(from + BATCH_ROWS) as i64).collect();
    RawBatch {
        source: SourceId(1),
        topic: contract.topic.as_str().into(),
        partition: 0,
        delta: OffsetDelta::new(Offset(from as i64), Offset((from + BATCH_ROWS) as i64)),
        timestamps: offsets.iter().map(|offset| 1_700_000_000_000 + offset / 100).collect(),
        offsets,
        payloads,
        keys,
        headers,
    }
}

/// The key of a row: the contract takes no higher ones than these.
pub fn entity(row: usize) -> String {
    (row % 9_999_999 + 1).to_string()
}

/// The cells of a row in the contract's order; every twentieth has a city that is written wrongly.
fn cells(row: usize) -> [String; 15] {
    let drawn = |by: usize| (row.wrapping_mul(31).wrapping_add(by)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let pick = |by: usize, of: &[&str]| of[drawn(by) % of.len()].to_owned();
    let city = if row.is_multiple_of(20) { "City" } else { "city" };
    [
        entity(row),
        format!("{city}_{}", drawn(0) % 180 + 1),
        format!("0.{:03}", drawn(1) % 1000),
        pick(2, &["Male", "Female", "Other", ""]),
        pick(3, &["Has relevent experience", "No relevent experience"]),
        pick(4, &["no_enrollment", "Full time course", "Part time course", ""]),
        pick(5, &["Graduate", "Masters", "Phd"]),
        pick(
            6,
            &["STEM", "Humanities", "Business Degree", "Arts", "Other", "No Major", ""],
        ),
        pick(7, &["<1", "1", "2", "3", "4", "5", "6", "9", "12", "15", "18", ">20"]),
        pick(
            8,
            &["<10", "10/49", "50-99", "100-500", "500-999", "1000-4999", "10000+", ""],
        ),
        pick(9, &["Pvt Ltd", "Public Sector", "NGO", "Funded Startup", "Other", ""]),
        pick(10, &["never", "1", "2", "3", "4", ">4", ""]),
        (drawn(11) % 336 + 1).to_string(),
        String::new(),
        (drawn(12) % 2).to_string(),
    ]
}
