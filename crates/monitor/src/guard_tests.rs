//! Tests of the file beside this one: what is public, and every way to write what is not.

use super::*;

fn guard(allow: &[&str]) -> Guard {
    Guard::new(&allow.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn checked(allow: &[&str], url: &str) -> Result<(), Refused> {
    guard(allow).check(&Url::parse(url).unwrap())
}

#[test]
fn no_special_address_is_taken_for_a_public_one() {
    for special in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!is_public(special.parse().unwrap()), "{special}");
    }
}

#[test]
fn public_addresses_are_reached() {
    for public in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.0.0.1",
        "128.0.0.1",
        "169.253.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "192.167.0.1",
        "192.169.0.1",
        "198.17.0.1",
        "198.20.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:4860:4860::8888",
        "2a00:1450::1",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::1",
    ] {
        assert!(is_public(public.parse().unwrap()), "{public}");
    }
}

#[test]
fn a_private_host_is_refused_however_it_is_written() {
    for url in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://169.254.169.254/latest",
        "https://user:word@10.0.0.1/",
        "https://[fe80::1]/",
        "https://192.168.0.10:8443/hook",
    ] {
        assert_eq!(checked(&[], url), Err(Refused::NotPublic), "{url}");
    }
    assert_eq!(checked(&[], "http://hooks.example/"), Err(Refused::Scheme));
    assert_eq!(checked(&["other"], "http://hooks.example/"), Err(Refused::Scheme));
    assert_eq!(checked(&["f"], "file:///etc/passwd"), Err(Refused::NoHost));
    assert_eq!(
        checked(&["hooks.example"], "ftp://hooks.example/"),
        Err(Refused::Scheme)
    );
}

#[test]
fn a_host_that_is_allowed_by_name_is_that_host_and_no_other() {
    assert_eq!(checked(&["127.0.0.1"], "http://127.0.0.1:9093/"), Ok(()));
    assert_eq!(checked(&["::1"], "http://[::1]:9093/"), Ok(()));
    assert_eq!(checked(&["alertmanager"], "http://AlertManager:9093/"), Ok(()));
    assert_eq!(checked(&[], "https://hooks.example/x"), Ok(()));
    assert_eq!(checked(&["127.0.0.1"], "http://127.0.0.2:9093/"), Err(Refused::Scheme));
    assert_eq!(checked(&["alertmanager"], "https://10.0.0.1/"), Err(Refused::NotPublic));
}

#[test]
fn a_name_that_turns_private_when_it_is_used_is_refused() {
    let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
    let rebound = [at("127.0.0.1"), at("::ffff:10.0.0.1")];
    let guard = guard(&["inside"]);
    assert_eq!(
        guard.screen("hooks.example", rebound.into_iter()),
        Err(Refused::NotPublic)
    );
    assert_eq!(
        guard.screen("hooks.example", std::iter::empty()),
        Err(Refused::NotPublic)
    );
    assert_eq!(guard.screen("inside", rebound.into_iter()).unwrap(), rebound);
    let mixed = [at("10.0.0.1"), at("1.1.1.1")];
    assert_eq!(
        guard.screen("hooks.example", mixed.into_iter()).unwrap(),
        [at("1.1.1.1")],
        "only the public one is left to connect to"
    );
}
