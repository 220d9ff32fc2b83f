//! Next steps in Korean; knows no command line.

use crate::i18n::NextStep as N;

/// What the command does.
pub fn text(step: N) -> &'static str {
    match step {
        N::Show => "전체 진행 과정 보기",
        N::CancelHolder => "잠금을 보유한 실행 취소",
        N::ShowLock => "잠금 보유 상태 확인",
        N::ReleaseLock => "작업이 이미 종료된 경우 잠금 해제",
        N::RollBack => "정상 버전으로 롤백",
        N::VerifyAgain => "다시 감시하고 판정",
        N::Resume => "중단된 작업 마무리",
        N::Keep => "작업 종료 후에도 감시 이어가기(examples/workflows/keeper.yml로 반복 실행)",
        N::ContinueStack => "원인 해결 후 CloudFormation 롤백 계속 진행",
        N::StackEvents => "스택 실패 원인 확인",
    }
}
