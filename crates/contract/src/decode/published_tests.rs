//! Tests of the file beside this one.

use muster_batch::{Headers, Refusal};

use super::{Note, note};

#[test]
fn headers_say_what_they_say_and_others_nothing() {
    let mut headers = Headers::default();
    headers.push(std::iter::empty());
    headers.push([("muster-row", Some(&b"12345678"[..])), ("ce_id", None)].into_iter());
    headers.push([("x", None), ("muster-line", Some(&b"encoding"[..]))].into_iter());
    headers.push([("muster-line", Some(&b"ragged"[..]))].into_iter());
    headers.push([("muster-columns", Some(&b"{}"[..])), ("muster-row", None)].into_iter());
    headers.push([("muster-columns", None)].into_iter());
    headers.push([("muster-columns", Some(&b"{}"[..])), ("muster-line", None)].into_iter());
    let notes: Vec<_> = (0..7).map(|record| note(&headers, record)).collect();
    let expected = [
        Note::Plain,
        Note::Plain,
        Note::Line(Refusal::LineEncoding),
        Note::Line(Refusal::Ragged),
        Note::Columns(b"{}"),
        Note::Columns(b""),
        Note::Line(Refusal::Ragged),
    ];
    assert_eq!(notes, expected);
}
