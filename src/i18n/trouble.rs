//! What keeps a stage or command from its work, in both languages; knows no surface.

use crate::core::observation::Why;
use crate::i18n::wording::piece;
use crate::i18n::{Locale, Word};

/// One trouble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A named configuration file is not there.
    ConfigMissing {
        /// Its path.
        file: String,
    },
    /// GitHub did not give the configuration file.
    ConfigUnreadable {
        /// GitHub's words.
        why: String,
    },
    /// The configuration cannot be read without a token.
    NoToken,
    /// Nothing names the service.
    NoService,
    /// SQLite inside Actions for production.
    SqliteInProduction,
    /// The deployment that this stage would finish is in other hands.
    TakenOver {
        /// The deployment.
        deployment: String,
    },
    /// The lock is kept, for the stack is still changing.
    KeptOpen {
        /// The environment.
        environment: String,
    },
    /// A watch in post is lost when the job is cancelled.
    PostWatches,
    /// The deploy itself held no lock.
    Unguarded,
    /// A rollback without a guard step before it.
    RollbackUnguarded,
    /// What runs could not be saved.
    NotSaved {
        /// Why.
        why: Why,
        /// Some of it was.
        partly: bool,
    },
    /// A bad verdict could not be answered by a restore.
    NoRestore {
        /// What stands in the way, a sentence each.
        why: Vec<String>,
    },
    /// Some of the configured ways back would be skipped.
    Skipped {
        /// Which and why, a sentence each.
        why: Vec<String>,
    },
    /// The record could not be closed.
    NotClosed {
        /// Why.
        why: String,
    },
    /// GitHub's pages do not show it.
    NotShown {
        /// Why.
        why: String,
    },
    /// The pull requests of its commits are not known.
    NoPulls {
        /// Why.
        why: String,
    },
}

impl Trouble {
    /// The sentence.
    #[must_use]
    pub fn text(&self, locale: Locale) -> String {
        match (self, locale) {
            (Self::ConfigMissing { file }, Locale::En) => {
                format!("the configuration `{file}` is not on the default branch; correct the input `config` or add the file")
            }
            (Self::ConfigMissing { file }, Locale::Ko) => {
                format!("기본 브랜치에 설정 파일 `{file}`이(가) 없습니다. `config` 입력을 고치거나 파일을 추가하십시오")
            }
            (Self::ConfigUnreadable { why }, Locale::En) => {
                format!("the configuration could not be read from GitHub ({why}); run the job again, and check that it has `contents: read`")
            }
            (Self::ConfigUnreadable { why }, Locale::Ko) => {
                format!("GitHub에서 설정 파일을 읽지 못했습니다({why}). 작업에 `contents: read` 권한이 있는지 확인한 뒤 다시 실행하십시오")
            }
            (Self::NoToken, Locale::En) => "the configuration is read from GitHub, and there is no token to read it with; give the input `github_token`".to_owned(),
            (Self::NoToken, Locale::Ko) => "설정 파일을 GitHub에서 읽는 데 필요한 토큰이 없습니다. `github_token` 입력을 지정하십시오".to_owned(),
            (Self::NoService, Locale::En) => "nothing names the service; give the input `service`, or `service:` in the configuration".to_owned(),
            (Self::NoService, Locale::Ko) => "서비스 이름을 알 수 없습니다. `service` 입력이나 설정의 `service:`를 지정하십시오".to_owned(),
            (Self::SqliteInProduction, Locale::En) => {
                "`history.store: sqlite` cannot guard an environment marked `production: true`: a file in the workspace is no lock; use `dynamodb`".to_owned()
            }
            (Self::SqliteInProduction, Locale::Ko) => {
                "`production: true`인 환경에서는 `history.store: sqlite`를 쓸 수 없습니다. 작업 공간의 파일은 잠금 역할을 하지 못하므로 `dynamodb`를 사용하십시오".to_owned()
            }
            (Self::TakenOver { deployment }, Locale::En) => {
                format!("{deployment} is in other hands: somebody took the lock over or released it, so this step changes nothing")
            }
            (Self::TakenOver { deployment }, Locale::Ko) => {
                format!("다른 실행이 잠금을 넘겨받았거나 해제하여 이 단계는 {deployment} 배포를 변경하지 않습니다")
            }
            (Self::KeptOpen { environment }, Locale::En) => {
                format!("the stack is still changing, so the lock is kept; the next run or `deploy-guard keep {environment}` closes the deployment once it has settled")
            }
            (Self::KeptOpen { environment }, Locale::Ko) => {
                format!("스택이 아직 변경 중이므로 잠금을 유지합니다. 스택이 안정되면 다음 실행이나 `deploy-guard keep {environment}` 명령이 배포를 마무리합니다")
            }
            (Self::PostWatches, Locale::En) => {
                "watching in the post step: if the job is cancelled now, the verdict and its outputs are lost; add a step with `phase: verify` to keep them".to_owned()
            }
            (Self::PostWatches, Locale::Ko) => {
                "post 단계에서 배포를 지켜보고 있습니다. 지금 작업을 취소하면 판정과 출력값이 사라지므로, 이를 남기려면 `phase: verify` 단계를 추가하십시오".to_owned()
            }
            (Self::Unguarded, Locale::En) => {
                "this job took no lock before it deployed: nothing kept another run from deploying at the same time; add a step with `phase: guard` before the deploy".to_owned()
            }
            (Self::Unguarded, Locale::Ko) => {
                "이 작업은 잠금 없이 배포했으므로 다른 실행이 동시에 배포할 수 있었습니다. 배포 전에 `phase: guard` 단계를 추가하십시오".to_owned()
            }
            (Self::RollbackUnguarded, Locale::En) => {
                "`deployment_type: rollback` needs a step with `phase: guard` before it, which chooses and checks the target; this job has none, so nothing was recorded".to_owned()
            }
            (Self::RollbackUnguarded, Locale::Ko) => {
                "`deployment_type: rollback`은 롤백 대상을 정하고 검사하는 `phase: guard` 단계가 먼저 있어야 합니다. 이 작업에는 그 단계가 없어 아무것도 기록하지 않았습니다".to_owned()
            }
            (Self::NotSaved { why, partly: false }, Locale::En) => {
                let why = why_text(why, locale);
                format!("what runs could not be saved ({why}); a restore to it by lambda_alias or cloudformation will not be possible")
            }
            (Self::NotSaved { why, partly: false }, Locale::Ko) => {
                let why = why_text(why, locale);
                format!("현재 상태를 저장하지 못했습니다({why}). lambda_alias나 cloudformation으로 이 상태를 복구할 수 없습니다")
            }
            (Self::NotSaved { why, partly: true }, Locale::En) => {
                let why = why_text(why, locale);
                format!("not all of what runs could be saved ({why}); a restore brings back only the rest")
            }
            (Self::NotSaved { why, partly: true }, Locale::Ko) => {
                let why = why_text(why, locale);
                format!("현재 상태의 일부를 저장하지 못했습니다({why}). 나머지만 복구할 수 있습니다")
            }
            (Self::NoRestore { why }, Locale::En) => {
                format!("A bad version could not be rolled back automatically. {}", why.join(" "))
            }
            (Self::NoRestore { why }, Locale::Ko) => {
                format!("문제가 생겨도 자동으로 롤백할 수 없습니다. {}", why.join(" "))
            }
            (Self::Skipped { why }, Locale::En) => {
                format!("should this version be bad, a way of rolling back is skipped: {}", why.join("; "))
            }
            (Self::Skipped { why }, Locale::Ko) => {
                format!("문제가 생겨 롤백하게 되면 다음 방법은 건너뜁니다: {}", why.join("; "))
            }
            (Self::NotClosed { why }, Locale::En) => {
                format!("the record could not be closed ({why}); the next run or the keeper closes it by evidence")
            }
            (Self::NotShown { why }, Locale::En) => {
                format!("GitHub's deployment page does not show how this deployment stands ({why})")
            }
            (Self::NotShown { why }, Locale::Ko) => {
                format!("GitHub의 배포 페이지에 이 배포의 상태를 표시하지 못했습니다({why})")
            }
            (Self::NoPulls { why }, Locale::En) => {
                format!("the pull requests of these commits could not be looked up ({why})")
            }
            (Self::NoPulls { why }, Locale::Ko) => {
                format!("커밋의 풀 리퀘스트를 조회하지 못했습니다({why})")
            }
            (Self::NotClosed { why }, Locale::Ko) => {
                format!("배포 기록을 마무리하지 못했습니다({why}). 다음 실행이나 keeper가 남은 증거에 따라 마무리합니다")
            }
        }
    }
}

fn why_text(why: &Why, locale: Locale) -> String {
    format!("{}: {}", why.kind.word(locale), piece(&why.detail))
}
