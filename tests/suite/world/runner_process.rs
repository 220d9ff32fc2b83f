//! Runs one process as the runner does: lines from both streams as they come, real signals when something is seen, a limit on its time; it knows no workflow.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// One line of output.
#[derive(Clone, Debug)]
pub struct Line {
    /// `true` for standard error.
    pub stderr: bool,
    pub text: String,
    /// Since the start.
    pub at: Duration,
}

/// When to interrupt.
pub enum When {
    /// A line of either stream contains this.
    Line(String),
    /// So long after the start.
    After(Duration),
    /// This becomes true; asked after each line and each 10 ms.
    Seen(Box<dyn FnMut() -> bool + Send>),
}

/// What to do then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// As a cancelled job: SIGINT, then SIGTERM, then SIGKILL; the job's status is `cancelled`.
    Cancel,
    /// As a step's `timeout-minutes`: the same signals; the step failed.
    StepTimeout,
    /// The machine dies: SIGKILL, and neither later steps nor posts run.
    MachineLost,
    /// The service stops: the same signals as a cancel, job status `failure`, and no posts.
    RunnerShutdown,
    /// One signal by name (`INT`, `TERM`, `KILL`), nothing else.
    Signal(&'static str),
}

/// One interruption of a stage.
pub struct Interrupt {
    pub when: When,
    pub what: What,
}

impl Interrupt {
    /// When a line contains the text.
    pub fn at_line(text: &str, what: What) -> Self {
        Self {
            when: When::Line(text.to_owned()),
            what,
        }
    }

    /// So long after the start.
    pub fn after(time: Duration, what: What) -> Self {
        Self {
            when: When::After(time),
            what,
        }
    }

    /// When something is seen, e.g. in the world's log of calls.
    pub fn once(seen: impl FnMut() -> bool + Send + 'static, what: What) -> Self {
        Self {
            when: When::Seen(Box::new(seen)),
            what,
        }
    }
}

/// How long the runner waits between its signals.
#[derive(Clone, Copy, Debug)]
pub struct Graces {
    /// From SIGINT to SIGTERM; 7.5 s on the runner.
    pub interrupt: Duration,
    /// From SIGTERM to SIGKILL; 2.5 s on the runner.
    pub terminate: Duration,
}

impl Default for Graces {
    fn default() -> Self {
        Self {
            interrupt: Duration::from_millis(7500),
            terminate: Duration::from_millis(2500),
        }
    }
}

/// A process to run.
pub struct Process {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// The whole environment.
    pub env: BTreeMap<String, String>,
    pub dir: PathBuf,
    pub interrupts: Vec<Interrupt>,
    pub graces: Graces,
    /// After this the process is killed and the result says so: a test must not hang.
    pub limit: Duration,
    /// For a container: where the process id of its first process stands. The process itself is then only the engine's
    /// client.
    pub container: Option<PathBuf>,
}

/// How it went.
#[derive(Clone, Debug)]
pub struct Ended {
    pub lines: Vec<Line>,
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub took: Duration,
    /// Signals sent, with the time since the start.
    pub sent: Vec<(&'static str, Duration)>,
    /// The interruption that struck first.
    pub interrupted: Option<What>,
    /// The limit was reached.
    pub overdue: bool,
}

/// What a signal hits; the same for a plain process.
#[derive(Clone, Copy)]
enum At {
    /// The engine's client, which the runner started.
    Client,
    /// The program itself: the client passes on all signals but SIGKILL. Podman's does so only a moment after the
    /// container's start, Docker's from the first on; so they are sent to the container here.
    Program,
}

/// A signal to send at a time.
type Due = (Instant, &'static str, At);

enum News {
    Text(bool, String),
    StreamEnded,
    Exited(std::io::Result<ExitStatus>),
}

impl Process {
    /// Runs to the end on a thread of its own, so that other tasks of the test go on.
    pub async fn run(self) -> Ended {
        let (done, ended) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let _ = done.send(self.run_blocking());
        });
        ended
            .await
            .expect("the thread that ran the process panicked; its message stands above")
    }

    /// Runs to the end.
    pub fn run_blocking(mut self) -> Ended {
        let began = Instant::now();
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .envs(&self.env)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {}: {e}", self.program.display()));
        let pid = child.id();
        let (news, events) = channel();
        read_lines(
            child.stdout.take().expect("standard output is a pipe"),
            false,
            news.clone(),
        );
        read_lines(
            child.stderr.take().expect("standard error is a pipe"),
            true,
            news.clone(),
        );
        std::thread::spawn(move || news.send(News::Exited(child.wait())));
        self.follow(pid, began, &events)
    }

    fn follow(&mut self, pid: u32, began: Instant, events: &Receiver<News>) -> Ended {
        let mut ended = Ended {
            lines: Vec::new(),
            code: None,
            signal: None,
            took: Duration::ZERO,
            sent: Vec::new(),
            interrupted: None,
            overdue: false,
        };
        let mut due: Vec<Due> = vec![];
        let (mut streams, mut exited) = (2, None);
        while streams > 0 || exited.is_none() {
            let wake = if ended.overdue {
                Instant::now() + Duration::from_millis(50)
            } else {
                self.next_wake(began, &due, exited)
            };
            match events.recv_timeout(wake.saturating_duration_since(Instant::now())) {
                Ok(News::Text(stderr, text)) => ended.lines.push(Line {
                    stderr,
                    text,
                    at: began.elapsed(),
                }),
                Ok(News::StreamEnded) => streams -= 1,
                Ok(News::Exited(status)) => {
                    let status = status.expect("a child can be waited for");
                    (ended.code, ended.signal) = self.ending(status);
                    ended.took = began.elapsed();
                    exited = Some(Instant::now());
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(at) = exited {
                // A grandchild may hold the pipes open; the runner does not wait for it either.
                if at.elapsed() > Duration::from_secs(5) {
                    break;
                }
                continue;
            }
            self.strike(began, &mut ended, &mut due);
            if began.elapsed() >= self.limit && !ended.overdue {
                ended.overdue = true;
                due = vec![(Instant::now(), "KILL", At::Program)];
            }
            while due.first().is_some_and(|(at, ..)| *at <= Instant::now()) {
                let (_, name, at) = due.remove(0);
                let hit = match at {
                    At::Program if self.container.is_some() && !ended.overdue => self.program_id(),
                    At::Program => Some(self.program_id().unwrap_or(pid)),
                    At::Client => Some(pid),
                };
                let Some(hit) = hit else {
                    // The container is still being made.
                    due.insert(0, (Instant::now() + Duration::from_millis(10), name, at));
                    break;
                };
                kill(hit, name);
                ended.sent.push((name, began.elapsed()));
            }
        }
        ended
    }

    /// The container's first process, once it has one.
    fn program_id(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.container.as_ref()?).ok()?;
        text.trim().parse().ok()
    }

    /// Exit code and signal of the program; the engine tells of a killed container by the code 137.
    fn ending(&self, status: ExitStatus) -> (Option<i32>, Option<i32>) {
        match status.code() {
            Some(137) if self.container.is_some() => (None, Some(9)),
            code => (code, status.signal()),
        }
    }

    fn next_wake(&self, began: Instant, due: &[Due], exited: Option<Instant>) -> Instant {
        let far = began + self.limit;
        let mut wake = exited.map_or(far, |at| at + Duration::from_secs(6));
        for interrupt in &self.interrupts {
            match interrupt.when {
                When::After(time) => wake = wake.min(began + time),
                When::Seen(_) => wake = wake.min(Instant::now() + Duration::from_millis(10)),
                When::Line(_) => {}
            }
        }
        due.iter().fold(wake, |wake, (at, ..)| wake.min(*at))
    }

    /// Lets the interruptions strike that are due, each once.
    fn strike(&mut self, began: Instant, ended: &mut Ended, due: &mut Vec<Due>) {
        let lines = &ended.lines;
        let struck = self.interrupts.iter_mut().position(|i| match &mut i.when {
            When::Line(text) => lines.iter().any(|l| l.text.contains(text.as_str())),
            When::After(time) => began.elapsed() >= *time,
            When::Seen(seen) => seen(),
        });
        let Some(at) = struck else { return };
        let what = self.interrupts.remove(at).what;
        ended.interrupted = ended.interrupted.or(Some(what));
        let now = Instant::now();
        match what {
            What::MachineLost => due.push((now, "KILL", At::Program)),
            What::Signal(name) => due.push((now, name, At::Program)),
            What::Cancel | What::StepTimeout | What::RunnerShutdown => {
                let second = now + self.graces.interrupt;
                due.extend([
                    (now, "INT", At::Program),
                    (second, "TERM", At::Program),
                    (second + self.graces.terminate, "KILL", At::Client),
                ]);
            }
        }
        due.sort_by_key(|(at, ..)| *at);
    }
}

/// Sends a signal by name, with the shell's own `kill`.
pub fn kill(pid: u32, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .stderr(Stdio::null())
        .status();
    assert!(
        sent.is_ok(),
        "cannot send SIG{name}: no shell `sh` on this machine"
    );
}

/// Reads as .NET's `ReadLine` does: LF, CR LF and a lone CR end a line.
fn read_lines(mut stream: impl Read + Send + 'static, stderr: bool, news: Sender<News>) {
    std::thread::spawn(move || {
        let (mut buffer, mut line, mut after_cr) = ([0u8; 8192], Vec::new(), false);
        let send = |line: &mut Vec<u8>| {
            let text = String::from_utf8_lossy(line).into_owned();
            line.clear();
            news.send(News::Text(stderr, text))
        };
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            for byte in &buffer[..n] {
                let skip = after_cr && *byte == b'\n';
                after_cr = *byte == b'\r';
                if skip {
                    continue;
                }
                if matches!(byte, b'\n' | b'\r') {
                    let _ = send(&mut line);
                } else {
                    line.push(*byte);
                }
            }
        }
        if !line.is_empty() {
            let _ = send(&mut line);
        }
        let _ = news.send(News::StreamEnded);
    });
}
