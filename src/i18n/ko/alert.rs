//! Alerts in Korean, with the wording that the team knows from before; knows no channel's form.

use crate::core::alert::AlertEvent as A;
use crate::i18n::alert::Doing;

/// Title.
pub fn title(event: A, doing: Doing, production: bool) -> String {
    let what = match doing {
        Doing::Deployment => "배포",
        Doing::Hotfix => "핫픽스 배포",
        Doing::Rollback | Doing::Restore => "배포 롤백",
    };
    match event {
        A::Started if doing == Doing::Rollback => format!("🔄 {what} 시작"),
        A::Started => format!("🚀 {what} 시작"),
        A::Succeeded => format!("✅ {what} 성공"),
        A::Failed if doing == Doing::Rollback => format!("❌ {what} 실패"),
        A::Failed if production => format!("🚨 프로덕션 {what} 실패!"),
        A::Failed => format!("🚨 {what} 실패!"),
        A::HealthCheckFailed => format!("🚨 {what} 헬스체크 실패"),
        A::RollbackStarted => "🔄 배포 롤백 시작".to_owned(),
        A::RollbackCompleted => "✅ 배포 롤백 성공".to_owned(),
        A::RollbackFailed => "❌ 배포 롤백 실패".to_owned(),
        A::Inconclusive => format!("⚠️ {what} 판정 미확정"),
        A::Cancelled => format!("⏹️ {what} 취소"),
        A::Superseded => format!("⏭️ {what} 대체됨"),
        A::LockTakenOver => "🔓 배포 잠금 인수".to_owned(),
        A::Forced => format!("⚠️ 강제 {what}"),
        A::Stuck => "⏳ 배포 잠금 장기 점유".to_owned(),
    }
}

/// Subject of the mail, without the environment.
pub fn subject(event: A, doing: Doing) -> String {
    match (event, doing) {
        (A::RollbackStarted, Doing::Restore) => "🔄 자동 롤백 시작".to_owned(),
        (A::RollbackCompleted, Doing::Restore) => "✅ 자동 롤백 성공".to_owned(),
        (A::RollbackFailed, Doing::Restore) => "❌ 자동 롤백 실패".to_owned(),
        (A::Failed, Doing::Deployment) => "🚨 배포 실패".to_owned(),
        (A::Failed, Doing::Hotfix) => "🚨 핫픽스 배포 실패".to_owned(),
        (event, doing) => title(event, doing, false),
    }
}

/// What was done, where the deployment has not ended.
pub fn done(event: A, doing: Doing, restoring: bool) -> String {
    match event {
        A::HealthCheckFailed if restoring => {
            "마지막 정상 버전으로 복구하는 중이며, 결과는 다음 메시지로 알려 드립니다."
        }
        A::HealthCheckFailed => {
            "자동 복구를 진행하지 않습니다. 문제 있는 버전이 실행 중이므로 즉시 조치가 필요합니다."
        }
        A::RollbackStarted if doing == Doing::Rollback => {
            "이전 버전으로 되돌리는 중이며, 완료되면 게이트를 확인합니다."
        }
        A::RollbackStarted => {
            "마지막 정상 버전으로 복구하는 중이며, 복구 후 게이트를 다시 확인합니다."
        }
        A::RollbackCompleted => "마지막 정상 버전이 다시 실행 중입니다.",
        A::LockTakenOver => "방치된 배포를 확인된 사실에 따라 마무리하고 새 배포를 시작했습니다.",
        A::Forced => "통과하지 못한 검사가 있지만 배포를 진행하며, 이 사실을 기록에 남겼습니다.",
        A::Stuck => {
            "아직 실행 중일 수 있는 작업의 잠금은 빼앗지 않으므로 아무것도 변경하지 않았습니다."
        }
        A::Started
        | A::Succeeded
        | A::Failed
        | A::RollbackFailed
        | A::Inconclusive
        | A::Cancelled
        | A::Superseded => "작업의 배포 단계가 진행 중이며, 결과를 이어서 알려 드립니다.",
    }
    .to_owned()
}

/// What to do, where no reason says it.
pub fn next(event: A) -> Option<&'static str> {
    match event {
        A::LockTakenOver => Some("방치된 배포가 어떻게 끝났는지 확인하십시오."),
        A::Forced => Some("의도한 강제 배포인지 확인하십시오."),
        A::Stuck => Some("잠금을 보유한 실행을 확인하고, 멈춰 있다면 취소하십시오."),
        A::Started
        | A::Succeeded
        | A::Failed
        | A::HealthCheckFailed
        | A::RollbackStarted
        | A::RollbackCompleted
        | A::RollbackFailed
        | A::Inconclusive
        | A::Cancelled
        | A::Superseded => None,
    }
}

/// What happened, where no reason says it.
pub fn happened(event: A) -> Option<&'static str> {
    match event {
        A::LockTakenOver => Some("잠금을 보유한 작업이 배포를 마무리하지 않은 채 종료되었습니다."),
        A::Forced => Some("통과하지 못한 검사를 force_deploy로 우회했습니다."),
        A::Stuck => Some("이 배포가 6시간 넘게 환경의 잠금을 보유하고 있습니다."),
        A::Started
        | A::Succeeded
        | A::Failed
        | A::HealthCheckFailed
        | A::RollbackStarted
        | A::RollbackCompleted
        | A::RollbackFailed
        | A::Inconclusive
        | A::Cancelled
        | A::Superseded => None,
    }
}
