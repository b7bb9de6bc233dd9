//! The pid file's reader.

use super::*;

#[test]
fn a_half_written_pid_file_is_none() {
    let whole = "4711\n/data\n1763690000\n5432\n/tmp/muster-pg-x\n\n  1234  5\nready   \n";
    let read = PidFile {
        pid: 4711,
        socket_folder: PathBuf::from("/tmp/muster-pg-x"),
    };
    assert_eq!(PidFile::parse(whole), Some(read));
    for cut in [
        "",
        "4711",
        "4711\n/data\n1763690000\n5432",
        "not a pid\n/data\n1\n5432\n/tmp\n",
    ] {
        assert_eq!(PidFile::parse(cut), None, "{cut:?}");
    }
}
