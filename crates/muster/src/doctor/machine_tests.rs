//! What the system's files say.

use super::{available, open_files};

#[test]
fn limits_and_memory_are_read_as_the_system_writes_them() {
    let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                  Max processes             95865                95865                processes\n\
                  Max open files            1024                 524288               files\n";
    assert_eq!(open_files(limits), Some(1024));
    assert_eq!(open_files(&limits.replace("1024 ", "unlimited ")), None);
    assert_eq!(
        available("MemTotal:  24000 kB\nMemAvailable:   2048 kB\n"),
        Some(2 << 20)
    );
    assert_eq!(available("MemTotal:  24000 kB\n"), None);
}
