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

#[test]
fn every_secret_has_a_file_form() {
    let mut secrets = 0;
    for command in Cli::command().get_subcommands().flat_map(|command| {
        let own = std::iter::once(command.clone());
        own.chain(command.get_subcommands().cloned())
    }) {
        let arguments: Vec<_> = command.get_arguments().collect();
        for secret in arguments.iter().filter(|argument| argument.is_hide_env_values_set()) {
            let id = format!("{}_file", secret.get_id());
            let variable = format!("{}_FILE", secret.get_env().unwrap().to_str().unwrap());
            let file = arguments
                .iter()
                .find(|argument| argument.get_id().as_str() == id)
                .unwrap();
            assert_eq!(file.get_env().unwrap().to_str(), Some(variable.as_str()), "{id}");
            secrets += 1;
        }
        // What holds a URL or a setting may hold a password; what people are sent to holds none.
        let told = ["public_url", "grafana_url", "runbook_url"];
        for argument in arguments
            .iter()
            .filter(|argument| argument.get_id().as_str().ends_with("_url"))
            .filter(|argument| !told.contains(&argument.get_id().as_str()))
        {
            assert!(
                argument.is_hide_env_values_set(),
                "{} of {}",
                argument.get_id(),
                command.get_name()
            );
        }
    }
    assert!(secrets > 10, "{secrets}");
}

#[test]
fn seconds_that_make_no_duration_are_refused() {
    for arguments in [
        ["muster", "ingest", "--drain-secs", "-1"],
        ["muster", "ingest", "--seal-secs", "inf"],
        ["muster", "score", "--drain-secs", "NaN"],
        ["muster", "score", "--lease-secs", "0.5"],
    ] {
        assert!(Cli::try_parse_from(arguments).is_err(), "{arguments:?}");
    }
}

#[test]
fn the_commands_of_the_containers_are_commands() {
    let compose = include_str!("../../../docker-compose.yml");
    let mut commands = Vec::new();
    let mut ours = false;
    for line in compose.lines() {
        if line.starts_with("  ") && !line.starts_with("   ") {
            ours = false;
        }
        ours |= line.trim() == "<<: *muster";
        if let Some(command) = line.trim().strip_prefix("command: ").filter(|_| ours) {
            let words: Vec<String> = serde_json::from_str(command).unwrap();
            let parsed = Cli::try_parse_from(std::iter::once("muster".to_owned()).chain(words.clone()));
            assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
            commands.push(words[0].clone());
        }
    }
    assert_eq!(commands, ["migrate", "serve", "publish", "train"]);
}

#[test]
fn every_command_has_examples_and_they_parse() {
    for command in Cli::command().get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  muster ")).collect();
        assert!(!examples.is_empty(), "`{}` has no example", command.get_name());
        for example in examples {
            let words = example.split_whitespace().map(|word| word.trim_matches('\''));
            // A quoted statement is one word to a shell, and what comes after `>` is none of the command's.
            let words = words
                .take_while(|word| !["select", ">"].contains(word))
                .chain(example.contains("select").then_some("x"));
            let parsed = Cli::try_parse_from(std::iter::once("muster").chain(words));
            assert!(parsed.is_ok(), "`muster {example}`: {}", parsed.unwrap_err());
        }
    }
}

/// Every command that does something, with the words it is called by.
fn leaves() -> Vec<(String, clap::Command)> {
    let mut open: Vec<(String, clap::Command)> = vec![("muster".to_owned(), Cli::command())];
    let mut leaves = Vec::new();
    while let Some((words, command)) = open.pop() {
        let inner: Vec<_> = command.get_subcommands().cloned().collect();
        if inner.is_empty() {
            leaves.push((words, command));
        } else {
            open.extend(
                inner
                    .into_iter()
                    .map(|inner| (format!("{words} {}", inner.get_name()), inner)),
            );
        }
    }
    leaves
}

#[test]
fn every_command_shows_how_it_is_used_and_its_examples_parse() {
    let leaves = leaves();
    assert!(leaves.len() > 30, "{}", leaves.len());
    for (words, command) in leaves {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples: Vec<&str> = help.lines().filter(|line| line.starts_with("  muster ")).collect();
        assert!(
            help.contains("Example") && !examples.is_empty(),
            "`{words}` has no example"
        );
        for example in examples.iter().filter(|example| !example.contains(['\'', '"', '\\'])) {
            let line = example
                .split(" > ")
                .next()
                .unwrap_or_default()
                .split(" | ")
                .next()
                .unwrap_or_default();
            let parsed = Cli::try_parse_from(line.split_whitespace());
            assert!(parsed.is_ok(), "`{}`: {}", line.trim(), parsed.unwrap_err());
        }
    }
}

#[test]
fn a_mistyped_command_or_flag_is_answered_with_the_one_that_was_meant() {
    for (arguments, meant) in [
        (&["muster", "ingets"][..], "'ingest'"),
        (&["muster", "validat", "x.csv"], "'validate'"),
        (&["muster", "docter"], "'doctor'"),
        (&["muster", "ingest", "--borkers", "a:1"], "'--brokers'"),
        (&["muster", "init", "--form", "x.csv"], "'--from'"),
        (&["muster", "check", "--projct", "x"], "'--project'"),
        (&["muster", "check", "--format", "jsn"], "'json'"),
    ] {
        let refused = Cli::try_parse_from(arguments).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
        let said = refused.to_string();
        assert!(
            said.contains("similar") && said.contains(meant),
            "{arguments:?}: {said}"
        );
    }
}

#[test]
fn shells_complete_every_command() {
    use clap::ValueEnum;
    for shell in clap_complete::Shell::value_variants() {
        let mut script = Vec::new();
        clap_complete::generate(*shell, &mut Cli::command(), "muster", &mut script);
        let script = String::from_utf8(script).unwrap();
        for command in Cli::command().get_subcommands() {
            assert!(
                script.contains(command.get_name()),
                "{shell} does not complete `{}`",
                command.get_name()
            );
        }
        assert!(script.contains("database-url"), "{shell} completes no flags");
    }
}
