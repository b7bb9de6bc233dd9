//! Tests of the screen: what stands where on it, at several sizes, as pictures of letters.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::entries::{Sort, topics};
use super::super::test_known::{known, stale};
use super::*;

const PLAIN: Palette = Palette { colours: false };

fn drawn(known: &Known, view: &View, width: u16, height: u16, palette: Palette) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let sorted = topics(known, view.sort, view.reversed);
    terminal
        .draw(|frame| draw(frame, known, &sorted, view, palette))
        .unwrap();
    terminal.backend().clone()
}

fn unfolded() -> View {
    View {
        unfolded: ["hr.candidate.v1".to_owned()].into(),
        at: Some(("hr.candidate.v1".to_owned(), Some(2))),
        ..View::default()
    }
}

#[test]
fn all_of_it_on_a_usual_terminal() {
    insta::assert_snapshot!(drawn(&known(), &unfolded(), 110, 24, PLAIN));
}

#[test]
fn a_narrow_terminal_keeps_the_columns_that_matter_most() {
    insta::assert_snapshot!(drawn(&known(), &unfolded(), 60, 18, PLAIN));
}

#[test]
fn a_ledger_that_is_down_is_said_with_what_is_shown_and_since_when() {
    let view = View {
        sort: Sort::Lag,
        reversed: true,
        paused: true,
        ..View::default()
    };
    insta::assert_snapshot!(drawn(&stale(), &view, 130, 16, PLAIN));
}

#[test]
fn the_keys_are_explained_over_it() {
    let view = View {
        help: true,
        ..View::default()
    };
    insta::assert_snapshot!(drawn(&known(), &view, 80, 20, PLAIN));
}

#[test]
fn nothing_is_known_at_first() {
    insta::assert_snapshot!(drawn(&Known::default(), &View::default(), 80, 8, PLAIN));
}

#[test]
fn every_size_is_drawn_and_the_cursor_is_always_on_the_screen() {
    let mut many = known();
    for number in 0..200 {
        let source = many.standing.sources[&("lms.completion.v1".to_owned(), 0)].clone();
        many.standing.sources.insert((format!("topic.{number:03}"), 0), source);
    }
    let last = View {
        at: Some(("topic.199".to_owned(), None)),
        ..View::default()
    };
    for width in [1, 10, 29, 30, 45, 80, 200, 400] {
        for height in [1, 2, 5, 6, 8, 12, 24, 100] {
            drawn(&known(), &unfolded(), width, height, PLAIN);
            drawn(&Known::default(), &View::default(), width, height, PLAIN);
            let screen = drawn(&many, &last, width, height, PLAIN).to_string();
            if width >= SIZE_MIN.0 && height >= 8 {
                assert!(screen.contains("topic.199"), "{width} x {height}:\n{screen}");
            }
        }
    }
}

#[test]
fn without_colours_there_are_none_and_what_is_wrong_still_stands_out() {
    let styles = |palette| {
        let backend = drawn(&stale(), &unfolded(), 110, 24, palette);
        let cells = backend.buffer().content().to_vec();
        let coloured = cells
            .iter()
            .filter(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
            .count();
        let bold = cells
            .iter()
            .filter(|cell| cell.modifier.contains(Modifier::BOLD))
            .count();
        (coloured, bold)
    };
    let (coloured, bold) = styles(PLAIN);
    assert_eq!(coloured, 0);
    assert!(bold > 50, "{bold} letters are bold");
    assert!(styles(Palette { colours: true }).0 > 50);
}
