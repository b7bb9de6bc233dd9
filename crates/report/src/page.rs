//! A report as a page, and as JSON.

use askama::Template;

use crate::error::Error;
use crate::fit;
use crate::index::Index;
use crate::policy::{self, SCRIPT, STYLE};
use crate::report::{CellState, Report};

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'r> {
    report: &'r Report,
    policy: &'static str,
    style: &'static str,
    script: &'static str,
    width: f64,
    height: f64,
}

#[derive(Template)]
#[template(path = "index.html")]
struct IndexPage<'r> {
    index: &'r Index,
    policy: &'static str,
    style: &'static str,
}

/// A report as one file of HTML that needs nothing beside it, of at most 2 MB: what is too much is shown in part.
pub fn html(report: &Report) -> Result<String, Error> {
    let mut page = whole(report)?;
    let mut steps = 0;
    while page.len() > fit::BYTES_MAX && steps < usize::BITS {
        page = whole(&fit::smaller(report, steps))?;
        steps += 1;
    }
    Ok(page)
}

fn whole(report: &Report) -> Result<String, Error> {
    Ok(Page {
        report,
        policy: policy::of_page(),
        style: STYLE,
        script: SCRIPT,
        width: crate::chart::WIDTH,
        height: crate::chart::HEIGHT,
    }
    .render()?)
}

/// The list of reports as a page.
pub fn index_html(index: &Index) -> Result<String, Error> {
    Ok(IndexPage {
        index,
        policy: policy::of_page(),
        style: STYLE,
    }
    .render()?)
}

/// A report as JSON, in lines that people can read.
pub fn json(report: &Report) -> Result<String, Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
