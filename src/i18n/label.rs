//! Headings, column titles and field names, in both languages; knows no value.

use crate::i18n::Locale;

macro_rules! labels {
    ($($variant:ident: $en:literal, $ko:literal;)+) => {
        /// A heading, a column's title or a field's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Label {
            $(#[doc = $en] $variant),+
        }

        impl Label {
            /// Every label.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The label's text.
            #[must_use]
            pub fn text(self, locale: Locale) -> &'static str {
                let (en, ko) = match self { $(Self::$variant => ($en, $ko)),+ };
                match locale {
                    Locale::En => en,
                    Locale::Ko => ko,
                }
            }
        }
    };
}

labels! {
    DeploymentId: "Deployment ID", "배포 ID";
    Environment: "Environment", "환경";
    Service: "Service", "서비스";
    Type: "Type", "유형";
    Commit: "Commit", "커밋";
    Deployer: "Deployer", "배포자";
    RollbackTarget: "Rollback target", "롤백 대상";
    PreviousVersion: "Previous version", "이전 버전";
    GoodVersion: "Good version", "정상 버전";
    Note: "Reason given", "배포 사유";
    Run: "Run", "실행";
    Started: "Started", "시작 시각";
    EndedAs: "Ended as", "실제 결과";
    WouldBe: "Would be judged", "예상 판정";
    Within: "Within", "판정까지";
    Rule: "Rule", "규칙";
    BadFound: "Bad ones rolled back", "불량 배포 롤백";
    GoodRolledBack: "Good ones rolled back", "정상 배포 롤백";
    QuietRolledBack: "Quiet moments rolled back", "평상시 롤백";
    Median: "Median", "중앙값";
    Duration: "Duration", "소요시간";
    Status: "Status", "상태";
    Verdict: "Verdict", "판정";
    HealthCheck: "Health check", "헬스체크";
    Passed: "passed", "성공";
    NotPassed: "failed", "실패";
    Thin: "too little traffic", "트래픽 부족";
    Why: "Why", "사유";
    Done: "What was done", "조치 내용";
    Next: "What to do next", "다음 조치";
    Happened: "What happened", "발생한 일";
    Facts: "Facts", "상세 정보";
    Flags: "Flags", "특이 사항";
    Forced: "forced: checks were overridden", "강제 배포(검사 우회)";
    ForceGiven: "force_deploy was given", "force_deploy 지정";
    IsIrreversible: "irreversible: no automatic restore", "되돌릴 수 없음(자동 롤백 제외)";
    NoLock: "deployed without a lock", "잠금 없이 배포";
    TookOver: "took over the lock of", "잠금을 인수한 배포:";
    DryRun: "dry run", "모의 실행";
    Checks: "Checks before the deployment", "배포 전 검사";
    Check: "Check", "검사";
    Result: "Result", "결과";
    Particulars: "Particulars", "상세";
    Gates: "Gates", "게이트";
    GatesAfterRestore: "Gates after the restore", "복구 후 게이트";
    Gate: "Gate", "게이트";
    Seen: "What was seen", "관측 내용";
    Bound: "Bound", "한도";
    Evidence: "Evidence", "증거";
    Timeline: "Timeline", "진행 과정";
    EveryEvent: "Every event (times in UTC)", "전체 이벤트(UTC 기준)";
    Time: "Time", "시각";
    Event: "Event", "이벤트";
    DeploySteps: "Deploy steps", "배포 단계";
    Watch: "Watch", "감시";
    Restore: "Restore", "복구";
    Changes: "Changes", "변경 내역";
    OverriddenChecks: "Overridden checks", "우회한 검사";
    SkippedChecks: "Skipped checks", "건너뛴 검사";
    ComparePage: "Show all changes", "전체 변경 내역 보기";
    Notices: "Notices", "알림";
    Channel: "Channel", "채널";
    Keeper: "Keeper", "keeper";
    NextSteps: "Next steps", "다음 단계";
    Candidates: "Possible rollback targets", "롤백 가능한 버전";
    Holder: "Held by", "잠금 보유";
    Lock: "Lock", "잠금";
    LockedSince: "Since", "보유 시작";
    LeaseUntil: "Last sign of life holds until", "잠금 유효 시각";
    Waiting: "Waiting for the lock", "잠금 대기";
    Heir: "Handed on to run", "잠금을 넘겨받을 실행";
    Live: "Live", "실행 중";
    Free: "free", "비어 있음";
    Notes: "Also", "참고";
    Error: "Error", "오류";
    ShowRun: "Open the run", "실행 열기";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_has_text_in_both_languages() {
        for label in Label::ALL {
            for locale in Locale::ALL {
                assert!(!label.text(*locale).is_empty());
            }
        }
    }
}
