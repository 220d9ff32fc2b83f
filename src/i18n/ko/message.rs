//! All other sentences in Korean; knows no surface.

use crate::core::policy::Remark;
use crate::i18n::Message as M;
use crate::i18n::wording::{Particle, with};
use crate::i18n::{Locale, Word};

const L: Locale = Locale::Ko;

/// The sentence.
pub fn text(message: &M<'_>) -> String {
    match message {
        M::CheckPassed => "통과".to_owned(),
        M::Remark(Remark::Attempt(attempt)) => format!("{attempt}번째 시도: 이전 시도의 승인일 수 있음"),
        M::Remark(Remark::AdministratorBypass) => "관리자 권한으로 우회함(검토자 목록에 없음)".to_owned(),
        M::CheckUnavailable(why) if why.detail.is_empty() => {
            format!("검사 불가: {}", why.kind.word(L))
        }
        M::CheckUnavailable(why) => format!("검사 불가: {}({})", why.kind.word(L), why.detail),
        M::CheckNotApplicable => "해당 없음".to_owned(),
        M::CheckSkipped(kind) => format!("{}이므로 생략", kind.word(L)),
        M::CheckOverridden => "force_deploy로 우회".to_owned(),
        M::AndMore(n) => format!("… 외 {n}건"),
        M::LeftOut => "GitHub의 크기 제한 때문에 일부 내용을 생략했습니다. 전체 내용은 result 출력과 deploy-guard show에서 볼 수 있습니다.".to_owned(),
        M::KeeperAbsent => "최근 10분 동안 keeper가 확인되지 않았습니다. 감시는 작업과 함께 끝나며, 작업이 비정상 종료되면 이 배포를 마무리할 주체가 없습니다.".to_owned(),
        M::KeeperFresh => "작업이 끝난 뒤에도 keeper가 감시를 이어갑니다.".to_owned(),
        M::NoLock => "잠금 없이 배포되었습니다. 같은 시간에 다른 배포가 진행되었을 수 있습니다.".to_owned(),
        M::ThinGates(names) => format!("트래픽이 적거나 배포 전 오류율이 한도에 가깝거나 한도를 넘어, 정상 판정을 내리기 어려운 게이트입니다. 배포를 실패시킬 수는 있지만 보류시키지는 않습니다: {names}"),
        M::WorkflowNeedsReview => "환경에 필수 검토자가 있어 workflow 복구 방식을 사용하지 않습니다. 호출된 실행이 승인을 기다리게 되기 때문입니다.".to_owned(),
        M::WorkflowNoRun => "GitHub에서 호출된 실행의 번호를 알 수 없어 workflow 복구 방식을 사용하지 않습니다.".to_owned(),
        M::NotTold { event, channel, why } => format!(
            "{channel}에 \"{event}\" 알림을 전달하지 못했습니다{}.",
            because(*why)
        ),
        M::ToldLater { event, channel, why } => format!(
            "{channel}에 \"{event}\" 알림을 아직 전달하지 못했습니다{}. 24시간 동안 다시 시도합니다.",
            because(*why)
        ),
        M::Repeated => "이미 전송된 메시지일 수 있습니다.".to_owned(),
        M::HeldBy { deployment, actor, age } => format!(
            "{deployment}{}, {age} 경과",
            actor.map_or(String::new(), |a| format!("(실행자 {a})"))
        ),
        M::WouldDeploy { kind, commit, environment } => {
            let commit = commit.map_or(String::new(), |c| format!("{c} "));
            format!("실제 실행이었다면 {environment} 환경에서 {commit}{} 진행했을 것입니다.", with(kind.word(L), Particle::Object))
        }
        M::WouldRefuse => "실제 실행이었다면 거부되었을 것입니다. 검사 결과를 확인하십시오.".to_owned(),
        M::Overridden(names) => {
            format!("통과하지 못한 검사({names})를 force_deploy로 우회했으며, 나머지 검사는 통과했습니다.")
        }
        M::Problems(n) => format!("문제 {n}건이 발견되어 아무것도 변경하지 않았습니다."),
        M::Watching { seen, against, in_favour, left } => {
            let mut text = (*seen).to_owned();
            if let Some(share) = against {
                text.push_str(&format!(" · 이상 판정 증거 {share}"));
            }
            if let Some(share) = in_favour {
                text.push_str(&format!(" · 정상 판정 증거 {share}"));
            }
            text.push_str(&format!(" · {left} 남음"));
            text
        }
        M::Gates { healthy, degraded, open } => {
            let mut parts = Vec::new();
            if *degraded > 0 {
                parts.push(format!("이상 {degraded}"));
            }
            if *open > 0 {
                parts.push(format!("미정 {open}"));
            }
            if *healthy > 0 {
                parts.push(format!("정상 {healthy}"));
            }
            if parts.is_empty() {
                "게이트 없음".to_owned()
            } else {
                format!("게이트: {}", parts.join(", "))
            }
        }
        M::OwedTold { sent, owed } => {
            format!("이전 실행이 보내지 못한 알림 {sent}건을 전송했고, {owed}건은 아직 보내지 못했습니다")
        }
        M::HistoryEmpty(environment) => format!("{environment} 환경의 배포 기록이 없습니다."),
        M::MoreWith(cursor) => format!("다음 목록: --cursor {cursor}"),
    }
}

fn because(why: Option<&str>) -> String {
    why.map_or(String::new(), |w| format!("({})", w.trim_end_matches('.')))
}
