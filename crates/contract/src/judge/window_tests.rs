//! Tests of the file beside this one. What a window answers is tested with the keys; here is how much it keeps.

use super::*;

#[test]
fn a_key_that_repeats_is_asked_in_no_time_and_counted() {
    let mut window: Window<u64> = Window::new(1_000_000);
    for at in 0..100_000_i64 {
        assert!(window.remember(7, at as u64, at, at));
        assert_eq!(window.look(7, at as u64, at, at), Known::Same);
        assert_eq!(window.look(7, u64::MAX, at, at), Known::Other);
    }
    assert_eq!(window.entries(), 100_000);
}

#[test]
fn what_is_behind_the_horizon_is_forgotten_in_time() {
    let mut window: Window<()> = Window::new(1000);
    for at in 0..1_000_000_i64 {
        window.remember(at as u128 + 1, (), at, at);
        assert!(window.entries() <= 2 * PRUNE_LEAST);
    }
    window.prune(1_000_000);
    assert_eq!(window.entries(), 2000);
}

#[test]
fn times_at_the_ends_of_all_time_are_told_apart() {
    for within in [0, 1, 1000, u64::MAX] {
        let mut window: Window<()> = Window::new(within);
        for time in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
            window.remember(1, (), time, i64::MIN);
            for asked in [i64::MIN, i64::MIN + 1, 0, i64::MAX] {
                let _ = window.look(1, (), asked, i64::MAX);
                let _ = window.look(1, (), asked, i64::MIN);
            }
        }
        window.prune(i64::MAX);
    }
}
