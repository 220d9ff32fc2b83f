//! Moto, the AWS server of the tests: installs it once below the target folder and runs one for each test process; it knows no test.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;

/// Everything pinned; a change of this text makes the environment anew.
const REQUIREMENTS: &str = include_str!("moto-requirements.txt");

/// Serves on a free port, prints it, and ends when its standard input does: so with the test process,
/// however that one ended.
const SERVE: &str = r"
import logging, os, sys
logging.getLogger('werkzeug').setLevel(logging.ERROR)
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
server = ThreadedMotoServer('127.0.0.1', 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.buffer.read()
os._exit(0)
";

struct Running {
    addr: SocketAddr,
    _child: Child,
    _stdin: ChildStdin,
}

/// The address of this process's moto; the first caller installs and starts it.
///
/// Worlds are kept apart by account: the proxy before moto names one account for each world.
pub fn addr() -> SocketAddr {
    static MOTO: OnceLock<Running> = OnceLock::new();
    MOTO.get_or_init(|| start(&installed())).addr
}

/// The Python of an environment that has moto.
fn installed() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("Cargo's tmp folder is inside target")
        .to_owned();
    let venv = target.join("moto-venv");
    let python = venv.join("bin").join("python");
    fs::create_dir_all(&target).expect("the target folder can be made");
    let lock = File::create(target.join("moto-venv.lock")).expect("a lock file below target");
    lock.lock().expect("the lock on moto's environment");
    let stamp = venv.join("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|s| s == REQUIREMENTS) {
        return python;
    }
    if venv.exists() {
        fs::remove_dir_all(&venv)
            .unwrap_or_else(|e| panic!("cannot remove the unfinished {}: {e}", venv.display()));
    }
    run(
        Command::new(python3()).args(["-m", "venv"]).arg(&venv),
        "make a virtual environment for moto",
    );
    let list = venv.join("requirements.txt");
    fs::write(&list, REQUIREMENTS).expect("the environment can be written");
    run(
        Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(&list),
        "install moto from PyPI",
    );
    fs::write(&stamp, REQUIREMENTS).expect("the environment can be written");
    python
}

fn python3() -> &'static str {
    ["python3", "python"]
        .into_iter()
        .find(|name| {
            Command::new(name)
                .args(["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|s| s.success())
        })
        .unwrap_or_else(|| {
            panic!(
                "the tests need Python 3.10 or later with its venv and ensurepip modules, for moto (the AWS server of the tests); \
                 on Debian or Ubuntu: apt-get install python3 python3-venv"
            )
        })
}

fn run(command: &mut Command, what: &str) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("cannot {what}: {e}"));
    assert!(
        output.status.success(),
        "cannot {what} ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn start(python: &Path) -> Running {
    let errors = tempfile::NamedTempFile::new().expect("a temporary file for moto's errors");
    let mut child = Command::new(python)
        .args(["-c", SERVE])
        .env_remove("MOTO_ACCOUNT_ID")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors.reopen().expect("moto's errors can be written"))
        .spawn()
        .unwrap_or_else(|e| panic!("cannot start moto with {}: {e}", python.display()));
    let stdin = child.stdin.take().expect("moto's input is a pipe");
    let mut line = String::new();
    let _ =
        BufReader::new(child.stdout.take().expect("moto's output is a pipe")).read_line(&mut line);
    let port = line.trim().parse().unwrap_or_else(|_| {
        let said = fs::read_to_string(errors.path()).unwrap_or_default();
        panic!("moto did not start; it said:\n{line}{said}")
    });
    Running {
        addr: (Ipv4Addr::LOCALHOST, port).into(),
        _child: child,
        _stdin: stdin,
    }
}
