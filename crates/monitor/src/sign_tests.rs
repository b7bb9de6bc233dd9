//! Tests of the file beside this one: the standard's vector, exchange of secrets, secrets that are none.

use super::*;

const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const TIMESTAMP: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn secret(text: &str) -> Secret {
    Secret::read(text).unwrap()
}

#[test]
fn the_standards_own_vector_is_signed_as_it_says() {
    assert_eq!(sign(&[secret(SECRET)], ID, TIMESTAMP, BODY), SIGNATURE);
}

#[test]
fn any_other_id_time_or_body_has_another_signature() {
    let secrets = [secret(SECRET)];
    for (id, timestamp, body) in [
        ("msg_other", TIMESTAMP, BODY),
        (ID, TIMESTAMP + 1, BODY),
        (ID, TIMESTAMP, &BODY[1..]),
    ] {
        assert_ne!(sign(&secrets, id, timestamp, body), SIGNATURE);
    }
}

#[test]
fn while_secrets_are_exchanged_both_sign() {
    let new = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let both = sign(&[secret(new), secret(SECRET)], ID, TIMESTAMP, BODY);
    let signatures: Vec<&str> = both.split(' ').collect();
    assert_eq!(signatures.len(), 2);
    assert_eq!(signatures[0], sign(&[secret(new)], ID, TIMESTAMP, BODY));
    assert_eq!(signatures[1], SIGNATURE);
}

#[test]
fn a_secret_of_another_form_is_refused_and_not_repeated() {
    for text in [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_geheim!",
        "whsec_Z2VoZWlt",
        &format!("whsec_{}", "geheim00".repeat(11)),
    ] {
        let refused = Secret::read(text).unwrap_err().to_string();
        assert!(!refused.contains("geheim"), "{refused}");
    }
    assert_eq!(format!("{:?}", secret(SECRET)), "Secret");
    assert!(
        Secret::read(&format!("{SECRET}\n")).is_ok(),
        "a file ends with a line's end"
    );
}
