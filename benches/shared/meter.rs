//! What one process uses: processor time, memory, wall time; it does not know what the process does.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Starts the program and writes its processor time (from `wait4`) and its largest resident
/// set (polled, for that of `wait4` holds this script's own) as one line of JSON. Signals are not passed on: nothing
/// here sends any.
const METER: &str = r#"
import json, os, sys, threading, time
began = time.monotonic()
pid = os.posix_spawn(BINARY, [BINARY] + sys.argv[1:], os.environ)
peak = [0]
def poll():
    while True:
        try:
            for line in open(f"/proc/{pid}/status"):
                if line.startswith("VmHWM:"):
                    peak[0] = max(peak[0], int(line.split()[1]))
        except OSError:
            return
        time.sleep(0.001)
threading.Thread(target=poll, daemon=True).start()
_, status, used = os.wait4(pid, 0)
with open(LOG, "a") as log:
    log.write(json.dumps({"args": sys.argv[1:], "phase": os.environ.get("INPUT_PHASE"),
        "cpu_ms": (used.ru_utime + used.ru_stime) * 1000, "peak_kib": peak[0],
        "wall_ms": (time.monotonic() - began) * 1000}) + "\n")
sys.exit(os.waitstatus_to_exitcode(status))
"#;

/// The binary behind a meter.
pub struct Meter {
    folder: tempfile::TempDir,
    /// What to start in the program's place.
    pub binary: PathBuf,
}

/// What one process used.
#[derive(Clone, Debug)]
pub struct Used {
    pub phase: String,
    pub args: Vec<String>,
    pub cpu_ms: f64,
    pub peak_kib: f64,
    pub wall_ms: f64,
}

impl Meter {
    /// A meter around this program.
    pub fn new(binary: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let python = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|p| p.join("python3"))
            .find(|p| p.exists())
            .expect("python3 is needed, as for the tests");
        let script = format!(
            "#!{} -S\nBINARY = {:?}\nLOG = {:?}\n{METER}",
            python.display(),
            binary.display().to_string(),
            folder.path().join("log").display().to_string()
        );
        let meter = Self {
            binary: folder.path().join("deploy-guard"),
            folder,
        };
        std::fs::write(&meter.binary, script).unwrap();
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&meter.binary, executable).unwrap();
        meter
    }

    /// Everything measured since the last time.
    pub fn take(&self) -> Vec<Used> {
        let log = self.folder.path().join("log");
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        std::fs::write(&log, "").unwrap();
        text.lines()
            .map(|line| {
                let value: Value = serde_json::from_str(line).unwrap();
                Used {
                    phase: value["phase"].as_str().unwrap_or_default().to_owned(),
                    args: serde_json::from_value(value["args"].clone()).unwrap(),
                    cpu_ms: value["cpu_ms"].as_f64().unwrap(),
                    peak_kib: value["peak_kib"].as_f64().unwrap(),
                    wall_ms: value["wall_ms"].as_f64().unwrap(),
                }
            })
            .collect()
    }
}
