//! What a backtest tells beside its tables, in both languages; knows no surface.

use crate::core::backtest::{Share, Unjudged};
use crate::core::time::Timestamp;
use crate::i18n::Locale;
use crate::i18n::wording::{count, list, plural, time};

/// One sentence.
#[derive(Debug, Clone, PartialEq)]
pub enum Past<'a> {
    /// What was read.
    Read {
        /// Where.
        environment: &'a str,
        /// Minutes from then on.
        from: Timestamp,
        /// Up to then.
        until: Timestamp,
        /// The tests.
        tests: &'a [String],
    },
    /// Kinds of gates that cannot be judged afterwards.
    WithoutHistory(&'a [&'static str]),
    /// Deployments that are older than the data.
    TooOld(u64),
    /// Nothing was deployed.
    NoDeployments,
    /// What ours would have done.
    Conclusion {
        /// To those that ended badly.
        bad: Share,
        /// To those that stayed.
        good: Share,
        /// At quiet moments.
        quiet: Share,
    },
    /// How to read it.
    Caveat,
    /// Why one cannot be judged.
    Unjudged(Unjudged),
    /// Our own rule.
    OurGates,
}

impl Past<'_> {
    /// The sentence.
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
            Self::Read {
                environment,
                from,
                until,
                tests,
            } => format!(
                "{environment} from {} to {}, judged by {}: {}",
                time(*from, None),
                time(*until, None),
                plural(tests.len() as u64, "test", "tests"),
                list(tests, 6, l)
            ),
            Self::WithoutHistory(kinds) => format!(
                "not judged, for CloudWatch has no history of them: {}",
                kinds.join(", ")
            ),
            Self::TooOld(n) => format!(
                "{} cannot be judged: CloudWatch keeps minutes for 15 days, and the hour before is needed",
                plural(*n, "older deployment", "older deployments")
            ),
            Self::NoDeployments => "no deployment ended in these days".to_owned(),
            Self::Conclusion { bad, good, quiet } => format!(
                "These gates would have rolled back {} of {} that ended badly, {} of {} that stayed, and {} of {}.",
                count(bad.rolled_back),
                plural(bad.of, "deployment", "deployments"),
                count(good.rolled_back),
                plural(good.of, "deployment", "deployments"),
                count(quiet.rolled_back),
                plural(quiet.of, "quiet moment", "quiet moments"),
            ),
            Self::Caveat => "A deployment that stayed may have had a fault that nobody saw; quiet moments overlap, and a disturbance that was none of a deployment counts in each of them. The other rules are their documented ones on the same minutes.".to_owned(),
            Self::Unjudged(Unjudged::TooOld) => "older than CloudWatch's minutes".to_owned(),
            Self::Unjudged(Unjudged::TooNew) => "its watch is not over yet".to_owned(),
            Self::Unjudged(Unjudged::NoData) => "no data of then".to_owned(),
            Self::OurGates => "deploy-guard".to_owned(),
        }
    }

    fn ko(&self) -> String {
        let l = Locale::Ko;
        match self {
            Self::Read {
                environment,
                from,
                until,
                tests,
            } => format!(
                "{environment} 환경, {}부터 {}까지, 검사 {}개로 판정: {}",
                time(*from, None),
                time(*until, None),
                count(tests.len() as u64),
                list(tests, 6, l)
            ),
            Self::WithoutHistory(kinds) => format!(
                "CloudWatch에 기록이 없어 판정하지 않은 게이트: {}",
                kinds.join(", ")
            ),
            Self::TooOld(n) => format!(
                "오래된 배포 {}건은 판정할 수 없습니다. CloudWatch는 1분 단위 데이터를 15일간 보관하며, 배포 전 1시간의 데이터도 필요합니다",
                count(*n)
            ),
            Self::NoDeployments => "이 기간에 끝난 배포가 없습니다".to_owned(),
            Self::Conclusion { bad, good, quiet } => format!(
                "이 게이트를 적용했다면 좋지 않게 끝난 배포 {}건 중 {}건, 유지된 배포 {}건 중 {}건, 평상시 {}개 시점 중 {}개에서 롤백했을 것입니다.",
                count(bad.of),
                count(bad.rolled_back),
                count(good.of),
                count(good.rolled_back),
                count(quiet.of),
                count(quiet.rolled_back),
            ),
            Self::Caveat => "유지된 배포에도 아무도 발견하지 못한 장애가 있었을 수 있습니다. 평상시 시점은 서로 겹치므로, 배포와 무관한 장애 하나가 여러 번 집계됩니다. 다른 규칙은 문서에 공개된 방식을 같은 1분 데이터에 적용한 것입니다.".to_owned(),
            Self::Unjudged(Unjudged::TooOld) => "CloudWatch의 1분 데이터 보관 기간이 지남".to_owned(),
            Self::Unjudged(Unjudged::TooNew) => "아직 감시가 끝나지 않음".to_owned(),
            Self::Unjudged(Unjudged::NoData) => "당시 데이터 없음".to_owned(),
            Self::OurGates => "deploy-guard".to_owned(),
        }
    }
}
