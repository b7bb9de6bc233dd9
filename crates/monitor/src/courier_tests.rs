//! Tests of the file beside this one: what an answer means. Whole tries are in `tests/it`.

use super::*;

fn answer(status: u16, retry: Option<&str>) -> Delivery {
    let mut headers = HeaderMap::new();
    if let Some(retry) = retry {
        headers.insert(RETRY_AFTER, retry.parse().unwrap());
    }
    answered(StatusCode::from_u16(status).unwrap(), &headers)
}

#[test]
fn only_a_success_is_taken_for_one() {
    for status in [200, 201, 202, 204] {
        assert_eq!(answer(status, None), Delivery::Taken);
    }
    for (status, expected) in [
        (300, Failure::Redirected),
        (301, Failure::Redirected),
        (304, Failure::Redirected),
        (307, Failure::Redirected),
        (400, Failure::ClientError),
        (401, Failure::ClientError),
        (404, Failure::ClientError),
        (410, Failure::Gone),
        (429, Failure::Throttled),
        (500, Failure::ServerError),
        (503, Failure::ServerError),
    ] {
        let Delivery::Failed { failure, why, .. } = answer(status, None) else {
            panic!("{status} was taken for a success");
        };
        assert_eq!(failure, expected, "{status}");
        assert_eq!(why, format!("answered {status}"));
    }
}

#[test]
fn a_receiver_may_ask_for_time_in_seconds_or_by_a_date() {
    let now = UNIX_EPOCH + Duration::from_secs(1_445_412_419);
    for (text, secs) in [
        ("120", Some(120)),
        ("Wed, 21 Oct 2015 07:28:00 GMT", Some(61)),
        ("Wed, 21 Oct 2015 07:20:00 GMT", Some(0)),
        ("soon", None),
        ("-5", None),
        ("", None),
    ] {
        assert_eq!(retry_after(text, now), secs.map(Duration::from_secs), "{text}");
    }
    assert!(matches!(
        answer(503, Some("7")),
        Delivery::Failed { retry_after: Some(wait), .. } if wait == Duration::from_secs(7)
    ));
}

#[test]
fn an_address_keeps_its_secrets_to_itself() {
    let address = Address::read(
        "https://hooks.example/x\n",
        &["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()],
    );
    let shown = format!("{:?}", address.unwrap());
    assert!(!shown.contains("MfKQ9r8G"), "{shown}");
    assert!(!shown.contains("/x"), "a path may be a secret: {shown}");
    assert!(Address::read("geheim", &[]).is_err_and(|error| !error.to_string().contains("geheim")));
}
