//! Endings in Korean; knows no surface.

use crate::core::record::DeploymentType;
use crate::i18n::Ending as E;
use crate::i18n::wording::{Particle, with};

/// Headline.
pub fn headline(ending: E, env: &str, kind: DeploymentType) -> String {
    let noun = match kind {
        DeploymentType::Deploy => format!("{env} 배포"),
        DeploymentType::Rollback => format!("{env} 롤백"),
        DeploymentType::Hotfix => format!("{env} 핫픽스"),
    };
    match ending {
        E::Cleared | E::RollbackCleared => format!("{noun} 준비 완료"),
        E::RestoreHere => format!("{env} 이상 감지: 마지막 정상 버전을 다시 배포합니다"),
        E::StillOpen => format!("{noun}: 아직 끝나지 않았습니다"),
        E::Healthy | E::RollbackHealthy => format!("{noun} 성공, 정상 확인"),
        E::Unwatched => format!("{noun} 완료, 상태 확인 안 함"),
        E::Held => format!("{noun} 완료, 정상 여부 미확인"),
        E::LetPass => format!("{noun} 완료, 정상 여부 미확인(설정에 따라 통과)"),
        E::AlreadyLive => format!("{env}에서 이미 실행 중인 버전입니다"),
        E::DryRun => format!("{noun} 모의 실행"),
        E::Refused => format!("{noun} 거부"),
        E::CheckUnavailable => format!("{noun} 거부: 수행하지 못한 검사가 있습니다"),
        E::DeployFailed => format!("{noun} 실패, 실행 중인 버전은 그대로입니다"),
        E::DeployFailedLive => format!("{noun}: 진행 도중 실패했습니다"),
        E::DegradedLive => format!("{env} 이상 감지, 문제 있는 버전이 실행 중입니다"),
        E::Failed => format!("{noun} 실패"),
        E::RolledBack => format!("{env} 이상 감지, 롤백 완료"),
        E::RestoreFailed => format!("{env} 복구 실패: 즉시 조치가 필요합니다"),
        E::StackRollbackFailed => format!("{env} 스택 복구 불가: 즉시 조치가 필요합니다"),
        E::Cancelled => format!("{noun} 취소"),
        E::CancelledLive => format!("{noun} 취소, 검증되지 않은 새 버전이 실행 중입니다"),
        E::CancelledUnseen => format!("{noun} 취소, 실행 중인 버전을 확인하지 못했습니다"),
        E::Superseded => format!("{noun}: 다른 배포로 대체되었습니다"),
        E::Invalid => "입력값 또는 설정이 올바르지 않습니다".to_owned(),
        E::Unreachable => format!("{noun} 중단: 연결할 수 없는 서비스가 있습니다"),
        E::Unclosed => format!("{noun} 마무리 실패: 연결할 수 없는 서비스가 있습니다"),
        E::Interrupted => format!("{noun}: 도중에 중단되었습니다"),
        E::FencedOff => format!("{env}: 다른 프로세스가 배포를 넘겨받았습니다"),
    }
}

/// What was done.
pub fn done(ending: E, env: &str) -> String {
    match ending {
        E::Cleared => "잠금을 확보하고 기록을 시작했습니다. 이제 작업의 배포 단계가 진행됩니다.".to_owned(),
        E::RollbackCleared => "잠금을 확보하고 기록을 시작했습니다. 이제 작업의 배포 단계가 이전 버전을 배포합니다.".to_owned(),
        E::RestoreHere => "정상 버전을 배포하고 검증할 때까지 기록과 잠금을 유지합니다.".to_owned(),
        E::StillOpen => "keeper 또는 deploy-guard resume이 마무리할 때까지 기록과 잠금을 유지합니다.".to_owned(),
        E::Healthy => format!("{env}에서 새 버전이 실행 중이며, 이후 롤백 대상으로 사용할 수 있습니다."),
        E::RollbackHealthy => format!("{env}에서 이전 버전이 다시 실행 중입니다."),
        E::Unwatched => "새 버전이 실행 중입니다. 판정을 거치지 않았으므로 롤백 대상이 될 수 없습니다.".to_owned(),
        E::Held => "롤백하지 않았으며 새 버전이 계속 실행 중입니다. 이 버전은 롤백 대상이 될 수 없습니다.".to_owned(),
        E::LetPass => "새 버전이 계속 실행 중입니다. 이 버전은 롤백 대상이 될 수 없습니다.".to_owned(),
        E::AlreadyLive => "배포하지 않았고 기록도 남기지 않았습니다.".to_owned(),
        E::DryRun => "아무것도 변경하지 않았습니다.".to_owned(),
        E::Refused | E::CheckUnavailable => format!("배포하지 않았으며 {} 그대로입니다.", with(env, Particle::Topic)),
        E::DeployFailed => "복구는 필요하지 않았습니다.".to_owned(),
        E::DeployFailedLive => format!("복구하지 않았습니다. {env}에서 실행 중인 버전이 정상인지 확인되지 않았습니다."),
        E::DegradedLive => "복구하지 않았습니다. 즉시 조치가 필요합니다.".to_owned(),
        E::Failed => "복구하지 않았습니다.".to_owned(),
        E::RolledBack => "마지막 정상 버전으로 되돌리고 검증했습니다.".to_owned(),
        E::RestoreFailed => format!("복구를 시도했지만 정상으로 돌아오지 않았습니다. {env}에서 실행 중인 버전에 문제가 있을 수 있습니다."),
        E::StackRollbackFailed => "복구하지 않았습니다. CloudFormation은 롤백을 마저 진행하기 전까지 어떤 변경도 받지 않습니다.".to_owned(),
        E::Cancelled => format!("{} 배포 전 상태 그대로입니다.", with(env, Particle::Topic)),
        E::CancelledLive => "복구하지 않았습니다. keeper가 실행 중이면 감시를 이어갑니다.".to_owned(),
        E::CancelledUnseen => format!("복구하지 않았습니다. {env}에서 실행 중인 버전을 확인하십시오."),
        E::Superseded => "끝까지 판정하지 않았고 복구도 하지 않았습니다.".to_owned(),
        E::Invalid => "아무것도 변경하지 않았습니다.".to_owned(),
        E::Unreachable => "기록을 남기지 않았으며 배포하지 않았습니다.".to_owned(),
        E::Unclosed => "기록을 열어 두었으며, 이후 확인되는 사실에 따라 마무리합니다.".to_owned(),
        E::Interrupted => "시작된 작업은 post 단계, keeper 또는 deploy-guard resume이 마무리합니다.".to_owned(),
        E::FencedOff => "이 프로세스는 중단되었으며 더 이상 아무것도 변경하지 않습니다.".to_owned(),
    }
}
