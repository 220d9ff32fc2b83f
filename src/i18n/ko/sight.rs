//! What gates saw, in Korean; knows no surface.

use crate::i18n::sight::{Sight as S, span};
use crate::i18n::wording::{count, latency, list, number, odds, percent};
use crate::i18n::{Locale, Word};

const L: Locale = Locale::Ko;

/// The fragment.
pub fn text(sight: &S) -> String {
    match sight {
        S::Nothing => "아직 관측된 것 없음".to_owned(),
        S::Good {
            status: Some(status),
            took_ms,
        } => {
            format!("상태 코드 {status}, 응답 시간 {}", latency(*took_ms, L))
        }
        S::Good {
            status: None,
            took_ms,
        } => format!("응답 시간 {}", latency(*took_ms, L)),
        S::Status { got, want: 0 } => format!("상태 코드 {got}(기대값 2xx)"),
        S::Status { got, want } => format!("상태 코드 {got}(기대값 {want})"),
        S::Network(fault) => fault.word(L).to_owned(),
        S::Json {
            pointer,
            got: Some(got),
            want,
        } => {
            format!("JSON {pointer} 값 \"{got}\"(기대값 \"{want}\")")
        }
        S::Json {
            pointer,
            got: None,
            want,
        } => {
            format!("JSON {pointer} 값 없음(기대값 \"{want}\")")
        }
        S::Header {
            name,
            got: Some(got),
            want,
        } => {
            format!("{name} 헤더 값 \"{got}\"(기대값 \"{want}\")")
        }
        S::Header {
            name,
            got: None,
            want,
        } => format!("{name} 헤더 없음(기대값 \"{want}\")"),
        S::Body(want) => format!("본문에 \"{want}\" 없음"),
        S::Slow { took_ms, max_ms } => format!(
            "응답 시간 {}(허용 {})",
            latency(*took_ms, L),
            latency(*max_ms, L)
        ),
        S::Version {
            got: Some(got),
            want,
        } => {
            format!("응답한 버전 \"{got}\"(기대값 \"{want}\")")
        }
        S::Version { got: None, want } => format!("응답에 버전 없음(기대값 \"{want}\")"),
        S::InARow(n) => format!("{}회 연속 실패", count(u64::from(*n))),
        S::Confirmed(ms) => format!("{}간 재확인", span(*ms, L)),
        S::Probes { errors, requests } => {
            format!("{}회 중 {}회 실패", count(*requests), count(*errors))
        }
        S::Counts { errors, requests } => format!(
            "요청 {}건 중 {}건 실패{}",
            count(*requests),
            count(*errors),
            share(*errors, *requests)
        ),
        S::SlowCounts { errors, requests } => format!(
            "요청 {}건 중 {}건 지연{}",
            count(*requests),
            count(*errors),
            share(*errors, *requests)
        ),
        S::ThrottledCounts { errors, requests } => format!(
            "요청 {}건 중 {}건 제한{}",
            count(*requests),
            count(*errors),
            share(*errors, *requests)
        ),
        S::NoRequests => "요청 없음".to_owned(),
        S::Value { value } => format!("값 {}", number(*value)),
        S::Matches(n) => format!("일치하는 로그 {}줄", number(*n)),
        S::Firing(names) => format!("ALARM 상태: {}", list(names, 5, L)),
        S::NoneFiring => "울리는 경보 없음".to_owned(),
        S::Text(text) => text.clone(),
        S::Unknown(why) if why.detail.is_empty() => format!("관측 불가: {}", why.kind.word(L)),
        S::Unknown(why) => format!("관측 불가: {}({})", why.kind.word(L), why.detail),
        S::Bound(bound) => format!("한도 {}", percent(*bound, L)),
        S::PlainBound(bound) => format!("한도 {}", number(*bound)),
        S::Baseline(bound) => format!("평소 기준 한도 {}", percent(*bound, L)),
        S::Before { errors, requests } => {
            format!("배포 전 {}건 중 {}건", count(*requests), count(*errors))
        }
        S::Interval(low, high) => {
            format!("95% 신뢰구간 {}~{}", percent(*low, L), percent(*high, L))
        }
        S::Unseen(minutes) => format!("최근 {}분은 관측하지 못함", count(*minutes)),
        S::Certain(chance) => format!("오판 확률 {}분의 1 이하", odds(*chance)),
        S::Evidence(share) => format!("이상 판정 증거 {}", percent(*share, L)),
        S::PassEvidence(share) => format!("정상 판정 증거 {}", percent(*share, L)),
        S::Certified => "정상 입증".to_owned(),
        S::Thin => "배포를 실패시킬 수는 있으나 보류시키지는 않음".to_owned(),
    }
}

fn share(errors: u64, requests: u64) -> String {
    if requests == 0 {
        return String::new();
    }
    format!("({})", percent(errors as f64 / requests as f64, L))
}
