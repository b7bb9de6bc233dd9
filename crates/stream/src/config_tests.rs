//! Tests of the file beside this one.

use super::*;

#[test]
fn a_secret_is_never_printed() {
    let connection = Connection::new("broker:9092")
        .with("sasl.password=hunter2")
        .and_then(|connection| connection.with("ssl.key.pem=-----BEGIN"))
        .unwrap();
    let config = ReceiverConfig::new(connection, "group", vec!["topic".to_owned()]);
    let shown = format!("{config:?}");
    assert!(
        shown.contains("sasl.password") && !shown.contains("hunter2") && !shown.contains("BEGIN"),
        "{shown}"
    );
}

#[test]
fn a_value_that_is_not_accepted_is_not_repeated() {
    let connection = Connection::new("broker:9092")
        .with("sasl.mechanisms.typo=hunter2")
        .unwrap();
    let Err(error) = crate::Topics::new(&connection) else {
        panic!("the setting does not exist")
    };
    assert_eq!(
        error.to_string(),
        "the Kafka setting `sasl.mechanisms.typo` is unknown or its value is not accepted"
    );
    let error = Connection::new("broker:9092").with("hunter2").unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
}

#[test]
fn what_the_guarantee_rests_on_can_not_be_set() {
    for key in RESERVED {
        let error = Connection::new("broker:9092").with(&format!("{key}=x")).unwrap_err();
        assert!(matches!(error, Error::SettingReserved { .. }), "{key}");
        let error = Connection::new("broker:9092").with(&format!(" {key} =x")).unwrap_err();
        assert!(matches!(error, Error::SettingReserved { .. }), "{key}");
    }
}

#[test]
fn a_value_may_hold_an_equals_sign() {
    let connection = Connection::new("broker:9092").with("sasl.jaas=a=b=c").unwrap();
    assert_eq!(connection.settings, [("sasl.jaas".to_owned(), "a=b=c".to_owned())]);
}

#[test]
fn both_group_protocols_make_a_client() {
    for protocol in [GroupProtocol::CooperativeSticky, GroupProtocol::Consumer] {
        let mut config = ReceiverConfig::new(Connection::new("127.0.0.1:1"), "group", vec!["topic".to_owned()]);
        config.protocol = protocol;
        config.client_config().create_native_config().unwrap();
        let own = config.client_config();
        assert_eq!(own.get("auto.offset.reset"), Some("error"));
        assert_eq!(own.get("enable.auto.commit"), Some("false"));
        assert_eq!(own.get("isolation.level"), Some("read_committed"));
    }
}
