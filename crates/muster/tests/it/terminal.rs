//! The program on a terminal of its own: what the screen shows, keys, and how the terminal is left behind.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::Pty;
use tempfile::TempDir;

use crate::program::signal;

/// Runs the program, whose number it writes down, and then says how the terminal is.
const SHELL: &str = "sh -c 'echo $$ > \"$PID_FILE\"; exec \"$0\" \"$@\"' \"$0\" \"$@\"; code=$?; stty -a; exit $code";

/// A terminal with a program on it; both end when dropped.
pub struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    screen: Arc<Mutex<vt100::Parser>>,
    raw: Arc<Mutex<Vec<u8>>>,
    reading: Option<JoinHandle<()>>,
    folder: TempDir,
}

/// What was left when the program had ended.
pub struct Left {
    pub status: ExitStatus,
    /// What stands on the screen, after it.
    pub screen: String,
    /// Everything that was ever sent to the terminal.
    pub raw: String,
    /// Whether the program's own screen is still shown, or the cursor still hidden.
    pub is_taken: bool,
}

impl Terminal {
    /// Starts a command on a terminal of this size.
    pub fn start(command: &Command, columns: u16, rows: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", SHELL])
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell
            .env("PID_FILE", folder.path().join("pid"))
            .env("TERM", "xterm-256color");
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let child = pty_process::blocking::Command::from(shell).spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let (rows, columns) = (NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap());
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let raw = Arc::new(Mutex::new(Vec::new()));
        let (ours, shown, kept) = (Arc::clone(&pty), Arc::clone(&screen), Arc::clone(&raw));
        let reading = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // It fails when the last process on the terminal has ended.
            while let Ok(count @ 1..) = (&*ours).read(&mut bytes) {
                shown.lock().unwrap().process(&bytes[..count]);
                kept.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self {
            pty,
            child,
            screen,
            raw,
            reading: Some(reading),
            folder,
        }
    }

    /// What stands on the screen.
    pub fn shows(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until the screen has these words.
    pub fn wait_shows(&self, words: &str, limit: Duration) -> String {
        self.wait_that(limit, &format!("shows `{words}`"), |screen| screen.contains(words))
    }

    /// Waits until the screen is so.
    pub fn wait_that(&self, limit: Duration, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.shows();
            if is_so(&screen) {
                return screen;
            }
            assert!(
                begun.elapsed() < limit,
                "after {limit:?} it is not so that it {what}:\n{screen}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Types keys.
    pub fn type_keys(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// Makes the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let size = Size::new(rows, columns);
        let (rows, columns) = (NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap());
        // What was drawn for the old size is drawn over as soon as the program hears of the new one.
        self.screen.lock().unwrap().set_size(rows, columns);
        self.pty.resize(size).unwrap();
    }

    /// Sends the program a signal by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap();
        signal(pid.trim(), name);
    }

    /// Waits until the program has ended.
    pub fn wait(mut self, limit: Duration) -> Left {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                begun.elapsed() < limit,
                "it did not end within {limit:?}:\n{}",
                self.shows()
            );
            std::thread::sleep(Duration::from_millis(10));
        };
        self.reading.take().unwrap().join().unwrap();
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        Left {
            status,
            screen: screen.contents(),
            raw: String::from_utf8_lossy(&self.raw.lock().unwrap()).into_owned(),
            is_taken: screen.alternate_screen() || screen.hide_cursor(),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Left {
    /// Checks the exit code, and that the terminal is as it was: its own screen, a cursor, lines with an echo.
    pub fn given_back(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}", self.screen);
        assert!(!self.is_taken, "{}", self.screen);
        let words: Vec<&str> = self.screen.split_ascii_whitespace().collect();
        for mode in ["icanon", "echo", "isig", "opost"] {
            assert!(words.contains(&mode), "no `{mode}`:\n{}", self.screen);
        }
        self
    }
}
