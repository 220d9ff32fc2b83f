//! The story of a deployment in Korean; knows no surface.

use crate::core::record::Decision;
use crate::i18n::reason::meaning;
use crate::i18n::sight::span;
use crate::i18n::tale::Tale as T;
use crate::i18n::wording::{Particle, with};
use crate::i18n::{Locale, Word};

const L: Locale = Locale::Ko;

/// The sentence.
pub fn text(tale: &T) -> String {
    match tale {
        T::Started {
            kind,
            commit,
            actor,
        } => {
            let commit = commit.as_ref().map_or(String::new(), |c| format!("{c} "));
            let actor = actor
                .as_ref()
                .map_or(String::new(), |a| format!("(실행자 {a})"));
            format!("{commit}{} 시작{actor}", kind.word(L))
        }
        T::Checked {
            passed,
            overridden,
            unavailable,
        } => {
            let mut text = format!("배포 전 검사: 통과 {passed}건");
            if *overridden > 0 {
                text.push_str(&format!(", 우회 {overridden}건"));
            }
            if *unavailable > 0 {
                text.push_str(&format!(", 수행 불가 {unavailable}건"));
            }
            text
        }
        T::Allowed => "배포 단계 진행 허용".to_owned(),
        T::Saving => "배포 전 상태 저장".to_owned(),
        T::Saved => "현재 상태 저장됨".to_owned(),
        T::TookOver(from) => format!("방치된 잠금 인수(이전 배포 {from})"),
        T::Adopted(by) => format!("{} 이어서 진행", with(by.word(L), Particle::Subject)),
        T::JobEnded { job, live } => {
            format!(
                "배포 단계 종료: {}, 실행 버전: {}",
                job.word(L),
                live.word(L)
            )
        }
        T::WatchStarted { one_look: true, .. } => "게이트 1회 확인".to_owned(),
        T::WatchStarted {
            ms,
            one_look: false,
        } => format!("감시 시작({} 동안)", span(*ms, L)),
        T::YieldAsked => "롤백 또는 핫픽스가 잠금을 요청".to_owned(),
        T::CancelAsked(by) => format!("중단 요청: {}", by.word(L)),
        T::Judged {
            verdict,
            reason,
            decision,
        } => {
            let next = match decision {
                Decision::Continue => "",
                Decision::Stop => ", 복구하지 않음",
                Decision::Restore => ", 복구 예정",
                Decision::Hold => ", 상태 유지",
            };
            format!(
                "판정: {}{next}({})",
                verdict.word(L),
                bare(meaning(*reason, L))
            )
        }
        T::RestorePlanned { target, steps } => format!("복구 계획 수립: {target}, {steps}단계"),
        T::StepStarted(what) => format!("복구 진행: {what}"),
        T::Dispatched(run) => format!("워크플로 실행 {run} 시작, 잠금을 이어받을 수 있음"),
        T::StepDone(what) => format!("완료: {what}"),
        T::StepFailed { what, why } if why.detail.is_empty() => {
            format!("실패: {what}({})", why.kind.word(L))
        }
        T::StepFailed { what, why } => {
            format!("실패: {what}({}: {})", why.kind.word(L), why.detail)
        }
        T::RestoreJudged {
            strategy,
            verdict,
            reason,
        } => format!(
            "{} 적용 후 판정: {}({})",
            strategy.word(L),
            verdict.word(L),
            bare(meaning(*reason, L))
        ),
        T::Closed { status, reason } => {
            format!("종료: {}({})", status.word(L), bare(meaning(*reason, L)))
        }
        T::UndoneBy(by) => format!("이후 {by}에 의해 롤백됨"),
    }
}

fn bare(sentence: &str) -> &str {
    sentence.trim_end_matches('.')
}
