//! An Avro object container as framed records, typed by the contract's decoder.
//!
//! Used by [`super::rows`]. The container's schema is a writer's schema as on Kafka: fields are found by name and alias,
//! numbers are promoted, what the contract does not want is passed over. One that does not resolve is an error, since
//! no row of the file could be judged. Memory is bounded by a block and a run.

use std::io::{BufReader, Read};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::{Codec, Schema};
use muster_batch::{BytesColumn, DecodedBatch, Headers, RawBatch};
use muster_contract::decode::{Datums, Decoder, framed};
use muster_spec::{Contract, Offset, OffsetDelta, SchemaId, SourceId, schema_id};

use super::avro_texts::AvroTexts;

/// Rows a run.
const RUN_ROWS: usize = 2048;
/// About so many bytes of records a run.
const RUN_BYTES: usize = 512 << 10;
/// The largest block that is read, as it stands in the file.
const BLOCK_BYTES_MAX: u64 = 256 << 20;

/// What a container begins with.
const MAGIC: [u8; 4] = *b"Obj\x01";

/// Records of an object container.
pub struct AvroRows {
    blocks: Blocks,
    id: SchemaId,
    datums: Datums,
    decoder: Decoder,
    texts: Arc<AvroTexts>,
    /// The block that is being read, and where its next record begins.
    block: Vec<u8>,
    at: usize,
    /// How many of its records are left.
    left: u64,
    next_row: u64,
}

/// A container's blocks.
struct Blocks {
    input: BufReader<Counted>,
    codec: Codec,
    marker: [u8; 16],
}

/// Counts what is read.
struct Counted {
    input: Box<dyn Read + Send>,
    bytes: u64,
}

impl AvroRows {
    /// Reads a container's header and resolves its schema to the contract's.
    pub fn open(input: Box<dyn Read + Send>, contract: &Arc<Contract>) -> anyhow::Result<Self> {
        let (blocks, schema_text) = Blocks::open(input)?;
        let id = schema_id(&schema_text);
        let mut decoder = Decoder::new(Arc::clone(contract))?;
        decoder.learn(id, &schema_text)?;
        Ok(Self {
            blocks,
            id,
            datums: Datums::new(id, &schema_text)?,
            decoder,
            texts: Arc::new(AvroTexts::new(Schema::parse_str(&schema_text)?)),
            block: Vec::new(),
            at: 0,
            left: 0,
            next_row: 0,
        })
    }

    /// What gives bad records their text.
    pub fn texts(&self) -> &Arc<AvroTexts> {
        &self.texts
    }

    /// How many of the file's bytes were read.
    pub fn bytes_read(&self) -> u64 {
        self.blocks.input.get_ref().bytes
    }

    /// The next rows; `None` at the end of the file.
    pub fn next_batch(&mut self) -> anyhow::Result<Option<DecodedBatch>> {
        let mut payloads = BytesColumn::default();
        let mut frame = Vec::new();
        while payloads.len() < RUN_ROWS && payloads.byte_len() < RUN_BYTES {
            if self.left == 0 {
                match self.blocks.next(&mut self.block)? {
                    Some(records) => (self.left, self.at) = (records, 0),
                    None => break,
                }
                continue;
            }
            let mut rest = &self.block[self.at..];
            let record = self.datums.cut(&mut rest).map_err(|refusal| {
                let row = self.next_row + payloads.len() as u64;
                anyhow::anyhow!("record {row} is not of the file's schema: {}", refusal.code())
            })?;
            ensure!(!record.is_empty(), "the file's records have no bytes");
            frame.clear();
            framed(self.id, record, &mut frame);
            payloads.push(Some(&frame));
            self.at = self.block.len() - rest.len();
            self.left -= 1;
            ensure!(self.left > 0 || rest.is_empty(), "a block has bytes after its records");
        }
        if payloads.is_empty() {
            return Ok(None);
        }
        let (first, rows) = (self.next_row as i64, payloads.len());
        self.next_row += rows as u64;
        let (mut keys, mut headers) = (BytesColumn::default(), Headers::default());
        for _ in 0..rows {
            keys.push(None);
            headers.push(std::iter::empty());
        }
        Ok(Some(self.decoder.decode_framed(RawBatch {
            source: SourceId(0),
            topic: Arc::from(""),
            partition: 0,
            delta: OffsetDelta::new(Offset(first), Offset(first + rows as i64)),
            offsets: (first..first + rows as i64).collect(),
            timestamps: vec![-1; rows],
            payloads,
            keys,
            headers,
        })))
    }
}

impl Blocks {
    /// Reads the header: the schema's text, how blocks are compressed, what ends them.
    fn open(input: Box<dyn Read + Send>) -> anyhow::Result<(Self, String)> {
        let mut input = BufReader::new(Counted { input, bytes: 0 });
        let mut magic = [0; 4];
        let whole = input.read_exact(&mut magic).is_ok();
        ensure!(
            whole && magic == MAGIC,
            "it does not begin as an Avro object container does"
        );
        let shape = Schema::map(Schema::Bytes).build();
        let facts = GenericDatumReader::builder(&shape).build()?.read_value(&mut input);
        let Ok(Value::Map(facts)) = facts else {
            bail!("its header is damaged");
        };
        let fact = |name: &str| match facts.get(name) {
            Some(Value::Bytes(bytes)) => std::str::from_utf8(bytes).ok(),
            _ => None,
        };
        let schema = fact("avro.schema").context("its header has no schema")?.to_owned();
        let codec = fact("avro.codec").unwrap_or("null");
        let codec = Codec::from_str(codec).map_err(|_| {
            anyhow::anyhow!("its blocks are compressed by `{codec}`: expected null, deflate, snappy or zstandard")
        })?;
        let mut marker = [0; 16];
        input.read_exact(&mut marker).context("it ends in its header")?;
        let blocks = Self { input, codec, marker };
        Ok((blocks, schema))
    }

    /// Puts the next block's records into `block` and tells how many they are; `None` at the end of the file.
    fn next(&mut self, block: &mut Vec<u8>) -> anyhow::Result<Option<u64>> {
        const CUT: &str = "the file ends inside a block";
        let Some(records) = self.number().context(CUT)? else {
            return Ok(None);
        };
        let bytes = self.number().context(CUT)?.context(CUT)?;
        ensure!(
            bytes <= BLOCK_BYTES_MAX,
            "a block of {bytes} bytes: at most {BLOCK_BYTES_MAX} are read at once"
        );
        block.clear();
        let read = self.input.by_ref().take(bytes).read_to_end(block).context(CUT)?;
        ensure!(read as u64 == bytes, CUT);
        let mut marker = [0; 16];
        self.input.read_exact(&mut marker).context(CUT)?;
        ensure!(marker == self.marker, "a block does not end as the file's blocks do");
        self.codec.decompress(block).context("a block cannot be decompressed")?;
        ensure!(records > 0 || block.is_empty(), "a block has bytes after its records");
        Ok(Some(records))
    }

    /// A count as a zig-zag varint; `None` where the file ends before it.
    fn number(&mut self) -> std::io::Result<Option<u64>> {
        let invalid = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
        let mut coded = 0_u64;
        for place in 0..10 {
            let mut byte = [0];
            match self.input.read_exact(&mut byte) {
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof && place == 0 => return Ok(None),
                other => other?,
            }
            coded |= u64::from(byte[0] & 0x7f) << (7 * place);
            if byte[0] < 0x80 {
                return if coded & 1 == 0 {
                    Ok(Some(coded >> 1))
                } else {
                    Err(invalid("a count below zero"))
                };
            }
        }
        Err(invalid("a count of more than 64 bits"))
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}
