//! Lines that tell how long work goes on, and what commands answer; knows no surface.

use std::time::Duration;

use crate::core::alert::Channel;
use crate::core::lease::Holder;
use crate::i18n::wording::{count, duration, one_line, plural};
use crate::i18n::{Locale, Word};

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub enum Saying<'a> {
    /// Waiting for a held lock.
    WaitingForLock {
        /// By whom.
        holder: &'a Holder,
        /// At most so long.
        most: Duration,
    },
    /// A watching holder was asked to hand over.
    AskedToYield {
        /// Whom.
        holder: &'a Holder,
    },
    /// An abandoned deployment was closed.
    ClosedAbandoned {
        /// Which.
        deployment: &'a str,
        /// How.
        status: crate::core::record::Status,
    },
    /// A lock was freed whose deployment has no open record.
    Freed {
        /// Which.
        deployment: &'a str,
        /// Why its record cannot be read, where there is one.
        unreadable: Option<&'a str>,
    },
    /// A lock stays, for its deployment's record cannot be read.
    RecordUnreadable {
        /// Which.
        deployment: &'a str,
        /// Why.
        why: &'a str,
        /// Environment.
        environment: &'a str,
    },
    /// A failure is being confirmed.
    Confirming {
        /// Which gate.
        gate: &'a str,
        /// How long.
        span: Duration,
    },
    /// What a gate names is not there.
    NotThere {
        /// Which gate, function or API.
        gate: &'a str,
        /// Why.
        why: &'a str,
    },
    /// The stack is changing.
    Settling,
    /// A step of a restore.
    Restoring {
        /// What it does.
        what: &'a str,
    },
    /// The past is being read.
    ReadingPast {
        /// Days that are read.
        days: u32,
        /// Of so many.
        of: u32,
    },
    /// The past is being judged.
    JudgingPast {
        /// Moments that are judged.
        moments: u64,
        /// Of so many.
        of: u64,
    },
    /// None of the gates has a history.
    NoGateWithPast {
        /// Where.
        environment: &'a str,
    },
    /// The metrics could not be read.
    MetricsFailed {
        /// Why.
        why: &'a str,
        /// Where.
        environment: &'a str,
    },
    /// The lock was free already.
    AlreadyFree,
    /// The lock's job is alive.
    StillAlive {
        /// Who.
        holder: &'a Holder,
    },
    /// The lock was released.
    Released {
        /// Whose.
        deployment: &'a str,
        /// How it was closed.
        status: crate::core::record::Status,
    },
    /// No such deployment.
    NoDeployment {
        /// Which.
        id: &'a str,
        /// Whose history lists what there is.
        environment: &'a str,
    },
    /// The SQLite file is not there.
    NoHistoryYet {
        /// Its path.
        path: &'a str,
    },
    /// The SQLite file is not there, so nobody knows what is open.
    NoHistoryHere {
        /// Its path.
        path: &'a str,
    },
    /// The configured role is not taken.
    UsualCredentials {
        /// Which.
        role: &'a str,
    },
    /// The DynamoDB table is not there.
    NoTable {
        /// Its name.
        table: &'a str,
    },
    /// The store did not do what it was asked.
    StoreFailed {
        /// Its words.
        why: &'a str,
    },
    /// The cursor is none.
    BadCursor,
    /// Nothing is open.
    NothingOpen {
        /// Where.
        environment: &'a str,
    },
    /// Routes name channels that have no address.
    NoAddress {
        /// Which.
        channel: Channel,
    },
    /// Held, its job is under way.
    Alive {
        /// Which deployment.
        deployment: &'a str,
        /// How long already.
        age: Duration,
        /// Too long.
        stuck: bool,
    },
    /// Watched on after its window; `None` = another version answers.
    Baking {
        /// Which deployment.
        deployment: &'a str,
        /// What its gates say.
        verdict: Option<crate::core::record::Verdict>,
    },
    /// The keeper found it bad after its window and has rolled it back.
    RolledBackBy {
        /// Which deployment.
        deployment: &'a str,
        /// The rollback.
        by: &'a str,
        /// How the rollback ended.
        status: crate::core::record::Status,
    },
    /// A simulation came to another verdict than its scenario names.
    Unexpected {
        /// That one.
        expected: crate::core::record::Verdict,
        /// This one.
        found: crate::core::record::Verdict,
    },
    /// Another process was faster.
    LostRace {
        /// Which deployment.
        deployment: &'a str,
    },
    /// Rolling production back needs a word.
    NeedsYes {
        /// Which.
        environment: &'a str,
    },
    /// The question.
    AskYes {
        /// Which environment.
        environment: &'a str,
        /// Where to.
        target: &'a str,
    },
    /// The answer was another.
    NothingChanged,
    /// There is nothing to go back to.
    NoCandidates {
        /// Where.
        environment: &'a str,
    },
    /// These were good; one is to be named.
    NameTarget {
        /// Where.
        environment: &'a str,
    },
    /// Some lines of a batch could not be judged.
    Batch {
        /// Lines with a verdict.
        judged: u64,
        /// Lines without.
        malformed: u64,
    },
    /// A command's input could not be read.
    Unreadable {
        /// Which.
        what: &'a str,
        /// Why.
        why: &'a str,
    },
}

fn who(holder: &Holder) -> String {
    let run = holder.run_url.as_deref().unwrap_or("-");
    format!("{} ({})", holder.deployment, one_line(run, 300))
}

impl Saying<'_> {
    /// The line.
    #[must_use]
    pub fn text(&self, locale: Locale) -> String {
        match locale {
            Locale::En => self.en(),
            Locale::Ko => self.ko(),
        }
    }

    fn en(&self) -> String {
        let l = Locale::En;
        match self {
            Self::WaitingForLock { holder, most } => {
                format!(
                    "waiting for the lock of {}, at most {}",
                    who(holder),
                    duration(*most, l)
                )
            }
            Self::AskedToYield { holder } => format!("asked {} to hand the lock over", who(holder)),
            Self::ClosedAbandoned { deployment, status } => {
                format!("closed the abandoned {deployment}: {}", status.word(l))
            }
            Self::Freed {
                deployment,
                unreadable: None,
            } => format!("freed the lock that named {deployment}, of which no open record is left"),
            Self::Freed {
                deployment,
                unreadable: Some(why),
            } => format!(
                "freed the lock; the record of {deployment} cannot be read and stays as it is: {}",
                one_line(why, 300)
            ),
            Self::RecordUnreadable {
                deployment,
                why,
                environment,
            } => format!(
                "the record of {deployment}, which holds the lock, cannot be read ({}); look at what runs, then free the lock with `deploy-guard lock {environment} --release`",
                one_line(why, 300)
            ),
            Self::Confirming { gate, span } => {
                format!(
                    "{}: failing; probing once a second for {} to be sure",
                    one_line(gate, 80),
                    duration(*span, l)
                )
            }
            Self::NotThere { gate, why } => {
                format!(
                    "{}: cannot be judged: {}",
                    one_line(gate, 80),
                    one_line(why, 300)
                )
            }
            Self::Settling => "the stack is still changing; the deployment stays open".to_owned(),
            Self::Restoring { what } => format!("restoring: {}", one_line(what, 200)),
            Self::ReadingPast { days, of } => {
                format!("reading CloudWatch: {days} of {}", plural(u64::from(*of), "day", "days"))
            }
            Self::JudgingPast { moments, of } => {
                format!("judging: {} of {}", count(*moments), plural(*of, "moment", "moments"))
            }
            Self::NoGateWithPast { environment } => format!(
                "no gate of {environment} can be judged afterwards: CloudWatch has a history of `lambda`, `api_gateway` and `metric` gates only"
            ),
            Self::MetricsFailed { why, environment } => format!(
                "the metrics cannot be read: {}; `deploy-guard doctor {environment}` looks for the cause",
                one_line(why, 1000)
            ),
            Self::AlreadyFree => "nobody holds the lock".to_owned(),
            Self::StillAlive { holder } => format!(
                "{} is still under way, so its lock was not released; cancel the run first, or add `--force`",
                who(holder)
            ),
            Self::Released { deployment, status } => {
                format!(
                    "released the lock and closed {deployment}: {}",
                    status.word(l)
                )
            }
            Self::NoDeployment { id, environment } => {
                format!(
                    "there is no deployment {id}; `deploy-guard history {environment}` lists what there is"
                )
            }
            Self::NoHistoryYet { path } => format!(
                "there is no history yet: no file `{}` is here; the first guarded deployment begins one (`--table` and `--store` name another)",
                one_line(path, 300)
            ),
            Self::NoHistoryHere { path } => format!(
                "no history is here (file `{}`), so it is not known who holds the lock or what is open; name the history with `--table`, or with `history.store` in the configuration",
                one_line(path, 300)
            ),
            Self::UsualCredentials { role } => format!(
                "only a job with `id-token: write` can take the role {}; going on with the usual AWS credentials of this environment",
                one_line(role, 200)
            ),
            Self::NoTable { table } => format!(
                "there is no history table `{}` in this account and Region; \"Set up\" in the README shows how to create it, `--table` and `--region` name another",
                one_line(table, 300)
            ),
            Self::StoreFailed { why } => format!(
                "{}; check the table's name, the Region and the permissions of your credentials",
                one_line(why, 1000)
            ),
            Self::BadCursor => {
                "the cursor is none that this history gave for this query; begin again without `--cursor`".to_owned()
            }
            Self::NothingOpen { environment } => format!("nothing is open in {environment}"),
            Self::NoAddress { channel } => {
                format!(
                    "a route names `{channel}`, but no address is configured for it; messages for it go nowhere"
                )
            }
            Self::Alive {
                deployment,
                age,
                stuck: false,
            } => {
                format!("{deployment} is under way, for {}", duration(*age, l))
            }
            Self::Alive {
                deployment,
                age,
                stuck: true,
            } => format!(
                "{deployment} has held the lock for {}; look at its run, or release it with `deploy-guard lock --release --force`",
                duration(*age, l)
            ),
            Self::Baking {
                deployment,
                verdict: Some(verdict),
            } => format!("{deployment} is watched on: {}", verdict.word(l)),
            Self::Baking {
                deployment,
                verdict: None,
            } => format!("{deployment} is not watched any more: another version answers"),
            Self::RolledBackBy {
                deployment,
                by,
                status,
            } => format!(
                "{deployment} turned bad after its window; rollback {by}: {}",
                status.word(l)
            ),
            Self::Unexpected { expected, found } => format!(
                "the scenario expects {}, and the verdict is {}",
                expected.word(l),
                found.word(l)
            ),
            Self::LostRace { deployment } => format!("another process is closing {deployment}"),
            Self::NeedsYes { environment } => format!(
                "{environment} is production and nobody can be asked here; give --yes to roll it back"
            ),
            Self::AskYes {
                environment,
                target,
            } => format!(
                "Roll {environment} back to {}? It is production. Type yes to go on:",
                one_line(target, 128)
            ),
            Self::NothingChanged => "nothing was changed".to_owned(),
            Self::NoCandidates { environment } => {
                format!("{environment} has no earlier good version to go back to")
            }
            Self::NameTarget { environment } => format!(
                "name one of these, or last-success: deploy-guard rollback {environment} <target>"
            ),
            Self::Batch { judged, malformed } => format!(
                "{} judged, {} malformed",
                crate::i18n::wording::plural(*judged, "line", "lines"),
                crate::i18n::wording::count(*malformed)
            ),
            Self::Unreadable { what, why } => format!("{what} cannot be read: {why}"),
        }
    }

    fn ko(&self) -> String {
        let l = Locale::Ko;
        match self {
            Self::WaitingForLock { holder, most } => {
                format!(
                    "{} 배포가 잠금을 보유하고 있어 최대 {} 동안 기다립니다",
                    who(holder),
                    duration(*most, l)
                )
            }
            Self::AskedToYield { holder } => {
                format!("{} 배포에 잠금을 넘겨 달라고 요청했습니다", who(holder))
            }
            Self::ClosedAbandoned { deployment, status } => {
                format!("중단된 배포 {deployment} 마무리: {}", status.word(l))
            }
            Self::Freed {
                deployment,
                unreadable: None,
            } => {
                format!("잠금에 적힌 배포 {deployment}의 진행 중인 기록이 없어 잠금만 해제했습니다")
            }
            Self::Freed {
                deployment,
                unreadable: Some(why),
            } => format!(
                "잠금을 해제했습니다. 배포 {deployment}의 기록은 읽을 수 없어 그대로 두었습니다: {}",
                one_line(why, 300)
            ),
            Self::RecordUnreadable {
                deployment,
                why,
                environment,
            } => format!(
                "잠금을 보유한 배포 {deployment}의 기록을 읽을 수 없습니다({}). 현재 실행 중인 버전을 확인한 뒤 `deploy-guard lock {environment} --release` 명령으로 잠금을 해제하십시오",
                one_line(why, 300)
            ),
            Self::Confirming { gate, span } => {
                format!(
                    "{}: 실패가 이어져 {} 동안 1초마다 다시 확인합니다",
                    one_line(gate, 80),
                    duration(*span, l)
                )
            }
            Self::NotThere { gate, why } => {
                format!(
                    "{}: 판정할 수 없습니다: {}",
                    one_line(gate, 80),
                    one_line(why, 300)
                )
            }
            Self::Settling => "스택이 아직 변경 중이어서 배포를 열어 둡니다".to_owned(),
            Self::Restoring { what } => format!("복원 중: {}", one_line(what, 200)),
            Self::ReadingPast { days, of } => {
                format!("CloudWatch 기록을 읽는 중: {of}일 중 {days}일")
            }
            Self::JudgingPast { moments, of } => {
                format!("판정 중: {}개 시점 중 {}개", count(*of), count(*moments))
            }
            Self::NoGateWithPast { environment } => format!(
                "{environment} 환경에는 지난 기록으로 판정할 수 있는 게이트가 없습니다. CloudWatch에 기록이 남는 게이트는 `lambda`, `api_gateway`, `metric`뿐입니다"
            ),
            Self::MetricsFailed { why, environment } => format!(
                "지표를 읽을 수 없습니다: {}. `deploy-guard doctor {environment}` 명령으로 원인을 찾을 수 있습니다",
                one_line(why, 1000)
            ),
            Self::AlreadyFree => "잠금을 보유한 배포가 없습니다".to_owned(),
            Self::StillAlive { holder } => format!(
                "{} 배포가 아직 진행 중이어서 잠금을 해제하지 않았습니다. 먼저 실행을 취소하거나 `--force`를 붙이십시오",
                who(holder)
            ),
            Self::Released { deployment, status } => {
                format!(
                    "잠금을 해제하고 {deployment} 배포를 마무리했습니다: {}",
                    status.word(l)
                )
            }
            Self::NoDeployment { id, environment } => {
                format!(
                    "배포 {id} 기록이 없습니다. `deploy-guard history {environment}` 명령으로 목록을 볼 수 있습니다"
                )
            }
            Self::NoHistoryYet { path } => format!(
                "아직 배포 이력이 없습니다. `{}` 파일은 첫 배포를 기록할 때 만들어집니다(다른 저장소는 `--table`, `--store`로 지정하십시오)",
                one_line(path, 300)
            ),
            Self::NoHistoryHere { path } => format!(
                "배포 이력(`{}` 파일)이 없어 누가 잠금을 보유하고 있는지, 끝나지 않은 배포가 있는지 알 수 없습니다. `--table` 옵션이나 설정의 `history.store`로 이력 저장소를 지정하십시오",
                one_line(path, 300)
            ),
            Self::UsualCredentials { role } => format!(
                "역할 {}은(는) `id-token: write` 권한이 있는 작업에서만 맡을 수 있으므로, 이 환경의 AWS 자격 증명으로 진행합니다",
                one_line(role, 200)
            ),
            Self::NoTable { table } => format!(
                "이 계정과 리전에 배포 이력 테이블이 없습니다: `{}`. README의 '설치'를 참고하여 만들거나 `--table`, `--region`으로 다른 테이블을 지정하십시오",
                one_line(table, 300)
            ),
            Self::StoreFailed { why } => format!(
                "배포 이력 저장소 오류: {}. 테이블 이름, 리전, 자격 증명의 권한을 확인하십시오",
                one_line(why, 1000)
            ),
            Self::BadCursor => {
                "이 조회에서 받은 커서가 아닙니다. `--cursor` 없이 처음부터 조회하십시오".to_owned()
            }
            Self::NothingOpen { environment } => {
                format!("{environment} 환경에 열려 있는 배포가 없습니다")
            }
            Self::NoAddress { channel } => {
                format!(
                    "알림 경로에 `{channel}` 채널이 있지만 주소가 설정되지 않아 해당 알림은 전송되지 않습니다"
                )
            }
            Self::Alive {
                deployment,
                age,
                stuck: false,
            } => {
                format!(
                    "{deployment} 배포가 {} 동안 진행 중입니다",
                    duration(*age, l)
                )
            }
            Self::Alive {
                deployment,
                age,
                stuck: true,
            } => format!(
                "{deployment} 배포가 {} 동안 잠금을 보유하고 있습니다. 실행을 확인하거나 `deploy-guard lock --release --force` 명령으로 해제하십시오",
                duration(*age, l)
            ),
            Self::Baking {
                deployment,
                verdict: Some(verdict),
            } => format!(
                "{deployment} 배포를 계속 감시하는 중입니다: {}",
                verdict.word(l)
            ),
            Self::Baking {
                deployment,
                verdict: None,
            } => format!("다른 버전이 응답하여 {deployment} 배포의 감시를 끝냈습니다"),
            Self::RolledBackBy {
                deployment,
                by,
                status,
            } => format!(
                "{deployment} 배포에서 감시 구간 이후 이상이 확인되어 {by} 롤백을 진행했습니다: {}",
                status.word(l)
            ),
            Self::Unexpected { expected, found } => format!(
                "시나리오의 예상 판정은 '{}'이지만 실제 판정은 '{}'입니다",
                expected.word(l),
                found.word(l)
            ),
            Self::LostRace { deployment } => {
                format!("다른 프로세스가 {deployment} 배포를 마무리하고 있습니다")
            }
            Self::NeedsYes { environment } => format!(
                "{environment}은(는) 운영 환경이며 여기서는 확인을 받을 수 없습니다. 롤백하려면 --yes를 지정하십시오"
            ),
            Self::AskYes {
                environment,
                target,
            } => format!(
                "운영 환경 {environment}을(를) {}(으)로 롤백하시겠습니까? 계속하려면 yes를 입력하십시오:",
                one_line(target, 128)
            ),
            Self::NothingChanged => "변경된 것이 없습니다".to_owned(),
            Self::NoCandidates { environment } => {
                format!("{environment}에 되돌아갈 수 있는 이전 정상 버전이 없습니다")
            }
            Self::NameTarget { environment } => format!(
                "이 중 하나 또는 last-success를 지정하십시오: deploy-guard rollback {environment} <대상>"
            ),
            Self::Batch { judged, malformed } => format!(
                "{}줄을 판정했고, {}줄은 형식이 올바르지 않습니다",
                crate::i18n::wording::count(*judged),
                crate::i18n::wording::count(*malformed)
            ),
            Self::Unreadable { what, why } => format!("{what}을(를) 읽을 수 없습니다: {why}"),
        }
    }
}
