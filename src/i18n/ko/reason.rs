//! Reasons in Korean; knows no particulars.

use crate::core::reason::ReasonCode as R;

/// What the reason means.
pub fn meaning(reason: R) -> &'static str {
    match reason {
        R::Healthy => "모든 게이트가 정상입니다.",
        R::HealthyInPart => {
            "판단할 수 있는 게이트는 모두 정상이며, 나머지 게이트는 입증되지 않았습니다."
        }
        R::HttpFailed => "HTTP 게이트가 실패했고, 반복 확인에서도 같은 결과였습니다.",
        R::VersionMismatch => "응답하는 버전이 배포한 버전과 다릅니다.",
        R::ErrorRateAboveBound => "설정한 한도보다 많은 요청이 실패하고 있습니다.",
        R::ErrorRateAboveBaseline => "배포 전보다 요청 실패가 뚜렷하게 늘었습니다.",
        R::LatencyAboveBound => "설정한 한도보다 많은 요청이 느리게 처리되고 있습니다.",
        R::AlarmFiring => "CloudWatch 경보가 울리고 있습니다.",
        R::MetricOutOfBounds => "지표가 허용 범위를 벗어났습니다.",
        R::LogsMatch => "로그 조건에 맞는 줄이 허용 개수를 넘었습니다.",
        R::StackFailed => "CloudFormation 스택이 실패 상태입니다.",
        R::TrafficVanished => "배포 전보다 요청이 크게 줄었습니다.",
        R::NoData => "관측된 데이터가 없어 이 버전의 상태를 알 수 없습니다.",
        R::TooLittleData => {
            "감시 대상의 일부를 관측하지 못했으며, 알 수 없는 상태는 정상으로 간주하지 않습니다."
        }
        R::NoTraffic => "판단에 쓸 요청이 없었습니다.",
        R::TooFewRequests => "요청이 너무 적어 어느 쪽으로도 판단할 수 없습니다.",
        R::NotProven => "정해진 시간 안에 정상인지 이상인지 입증되지 않았습니다.",
        R::FailingBefore => "배포 전부터 실패하던 게이트이며, 그 뒤로 정상이었던 적이 없습니다.",
        R::OwnNetworkDown => {
            "GitHub를 포함해 어디에도 연결할 수 없어, 러너 자체의 네트워크 장애로 보입니다."
        }
        R::Yielded => "롤백 또는 핫픽스에 잠금을 넘겨주기 위해 감시를 일찍 마쳤습니다.",
        R::NoGates => "설정된 게이트가 없어 아무것도 확인하지 않았습니다.",
        R::DeployFailed => "배포 단계가 실패했지만, 실행 중인 버전은 그대로입니다.",
        R::DeployFailedChanged => "배포 단계가 실패했고, 실행 중인 버전이 이미 바뀌었습니다.",
        R::DeployFailedUnseen => {
            "배포 단계가 실패했으며, 실행 중인 버전이 바뀌었는지는 확인하지 못했습니다."
        }
        R::CancelledUnseen => {
            "작업이 취소되었으며, 실행 중인 버전이 바뀌었는지는 확인하지 못했습니다."
        }
        R::StackRollbackFailed => "CloudFormation이 스택 업데이트를 되돌리지 못했습니다.",
        R::Cancelled => "실행 중인 버전이 바뀌기 전에 작업이 취소되었습니다.",
        R::CancelledLive => {
            "새 버전이 반영된 뒤에 작업이 취소되어, 검증되지 않은 버전이 실행 중입니다."
        }
        R::Superseded => "다른 배포가 이 배포를 대체했습니다.",
        R::AlreadyLive => "이 커밋은 이미 실행 중입니다.",
        R::DryRun => "모의 실행입니다.",
        R::JobStatusUnknown => {
            "작업 단계가 어떻게 끝났는지 알 수 없어 성공으로 처리하지 않았습니다."
        }
        R::NoGoodState => "되돌아갈 정상 버전이 없습니다.",
        R::TargetFailedSameGate => "되돌아갈 버전도 같은 게이트에서 실패했던 버전입니다.",
        R::Irreversible => "되돌릴 수 없는 배포로 지정되어 있어 복구하지 않았습니다.",
        R::NoStrategy => "설정된 복구 방식 가운데 적용할 수 있는 것이 없습니다.",
        R::AutomaticOff => "자동 롤백이 꺼져 있습니다.",
        R::Restored => "새 버전에 문제가 있어 마지막 정상 버전으로 되돌리고 검증했습니다.",
        R::RestoreFailed => "마지막 정상 버전으로 되돌리지 못했습니다.",
        R::WouldDestroyData => {
            "되돌리면 저장된 데이터가 삭제되거나 교체되므로 진행하지 않았습니다."
        }
        R::Locked => "다른 배포가 이 환경의 잠금을 보유하고 있습니다.",
        R::StackUnsettled => "지금 스택을 변경하는 작업이 진행 중입니다.",
        R::Frozen => "배포 동결 기간입니다.",
        R::ApprovalMissing => "이 실행은 환경 배포 승인을 받지 않았습니다.",
        R::ChecksNotGreen => "커밋의 필수 검사가 통과되지 않았습니다.",
        R::BranchNotAllowed => "커밋이 허용된 브랜치에 있지 않습니다.",
        R::BehindLive => "실행 중인 커밋보다 오래된 커밋입니다.",
        R::AlarmsFiring => "배포 전부터 경보가 울리고 있습니다.",
        R::TargetNotFound => "롤백 대상에 해당하는 배포가 없습니다.",
        R::TargetNotGood => "롤백 대상이 정상으로 끝난 배포가 아닙니다.",
        R::TargetElsewhere => "롤백 대상이 다른 환경이나 서비스의 배포입니다.",
        R::TargetExpired => "롤백 대상의 기록이 만료되었습니다.",
        R::TargetBeforeIrreversible => "롤백 대상 이후에 되돌릴 수 없는 배포가 있었습니다.",
        R::TargetLive => "롤백 대상이 이미 실행 중인 버전입니다.",
        R::CheckUnavailable => {
            "수행하지 못한 검사가 있으며, 알 수 없는 상태는 정상으로 간주하지 않습니다."
        }
        R::Allowed => "모든 검사를 통과했습니다.",
        R::InvalidInput => "입력값이 올바르지 않아 아무것도 변경하지 않았습니다.",
        R::InvalidConfig => "설정이 올바르지 않아 아무것도 변경하지 않았습니다.",
        R::StoreUnreachable => "배포 이력 저장소에 연결할 수 없습니다.",
        R::GithubUnreachable => "GitHub에 연결할 수 없습니다.",
        R::AwsUnreachable => "AWS에 연결할 수 없거나 자격 증명을 받지 못했습니다.",
        R::RunnerFile => "러너의 파일에 쓰지 못해 다음 단계에 결과를 전달할 수 없습니다.",
        R::Interrupted => "완료되기 전에 신호를 받아 중단되었습니다.",
        R::FencedOff => "다른 프로세스가 잠금을 넘겨받아 더 이상 기록할 수 없습니다.",
    }
}

/// What to do next.
pub fn help(reason: R) -> &'static str {
    match reason {
        R::Healthy => "추가 조치가 필요하지 않습니다.",
        R::HealthyInPart => {
            "입증되지 않은 게이트를 확인하십시오. deploy-guard keep이 계속 감시하며, http 게이트에는 트래픽이 필요하지 않습니다."
        }
        R::HttpFailed => {
            "실패한 게이트의 URL과 배포 이후의 서비스 로그를 확인하고, 원인을 해결한 뒤 다시 배포하십시오."
        }
        R::VersionMismatch => {
            "배포 단계가 이 커밋을 실제로 게시했는지, 게이트의 version 설정이 올바른 필드를 읽는지 확인하십시오."
        }
        R::ErrorRateAboveBound => {
            "표시된 함수나 API가 배포 이후 남긴 오류 로그를 확인하고, 원인을 해결한 뒤 다시 배포하십시오."
        }
        R::ErrorRateAboveBaseline => {
            "배포 전후의 오류를 비교하여 새로 생긴 문제를 수정한 뒤 다시 배포하십시오."
        }
        R::LatencyAboveBound => {
            "콜드 스타트, 쿼리, 외부 호출 가운데 느려진 부분을 찾아 수정한 뒤 다시 배포하십시오."
        }
        R::AlarmFiring => "CloudWatch에서 표시된 경보를 열어 원인을 확인하십시오.",
        R::MetricOutOfBounds => {
            "CloudWatch에서 해당 지표를 열어 이번 배포로 무엇이 달라졌는지 확인하십시오."
        }
        R::LogsMatch => {
            "CloudWatch Logs Insights에서 해당 로그를 확인하고, 원인을 해결한 뒤 다시 배포하십시오."
        }
        R::StackFailed => {
            "스택의 실패 이벤트에서 원인을 확인하십시오. aws cloudformation describe-stack-events 명령으로 볼 수 있습니다."
        }
        R::TrafficVanished => {
            "요청이 서비스에 도달하지 못할 수 있으니 라우팅, DNS, 클라이언트를 확인하십시오."
        }
        R::NoData | R::TooLittleData => {
            "게이트의 이름과 역할의 권한을 확인한 뒤 deploy-guard verify로 다시 확인하십시오."
        }
        R::NoTraffic => {
            "요청을 보내거나 트래픽이 필요 없는 http 게이트를 추가한 뒤 deploy-guard verify로 다시 확인하십시오."
        }
        R::TooFewRequests => {
            "gates.window 또는 gates.bake를 늘려 더 오래 지켜보거나, 트래픽이 필요 없는 http 게이트를 추가하십시오."
        }
        R::NotProven => {
            "게이트가 관측한 내용을 살펴보고, deploy-guard verify로 다시 확인하거나 gates.window를 늘리십시오."
        }
        R::FailingBefore => {
            "기존 문제를 먼저 해결하십시오. 그때까지 이 게이트로는 배포를 판단할 수 없습니다."
        }
        R::OwnNetworkDown => "러너의 네트워크를 확인한 뒤 deploy-guard verify로 다시 확인하십시오.",
        R::Yielded => {
            "잠금을 넘겨받은 배포를 확인하십시오. 이 배포에는 추가 조치가 필요하지 않습니다."
        }
        R::NoGates => "게이트를 하나 이상 설정하십시오. health_url 입력이 가장 간단합니다.",
        R::DeployFailed => "실패한 단계의 로그를 확인하고 문제를 수정한 뒤 다시 배포하십시오.",
        R::DeployFailedChanged => {
            "지금 실행 중인 버전을 확인한 뒤, 수정한 버전을 배포하거나 롤백하십시오."
        }
        R::DeployFailedUnseen | R::CancelledUnseen => {
            "deploy-guard verify로 지금 실행 중인 버전을 확인한 뒤, 다시 배포하거나 롤백하십시오."
        }
        R::StackRollbackFailed => {
            "롤백을 막고 있는 리소스를 복구한 뒤 CloudFormation 롤백을 계속 진행하십시오."
        }
        R::Cancelled => "준비가 되면 다시 배포하십시오.",
        R::CancelledLive => "deploy-guard verify로 검증하거나 롤백하십시오.",
        R::Superseded => "지금 실행 중인 배포를 확인하십시오.",
        R::AlreadyLive => {
            "추가 조치가 필요하지 않습니다. 다시 배포하려면 force_deploy를 사용하십시오."
        }
        R::DryRun => "실제로 배포하려면 dry_run 없이 다시 실행하십시오.",
        R::JobStatusUnknown => "job_status 입력이 기본값인지 확인한 뒤 다시 배포하십시오.",
        R::NoGoodState => {
            "원인을 해결한 뒤 다시 배포하십시오. 게이트를 통과한 버전만 롤백 대상이 됩니다."
        }
        R::TargetFailedSameGate => {
            "수정한 버전을 배포하거나, rollback_target에 더 오래된 버전을 지정하십시오."
        }
        R::Irreversible => "이전 버전으로 되돌리지 말고, 원인을 해결한 새 버전을 배포하십시오.",
        R::NoStrategy => {
            "rollback.strategies를 확인하고, deployment_type을 rollback으로 하여 롤백하십시오."
        }
        R::AutomaticOff => "롤백할지, 수정한 버전을 배포할지 결정하십시오.",
        R::Restored => "이 커밋을 다시 배포하기 전에 원인을 찾으십시오.",
        R::RestoreFailed => {
            "즉시 조치가 필요합니다. 실행 중인 버전을 확인하고 정상 버전을 수동으로 복구하십시오."
        }
        R::WouldDestroyData => {
            "수정한 버전을 배포하거나, 데이터를 백업한 뒤 수동으로 되돌리십시오."
        }
        R::Locked => {
            "그 배포가 끝날 때까지 기다리거나 해당 실행을 취소하십시오. 감시 단계에 들어가면 핫픽스나 롤백은 바로 진행할 수 있습니다."
        }
        R::StackUnsettled => "스택 작업이 끝난 뒤 다시 실행하십시오.",
        R::Frozen => {
            "동결이 끝날 때까지 기다리십시오. 핫픽스는 동결을 건너뛰며, force_deploy는 기록을 남기고 진행합니다."
        }
        R::ApprovalMissing => {
            "GitHub에서 검토자의 승인을 받고, 작업에 environment가 지정되어 있는지 확인하십시오."
        }
        R::ChecksNotGreen => {
            "검사가 끝나기를 기다리거나 문제를 수정하십시오. force_deploy는 기록을 남기고 진행합니다."
        }
        R::BranchNotAllowed => {
            "먼저 허용된 브랜치에 병합하십시오. 핫픽스는 이 검사를 건너뛰며, force_deploy로도 진행할 수 있습니다."
        }
        R::BehindLive => {
            "더 새로운 커밋을 배포하거나, 의도한 것이라면 deployment_type을 rollback으로 하여 롤백하십시오."
        }
        R::AlarmsFiring => {
            "먼저 경보를 해소하십시오. 그러지 않으면 이 배포를 판단할 수 없습니다. 핫픽스는 이 검사를 건너뜁니다."
        }
        R::TargetNotFound => "후보 목록에서 하나를 골라 rollback_target에 지정하십시오.",
        R::TargetNotGood => "정상으로 끝난 배포를 rollback_target에 지정하십시오.",
        R::TargetElsewhere => "이 환경과 서비스의 배포를 rollback_target에 지정하십시오.",
        R::TargetExpired => "더 최근의 배포를 rollback_target에 지정하십시오.",
        R::TargetBeforeIrreversible => {
            "수정한 버전을 배포하십시오. 문제가 없다고 확신하는 경우에만 force_deploy를 사용하십시오."
        }
        R::TargetLive => "더 이전의 배포를 rollback_target에 지정하십시오.",
        R::CheckUnavailable => {
            "검사를 수행하지 못한 이유와 필요한 권한을 확인한 뒤 다시 실행하십시오."
        }
        R::Allowed => "이제 작업의 배포 단계를 진행할 수 있습니다.",
        R::InvalidInput => "표시된 입력값을 수정한 뒤 다시 실행하십시오.",
        R::InvalidConfig => "기본 브랜치에서 표시된 줄을 수정한 뒤 다시 실행하십시오.",
        R::StoreUnreachable => {
            "테이블 이름, 리전, 역할의 권한을 확인하십시오. 테이블을 만드는 방법은 README의 '설치'에 있습니다."
        }
        R::GithubUnreachable => "GitHub의 상태와 토큰의 권한을 확인한 뒤 다시 실행하십시오.",
        R::AwsUnreachable => {
            "role_to_assume과 신뢰 정책, 작업의 id-token: write 권한을 확인하십시오."
        }
        R::RunnerFile => {
            "러너의 디스크 상태와, 앞선 단계가 GITHUB_OUTPUT, GITHUB_STATE, GITHUB_ENV를 바꾸지 않았는지 확인한 뒤 다시 실행하십시오."
        }
        R::Interrupted => {
            "deploy-guard resume으로 이어서 진행하거나, keeper가 마무리하도록 두십시오."
        }
        R::FencedOff => {
            "지금 잠금을 보유한 프로세스를 확인하십시오. deploy-guard lock 명령으로 볼 수 있습니다."
        }
    }
}
