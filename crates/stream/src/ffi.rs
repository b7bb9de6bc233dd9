//! What rdkafka's safe interface lacks: a queue of its own for records, topic ids, watermarks without a question.
//!
//! The only unsafe file of the crate; used by the receiving loop and by [`crate::topics`]. Records go to a queue of
//! their own for two reasons. While the channel is full the loop leaves that queue alone and still serves the group's
//! queue, so that nothing fetched is thrown away as pausing would; and taking a run of records costs half of taking
//! each by an event. What must stay true: a pointer never outlives the client it came from, and everything that is
//! handed to librdkafka is copied by it before the call returns.
#![expect(unsafe_code, reason = "librdkafka is C; this file is where it is called")]

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::os::raw::{c_char, c_int, c_void};
use std::ptr;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use muster_spec::TopicId;
use rdkafka::bindings as native;
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::MetadataBroker;
use uuid::Uuid;

use crate::context::{Context, Whom};
use crate::{Error, TopicFacts};

/// How many records are taken from the queue before the group is served again.
const RUN: usize = 2048;

/// A queue of librdkafka, owned.
struct Queue(NonNull<native::rd_kafka_queue_t>);

impl Queue {
    /// A queue of `client`'s; the caller drops it before the client.
    fn new(client: &Client<Context>) -> Self {
        // SAFETY: the client's pointer is valid while it is borrowed.
        let queue = unsafe { native::rd_kafka_queue_new(client.native_ptr()) };
        Self(NonNull::new(queue).expect("librdkafka aborts rather than return no queue"))
    }

    fn ptr(&self) -> *mut native::rd_kafka_queue_t {
        self.0.as_ptr()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: made by `new`, destroyed once. What still refers to it inside librdkafka holds its own count.
        unsafe { native::rd_kafka_queue_destroy(self.ptr()) }
    }
}

/// A group's member: the consumer, the queue its records go to and the queue of answers about topics.
///
/// The fields are dropped in this order, so that the queues go before the client.
pub(crate) struct Member {
    records: Queue,
    answers: Queue,
    asked: bool,
    /// The consumer, for everything that rdkafka offers safely.
    pub(crate) consumer: BaseConsumer<Context>,
}

impl Member {
    pub(crate) fn new(consumer: BaseConsumer<Context>) -> Self {
        Self {
            records: Queue::new(consumer.client()),
            answers: Queue::new(consumer.client()),
            asked: false,
            consumer,
        }
    }

    /// Sends a partition's records to this member's own queue. To be called before the partition is assigned.
    pub(crate) fn route(&self, topic: &str, partition: i32) {
        let Ok(name) = CString::new(topic) else { return };
        // SAFETY: the name lives through the call. The partition's queue is a counted reference that is given back at
        // once; forwarding takes its own count of our queue, which outlives it or is disabled when it is dropped.
        unsafe {
            let queue = native::rd_kafka_queue_get_partition(self.client_ptr(), name.as_ptr(), partition);
            if !queue.is_null() {
                native::rd_kafka_queue_forward(queue, self.records.ptr());
                native::rd_kafka_queue_destroy(queue);
            }
        }
    }

    /// Hands the records and errors that are there, or come within `wait`, to `each`, in order; says how many. A panic
    /// in `each` ends the process: it can not pass through librdkafka.
    ///
    /// Taken by a callback for each, not by an array of all: of an array librdkafka 2.2 to 2.12 counts an end of
    /// partition as a record (confluentinc/librdkafka#4844), and then loses the next one when a rebalance pauses the
    /// partition.
    pub(crate) fn take<F: FnMut(&Record<'_>)>(&mut self, wait: Duration, each: F) -> usize {
        let mut run = Run {
            each,
            count: 0,
            client: self.client_ptr(),
        };
        // SAFETY: the run lives through the call and the callback, which is made for its type, runs within the call only,
        // on this thread.
        unsafe {
            native::rd_kafka_consume_callback_queue(
                self.records.ptr(),
                millis(wait),
                Some(take_one::<F>),
                (&raw mut run).cast::<c_void>(),
            );
        }
        run.count
    }

    /// The log's end as the last fetch of a partition told it; `None` before the first.
    pub(crate) fn high_watermark(&self, topic: &str, partition: i32) -> Option<i64> {
        let name = CString::new(topic).ok()?;
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the name and both places live through the call, which asks no broker.
        let code = unsafe {
            native::rd_kafka_get_watermark_offsets(
                self.client_ptr(),
                name.as_ptr(),
                partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (code == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }

    /// Asks about topics without waiting, unless an answer is still on its way.
    pub(crate) fn ask(&mut self, topics: &[&str], timeout: Duration) {
        if !self.asked && !topics.is_empty() {
            self.asked = true;
            ask(self.consumer.client(), topics, timeout, &self.answers);
        }
    }

    /// The answer to [`Member::ask`], when it has come.
    pub(crate) fn answer(&mut self) -> Option<Result<HashMap<String, TopicFacts>, Error>> {
        if !self.asked {
            return None;
        }
        let answer = Answer::poll(&self.answers, Duration::ZERO)?;
        self.asked = false;
        Some(answer.facts())
    }

    /// Reads a partition from an offset on, into this member's own queue and without a group: nobody hears of it, and
    /// nothing is written down. It ends when what is returned is dropped, which the caller does before this member.
    pub(crate) fn read(&self, topic: &str, partition: i32, from: i64) -> Result<PartitionRead, Error> {
        let failed = |code: RDKafkaErrorCode| Error::Topic {
            action: "read",
            topic: topic.to_owned(),
            code,
        };
        let name = CString::new(topic).map_err(|_| failed(RDKafkaErrorCode::InvalidTopic))?;
        // SAFETY: the client's pointer is valid and the name lives through the call, which copies it.
        let handle = unsafe { native::rd_kafka_topic_new(self.client_ptr(), name.as_ptr(), ptr::null_mut()) };
        let Some(handle) = NonNull::new(handle) else {
            return Err(failed(RDKafkaErrorCode::InvalidTopic));
        };
        // SAFETY: the topic was made above and the queue counts its users; a read that does not begin leaves nothing
        // behind but the topic's handle, which is given back.
        unsafe {
            if native::rd_kafka_consume_start_queue(handle.as_ptr(), partition, from, self.records.ptr()) == -1 {
                let code = native::rd_kafka_last_error();
                native::rd_kafka_topic_destroy(handle.as_ptr());
                return Err(failed(code.into()));
            }
        }
        Ok(PartitionRead {
            topic: handle,
            partition,
        })
    }

    fn client_ptr(&self) -> *mut native::rd_kafka_t {
        self.consumer.client().native_ptr()
    }
}

/// A partition that is read without a group, until this is dropped.
pub(crate) struct PartitionRead {
    topic: NonNull<native::rd_kafka_topic_t>,
    partition: i32,
}

impl Drop for PartitionRead {
    fn drop(&mut self) {
        // SAFETY: begun once and ended once; the client lives, for whoever holds this drops it before the member.
        unsafe {
            native::rd_kafka_consume_stop(self.topic.as_ptr(), self.partition);
            native::rd_kafka_topic_destroy(self.topic.as_ptr());
        }
    }
}

/// A record, or an error about a partition, borrowed from the member that took it.
pub(crate) struct Record<'a> {
    message: *mut native::rd_kafka_message_t,
    member: PhantomData<&'a Member>,
}

impl Record<'_> {
    fn message(&self) -> &native::rd_kafka_message_t {
        // SAFETY: librdkafka gave a valid pointer for the time of the callback, which this does not outlive.
        unsafe { &*self.message }
    }

    /// What tells partitions apart without reading the name: the topic's address, stable while it is assigned.
    pub(crate) fn topic_address(&self) -> usize {
        self.message().rkt as usize
    }

    /// The topic's name; empty where librdkafka names none.
    pub(crate) fn topic(&self) -> &str {
        if self.message().rkt.is_null() {
            return "";
        }
        // SAFETY: the topic is held by the message and its name by the topic; topic names are ASCII.
        let name = unsafe { CStr::from_ptr(native::rd_kafka_topic_name(self.message().rkt)) };
        name.to_str().unwrap_or_default()
    }

    pub(crate) fn partition(&self) -> i32 {
        self.message().partition
    }

    /// The record's offset, or the offset an error is about.
    pub(crate) fn offset(&self) -> i64 {
        self.message().offset
    }

    /// The error, where this is none of a record.
    pub(crate) fn error(&self) -> Option<RDKafkaErrorCode> {
        let code = self.message().err;
        (code != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| code.into())
    }

    /// Milliseconds since 1970-01-01 UTC; -1 where there is none.
    pub(crate) fn timestamp(&self) -> i64 {
        let mut kind = native::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid, the place lives through the call.
        unsafe { native::rd_kafka_message_timestamp(self.message, &raw mut kind) }
    }

    pub(crate) fn key(&self) -> Option<&[u8]> {
        // SAFETY: librdkafka keeps pointer and length of the key together, for as long as the message lives.
        unsafe { bytes(self.message().key, self.message().key_len) }
    }

    pub(crate) fn payload(&self) -> Option<&[u8]> {
        // SAFETY: as with the key.
        unsafe { bytes(self.message().payload, self.message().len) }
    }

    /// The headers in their order. A name that is not UTF-8 is left empty.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is valid; the list it gives belongs to the message and lives as long.
        let code = unsafe { native::rd_kafka_message_headers(self.message, &raw mut headers) };
        let present = code == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        (0..if present { usize::MAX } else { 0 }).map_while(move |index| {
            let (mut name, mut value, mut size) = (ptr::null::<c_char>(), ptr::null::<c_void>(), 0);
            // SAFETY: the list is valid; past its end the call fails and touches nothing. Names end with a zero byte.
            unsafe {
                let code =
                    native::rd_kafka_header_get_all(headers, index, &raw mut name, &raw mut value, &raw mut size);
                (code == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR)
                    .then(|| (CStr::from_ptr(name).to_str().unwrap_or_default(), bytes(value, size)))
            }
        })
    }
}

/// Records being taken.
struct Run<F> {
    each: F,
    count: usize,
    client: *mut native::rd_kafka_t,
}

/// Hands one record on, and after enough of them makes librdkafka put the rest back.
///
/// # Safety
/// `run` points to a `Run<F>` that nobody else uses during the call; `message` is valid during it.
unsafe extern "C" fn take_one<F: FnMut(&Record<'_>)>(message: *mut native::rd_kafka_message_t, run: *mut c_void) {
    // SAFETY: as demanded of the caller.
    let run = unsafe { &mut *run.cast::<Run<F>>() };
    (run.each)(&Record {
        message,
        member: PhantomData,
    });
    run.count += 1;
    if run.count == RUN {
        // SAFETY: the client outlives the member that takes.
        unsafe { native::rd_kafka_yield(run.client) }
    }
}

/// The bytes at `start`, or `None` for null.
///
/// # Safety
/// `start` is null or points to `length` bytes that live and do not change for `'a`.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: as demanded of the caller.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) })
}

/// What a cluster says of topics, asked and waited for. Topics that are not there are left out.
pub(crate) fn describe(
    client: &Client<Context>,
    topics: &[&str],
    timeout: Duration,
) -> Result<HashMap<String, TopicFacts>, Error> {
    let Some(first) = topics.first() else {
        return Ok(HashMap::new());
    };
    let end = Instant::now() + timeout;
    find_whom_to_ask(client, first, timeout)?;
    let answers = Queue::new(client);
    let left = end.saturating_duration_since(Instant::now());
    ask(client, topics, left, &answers);
    // librdkafka answers within the time it was given, with an error if need be; half a second more is a guard.
    match Answer::poll(&answers, left + Duration::from_millis(500)) {
        Some(answer) => answer.facts(),
        None => Err(Error::TimedOut {
            action: "read the topics' ids",
            timeout_ms: timeout.as_millis() as u64,
        }),
    }
}

/// Makes sure that there is somebody to ask. librdkafka asks the controller; its mock cluster names one that does not
/// exist, and then any broker is asked: every broker knows the topics.
fn find_whom_to_ask(client: &Client<Context>, topic: &str, timeout: Duration) -> Result<(), Error> {
    if client.context().whom_to_ask().is_some() {
        return Ok(());
    }
    let metadata = client
        .fetch_metadata(Some(topic), timeout)
        .map_err(|error| Error::from_kafka("read the topics' ids", error))?;
    // SAFETY: the client's pointer is valid while it is borrowed; without time to wait only what is known is told.
    let controller = unsafe { native::rd_kafka_controllerid(client.native_ptr(), 0) };
    let brokers: Vec<i32> = metadata.brokers().iter().map(MetadataBroker::id).collect();
    let whom = match brokers.first() {
        Some(broker) if !brokers.contains(&controller) => Whom::Broker(*broker),
        _ => Whom::Controller,
    };
    if controller >= 0 {
        client.context().remember_whom_to_ask(whom);
    }
    Ok(())
}

/// Sends a question about topics; its answer comes to `answers`.
fn ask(client: &Client<Context>, topics: &[&str], timeout: Duration, answers: &Queue) {
    let names: Vec<CString> = topics.iter().filter_map(|topic| CString::new(*topic).ok()).collect();
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let mut reason = [0 as c_char; 128];
    // SAFETY: names, pointers and reason outlive the calls; the collection and the options are copied by
    // DescribeTopics and destroyed here, once; the queue counts its users. A setting that is refused changes nothing.
    unsafe {
        let collection = native::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        let options = native::rd_kafka_AdminOptions_new(
            client.native_ptr(),
            native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        );
        let (text, size) = (reason.as_mut_ptr(), reason.len());
        native::rd_kafka_AdminOptions_set_request_timeout(options, millis(timeout).max(1), text, size);
        if let Some(Whom::Broker(broker)) = client.context().whom_to_ask() {
            native::rd_kafka_AdminOptions_set_broker(options, broker, text, size);
        }
        native::rd_kafka_DescribeTopics(client.native_ptr(), collection, options, answers.ptr());
        native::rd_kafka_AdminOptions_destroy(options);
        native::rd_kafka_TopicCollection_destroy(collection);
    }
}

/// An answer about topics: one event of librdkafka, which owns everything read from it.
struct Answer(NonNull<native::rd_kafka_event_t>);

impl Answer {
    fn poll(answers: &Queue, wait: Duration) -> Option<Self> {
        // SAFETY: the queue is valid; the event is ours to destroy.
        NonNull::new(unsafe { native::rd_kafka_queue_poll(answers.ptr(), millis(wait)) }).map(Self)
    }

    fn facts(&self) -> Result<HashMap<String, TopicFacts>, Error> {
        let mut facts = HashMap::new();
        // SAFETY: the event lives until this answer is dropped and nothing read from it is kept.
        let code = unsafe { native::rd_kafka_event_error(self.0.as_ptr()) };
        if code != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(Error::Kafka {
                action: "read the topics' ids",
                code: code.into(),
            });
        }
        for topic in self.topics().iter().copied() {
            if let Some((name, found)) = topic_facts(topic)? {
                facts.insert(name, found);
            }
        }
        Ok(facts)
    }

    fn topics(&self) -> &[*const native::rd_kafka_TopicDescription_t] {
        let mut count = 0;
        // SAFETY: an event of another type gives null; the array has `count` entries and lives with the event.
        unsafe {
            let result = native::rd_kafka_event_DescribeTopics_result(self.0.as_ptr());
            if result.is_null() {
                return &[];
            }
            let topics = native::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
            if topics.is_null() {
                &[]
            } else {
                std::slice::from_raw_parts(topics, count)
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: polled once, destroyed once.
        unsafe { native::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

/// One topic's name, id and partitions; `None` when the cluster does not know it.
fn topic_facts(topic: *const native::rd_kafka_TopicDescription_t) -> Result<Option<(String, TopicFacts)>, Error> {
    // SAFETY: the caller's answer owns the description and everything it points to, and is not dropped in between.
    unsafe {
        let name = CStr::from_ptr(native::rd_kafka_TopicDescription_name(topic))
            .to_string_lossy()
            .into_owned();
        match native::rd_kafka_error_code(native::rd_kafka_TopicDescription_error(topic)) {
            native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {}
            native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART => return Ok(None),
            code => {
                return Err(Error::Topic {
                    action: "read the id of",
                    topic: name,
                    code: code.into(),
                });
            }
        }
        let id = native::rd_kafka_TopicDescription_topic_id(topic);
        let id = if id.is_null() {
            Uuid::nil()
        } else {
            Uuid::from_u64_pair(
                native::rd_kafka_Uuid_most_significant_bits(id) as u64,
                native::rd_kafka_Uuid_least_significant_bits(id) as u64,
            )
        };
        if id.is_nil() {
            return Err(Error::NoTopicId { topic: name });
        }
        let mut partitions = 0;
        native::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
        Ok(Some((
            name,
            TopicFacts {
                id: TopicId(id),
                partitions: partitions as i32,
            },
        )))
    }
}

/// A time as librdkafka counts it.
fn millis(wait: Duration) -> c_int {
    c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX)
}
