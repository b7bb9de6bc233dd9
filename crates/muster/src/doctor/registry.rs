//! The schema registry: does it answer, and can the contracts read what it has.

use std::sync::Arc;

use muster_contract::decode::Decoder;
use muster_registry::{Registry, subject_of};
use muster_spec::Contract;
use muster_spec::contract::Format;

use super::{Line, Lines};
use crate::project::Project;

/// A subject that nobody has: asked for where no contract has one, to see whether the registry answers.
const NOBODYS: &str = "muster-doctor";

/// Asks for the newest schema of each contract's topic.
pub async fn look(registry: anyhow::Result<Option<Registry>>, project: Option<&Project>) -> Vec<Line> {
    let mut lines = Lines::of("registry");
    match registry {
        Err(error) => lines.fail("registry", format!("{error:#}"), "mend --registry-url"),
        Ok(None) => lines.ok("registry", "none is named: a schema's id comes from its own text"),
        Ok(Some(registry)) => {
            let contracts = project.map_or(&[][..], |project| &project.contracts);
            let mut contracts = contracts
                .iter()
                .filter(|contract| contract.format == Format::Avro)
                .peekable();
            if contracts.peek().is_none() {
                match registry.newest(NOBODYS).await {
                    Ok(_) => lines.ok(
                        registry.host(),
                        "it answers; no contract of the project asks it for a schema",
                    ),
                    Err(error) => silent(&registry, &error, &mut lines),
                }
            }
            for contract in contracts {
                if !subject(&registry, contract, &mut lines).await {
                    break;
                }
            }
        }
    }
    lines.done()
}

fn silent(registry: &Registry, error: &muster_registry::Error, lines: &mut Lines) {
    let todo = "is it running, and does the address have the path that its API begins at?";
    lines.fail(registry.host(), error.to_string(), todo);
}

/// Looks at one subject; whether the registry answered.
async fn subject(registry: &Registry, contract: &Arc<Contract>, lines: &mut Lines) -> bool {
    let subject = subject_of(&contract.topic);
    match registry.newest(&subject).await {
        Err(error) => {
            silent(registry, &error, lines);
            return false;
        }
        Ok(None) => lines.ok(subject, "no schema is registered yet"),
        Ok(Some((id, schema))) => {
            let learned = Decoder::new(Arc::clone(contract)).and_then(|mut decoder| decoder.learn(id, &schema));
            match learned {
                Ok(()) => lines.ok(
                    subject,
                    format!("its newest schema, {id}, is read by contract `{}`", contract.name),
                ),
                Err(error) => lines.fail(
                    subject,
                    format!("its newest schema, {id}, cannot be read: {error}"),
                    "records of that schema will be bad: change the contract's schema, or whoever registered the other",
                ),
            }
        }
    }
    true
}
