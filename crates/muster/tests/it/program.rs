//! The program as a process: started, spoken to by signals, waited for; never left behind.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A running `muster`, killed when dropped.
pub struct Program {
    what: String,
    child: Child,
    said: Arc<Mutex<String>>,
    listening: Option<JoinHandle<()>>,
    output: Option<JoinHandle<String>>,
}

/// How it ended.
pub struct Ended {
    what: String,
    pub status: ExitStatus,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub said: String,
}

/// `muster` without anything of our own surroundings that it would read.
pub fn muster() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    for name in [
        "DATABASE_URL",
        "KAFKA_BROKERS",
        "SCHEMA_REGISTRY_URL",
        "MUSTER_PROJECT",
        "MUSTER_LOG",
        "FAILPOINTS",
    ] {
        command.env_remove(name);
    }
    command
}

impl Program {
    pub fn start(mut command: Command) -> Self {
        let arguments: Vec<_> = command
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        let what = format!("muster {}", arguments.join(" "));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let mut stdout = child.stdout.take().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let heard = Arc::clone(&said);
        let listening = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut heard = heard.lock().unwrap();
                heard.push_str(&line);
                heard.push('\n');
            }
        });
        let output = std::thread::spawn(move || {
            let mut output = Vec::new();
            let _ = stdout.read_to_end(&mut output);
            String::from_utf8_lossy(&output).into_owned()
        });
        Self {
            what,
            child,
            said,
            listening: Some(listening),
            output: Some(output),
        }
    }

    /// What it said on standard error so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it says something with `words` in it.
    pub fn wait_said(&self, words: &str, limit: Duration) -> String {
        let begun = Instant::now();
        loop {
            let said = self.said();
            if let Some(line) = said.lines().find(|line| line.contains(words)) {
                return line.to_owned();
            }
            assert!(
                begun.elapsed() < limit,
                "`{}` did not say `{words}` within {limit:?}:\n{said}",
                self.what
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        signal(&self.child.id().to_string(), name);
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub fn wait(mut self, limit: Duration) -> Ended {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                begun.elapsed() < limit,
                "`{}` did not end within {limit:?}:\n{}",
                self.what,
                self.said()
            );
            std::thread::sleep(Duration::from_millis(10));
        };
        self.listening.take().unwrap().join().unwrap();
        let output = self.output.take().unwrap().join().unwrap();
        Ended {
            what: self.what.clone(),
            status,
            output,
            said: self.said(),
        }
    }

    /// A metric's value, summed over its labels; the program must answer HTTP.
    pub fn metric(&self, name: &str) -> f64 {
        let (_, answer) = self.get("/metrics");
        let of_name = answer.lines().filter(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
        });
        of_name
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// Waits until it says that every part of it can work.
    pub fn wait_ready(&self, limit: Duration) {
        let begun = Instant::now();
        loop {
            let (code, answer) = self.get("/readyz");
            if code == 200 {
                return;
            }
            assert!(begun.elapsed() < limit, "`{}` is not ready: {answer}", self.what);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Where it answers HTTP: `127.0.0.1` and its port.
    pub fn address(&self) -> String {
        let line = self.wait_said("answering http", Duration::from_secs(30));
        let port: String = line
            .split("127.0.0.1:")
            .nth(1)
            .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect())
            .unwrap_or_default();
        format!("127.0.0.1:{port}")
    }

    /// What it answers over HTTP: the code and the body.
    pub fn get(&self, path: &str) -> (u16, String) {
        let answer = self.ask(path, &[]);
        (answer.code, answer.body)
    }

    /// What it answers over HTTP to a request with these header lines.
    pub fn ask(&self, path: &str, headers: &[&str]) -> Answer {
        let address = self.address();
        let mut stream = TcpStream::connect(&address).unwrap();
        let mut request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n");
        let host = format!("Host: {address}");
        let named = headers.iter().any(|header| header.starts_with("Host:"));
        for header in headers.iter().copied().chain((!named).then_some(host.as_str())) {
            request.push_str(header);
            request.push_str("\r\n");
        }
        stream.write_all((request + "\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            code: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }
}

/// An answer of HTTP.
pub struct Answer {
    pub code: u16,
    /// The status line and the headers, in lower case.
    pub head: String,
    pub body: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Checks the exit code.
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(
            self.status.code(),
            Some(code),
            "`{}`: {}\n{}",
            self.what,
            self.status,
            self.said
        );
        self
    }

    /// Checks that it was killed, as the failpoints do.
    pub fn killed(self) -> Self {
        assert_eq!(
            self.status.signal(),
            Some(9),
            "`{}`: {}\n{}",
            self.what,
            self.status,
            self.said
        );
        self
    }

    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("`{}`: {error}\n{}", self.what, self.output))
    }
}

/// Sends a process a signal by its name without `SIG`.
pub fn signal(pid: &str, name: &str) {
    let sent = Command::new("/bin/sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", name, pid])
        .status()
        .unwrap();
    assert!(sent.success(), "no signal {name} to {pid}");
}

/// Runs a command to its end.
pub fn run(command: Command) -> Ended {
    Program::start(command).wait(Duration::from_mins(5))
}
