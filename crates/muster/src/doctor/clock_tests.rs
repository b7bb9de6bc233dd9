//! Clocks that are apart.

use super::super::{Lines, State};
use super::compare;

#[test]
fn a_clock_that_is_off_is_told_with_its_side() {
    for (ahead_secs, state, words) in [
        (0.0, State::Ok, "the same as here"),
        (0.4, State::Ok, "0.400 s ahead of"),
        (-5.0, State::Warn, "5.000 s behind"),
        (90.0, State::Fail, "90.000 s ahead of"),
        (-3600.0, State::Fail, "behind"),
    ] {
        let mut lines = Lines::of("database");
        compare(&mut lines, ahead_secs);
        let line = lines.done().pop().unwrap();
        assert_eq!(line.state, state, "{ahead_secs}");
        assert!(line.found.contains(words), "{}", line.found);
        assert_eq!(line.todo.is_none(), state == State::Ok);
    }
}
