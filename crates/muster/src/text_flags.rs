//! How a text file is written: the contract's `text:` with what flags change.
//!
//! Used by `publish` and `validate`.

use anyhow::bail;
use muster_spec::{Contract, TextFormat};

use crate::cli::TextArgs;

/// The contract's format under the flags.
pub fn text_format(args: &TextArgs, contract: &Contract) -> anyhow::Result<TextFormat> {
    let mut format = contract.text_format.clone();
    if let Some(delimiter) = &args.delimiter {
        format.delimiter = match delimiter.as_bytes() {
            b"\\t" => b'\t',
            [one] if one.is_ascii() => *one,
            _ => bail!("`--delimiter {delimiter}` is not one ASCII character\n  hint: `\\t` is a tab"),
        };
    }
    if let Some(encoding) = &args.encoding {
        format.encoding.clone_from(encoding);
    }
    if let Some(decimal) = args.decimal {
        if !matches!(decimal, '.' | ',') {
            bail!("`--decimal {decimal}` is no decimal mark\n  hint: `.` or `,`");
        }
        format.decimal = decimal as u8;
        if format.thousands == Some(format.decimal) {
            format.thousands = None;
        }
    }
    Ok(format)
}

#[cfg(test)]
#[path = "text_flags_tests.rs"]
mod tests;
