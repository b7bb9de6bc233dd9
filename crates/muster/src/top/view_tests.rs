//! Tests of what keys do.

use ratatui::crossterm::event::KeyEvent;

use super::super::entries::topics;
use super::super::test_known::known;
use super::*;

fn some_topics() -> Vec<Topic> {
    topics(&known(), Sort::Topic, false)
}

fn press(view: &mut View, keys: &str) {
    for key in keys.chars() {
        let code = match key {
            '↓' => KeyCode::Down,
            '↑' => KeyCode::Up,
            '⏎' => KeyCode::Enter,
            letter => KeyCode::Char(letter),
        };
        assert_eq!(view.press(KeyEvent::from(code), &some_topics()), Asked::Redraw, "{key}");
    }
}

fn at(view: &View) -> String {
    let topics = some_topics();
    let shown = view.shown(&topics);
    let entry = shown[view.cursor(&shown)];
    entry.partition.map_or_else(
        || entry.topic.clone(),
        |partition| format!("{} {partition}", entry.topic),
    )
}

#[test]
fn the_cursor_moves_through_what_is_shown_and_stops_at_its_ends() {
    let mut view = View::default();
    for (keys, place) in [
        ("", "hr.candidate.v1"),
        ("k", "hr.candidate.v1"),
        ("j", "lms.completion.v1"),
        ("↓", "lms.completion.v1"),
        ("↑⏎", "hr.candidate.v1"),
        ("jj", "hr.candidate.v1 1"),
        ("G", "lms.completion.v1"),
        ("g↓", "hr.candidate.v1 0"),
        // Folded from within, it stands on the topic.
        (" ", "hr.candidate.v1"),
        ("j", "lms.completion.v1"),
    ] {
        press(&mut view, keys);
        assert_eq!(at(&view), place, "after `{keys}`");
    }
}

#[test]
fn the_cursor_stays_where_it_stands_when_the_order_changes() {
    let mut view = View::default();
    press(&mut view, "ajj");
    assert_eq!(at(&view), "hr.candidate.v1 1");
    press(&mut view, "r");
    let turned = topics(&known(), view.sort, view.reversed);
    let shown = view.shown(&turned);
    let entry = shown[view.cursor(&shown)];
    assert_eq!((entry.topic.as_str(), entry.partition), ("hr.candidate.v1", Some(1)));
}

#[test]
fn folding_all_shows_every_partition_and_hides_them_again() {
    let topics = some_topics();
    let mut view = View::default();
    let rows = |view: &View| view.shown(&topics).len();
    assert_eq!(rows(&view), 2);
    press(&mut view, "a");
    assert_eq!(rows(&view), 6);
    press(&mut view, "a");
    assert_eq!(rows(&view), 2);
}

#[test]
fn every_way_out_is_one_and_escape_closes_the_help_first() {
    let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
    for key in [
        KeyEvent::from(KeyCode::Char('q')),
        KeyEvent::from(KeyCode::Esc),
        control('c'),
        control('d'),
    ] {
        assert_eq!(View::default().press(key, &[]), Asked::Quit, "{key:?}");
    }
    let mut view = View::default();
    press(&mut view, "?");
    assert!(view.help);
    assert_eq!(view.press(KeyEvent::from(KeyCode::Esc), &[]), Asked::Redraw);
    assert!(!view.help);
    press(&mut view, "p");
    assert!(view.paused);
}

#[test]
fn keys_on_an_empty_ledger_do_nothing() {
    let mut view = View::default();
    for code in [
        KeyCode::Down,
        KeyCode::Enter,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::Char('a'),
    ] {
        assert_eq!(view.press(KeyEvent::from(code), &[]), Asked::Redraw);
    }
    assert_eq!(view.cursor(&[]), 0);
}
