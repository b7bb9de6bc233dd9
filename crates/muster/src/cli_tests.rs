//! Tests of the command line.

use clap::CommandFactory;

use super::*;

#[test]
fn flags_do_not_collide() {
    Cli::command().debug_assert();
}

#[test]
fn a_setting_without_a_value_is_refused_with_the_form_expected() {
    let refused = Cli::try_parse_from(["muster", "ingest", "--kafka-config", "security.protocol"]).unwrap_err();
    assert!(refused.to_string().contains("expected KEY=VALUE"), "{refused}");
}
