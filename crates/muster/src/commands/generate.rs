//! `muster generate`: sample rows with known faults and a truth file.

use anyhow::bail;
use serde_json::json;

use crate::cli::GenerateArgs;
use crate::exit::Exit;
use crate::generate::{CANDIDATES_MAX, Plan, write};
use crate::output::Output;

/// Writes the sample and says where it is.
pub fn run(args: &GenerateArgs, output: Output) -> anyhow::Result<Exit> {
    if args.contract != "hr.candidate" {
        bail!(
            "there is no generator for `{}`\n  hint: `hr.candidate` is what there is",
            args.contract
        );
    }
    if !(0.0..=1.0).contains(&args.faults) {
        bail!(
            "`--faults {}` is no share of rows: it lies between 0 and 1",
            args.faults
        );
    }
    // The file whose columns do not fit has a few more.
    if args.rows > CANDIDATES_MAX - 50 {
        bail!(
            "`--rows {}` is too many: there are {} different candidates",
            args.rows,
            CANDIDATES_MAX - 50
        );
    }
    let bar = Output::bar(args.rows, "rows");
    let plan = Plan {
        rows: args.rows,
        faults: args.faults,
        seed: args.seed,
    };
    let made = write(plan, &args.out, |rows| bar.set_position(rows))?;
    bar.finish_and_clear();
    output.json(&json!({ "files": made.files, "truth": made.truth, "rows": made.rows, "faulty": made.faulty }))?;
    let files: Vec<String> = made.files.iter().map(|file| file.display().to_string()).collect();
    output.text(&format!(
        "{} rows, {} of them faulty, in {}; the truth is in {}",
        made.rows,
        made.faulty,
        files.join(" and "),
        made.truth.display()
    ))?;
    Ok(Exit::Fine)
}
