//! A real schema registry between those who write and those who read: rows' schemas are registered, ids are looked up,
//! kept, waited for and, when nobody knows them, given up.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use arrow::array::AsArray;
use muster_registry::{Options, Registry, subject_of};
use muster_sandbox::Apicurio;
use muster_sandbox::apicurio::registry_for_tests;
use muster_sandbox::kafka::operator;
use muster_spec::{SchemaId, all_text_schema};
use muster_stream::{Connection, Outgoing, Publisher, PublisherConfig};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::world::{CONTRACT, INGEST, World};

const LIMIT: Duration = Duration::from_mins(1);
const ROWS: u64 = 40;

/// What a source system writes: narrower numbers, another unit of time, a field that the contract does not have.
const WRITER: &str = r#"{"type": "record", "name": "Visit", "namespace": "school", "fields": [
    {"name": "note", "type": "string"},
    {"name": "number", "type": "int"},
    {"name": "level", "type": {"type": "enum", "name": "Level", "symbols": ["low", "middle", "high", "top"]}},
    {"name": "hours", "type": "float"},
    {"name": "occurred_at", "type": {"type": "long", "logicalType": "timestamp-millis"}}
]}"#;

/// The way to the registry, which can be closed: connections are cut, and new ones refused at once.
struct Door {
    address: SocketAddr,
    open: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Door {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let door = Self {
            address: listener.local_addr().unwrap(),
            open: Arc::new(AtomicBool::new(true)),
            streams: Arc::default(),
        };
        let (open, streams) = (Arc::clone(&door.open), Arc::clone(&door.streams));
        std::thread::spawn(move || {
            for inward in listener.incoming().map_while(Result::ok) {
                if !open.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(outward) = TcpStream::connect(server) else {
                    continue;
                };
                let both = [inward, outward];
                streams
                    .lock()
                    .unwrap()
                    .extend(both.iter().map(|stream| stream.try_clone().unwrap()));
                let [mut inward, mut outward] = both;
                let (mut back_from, mut back_to) = (outward.try_clone().unwrap(), inward.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut inward, &mut outward));
                std::thread::spawn(move || std::io::copy(&mut back_from, &mut back_to));
            }
        });
        door
    }

    fn close(&self) {
        self.open.store(false, Ordering::SeqCst);
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

/// A source system's event in its frame.
fn event(id: SchemaId, number: i32, level: u32) -> Vec<u8> {
    let schema = Schema::parse_str(WRITER).unwrap();
    let symbol = ["low", "middle", "high", "top"][level as usize];
    let values = [
        ("note", Value::String("from the source".into())),
        ("number", Value::Int(number)),
        ("level", Value::Enum(level, symbol.into())),
        ("hours", Value::Float(2.5)),
        ("occurred_at", Value::TimestampMillis(1_772_323_200_000)),
    ];
    let values = values.into_iter().map(|(name, value)| (name.to_owned(), value));
    let record = Value::Record(values.collect());
    let writer = GenericDatumWriter::builder(&schema).build().unwrap();
    let mut bytes = vec![0];
    bytes.extend_from_slice(&id.0.to_be_bytes());
    bytes.extend(writer.write_value_to_vec(record).unwrap());
    bytes
}

fn send(world: &World, payloads: impl IntoIterator<Item = Vec<u8>>) {
    let publisher = Publisher::new(&PublisherConfig::new(Connection::new(&world.brokers))).unwrap();
    for payload in payloads {
        publisher
            .send(&Outgoing {
                topic: &world.topic,
                partition: Some(0),
                key: None,
                payload: Some(&payload),
                headers: &[],
                timestamp_ms: None,
            })
            .unwrap();
    }
    assert_eq!(publisher.flush(LIMIT).unwrap().failed, 0);
}

/// [received, good, bad] so far.
fn sums(world: &World) -> [u64; 3] {
    let shown = world.run(&["reconcile", "--format", "json"]).with_code(0).json();
    let rows = shown["reconcile"].as_array().unwrap();
    ["received", "good", "bad"].map(|column| rows.iter().map(|row| row[column].as_u64().unwrap()).sum())
}

/// What the registry says of a path of its API.
fn asked(registry: &Apicurio, path: &str) -> String {
    let mut stream = TcpStream::connect(registry.address()).unwrap();
    let request = format!("GET /apis/ccompat/v7{path} HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The reasons in the sealed bad files.
fn reasons(world: &World) -> Vec<String> {
    let paths = world.ask("SELECT coalesce(string_agg(path, ','), '') FROM files WHERE kind = 'bad'");
    let mut reasons = Vec::new();
    for path in paths.split(',').filter(|path| !path.is_empty()) {
        let file = File::open(world.path().join(path)).unwrap();
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let column = batch["_reason"].as_string::<i32>();
            reasons.extend(column.iter().flatten().map(str::to_owned));
        }
    }
    reasons
}

#[test]
fn ids_are_registered_looked_up_kept_waited_for_and_given_up() {
    let Some(registry) = registry_for_tests() else { return };
    let Some(world) = World::new("registry", 1) else { return };
    let door = Door::to(registry.address());
    let url = Apicurio::url_by(door.address);
    let named = ["--registry-url", &url];
    let subject = subject_of(&world.topic);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = Registry::new(&Options::new(&registry.url())).unwrap();

    // `publish` registers the rows' schema under the topic's subject and frames with the id it gets. An id before it,
    // so that the two ids are not both the first.
    let of_source = runtime.block_on(client.register("source-value", WRITER)).unwrap();
    let mut file = "number,level,hours,occurred_at,target\n".to_owned();
    for number in 0..ROWS {
        writeln!(file, "{number},middle,1.5,2026-03-01T00:00:00Z,").unwrap();
    }
    let path = world.path().join("visits.csv");
    std::fs::write(&path, file).unwrap();
    let path = path.to_str().unwrap();
    world
        .run(&[&["publish", path, "--contract", CONTRACT][..], &named].concat())
        .with_code(0);
    let versions = asked(&registry, &format!("/subjects/{subject}/versions"));
    assert!(versions.contains("[1]"), "{versions}");
    let rows_schema = all_text_schema(&world.contract);
    let of_rows = runtime.block_on(client.register(&subject, &rows_schema)).unwrap();
    assert_ne!(of_rows, of_source);
    let sent = operator::read_topic(&world.brokers, &world.topic).unwrap();
    assert_eq!(sent.len() as u64, ROWS);
    let frame = [&[0][..], &of_rows.0.to_be_bytes()].concat();
    assert!(
        sent.iter()
            .all(|record| record.payload.as_ref().unwrap().starts_with(&frame))
    );

    // An outage pauses: nothing is received, nothing is bad. When it ends, everything goes in.
    send(
        &world,
        (0..20).map(|number| event(of_source, 1_000 + number, u32::from(number == 7) * 3)),
    );
    door.close();
    let mut ingest = world.start(&[&INGEST[..], &named].concat());
    let word = ingest.wait_said("answer from the registry", LIMIT);
    assert!(word.contains("WARN"), "{word}");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(sums(&world), [0, 0, 0]);
    assert!(ingest.runs());
    door.open();
    world.wait_received(ROWS + 20, LIMIT);
    ingest.signal("TERM");
    ingest.wait(LIMIT).with_code(0);
    assert_eq!(sums(&world), [ROWS + 20, ROWS + 19, 1], "one level is none");
    assert_eq!(
        world.ask("SELECT string_agg(rule_id, ',') FROM violations"),
        "level.level"
    );

    // The ledger keeps what was looked up: the registry may be silent, or not even named.
    door.close();
    send(&world, (0..10).map(|number| event(of_source, 2_000 + number, 0)));
    world.run(&[&["ingest", "--once"][..], &named].concat()).with_code(0);
    assert_eq!(sums(&world), [ROWS + 30, ROWS + 29, 1]);
    send(&world, (0..10).map(|number| event(of_source, 3_000 + number, 0)));
    world.run(&["ingest", "--once"]).with_code(0);
    assert_eq!(sums(&world), [ROWS + 40, ROWS + 39, 1]);
    assert_eq!(reasons(&world), [] as [&str; 0]);

    // An id that the registry denies again and again is unknown; the records around it are not touched.
    door.open();
    let unknown = SchemaId(999_999);
    send(
        &world,
        (0..6).map(|number| event(if number % 2 == 0 { unknown } else { of_source }, 4_000 + number, 0)),
    );
    world.run(&[&["ingest", "--once"][..], &named].concat()).with_code(0);
    assert_eq!(sums(&world), [ROWS + 46, ROWS + 42, 4]);
    assert_eq!(reasons(&world), ["schema_unknown"; 3]);
}
