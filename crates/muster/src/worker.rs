//! The name this process goes by in the ledger.
//!
//! Used by ingest and by scoring. People read it in `sources`, `claims` and `tokens`; nothing is decided by it.

/// This machine's name and the process's number.
pub fn name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let host = host.as_deref().map_or("muster", str::trim);
    format!("{host}-{}", std::process::id())
}
