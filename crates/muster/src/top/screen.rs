//! What is known as it is drawn: a line about the ledger, sources, runs, what is wrong, the keys.
//!
//! Used by [`super::terminal`]. Drawing decides nothing: all it shows is in [`Known`], the sorted topics and the [`View`].
//! Where the terminal is narrow columns go, the least needed first; where it is low, what stands below.

use chrono::{DateTime, Utc};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Clear, Paragraph, Row, Table, TableState};

use super::Known;
use super::entries::{Entry, State, Topic, total};
use super::plain::{duration, firing_line, lag, percent, rate, runs, state};
use super::view::View;

/// What is shown of a table below the sources, at most.
const BELOW_ROWS_MAX: u16 = 6;
/// A topic's name is cut before it has less room than this.
const TOPIC_WIDTH_MIN: u16 = 18;
/// Below this there is nothing to read.
const SIZE_MIN: (u16, u16) = (30, 5);

const HELP: &[(&str, &str)] = &[
    ("up, down, j, k", "move; PgUp, PgDn, g and G go far"),
    ("Enter, Space", "show or hide a topic's partitions"),
    ("a", "show or hide those of all topics"),
    ("s", "sort by the next column"),
    ("r", "turn the order round"),
    ("p", "hold the screen still, or go on"),
    ("?, h", "this, and away with it"),
    ("q, Esc, Ctrl-C", "end"),
];

/// Which colours there are.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Whether there are any: bold and reversed letters are there without.
    pub colours: bool,
}

impl Palette {
    fn of(self, colour: Color) -> Style {
        if self.colours {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    fn good(self) -> Style {
        self.of(Color::Green)
    }

    fn wrong(self) -> Style {
        self.of(Color::Red).add_modifier(Modifier::BOLD)
    }

    fn doubtful(self) -> Style {
        self.of(Color::Yellow)
    }

    fn faint() -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    fn head() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    fn state(self, state: State) -> Style {
        match state {
            State::Paused => self.wrong(),
            State::Running => self.good(),
            State::Quiet => Self::faint(),
        }
    }
}

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, known: &Known, topics: &[Topic], view: &View, palette: Palette) {
    let area = frame.area();
    if area.width < SIZE_MIN.0 || area.height < SIZE_MIN.1 {
        frame.render_widget(Paragraph::new("too small"), area);
        return;
    }
    let (pipelines, wrong) = (runs(known), wrong(known, topics, palette));
    // The head and the keys take two lines, sources at least five.
    let spare = area.height.saturating_sub(7);
    let wrong_height = height_of(wrong.len()).min(spare);
    let runs_height = height_of(pipelines.len()).min(spare - wrong_height);
    let [head, sources, runs_area, wrong_area, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(runs_height),
        Constraint::Length(wrong_height),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(head_line(known, view, palette)), head);
    draw_sources(frame, sources, known, topics, view, palette);
    draw_runs(frame, runs_area, pipelines, palette);
    if wrong_area.height > 0 {
        let block = Block::new()
            .borders(Borders::TOP)
            .title(Span::styled("needs somebody", palette.wrong()));
        frame.render_widget(Paragraph::new(wrong).block(block), wrong_area);
    }
    let words = "q ends  ? helps  Enter folds  a all  s sorts  r turns  p pauses";
    frame.render_widget(Paragraph::new(Span::styled(words, Palette::faint())), keys);
    if view.help {
        draw_help(frame, area);
    }
}

/// A head and so many rows; nothing where there is no row.
fn height_of(rows: usize) -> u16 {
    match rows as u16 {
        0 => 0,
        rows => rows.min(BELOW_ROWS_MAX) + 1,
    }
}

fn head_line(known: &Known, view: &View, palette: Palette) -> Line<'static> {
    let clock = |moment: DateTime<Utc>| moment.format("%H:%M:%S UTC").to_string();
    let mut spans = vec![Span::styled("muster top", Palette::head()), Span::raw("  ")];
    match (&known.down, known.standing.at) {
        (Some(down), at) => {
            let seen = at.map_or_else(String::new, |at| format!(", shown as of {}", clock(at)));
            let words = format!("ledger down since {}{seen}: {}", clock(down.since), down.reason);
            spans.push(Span::styled(words, palette.wrong()));
        }
        (None, Some(at)) => {
            spans.push(Span::styled("ledger up", palette.good()));
            spans.push(Span::raw(format!("  {}", clock(at))));
        }
        (None, None) => spans.push(Span::raw("looking")),
    }
    if known.standing.at.is_some() {
        let (answering, asked) = (known.answering(), known.workers.len());
        let words = match asked {
            0 => "  no worker answers".to_owned(),
            _ => format!("  {answering} of {asked} workers answer"),
        };
        let style = if answering == asked && asked > 0 {
            Style::new()
        } else {
            palette.doubtful()
        };
        spans.push(Span::styled(words, style));
    }
    if view.paused {
        spans.push(Span::styled("  held still", palette.doubtful()));
    }
    Line::from(spans)
}

/// A column of the sources' table.
struct Column {
    name: &'static str,
    width: u16,
    /// The one with the greatest number goes first where there is no room.
    goes: u8,
    cell: fn(&Entry) -> String,
}

/// All columns behind the topic's, in their order.
const COLUMNS: [Column; 9] = [
    Column {
        name: "state",
        width: 10,
        goes: 0,
        cell: state,
    },
    Column {
        name: "rows/s",
        width: 8,
        goes: 2,
        cell: |entry| rate(entry.rate),
    },
    Column {
        name: "lag",
        width: 9,
        goes: 1,
        cell: |entry| lag(entry.lag),
    },
    Column {
        name: "behind",
        width: 7,
        goes: 5,
        cell: |entry| entry.behind_secs.map(duration).unwrap_or_default(),
    },
    Column {
        name: "newest",
        width: 7,
        goes: 8,
        cell: |entry| {
            entry
                .newest_secs
                .map(|secs| duration(secs.max(0) as u64))
                .unwrap_or_default()
        },
    },
    Column {
        name: "good",
        width: 10,
        goes: 6,
        cell: |entry| entry.counts.good.to_string(),
    },
    Column {
        name: "bad",
        width: 8,
        goes: 4,
        cell: |entry| entry.counts.bad.to_string(),
    },
    Column {
        name: "bad %",
        width: 6,
        goes: 3,
        cell: |entry| percent(entry.bad_ratio()),
    },
    Column {
        name: "duplicate",
        width: 9,
        goes: 7,
        cell: |entry| entry.counts.duplicate.to_string(),
    },
];

/// The columns there is room for.
fn columns(width: u16) -> Vec<&'static Column> {
    let mut kept: Vec<&Column> = COLUMNS.iter().collect();
    let needed = |kept: &[&Column]| TOPIC_WIDTH_MIN + kept.iter().map(|column| column.width + 1).sum::<u16>();
    while needed(&kept) > width && kept.len() > 1 {
        let first = kept.iter().map(|column| column.goes).max();
        kept.retain(|column| Some(column.goes) != first);
    }
    kept
}

fn draw_sources(frame: &mut Frame<'_>, area: Rect, known: &Known, topics: &[Topic], view: &View, palette: Palette) {
    let columns = columns(area.width);
    let entries = view.shown(topics);
    let whole = total(known, topics);
    let mut widths = vec![Constraint::Fill(1)];
    widths.extend(columns.iter().map(|column| Constraint::Length(column.width)));
    let mut head = vec![Cell::from("topic")];
    head.extend(columns.iter().map(|column| {
        let mark = match (column.name == view.sort.word(), view.reversed) {
            (true, false) => "▾",
            (true, true) => "▴",
            _ => "",
        };
        Cell::from(Line::from(format!("{}{mark}", column.name)).alignment(alignment(column)))
    }));
    let rows = entries.iter().map(|entry| row(entry, &columns, view, palette));
    let table = Table::new(rows, &widths)
        .header(Row::new(head).style(Palette::head()))
        .footer(row(&whole, &columns, view, palette).style(Palette::head()))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    let mut cursor = TableState::new();
    if !entries.is_empty() {
        cursor.select(Some(view.cursor(&entries)));
    }
    frame.render_stateful_widget(table, area, &mut cursor);
}

fn alignment(column: &Column) -> Alignment {
    if column.name == "state" {
        Alignment::Left
    } else {
        Alignment::Right
    }
}

fn row<'a>(entry: &Entry, columns: &[&Column], view: &View, palette: Palette) -> Row<'a> {
    let name = match entry.partition {
        Some(partition) => format!("    partition {partition}"),
        None if entry.paused_of.1 == 0 => "no topic yet".to_owned(),
        None if entry.topic == "all" => "all".to_owned(),
        None if view.unfolded.contains(&entry.topic) => format!("▾ {}", entry.topic),
        None => format!("▸ {}", entry.topic),
    };
    let mut cells = vec![Cell::from(name)];
    cells.extend(columns.iter().map(|column| {
        let style = match column.name {
            "state" => palette.state(entry.state),
            "bad" | "bad %" if entry.counts.bad > 0 => palette.doubtful(),
            _ => Style::new(),
        };
        Cell::from(Line::from((column.cell)(entry)).alignment(alignment(column))).style(style)
    }));
    Row::new(cells)
}

/// A column of the runs' table.
struct RunColumn {
    name: &'static str,
    width: Constraint,
    /// Whether it is there on a narrow terminal too.
    stays: bool,
}

const fn run_column(name: &'static str, width: Constraint, stays: bool) -> RunColumn {
    RunColumn { name, width, stays }
}

/// What [`runs`] tells of a pipeline, in its order.
const RUN_COLUMNS: [RunColumn; 7] = [
    run_column("pipeline", Constraint::Min(12), true),
    run_column("last run", Constraint::Length(8), true),
    run_column("slot", Constraint::Length(20), false),
    run_column("predictions", Constraint::Length(11), true),
    run_column("took", Constraint::Length(9), false),
    run_column("last slot", Constraint::Length(9), false),
    run_column("next slot", Constraint::Length(9), true),
];
/// What all of them take.
const RUNS_WIDTH: u16 = 84;

fn draw_runs(frame: &mut Frame<'_>, area: Rect, pipelines: Vec<Vec<String>>, palette: Palette) {
    if area.height == 0 {
        return;
    }
    let kept = RUN_COLUMNS.iter().enumerate();
    let kept: Vec<usize> = kept
        .filter(|(_, column)| area.width >= RUNS_WIDTH || column.stays)
        .map(|(at, _)| at)
        .collect();
    let cell = |at: usize, text: String| {
        let alignment = if matches!(at, 3 | 4) {
            Alignment::Right
        } else {
            Alignment::Left
        };
        Cell::from(Line::from(text).alignment(alignment))
    };
    let rows = pipelines.into_iter().map(|mut cells| {
        let style = if cells[1] == "failed" {
            palette.wrong()
        } else {
            Style::new()
        };
        let cells = kept.iter().map(|&at| cell(at, std::mem::take(&mut cells[at])));
        Row::new(cells.collect::<Vec<_>>()).style(style)
    });
    let head = kept.iter().map(|&at| cell(at, RUN_COLUMNS[at].name.to_owned()));
    let widths = kept.iter().map(|&at| RUN_COLUMNS[at].width);
    let table = Table::new(rows, widths).header(Row::new(head).style(Palette::head()));
    frame.render_widget(table, area);
}

/// What needs somebody: paused sources, conditions that are met, workers that do not answer.
fn wrong(known: &Known, topics: &[Topic], palette: Palette) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for entry in topics.iter().flat_map(|topic| &topic.partitions) {
        if let Some((reason, since)) = &entry.paused {
            let partition = entry.partition.unwrap_or_default();
            let since = since.map(since_words).unwrap_or_default();
            let words = format!("paused{since}  {} partition {partition}: {reason}", entry.topic);
            lines.push(Line::styled(words, palette.wrong()));
        }
    }
    for firing in &known.standing.firing {
        lines.push(Line::styled(
            format!("firing{}  {}", since_words(firing.raised_at), firing_line(firing)),
            palette.doubtful(),
        ));
    }
    for worker in &known.workers {
        if let Err(reason) = &worker.told {
            let words = format!("no worker at {}: {reason}", worker.address);
            lines.push(Line::styled(words, palette.doubtful()));
        }
    }
    if lines.len() > usize::from(BELOW_ROWS_MAX) {
        let rest = lines.len() - usize::from(BELOW_ROWS_MAX) + 1;
        lines.truncate(usize::from(BELOW_ROWS_MAX) - 1);
        lines.push(Line::raw(format!(
            "and {rest} more: `muster alerts list`, `muster top --once`"
        )));
    }
    lines
}

fn since_words(moment: DateTime<Utc>) -> String {
    moment.format(" since %H:%M:%S UTC").to_string()
}

fn draw_help(frame: &mut Frame<'_>, area: Rect) {
    let lines: Vec<Line<'_>> = HELP
        .iter()
        .map(|(key, meaning)| {
            Line::from(vec![
                Span::styled(format!("{key:<16}"), Palette::head()),
                Span::raw(*meaning),
            ])
        })
        .collect();
    let (width, height) = (area.width.min(56), area.height.min(HELP.len() as u16 + 2));
    let inside = Rect {
        x: (area.width - width) / 2,
        y: (area.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, inside);
    let block = Block::bordered().title("keys");
    frame.render_widget(Paragraph::new(lines).block(block), inside);
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
