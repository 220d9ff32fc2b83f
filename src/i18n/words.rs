//! One or two words for each value of `core`'s closed lists, in both languages; knows no sentence.

use crate::core::alert::{AlertEvent, Channel, NoticeState};
use crate::core::gate::GateKind;
use crate::core::journal::{Adopter, JobStatus, LiveChange, StoppedBy};
use crate::core::lease::HeadMode;
use crate::core::observation::{Kind, NetFault};
use crate::core::policy::CheckName;
use crate::core::record::{Decision, DeploymentType, Status, Verdict};
use crate::core::restore::Strategy;
use crate::i18n::Locale;

/// A value that has a word for people.
pub trait Word {
    /// The word, without capital letter where it can stand inside a sentence.
    fn word(self, locale: Locale) -> &'static str;
}

macro_rules! table {
    ($name:ident { $($variant:ident: $en:literal, $ko:literal;)+ }) => {
        impl Word for $name {
            fn word(self, locale: Locale) -> &'static str {
                let (en, ko) = match self { $(Self::$variant => ($en, $ko)),+ };
                match locale {
                    Locale::En => en,
                    Locale::Ko => ko,
                }
            }
        }
    };
}

table! { DeploymentType {
    Deploy: "deploy", "배포";
    Rollback: "rollback", "롤백";
    Hotfix: "hotfix", "핫픽스";
} }

table! { Status {
    InProgress: "in progress", "진행 중";
    Success: "success", "성공";
    Failure: "failure", "실패";
    RolledBack: "rolled back", "롤백됨";
    Cancelled: "cancelled", "취소됨";
    Superseded: "superseded", "대체됨";
    RollbackFailed: "rollback failed", "롤백 실패";
} }

table! { Verdict {
    Healthy: "healthy", "정상";
    Degraded: "degraded", "이상";
    Inconclusive: "inconclusive", "미확정";
    Skipped: "not watched", "확인 안 함";
} }

table! { Decision {
    Continue: "continue", "계속";
    Stop: "stop", "중단";
    Restore: "restore", "복구";
    Hold: "hold", "보류";
} }

table! { CheckName {
    Lock: "Lock", "잠금";
    Stack: "Stack", "스택";
    Freeze: "Freeze window", "배포 동결";
    Approval: "Approval", "환경 승인";
    RequiredChecks: "Required checks", "필수 검사";
    Branch: "Branch", "허용 브랜치";
    NotBehind: "Commit order", "커밋 순서";
    NotLive: "Live version", "중복 배포";
    Alarms: "Alarms", "경보";
    Target: "Rollback target", "롤백 대상";
} }

table! { GateKind {
    Http: "HTTP", "HTTP";
    Lambda: "Lambda", "Lambda";
    ApiGateway: "API Gateway", "API Gateway";
    Alarms: "Alarms", "경보";
    Metric: "Metric", "지표";
    Logs: "Logs", "로그";
    Stack: "Stack", "스택";
} }

table! { Strategy {
    LambdaAlias: "Lambda aliases", "Lambda 별칭";
    Cloudformation: "CloudFormation", "CloudFormation";
    Workflow: "deploy workflow", "배포 워크플로";
    Redeploy: "deploying again in this job", "작업 내 재배포";
} }

table! { NetFault {
    Dns: "the name does not resolve", "이름을 찾을 수 없음";
    Refused: "the connection was refused", "연결 거부";
    Tls: "the TLS handshake failed", "TLS 연결 실패";
    Timeout: "no answer in time", "응답 시간 초과";
    Reset: "the connection broke", "연결 끊김";
    Protocol: "the answer is not HTTP", "HTTP가 아닌 응답";
    Redirect: "redirected too often or to nowhere", "리디렉션 오류";
} }

table! { Kind {
    Timeout: "no answer in time", "응답 시간 초과";
    Unreachable: "no connection", "연결 불가";
    Denied: "not allowed", "권한 없음";
    Throttled: "too many requests", "요청 제한";
    NotFound: "no such thing", "대상 없음";
    Malformed: "an unreadable answer", "해석할 수 없는 응답";
    Provider: "an error of the provider", "제공자 오류";
    NoData: "an answer without data", "데이터 없음";
} }

table! { Channel {
    Slack: "Slack", "Slack";
    SlackBot: "Slack bot", "Slack 봇";
    Sns: "e-mail (SNS)", "이메일(SNS)";
} }

table! { NoticeState {
    Sending: "being sent", "전송 중";
    Owed: "not sent yet", "전송 대기";
    Sent: "sent", "전송됨";
    Undelivered: "given up", "전송 포기";
} }

table! { JobStatus {
    Success: "succeeded", "성공";
    Failure: "failed", "실패";
    Cancelled: "cancelled", "취소됨";
    Unknown: "end unknown", "알 수 없음";
} }

table! { LiveChange {
    Unchanged: "unchanged", "변경 없음";
    RolledBack: "undone by CloudFormation", "CloudFormation이 되돌림";
    Changed: "changed", "변경됨";
    InProgress: "still changing", "변경 중";
    RollbackFailed: "CloudFormation could not undo it", "CloudFormation 되돌리기 실패";
    Unknown: "could not be seen", "확인 불가";
} }

table! { Adopter {
    Verify: "the verify step", "verify 단계";
    Post: "the post step", "post 단계";
    Keeper: "the keeper", "keeper";
    CommandLine: "the command line", "명령줄";
    NextRun: "the next run", "다음 실행";
    Lender: "the deployment that had dispatched it", "이 실행을 시작한 배포";
} }

table! { StoppedBy {
    Interrupt: "an interrupt (SIGINT)", "중단 신호(SIGINT)";
    Terminate: "a termination (SIGTERM)", "종료 신호(SIGTERM)";
    JobCancelled: "the job's cancellation", "작업 취소";
    Released: "a person who released the lock", "수동 잠금 해제";
} }

table! { HeadMode {
    Deploying: "deploying", "배포 중";
    Watching: "watching", "감시 중";
    Restoring: "restoring", "복구 중";
} }

table! { AlertEvent {
    Started: "started", "시작";
    Succeeded: "succeeded", "성공";
    Failed: "failed", "실패";
    HealthCheckFailed: "health check failed", "헬스체크 실패";
    RollbackStarted: "rollback started", "롤백 시작";
    RollbackCompleted: "rollback completed", "롤백 성공";
    RollbackFailed: "rollback failed", "롤백 실패";
    Inconclusive: "inconclusive", "미확정";
    Cancelled: "cancelled", "취소";
    Superseded: "superseded", "대체됨";
    LockTakenOver: "lock taken over", "잠금 인수";
    Forced: "forced", "강제 배포";
    Stuck: "stuck", "잠금 장기 점유";
} }

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn all_distinct<T: Word + Copy + std::fmt::Debug>(values: &[T]) {
        for locale in Locale::ALL {
            let mut seen = HashSet::new();
            for value in values {
                let word = value.word(*locale);
                assert!(!word.is_empty() && seen.insert(word), "{value:?}: {word}");
            }
        }
    }

    #[test]
    fn every_value_has_its_own_word_in_both_languages() {
        all_distinct(DeploymentType::ALL);
        all_distinct(Status::ALL);
        all_distinct(Verdict::ALL);
        all_distinct(Decision::ALL);
        all_distinct(CheckName::ALL);
        all_distinct(GateKind::ALL);
        all_distinct(Strategy::ALL);
        all_distinct(NetFault::ALL);
        all_distinct(Kind::ALL);
        all_distinct(Channel::ALL);
        all_distinct(NoticeState::ALL);
        all_distinct(JobStatus::ALL);
        all_distinct(LiveChange::ALL);
        all_distinct(Adopter::ALL);
        all_distinct(StoppedBy::ALL);
        all_distinct(HeadMode::ALL);
        all_distinct(AlertEvent::ALL);
    }
}
