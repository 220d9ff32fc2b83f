//! Starts a stage as the runner starts a container action: one `run` of the image for each stage, with the runner's mounts, paths, entry points and environment; it knows no step.

use std::collections::BTreeMap;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use super::runner_context::Inputs;

/// Names an image; the stages of the real binary then run in its containers.
pub const SWITCH: &str = "DEPLOY_GUARD_IMAGE";

/// Where the runner mounts which folder of a job (`ContainerActionHandler.cs`), longest paths first.
const MOUNTS: [(&str, &str); 5] = [
    ("file_commands", "/github/file_commands"),
    ("workflow", "/github/workflow"),
    ("workspace", "/github/workspace"),
    ("home", "/github/home"),
    ("temp", "/github/runner_temp"),
];

/// What the engine sets itself, so that the runner does not.
const OF_THE_ENGINE: [&str; 2] = ["PATH", "HOSTNAME"];

/// An image and what `action.yml` says of it.
#[derive(Clone, Debug)]
pub struct Image {
    name: String,
    main: String,
    post: String,
    inputs: Inputs,
}

/// A container to start in place of a plain process.
pub struct Start {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// The environment of the engine's client: `-e KEY` carries names only.
    pub env: BTreeMap<String, String>,
    /// Holds the process id of the container's first process, as the machine sees it.
    pub pid_file: PathBuf,
}

impl Image {
    /// The image that [`SWITCH`] names; without it there is none, and stages are plain processes.
    pub fn chosen() -> Option<Self> {
        static CHOSEN: OnceLock<Option<Image>> = OnceLock::new();
        CHOSEN
            .get_or_init(|| {
                let name = std::env::var(SWITCH).ok().filter(|n| !n.is_empty())?;
                assert_engine(&name);
                Some(Self::of_action(name))
            })
            .clone()
    }

    fn of_action(name: String) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml");
        let text = std::fs::read_to_string(file).expect("action.yml can be read");
        let action: Value = serde_yaml::from_str(&text).expect("action.yml is YAML");
        let entry = |stage: &str| {
            let path = action["runs"][stage].as_str();
            path.expect("action.yml names an entry point for each stage")
                .to_owned()
        };
        Self {
            name,
            main: entry("entrypoint"),
            post: entry("post-entrypoint"),
            inputs: Inputs::from_action(&action),
        }
    }

    /// Name of the image.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The inputs with the defaults that `action.yml` itself gives them.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// One stage, with `variables` as the runner made them for a job whose folders are below `folder`.
    pub fn stage(&self, stage: &str, folder: &Path, variables: BTreeMap<String, String>) -> Start {
        let entry = if stage == "post" {
            &self.post
        } else {
            &self.main
        };
        self.start(Some(entry), "", folder, variables)
    }

    /// A step that uses the image itself, with `args:`: no entry point is named then.
    pub fn command(&self, args: &str, folder: &Path, variables: BTreeMap<String, String>) -> Start {
        self.start(None, args, folder, variables)
    }

    fn start(
        &self,
        entry: Option<&str>,
        command: &str,
        folder: &Path,
        variables: BTreeMap<String, String>,
    ) -> Start {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("deploy-guard-{}-{number}", std::process::id());
        let pid_file = folder.join(format!("{name}.pid"));
        let socket = folder.join("docker.sock");
        if !socket.exists() {
            // The runner always mounts the engine's socket; nobody listens behind this one.
            drop(UnixListener::bind(&socket).expect("a socket in the job's folder"));
        }
        let mut args: Vec<String> = [
            "--runtime",
            "runc",
            "--cgroup-manager",
            "cgroupfs",
            "run",
            // These are for a machine without Docker; what follows them is the runner's.
            "--ulimit",
            "nofile=1024:1024",
            "--ulimit",
            "nproc=1024:1024",
            "--log-driver",
            "none",
            "--pull",
            "never",
            "--http-proxy=false",
            // The services of the tests listen on the machine's loopback.
            "--network",
            "host",
        ]
        .map(String::from)
        .into();
        args.push(format!("--pidfile={}", pid_file.display()));
        args.extend(["--name".into(), name]);
        args.extend(["--label", "deploy-guard-tests", "--workdir"].map(String::from));
        args.extend(["/github/workspace".into(), "--rm".into()]);
        let mut env = BTreeMap::new();
        for (key, value) in variables {
            if !OF_THE_ENGINE.contains(&key.as_str()) {
                args.extend(["-e".into(), key.clone()]);
                env.insert(key, inside(folder, &value));
            }
        }
        if let Some(entry) = entry {
            args.extend(["--entrypoint".into(), entry.to_owned()]);
        }
        args.extend([
            "-v".into(),
            format!("{}:/var/run/docker.sock", socket.display()),
        ]);
        for (part, mount) in MOUNTS {
            args.extend([
                "-v".into(),
                format!("{}:{mount}", folder.join(part).display()),
            ]);
        }
        args.push(self.name.clone());
        args.extend(command.split_whitespace().map(str::to_owned));
        env.insert("PATH".into(), std::env::var("PATH").unwrap_or_default());
        Start {
            program: "podman".into(),
            args,
            env,
            pid_file,
        }
    }
}

/// Names of the containers of this process that run.
pub fn containers() -> Vec<String> {
    let mine = format!("name=^deploy-guard-{}-", std::process::id());
    let listed = Command::new("podman")
        .args(["ps", "--format", "{{.Names}}", "--filter", &mine])
        .output()
        .expect("podman lists its containers");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    listed.lines().map(str::to_owned).collect()
}

/// A value as the container sees it: one that is, or begins with, a mounted path is translated.
fn inside(folder: &Path, value: &str) -> String {
    for (part, mount) in MOUNTS {
        let path = folder.join(part).display().to_string();
        if let Some(rest) = value.strip_prefix(&path)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return format!("{mount}{rest}");
        }
    }
    value.to_owned()
}

/// Fails, saying what to do, where containers cannot run or the image is not there.
fn assert_engine(image: &str) {
    for tool in ["podman", "runc"] {
        let found = Command::new(tool)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(
            found.is_ok_and(|s| s.success()),
            "{SWITCH} is set, and `{tool}` cannot be run: install podman, buildah and runc (on Debian or Ubuntu: \
             apt-get install podman buildah runc conmon), or unset {SWITCH} to run the stages as plain processes"
        );
    }
    let there = Command::new("podman")
        .args(["image", "exists", image])
        .status();
    assert!(
        there.is_ok_and(|s| s.success()),
        "{SWITCH} names `{image}`, which podman does not have: `.ci/image` builds it"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_that_begin_with_a_mounted_path_are_translated() {
        let folder = Path::new("/tmp/job");
        for (value, wanted) in [
            ("/tmp/job/workspace", "/github/workspace"),
            (
                "/tmp/job/workflow/event.json",
                "/github/workflow/event.json",
            ),
            (
                "/tmp/job/file_commands/output_1",
                "/github/file_commands/output_1",
            ),
            ("/tmp/job/workspaces", "/tmp/job/workspaces"),
            ("see /tmp/job/home", "see /tmp/job/home"),
        ] {
            assert_eq!(inside(folder, value), wanted);
        }
    }

    #[test]
    fn a_stage_is_started_as_the_runner_starts_it() {
        let folder = tempfile::tempdir().unwrap();
        let image = Image::of_action("localhost/deploy-guard:ci".to_owned());
        let home = folder.path().join("home").display().to_string();
        let variables = BTreeMap::from([
            ("HOME".to_owned(), home),
            ("INPUT_REASON".to_owned(), "two\nlines".to_owned()),
            ("PATH".to_owned(), "/of/the/image".to_owned()),
        ]);
        let start = image.stage("post", folder.path(), variables);
        let shown = start.args.join(" ");
        for part in [
            "--workdir /github/workspace --rm",
            "-e HOME -e INPUT_REASON",
            "--entrypoint /deploy-guard-post",
            "/file_commands:/github/file_commands",
            "/docker.sock:/var/run/docker.sock",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(
            !shown.contains("-e PATH") && !shown.contains("lines"),
            "{shown}"
        );
        assert!(
            shown.ends_with(" localhost/deploy-guard:ci"),
            "no arguments: {shown}"
        );
        let command = image.command("keep prod", folder.path(), BTreeMap::new());
        let shown = command.args.join(" ");
        assert!(
            shown.ends_with(" localhost/deploy-guard:ci keep prod"),
            "{shown}"
        );
        assert!(!shown.contains("--entrypoint"), "{shown}");
        assert_eq!(start.env["HOME"], "/github/home");
        assert_eq!(start.env["INPUT_REASON"], "two\nlines");
    }
}
