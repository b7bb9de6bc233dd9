//! Every way a receiver can fail us, as a table: what each is called, how long it may hold us up, and that no error
//! text holds the address.

use std::time::{Duration, Instant};

use muster_monitor::{Address, Courier, Delivery, Failure, Secret, Times, sign};
use muster_spec::AlertTarget;

use crate::receiver::{Answer, listen};

const TIMES: Times = Times {
    connect: Duration::from_millis(500),
    whole: Duration::from_secs(1),
};
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn target(allow_hosts: &str) -> AlertTarget {
    let yaml = format!(
        "version: 1\nkind: webhook\nurl: {{ env: U }}\nsecrets: [{{ env: S }}]\nallow_hosts: [{allow_hosts}]\n"
    );
    muster_spec::read::target("t", "alerts/t.yaml", &yaml).unwrap()
}

async fn deliver(allow_hosts: &str, url: &str) -> Delivery {
    let courier = Courier::new(&target(allow_hosts), TIMES).unwrap();
    let address = Address::read(url, &[SECRET.to_owned()]).unwrap();
    courier.deliver(&address, "msg_1", "{}".to_owned()).await
}

#[tokio::test]
async fn a_message_that_is_taken_carries_its_id_time_and_both_signatures() {
    let (port, heard) = listen(Answer::Bytes("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")).await;
    let courier = Courier::new(&target("localhost"), TIMES).unwrap();
    let secrets = [SECRET.to_owned(), OLD_SECRET.to_owned()];
    let address = Address::read(&format!("http://localhost:{port}/hook?key=geheim"), &secrets).unwrap();
    let body = r#"{"version":"4"}"#;
    let delivery = courier.deliver(&address, "msg_7", body.to_owned()).await;
    assert_eq!(delivery, Delivery::Taken);
    let heard = heard.await.unwrap().unwrap();
    assert!(
        heard.head.starts_with("POST /hook?key=geheim HTTP/1.1\r\n"),
        "{}",
        heard.head
    );
    assert_eq!(heard.body, body);
    assert_eq!(heard.header("webhook-id"), "msg_7");
    assert_eq!(heard.header("content-type"), "application/json");
    let timestamp: i64 = heard.header("webhook-timestamp").parse().unwrap();
    let secrets = secrets.map(|text| Secret::read(&text).unwrap());
    assert_eq!(
        heard.header("webhook-signature"),
        sign(&secrets, "msg_7", timestamp, body.as_bytes())
    );
}

#[tokio::test]
async fn a_receiver_that_misbehaves_is_named_for_what_it_does_and_holds_nobody_up() {
    let drip = Duration::from_millis(100);
    let cases: [(&str, Answer, Result<(), Failure>); 14] = [
        (
            "500",
            Answer::Bytes("HTTP/1.1 500 Oh\r\n\r\n"),
            Err(Failure::ServerError),
        ),
        (
            "404",
            Answer::Bytes("HTTP/1.1 404 No\r\n\r\n"),
            Err(Failure::ClientError),
        ),
        (
            "429",
            Answer::Bytes("HTTP/1.1 429 Slow\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n"),
            Err(Failure::Throttled),
        ),
        ("410", Answer::Bytes("HTTP/1.1 410 Gone\r\n\r\n"), Err(Failure::Gone)),
        (
            "redirect",
            Answer::Bytes("HTTP/1.1 307 Go\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n"),
            Err(Failure::Redirected),
        ),
        ("silence", Answer::Silence, Err(Failure::TimedOut)),
        ("closed", Answer::Closed, Err(Failure::Unreachable)),
        (
            "a head of one byte a tenth of a second",
            Answer::Dripped("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", drip),
            Err(Failure::TimedOut),
        ),
        (
            "a body of one byte a second behind a good head",
            Answer::Dripped("HTTP/1.1 200 OK\r\n\r\nxxxxxxxxxxxxxxxxx", Duration::from_millis(20)),
            Ok(()),
        ),
        (
            "an endless body behind a good head",
            Answer::Endless("HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n"),
            Ok(()),
        ),
        (
            "an endless body behind a bad head",
            Answer::Endless("HTTP/1.1 500 Oh\r\ncontent-length: 1000000000\r\n\r\n"),
            Err(Failure::ServerError),
        ),
        (
            "an endless head",
            Answer::Endless("HTTP/1.1 200 OK\r\nx: "),
            Err(Failure::Unreachable),
        ),
        (
            "no HTTP",
            Answer::Bytes("SSH-2.0-OpenSSH_9.2\r\n"),
            Err(Failure::Unreachable),
        ),
        (
            "too old",
            Answer::Bytes("HTTP/0.9 200\r\n\r\n"),
            Err(Failure::Unreachable),
        ),
    ];
    for (name, answer, expected) in cases {
        let (port, heard) = listen(answer).await;
        let begun = Instant::now();
        let delivery = deliver("127.0.0.1", &format!("http://127.0.0.1:{port}/geheim")).await;
        assert!(begun.elapsed() < TIMES.whole * 3, "{name} took {:?}", begun.elapsed());
        heard.abort();
        match (expected, delivery) {
            (Ok(()), Delivery::Taken) => {}
            (
                Err(expected),
                Delivery::Failed {
                    failure,
                    why,
                    retry_after,
                },
            ) => {
                assert_eq!(failure, expected, "{name}: {why}");
                assert!(
                    !why.contains("geheim") && !why.contains(&port.to_string()),
                    "{name}: {why}"
                );
                let asked = (name == "429").then_some(Duration::from_secs(30));
                assert_eq!(retry_after, asked, "{name}");
            }
            (_, other) => panic!("{name}: {other:?}"),
        }
    }
}

fn failure(delivery: Delivery) -> Failure {
    match delivery {
        Delivery::Failed { failure, why, .. } => {
            assert!(!why.contains("geheim"), "{why}");
            failure
        }
        Delivery::Taken => panic!("it was taken"),
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_and_a_port_without_tls_are_refused() {
    for answer in [Answer::SelfSigned, Answer::Unasked("HTTP/1.1 400 Bad Request\r\n\r\n")] {
        let (port, heard) = listen(answer).await;
        let delivery = deliver("localhost", &format!("https://localhost:{port}/geheim")).await;
        heard.abort();
        assert_eq!(failure(delivery.clone()), Failure::Tls, "{answer:?}: {delivery:?}");
    }
}

#[tokio::test]
async fn nothing_private_is_connected_to_unless_it_is_allowed_by_name() {
    let (port, heard) = listen(Answer::Bytes("HTTP/1.1 200 OK\r\n\r\n")).await;
    for url in [
        format!("https://localhost:{port}/geheim"),
        format!("https://127.0.0.1:{port}/geheim"),
        format!("https://2130706433:{port}/geheim"),
        format!("https://[::ffff:127.0.0.1]:{port}/geheim"),
        format!("http://localhost:{port}/geheim"),
    ] {
        assert_eq!(failure(deliver("elsewhere", &url).await), Failure::Refused, "{url}");
    }
    assert!(!heard.is_finished(), "nobody connected");
    heard.abort();
}

#[tokio::test]
async fn a_name_that_does_not_exist_and_a_port_where_nobody_listens_are_unreachable() {
    for url in ["https://nobody.invalid/geheim", "http://127.0.0.1:9/geheim"] {
        assert_eq!(failure(deliver("127.0.0.1", url).await), Failure::Unreachable, "{url}");
    }
}
