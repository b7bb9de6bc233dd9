//! Prometheus and Alertmanager start, answer, and are gone when dropped.

use std::net::TcpStream;

use muster_sandbox::Monitor;
use muster_sandbox::monitoring::for_tests;

#[test]
fn both_answer_and_are_gone_when_dropped() {
    let config = "scrape_configs: []\nrule_files: [rules/r.yml]\n";
    let rule = "groups: [{ name: g, rules: [{ record: one, expr: vector(1) }] }]\n";
    let Some(prometheus) = for_tests(Monitor::prometheus(config, &[("rules/r.yml", rule)])) else {
        return;
    };
    let rules = prometheus.get("/api/v1/rules").unwrap();
    assert!(rules.contains(r#""name":"one""#), "{rules}");
    let routes = "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n";
    let Some(alertmanager) = for_tests(Monitor::alertmanager(routes)) else {
        return;
    };
    assert!(alertmanager.get("/api/v2/status").unwrap().contains("nobody"));
    let addresses = [prometheus.address(), alertmanager.address()];
    drop((prometheus, alertmanager));
    for address in addresses {
        assert!(TcpStream::connect(&address).is_err(), "{address} still listens");
    }
}

#[test]
fn a_configuration_that_does_not_read_is_told_with_the_servers_own_words() {
    match Monitor::prometheus("scrape: nothing\n", &[]) {
        Err(error @ muster_sandbox::Error::Missing { .. }) => assert!(for_tests(Err(error)).is_none()),
        Err(error) => assert!(error.to_string().contains("field scrape not found"), "{error}"),
        Ok(_) => panic!("it started"),
    }
}
