//! One table of all figures that the benches added to the file named by `MUSTER_BENCH_FIGURES`, as Markdown or, with
//! `--format json`, as one JSON value. The last step of `make bench`; measures nothing.
#![expect(clippy::print_stdout, reason = "the table is its output")]

use serde_json::{Value, json};

/// How the stages begin under which the parts of the whole ingest's CPU time are told; what was ingested comes after it.
const PARTS: &str = "cpu: ";

/// A figure: stage, what, and what the rows took, ours and a peer's.
struct Figure {
    stage: String,
    what: String,
    ours: Spent,
    peer: Option<(String, Spent)>,
}

#[derive(Clone, Copy)]
struct Spent {
    rows: f64,
    wall_secs: f64,
    cpu_secs: f64,
}

fn main() {
    let Some(file) = std::env::var_os("MUSTER_BENCH_FIGURES") else {
        println!("MUSTER_BENCH_FIGURES names no file; `make bench` does");
        return;
    };
    let text = std::fs::read_to_string(&file).expect("the benches left figures");
    let figures: Vec<Figure> = text.lines().map(figure).collect();
    let (parts, stages): (Vec<_>, Vec<_>) = figures.into_iter().partition(|figure| figure.stage.starts_with(PARTS));
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.windows(2).any(|pair| pair == ["--format", "json"]) {
        let value = json!({
            "stages": stages.iter().map(stage_json).collect::<Vec<_>>(),
            "cpu": parts.iter().map(part_json)
                .collect::<Vec<_>>(),
        });
        println!("{value:#}");
    } else {
        println!("{}\n{}", stages_table(&stages), parts_table(&parts));
    }
}

fn figure(line: &str) -> Figure {
    let fields: Vec<&str> = line.split('\t').collect();
    let number = |at: usize| fields[at].parse::<f64>().expect("a number stands here");
    let spent = |at: usize| Spent {
        rows: number(at),
        wall_secs: number(at + 1),
        cpu_secs: number(at + 2),
    };
    Figure {
        stage: fields[0].to_owned(),
        what: fields[1].to_owned(),
        ours: spent(2),
        peer: (fields.len() > 5).then(|| (fields[5].to_owned(), spent(6))),
    }
}

impl Spent {
    fn a_second(self) -> f64 {
        self.rows / self.wall_secs
    }

    fn a_cpu_second(self) -> f64 {
        self.rows / self.cpu_secs
    }

    fn micros(self) -> f64 {
        1e6 * self.cpu_secs / self.rows
    }

    fn json(self) -> Value {
        json!({
            "rows": self.rows,
            "rows_a_second": self.a_second(),
            "rows_a_cpu_second": self.a_cpu_second(),
            "cpu_micros_a_row": self.micros(),
        })
    }
}

fn stage_json(figure: &Figure) -> Value {
    let peer = figure.peer.as_ref();
    json!({
        "stage": figure.stage,
        "what": figure.what,
        "muster": figure.ours.json(),
        "peer": peer.map(|(name, spent)| json!({ "name": name, "figures": spent.json() })),
    })
}

fn stages_table(stages: &[Figure]) -> String {
    let mut table = String::from(
        "| Stage | Rows/s | Rows a CPU second | Peer | Rows/s | Rows a CPU second | Rows a CPU second, to the peer's |\n\
         |---|--:|--:|---|--:|--:|--:|\n",
    );
    table.extend(stages.iter().map(stage_line));
    table
}

fn stage_line(figure: &Figure) -> String {
    let Figure {
        stage,
        what,
        ours,
        peer,
    } = figure;
    let theirs = match peer {
        None => "none | | |".to_owned(),
        Some((name, theirs)) => format!(
            "{name} | {} | {} | {:.2}",
            thousands(theirs.a_second()),
            thousands(theirs.a_cpu_second()),
            ours.a_cpu_second() / theirs.a_cpu_second()
        ),
    };
    let (a_second, a_cpu_second) = (thousands(ours.a_second()), thousands(ours.a_cpu_second()));
    format!("| {stage}: {what} | {a_second} | {a_cpu_second} | {theirs} |\n")
}

fn part_json(part: &Figure) -> Value {
    json!({ "ingest": part.stage[PARTS.len()..], "part": part.what, "cpu_micros_a_row": part.ours.micros() })
}

/// A line a part, a column for each thing that was ingested.
fn parts_table(parts: &[Figure]) -> String {
    let (mut names, mut ingests) = (Vec::new(), Vec::new());
    for part in parts {
        if !names.contains(&&part.what) {
            names.push(&part.what);
        }
        if !ingests.contains(&&part.stage) {
            ingests.push(&part.stage);
        }
    }
    names.sort();
    let mut table = String::from("| CPU from fetch to commit, us a row |");
    table.extend(ingests.iter().map(|ingest| format!(" {} |", &ingest[PARTS.len()..])));
    table += "\n|---|";
    table.extend(ingests.iter().map(|_| "--:|"));
    for name in names {
        table.extend(["\n| ", name, " |"]);
        table.extend(ingests.iter().map(|ingest| {
            let found = parts.iter().find(|part| part.what == *name && part.stage == **ingest);
            found.map_or_else(|| " |".to_owned(), |part| format!(" {:.3} |", part.ours.micros()))
        }));
    }
    table
}

/// A rate in whole rows, with commas between thousands and three digits that mean something.
fn thousands(rate: f64) -> String {
    if !rate.is_finite() {
        return "too short to tell".to_owned();
    }
    if rate < 1000.0 {
        return format!("{rate:.0}");
    }
    let unit = 10_f64.powf((rate.log10().floor() - 2.0).max(0.0));
    let mut digits = format!("{:.0}", (rate / unit).round() * unit);
    let mut at = digits.len();
    while at > 3 {
        at -= 3;
        digits.insert(at, ',');
    }
    digits
}
