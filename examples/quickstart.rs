//! The whole story on one machine: a good deployment, then a broken one that is caught and taken back.
//!
//! Everything in it is real but small: an application in two versions behind an alias, a Slack receiver, GitHub's API
//! as far as the action asks it, the embedded store. Every stage of the action runs as its own process with the
//! environment, files and exit code of a runner; this program is then the action (`quickstart action main`), with one
//! addition: a way to bring a version of *this* application back, where yours has Lambda aliases or CloudFormation.
//!
//! `cargo run --example quickstart` (in Korean: `cargo run --example quickstart -- ko`)

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that shows something prints it"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use deploy_guard::adapters::http::{Http, HttpSetup, check_url, text};
use deploy_guard::core::lease::Lease;
use deploy_guard::core::observation::{Kind, Why};
use deploy_guard::core::restore::{Obstacle, PlannedStep, StepKey, Strategy};
use deploy_guard::core::state::SavedState;
use deploy_guard::ports::{Acted, CloudError, MoveError, Mover, NoPlan, Restore, StepState};
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

/// Where the application's alias is reached; only this example's mover reads it.
const ALIAS: &str = "QUICKSTART_ALIAS_URL";

/// The commits of the two versions.
const GOOD: &str = "5f1c0de2a9b74c33e8d0f6a1b2c3d4e5f6a7b8c9";
const BROKEN: &str = "bad0c0de17e5a4f3b2c1d0e9f8a7b6c5d4e3f2a1";

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None | Some("en") => shown(false),
        Some("ko") => shown(true),
        Some(_) => deploy_guard::app::main_with(|env| match env.get(ALIAS) {
            Some(url) => vec![Arc::new(Alias::of(url))],
            None => Vec::new(),
        }),
    }
}

fn shown(ko: bool) -> ExitCode {
    match show(ko) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nthe quickstart did not go as it should: {error}");
            ExitCode::FAILURE
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------
// The story

fn show(ko: bool) -> Result<(), Failure> {
    let say = |en: &str, korean: &str| println!("{}", if ko { korean } else { en });
    let begun = Instant::now();
    let town = Town::start(ko)?;
    println!();
    say(
        "deploy-guard quickstart: two deployments of a small application, one good, one broken.",
        "deploy-guard 빠른 시작: 작은 애플리케이션을 두 번 배포합니다. 한 번은 정상, 한 번은 고장 난 버전입니다.",
    );
    say(
        "Version 1 is found healthy. Version 2 answers every request with 500: it is caught within seconds, version 1",
        "버전 1은 정상으로 판정됩니다. 버전 2는 모든 요청에 500을 돌려주므로 몇 초 안에 발견되고,",
    );
    say(
        "serves again without anybody's doing, Slack is told, and the history says so. Here is how.",
        "사람이 손대지 않아도 버전 1로 되돌아가며, Slack에 알리고 이력에 남깁니다. 그 과정을 보여 드립니다.",
    );
    println!();
    println!("  application   http://{}/health", town.address);
    println!(
        "  history       {}",
        town.folder.join("history.db").display()
    );

    title(1, ko, "Version 1 is deployed", "버전 1을 배포합니다");
    let first = town.job(ko, 1, GOOD, 1)?;
    say(
        "-> recorded, watched, found healthy. From now on it is what a rollback goes back to.",
        "-> 기록하고, 지켜보고, 정상으로 판정했습니다. 이제 롤백하면 이 버전으로 돌아갑니다.",
    );
    told_as(
        first.main == 0 && first.verify == 0 && first.post == 0,
        "the first job ended with 0, 0, 0",
    )?;
    told_as(
        first.said("status") == "success",
        "the first deployment's status is `success`",
    )?;

    title(
        2,
        ko,
        "Version 2 is deployed. It is broken: every request ends with 500",
        "버전 2를 배포합니다. 이 버전은 고장 나서 모든 요청에 500을 돌려줍니다",
    );
    let second = town.job(ko, 2, BROKEN, 2)?;
    say(
        "-> caught by the gate, version 1 brought back and verified, everybody told. The job is red, production is well.",
        "-> 게이트가 잡아냈고, 버전 1을 되살려 다시 확인했고, 모두에게 알렸습니다. 작업은 실패로 끝났지만 서비스는 정상입니다.",
    );
    told_as(
        second.main == 0 && second.post == 0,
        "the second job's first and last stage ended with 0",
    )?;
    told_as(second.verify == 1, "the second job's verify ended with 1")?;
    told_as(
        second.said("status") == "rolled_back",
        "the second deployment's status is `rolled_back`",
    )?;
    told_as(
        second.said("rollback_ref") == GOOD,
        "version 1's commit was brought back",
    )?;
    told_as(town.app.version() == 1, "version 1 serves again")?;

    title(
        3,
        ko,
        "The job summary of the second job, as GitHub shows it",
        "두 번째 작업의 요약 (GitHub 작업 요약)",
    );
    print!("{}", indent(&second.summary, "  "));

    title(4, ko, "What Slack received", "Slack이 받은 알림");
    let alerts = town.alerts();
    for alert in &alerts {
        print!("{}", indent(&slack_text(alert), "  "));
    }
    told_as(
        alerts.len() >= 3,
        "Slack was told of the success, the failure and the rollback",
    )?;

    title(5, ko, "The history", "배포 이력");
    say(
        "This history is a temporary file and goes away with this program; in your repository the commands read yours.",
        "이 이력은 임시 파일이며 프로그램이 끝나면 사라집니다. 저장소에서는 같은 명령이 여러분의 이력을 읽습니다.",
    );
    println!();
    println!("  $ deploy-guard history staging");
    let history = town.command(ko, &["history", "staging"])?;
    print!("{}", indent(&utf8(&history.stdout), "  "));
    println!("\n  $ deploy-guard show {}", second.said("deployment_id"));
    let story = town.command(ko, &["show", second.said("deployment_id")])?;
    print!("{}", indent(&utf8(&story.stdout), "  "));
    let listed = town.command(ko, &["history", "staging", "--json"])?;
    let listed: Value = serde_json::from_slice(&listed.stdout)?;
    let statuses: Vec<&str> = (listed["deployments"].as_array().into_iter().flatten())
        .filter_map(|d| d["status"].as_str())
        .collect();
    told_as(
        statuses == ["rolled_back", "success"],
        "the history says rolled_back and success",
    )?;

    title(6, ko, "The configuration of all this", "여기에 쓰인 설정");
    print!("{}", indent(&town.configuration(), "  "));
    println!();
    let seconds = begun.elapsed().as_secs();
    say(
        &format!("All of it went as told, in {seconds} s. Next: README.md, the workflow to copy."),
        &format!(
            "모두 예정대로 {seconds}초 만에 끝났습니다. 다음은 docs/README.ko.md의 워크플로입니다."
        ),
    );
    Ok(())
}

fn told_as(went: bool, what: &str) -> Result<(), Failure> {
    if went {
        Ok(())
    } else {
        Err(format!("it was to be seen that {what}").into())
    }
}

fn title(n: u8, ko: bool, en: &str, korean: &str) {
    let text = if ko { korean } else { en };
    println!("\n== {n}. {text} {}\n", "=".repeat(10));
}

fn indent(text: &str, by: &str) -> String {
    text.trim_end()
        .lines()
        .map(|line| format!("{by}{line}").trim_end().to_owned() + "\n")
        .collect()
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A Slack message as a reader sees it.
fn slack_text(payload: &Value) -> String {
    let mut out = format!("# {}\n", payload["text"].as_str().unwrap_or_default());
    for attachment in payload["attachments"].as_array().into_iter().flatten() {
        let colour = attachment["color"].as_str().unwrap_or("-");
        for field in attachment["fields"].as_array().into_iter().flatten() {
            let part = |name: &str| {
                field[name]
                    .as_str()
                    .unwrap_or_default()
                    .replace('\n', " / ")
            };
            out.push_str(&format!("| {}: {}\n", part("title"), part("value")));
        }
        out.push_str(&format!("| ({colour})\n"));
    }
    out + "\n"
}

// ---------------------------------------------------------------------------------------------------------------
// A runner: the stages of one job, each a process of its own

struct Town {
    app: App,
    slack: Arc<Mutex<Vec<Value>>>,
    address: SocketAddr,
    folder: PathBuf,
    _kept: tempfile::TempDir,
}

struct Job {
    main: i32,
    verify: i32,
    post: i32,
    outputs: BTreeMap<String, String>,
    summary: String,
}

impl Job {
    fn said(&self, output: &str) -> &str {
        self.outputs.get(output).map_or("", String::as_str)
    }
}

impl Town {
    fn start(ko: bool) -> Result<Self, Failure> {
        let kept = tempfile::tempdir()?;
        let folder = kept.path().to_owned();
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (app, slack) = (App::default(), Arc::new(Mutex::new(Vec::new())));
        let config = configuration(&folder, address, ko);
        std::fs::create_dir_all(folder.join(".github"))?;
        std::fs::write(folder.join(".github/deploy-guard.yml"), &config)?;
        let router = app_routes(app.clone())
            .merge(slack_routes(slack.clone()))
            .merge(github_routes(config));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        std::thread::spawn(move || {
            let served = runtime.block_on(async {
                axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await
            });
            if let Err(error) = served {
                eprintln!("the quickstart's servers ended: {error}");
            }
        });
        Ok(Self {
            app,
            slack,
            address,
            folder,
            _kept: kept,
        })
    }

    fn configuration(&self) -> String {
        std::fs::read_to_string(self.folder.join(".github/deploy-guard.yml")).unwrap_or_default()
    }

    fn alerts(&self) -> Vec<Value> {
        held(&self.slack).clone()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// One job: guard, the team's own deploy step, verify, and the guard's post step.
    fn job(&self, ko: bool, run: u64, commit: &str, version: u8) -> Result<Job, Failure> {
        let folder = self.folder.join(format!("run-{run}"));
        std::fs::create_dir_all(&folder)?;
        let base = self.runner(ko, run, commit);

        println!("- uses: hanbit/deploy-guard@v1   # environment: staging");
        let guard = self.stage("main", "guard", &folder, &base, &[])?;
        let needed = guard
            .outputs
            .get("deploy_needed")
            .map_or("", String::as_str);
        println!("    outputs: deploy_needed={needed}");
        if needed == "true" {
            println!(
                "- run: deploy                    # the team's own command: the alias `live` goes to version {version}"
            );
            self.app.deploy(version);
        }
        println!("- uses: hanbit/deploy-guard@v1   # phase: verify");
        let verify = self.stage(
            "main",
            "verify",
            &folder,
            &base,
            &[("INPUT_PHASE", "verify")],
        )?;
        let said = |name: &str| verify.outputs.get(name).map_or("", String::as_str);
        println!(
            "    outputs: status={} verdict={} rolled_back={}",
            said("status"),
            said("verdict"),
            said("rolled_back")
        );
        let job_status = if verify.code == 0 {
            "success"
        } else {
            "failure"
        };
        println!(
            "- post of the guard              # leaves nothing open; the job so far: {job_status}"
        );
        let mut late: Vec<(String, String)> = guard
            .state
            .iter()
            .map(|(name, value)| (format!("STATE_{name}"), value.clone()))
            .collect();
        late.push(("INPUT_JOB_STATUS".to_owned(), job_status.to_owned()));
        let late: Vec<(&str, &str)> = late.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let post = self.stage("post", "post", &folder, &base, &late)?;
        Ok(Job {
            main: guard.code,
            verify: verify.code,
            post: post.code,
            summary: verify.summary,
            outputs: verify.outputs,
        })
    }

    /// What GitHub's runner gives a container action.
    fn runner(&self, ko: bool, run: u64, commit: &str) -> BTreeMap<String, String> {
        let own = self.url("");
        [
            ("GITHUB_API_URL", self.url("/api")),
            ("GITHUB_SERVER_URL", "https://github.com".to_owned()),
            ("GITHUB_REPOSITORY", "hanbit/todo".to_owned()),
            ("GITHUB_RUN_ID", run.to_string()),
            ("GITHUB_RUN_ATTEMPT", "1".to_owned()),
            ("GITHUB_JOB", "deploy".to_owned()),
            ("GITHUB_SHA", commit.to_owned()),
            ("GITHUB_REF_TYPE", "branch".to_owned()),
            ("GITHUB_REF_NAME", "main".to_owned()),
            ("GITHUB_ACTOR", "dev".to_owned()),
            ("INPUT_ENVIRONMENT", "staging".to_owned()),
            ("INPUT_REF", commit.to_owned()),
            ("INPUT_LOCALE", if ko { "ko" } else { "en" }.to_owned()),
            ("INPUT_GITHUB_TOKEN", "quickstart-token".to_owned()),
            ("INPUT_JOB_STATUS", "success".to_owned()),
            ("INPUT_JOB_ID", run.to_string()),
            (
                "INPUT_SLACK_WEBHOOK_URL",
                format!("{own}/services/T0/B0/quickstart"),
            ),
            (ALIAS, format!("{own}/alias/live")),
        ]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v))
        .collect()
    }

    fn stage(
        &self,
        verb: &str,
        name: &str,
        folder: &Path,
        base: &BTreeMap<String, String>,
        more: &[(&str, &str)],
    ) -> Result<Stage, Failure> {
        let file = |kind: &str| folder.join(format!("{name}.{kind}"));
        let output = Command::new(std::env::current_exe()?)
            .args(["action", verb])
            .current_dir(&self.folder)
            .env_clear()
            .envs(base)
            .envs(more.iter().copied())
            .env("GITHUB_OUTPUT", file("output"))
            .env("GITHUB_STATE", file("state"))
            .env("GITHUB_STEP_SUMMARY", file("summary"))
            .output()?;
        print!(
            "{}",
            indent(&as_github_shows(&utf8(&output.stdout)), "    ")
        );
        eprint!("{}", indent(&utf8(&output.stderr), "    "));
        let code = output.status.code().unwrap_or(-1);
        println!("    exit code {code}");
        let read = |kind: &str| std::fs::read_to_string(file(kind)).unwrap_or_default();
        Ok(Stage {
            code,
            outputs: pairs(&read("output")),
            state: pairs(&read("state")),
            summary: read("summary"),
        })
    }

    /// The command line, in the repository's folder.
    fn command(&self, ko: bool, args: &[&str]) -> Result<Output, Failure> {
        Ok(Command::new(std::env::current_exe()?)
            .args(args)
            .args(["--locale", if ko { "ko" } else { "en" }])
            .current_dir(&self.folder)
            .env_clear()
            .output()?)
    }
}

struct Stage {
    code: i32,
    outputs: BTreeMap<String, String>,
    state: BTreeMap<String, String>,
    summary: String,
}

/// A log as GitHub shows it: masks unseen, groups and annotations without their commands.
fn as_github_shows(log: &str) -> String {
    let plain = |text: &str| text.replace("%0A", " ").replace("%25", "%");
    log.lines()
        .filter_map(|line| {
            let Some(command) = line.strip_prefix("::") else {
                return Some(line.to_owned());
            };
            let (head, message) = command.split_once("::")?;
            match head.split(' ').next()? {
                "add-mask" | "endgroup" => None,
                "group" => Some(message.to_owned()),
                word => Some(format!("[{word}] {}", plain(message))),
            }
        })
        .map(|line| line + "\n")
        .collect()
}

/// `name<<delimiter`, value, delimiter: the runner's files.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((name, delimiter)) = line.split_once("<<") {
            let value: Vec<&str> = lines.by_ref().take_while(|l| *l != delimiter).collect();
            found.insert(name.to_owned(), value.join("\n"));
        }
    }
    found
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn configuration(folder: &Path, address: SocketAddr, ko: bool) -> String {
    let locale = if ko { "ko" } else { "en" };
    let history = folder.join("history.db");
    format!(
        r#"version: 1
service: todo
locale: {locale}
history: {{ store: sqlite, path: {history} }}
environments:
  staging:
    gates:
      window: 5s
      interval: 1s
      http:
        - name: api
          url: http://{address}/health
          status: 200
          json: {{ "/status": healthy }}
          version: {{ json: "/version", equals: "{{ref}}" }}
          confirm: 3s
          warmup: 0s
    rollback: {{ automatic: true, verify: 5s }}
"#,
        history = history.display(),
    )
}

// ---------------------------------------------------------------------------------------------------------------
// The application: two versions, and an alias that says which one serves

#[derive(Clone, Default)]
struct App(Arc<Mutex<u8>>);

impl App {
    fn deploy(&self, version: u8) {
        *held(&self.0) = version;
    }

    fn version(&self) -> u8 {
        *held(&self.0)
    }
}

fn app_routes(app: App) -> Router {
    async fn health(State(app): State<App>) -> Response {
        match app.version() {
            1 => axum::Json(json!({ "status": "healthy", "version": GOOD })).into_response(),
            2 => {
                let body = json!({ "status": "unhealthy", "version": BROKEN, "error": "no such table: todos" });
                (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(body)).into_response()
            }
            _ => (StatusCode::NOT_FOUND, "nothing is deployed").into_response(),
        }
    }
    async fn alias(State(app): State<App>) -> String {
        app.version().to_string()
    }
    async fn set_alias(State(app): State<App>, body: String) -> StatusCode {
        match body.trim().parse() {
            Ok(version) => {
                app.deploy(version);
                StatusCode::NO_CONTENT
            }
            Err(_) => StatusCode::BAD_REQUEST,
        }
    }
    Router::new()
        .route("/health", get(health))
        .route("/alias/live", get(alias).put(set_alias))
        .with_state(app)
}

/// Brings a version of the application back: sets its alias, as the built-in strategy sets a Lambda function's.
struct Alias {
    url: String,
    http: Http,
}

impl Alias {
    fn of(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            http: Http::new(HttpSetup::from_vars(&|_: &str| None)),
        }
    }

    async fn ask(&self, put: Option<&str>) -> Result<String, CloudError> {
        let failed = |kind: Kind, detail: String| CloudError {
            call: "application's alias".to_owned(),
            why: Why::new(kind, detail),
        };
        let url = check_url(&self.url).map_err(|e| failed(Kind::Malformed, e.to_string()))?;
        let client =
            (self.http.client(&url)).map_err(|e| failed(Kind::Malformed, e.to_string()))?;
        let request = match put {
            Some(version) => client.put(url).body(version.to_owned()),
            None => client.get(url),
        };
        let answer = async { request.send().await?.error_for_status()?.text().await };
        answer
            .await
            .map_err(|e| failed(Kind::Unreachable, text(&e)))
    }

    /// The version that a step leads to stands at its key's end.
    fn wanted(step: &PlannedStep) -> &str {
        step.key.as_str().rsplit('-').next().unwrap_or_default()
    }
}

#[async_trait]
impl Mover for Alias {
    fn strategy(&self) -> Strategy {
        Strategy::LambdaAlias
    }

    async fn foresee(&self, _state: Option<&SavedState>) -> Result<(), NoPlan> {
        Ok(())
    }

    async fn plan(&self, restore: &Restore<'_>) -> Result<Vec<PlannedStep>, NoPlan> {
        let commit = restore
            .target
            .git_ref
            .as_ref()
            .map_or("", |sha| sha.as_str());
        let version = match commit {
            GOOD => "1",
            BROKEN => "2",
            _ => return Err(NoPlan::NotApplicable(Obstacle::NoSavedState)),
        };
        Ok(vec![PlannedStep {
            key: StepKey::new(
                &restore.deployment.start.id,
                &format!("alias-live-{version}"),
            ),
            strategy: self.strategy(),
            what: format!("alias `live` of the application to version {version}"),
        }])
    }

    async fn preview(
        &self,
        _: &Lease,
        _: &Restore<'_>,
        steps: Vec<PlannedStep>,
    ) -> Result<Vec<PlannedStep>, NoPlan> {
        Ok(steps)
    }

    async fn look(
        &self,
        _restore: &Restore<'_>,
        step: &PlannedStep,
    ) -> Result<StepState, MoveError> {
        let now = self.ask(None).await?;
        Ok(if now == Self::wanted(step) {
            StepState::Done
        } else {
            StepState::NotDone
        })
    }

    async fn act(
        &self,
        _lease: &Lease,
        _restore: &Restore<'_>,
        step: &PlannedStep,
    ) -> Result<Acted, MoveError> {
        self.ask(Some(Self::wanted(step))).await?;
        Ok(Acted::Done)
    }

    async fn halt(&self, _: &Restore<'_>, _: &PlannedStep) -> Result<(), MoveError> {
        Ok(())
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Slack's webhook, and GitHub's API as far as it is asked

fn slack_routes(received: Arc<Mutex<Vec<Value>>>) -> Router {
    async fn hook(
        State(received): State<Arc<Mutex<Vec<Value>>>>,
        axum::Json(payload): axum::Json<Value>,
    ) -> &'static str {
        held(&received).push(payload);
        "ok"
    }
    Router::new()
        .route("/services/{team}/{bot}/{secret}", post(hook))
        .with_state(received)
}

fn github_routes(config: String) -> Router {
    let commit = |sha: &str, title: &str, parent: Option<&str>| {
        let parents: Vec<Value> = parent.map(|p| json!({ "sha": p })).into_iter().collect();
        json!({ "sha": sha, "commit": { "message": title }, "parents": parents })
    };
    let commits = json!([
        commit(BROKEN, "Read the todos from another table", Some(GOOD)),
        commit(GOOD, "List the todos", None),
    ]);
    let contents = move |UrlPath(_): UrlPath<String>| std::future::ready(config.clone());
    let none = || get(|| std::future::ready(axum::Json(json!([]))));
    let made =
        || post(|| std::future::ready((StatusCode::CREATED, axum::Json(json!({ "id": 1 })))));
    let repo = Router::new()
        .route("/contents/{*path}", get(contents))
        .route("/commits/{sha}/pulls", none())
        .route("/deployments", none().merge(made()))
        .route("/deployments/{id}/statuses", none().merge(made()))
        .route(
            "/commits",
            get(move || std::future::ready(axum::Json(commits.clone()))),
        );
    Router::new().nest("/api/repos/hanbit/todo", repo).route(
        "/api/rate_limit",
        get(|| std::future::ready(axum::Json(json!({})))),
    )
}
