//! Why a way of bringing a version back cannot be gone, in both languages; knows no surface.

use crate::core::restore::{NoPlan, Obstacle, Strategy};
use crate::i18n::wording::{one_line, piece};
use crate::i18n::{Locale, Word};

/// A configured strategy and why it has no plan, as one sentence without its full stop.
#[must_use]
pub fn no_plan(strategy: Strategy, why: &NoPlan, locale: Locale) -> String {
    let name = strategy.as_str();
    let why = match (why, locale) {
        (NoPlan::NotApplicable(obstacle), _) => obstacle_text(obstacle, locale),
        (NoPlan::WouldDestroyData(losses), _) => would_lose(losses.iter(), locale),
        (NoPlan::Unknown(why), Locale::En) => format!(
            "it could not be found out whether it applies ({}: {})",
            why.kind.word(locale),
            piece(&why.detail)
        ),
        (NoPlan::Unknown(why), Locale::Ko) => format!(
            "쓸 수 있는지 확인하지 못했습니다({}: {})",
            why.kind.word(locale),
            piece(&why.detail)
        ),
    };
    format!("{name}: {why}")
}

/// What would be lost.
#[must_use]
pub fn would_lose(losses: impl Iterator<Item = impl std::fmt::Display>, locale: Locale) -> String {
    let what: Vec<String> = losses
        .take(5)
        .map(|l| one_line(&l.to_string(), 200))
        .collect();
    let what = what.join(", ");
    match locale {
        Locale::En => format!("it would remove or replace stored data: {what}"),
        Locale::Ko => format!("저장된 데이터를 지우거나 새로 만들게 됩니다: {what}"),
    }
}

/// Not everything of the state that is brought back was saved.
#[must_use]
pub fn partly_saved(missing: &[&str], locale: Locale) -> String {
    let what: Vec<String> = missing.iter().take(5).map(|m| one_line(m, 200)).collect();
    let what = what.join(", ");
    match locale {
        Locale::En => format!("not everything was saved, so this stays as it is: {what}"),
        Locale::Ko => format!("전부 저장되지 않아 다음은 그대로 둡니다: {what}"),
    }
}

fn obstacle_text(obstacle: &Obstacle, locale: Locale) -> String {
    match locale {
        Locale::En => english(obstacle),
        Locale::Ko => korean(obstacle),
    }
}

fn english(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::NoSavedState => "no saved state of the good version is kept".to_owned(),
        Obstacle::NoFunctions => "no function of it is known".to_owned(),
        Obstacle::NoAliases => "the functions have no alias that could be moved back".to_owned(),
        Obstacle::AliasesAsSaved => {
            "every alias still points to the saved version, so moving aliases changes nothing"
                .to_owned()
        }
        Obstacle::Unversioned { function, alias } => format!(
            "alias {} of {} points to $LATEST, which keeps no older version; publish versions",
            piece(alias),
            piece(function)
        ),
        Obstacle::AliasGone { function, alias } => format!(
            "alias {} of {} does not exist any more",
            piece(alias),
            piece(function)
        ),
        Obstacle::NoStacks => {
            "no stack of it was saved; name `stacks` in the configuration".to_owned()
        }
        Obstacle::StacksAsSaved => {
            "every stack still stands as it was saved, so applying it again changes nothing"
                .to_owned()
        }
        Obstacle::StackGone { stack } => format!("the stack {} does not exist", piece(stack)),
        Obstacle::StackBlocked { stack, status } => format!(
            "the stack {} takes no update while it is {}",
            piece(stack),
            piece(status)
        ),
        Obstacle::TemplateTooLarge { stack, bytes } => format!(
            "the template of {} has {bytes} bytes; above 51200 CloudFormation reads it from an S3 bucket only, up to 1 MB, and CDK's own (of the stack CDKToolkit) is not there",
            piece(stack)
        ),
        Obstacle::NotAvailable => "it is not available here".to_owned(),
        Obstacle::NoWorkflow => {
            "no workflow is named; set `rollback.workflow.file` in the configuration".to_owned()
        }
        Obstacle::NoToken => "no GitHub token was given, so nothing can be dispatched".to_owned(),
        Obstacle::WorkflowMissing { file } => {
            format!("the repository has no workflow {}", piece(file))
        }
        Obstacle::WorkflowInputs { file, missing } => format!(
            "{} declares no input {}, which a rollback needs",
            piece(file),
            piece(missing)
        ),
        Obstacle::WorkflowOptions {
            file,
            input,
            wanted,
        } => format!(
            "the input {} of {} does not offer {}",
            piece(input),
            piece(file),
            piece(wanted)
        ),
        Obstacle::WorkflowNeeds { file, needs } => format!(
            "{} requires the input {}, which nothing here can fill in",
            piece(file),
            piece(needs)
        ),
        Obstacle::ReviewersRequired { environment } => format!(
            "the GitHub environment {} has required reviewers, so a dispatched run would wait for a person",
            piece(environment)
        ),
        Obstacle::InTheJob => "the job's own steps would have to do it".to_owned(),
        Obstacle::NeedsVerify => {
            "unless a later step of this job has `phase: verify`, and the job deploys again after it".to_owned()
        }
        Obstacle::SameCommit => {
            "it would deploy the very commit that has just been deployed".to_owned()
        }
        Obstacle::LosesTheSame => {
            "deploying that version again would lose the same stored data".to_owned()
        }
    }
}

fn korean(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::NoSavedState => "정상이던 버전의 저장된 상태가 없습니다".to_owned(),
        Obstacle::NoFunctions => "해당하는 함수를 찾지 못했습니다".to_owned(),
        Obstacle::NoAliases => "함수에 되돌릴 별칭(alias)이 없습니다".to_owned(),
        Obstacle::AliasesAsSaved => {
            "모든 별칭이 이미 저장된 버전을 가리키므로 별칭을 옮겨도 달라지지 않습니다".to_owned()
        }
        Obstacle::Unversioned { function, alias } => format!(
            "{} 함수의 별칭 {}이(가) 이전 내용이 남지 않는 $LATEST를 가리킵니다. 버전을 게시하십시오",
            piece(function),
            piece(alias)
        ),
        Obstacle::AliasGone { function, alias } => format!(
            "{} 함수의 별칭 {}이(가) 더 이상 없습니다",
            piece(function),
            piece(alias)
        ),
        Obstacle::NoStacks => "저장된 스택이 없습니다. 설정에 `stacks`를 지정하십시오".to_owned(),
        Obstacle::StacksAsSaved => {
            "모든 스택이 이미 저장된 그대로이므로 다시 적용해도 달라지지 않습니다".to_owned()
        }
        Obstacle::StackGone { stack } => format!("{} 스택이 없습니다", piece(stack)),
        Obstacle::StackBlocked { stack, status } => format!(
            "{} 스택이 {} 상태여서 업데이트할 수 없습니다",
            piece(stack),
            piece(status)
        ),
        Obstacle::TemplateTooLarge { stack, bytes } => format!(
            "{} 스택의 템플릿이 {bytes}바이트입니다. 51200바이트를 넘으면 S3 버킷으로 1MB까지만 넘길 수 있는데, CDK 버킷(CDKToolkit 스택)이 없습니다",
            piece(stack)
        ),
        Obstacle::NotAvailable => "여기서는 쓸 수 없습니다".to_owned(),
        Obstacle::NoWorkflow => {
            "실행할 워크플로가 없습니다. 설정에 `rollback.workflow.file`을 지정하십시오".to_owned()
        }
        Obstacle::NoToken => "GitHub 토큰이 없어 워크플로를 실행할 수 없습니다".to_owned(),
        Obstacle::WorkflowMissing { file } => {
            format!("저장소에 {} 워크플로가 없습니다", piece(file))
        }
        Obstacle::WorkflowInputs { file, missing } => format!(
            "{} 워크플로에 롤백에 필요한 입력이 없습니다: {}",
            piece(file),
            piece(missing)
        ),
        Obstacle::WorkflowOptions {
            file,
            input,
            wanted,
        } => format!(
            "{} 워크플로의 입력 {}에서 {}을(를) 고를 수 없습니다",
            piece(file),
            piece(input),
            piece(wanted)
        ),
        Obstacle::WorkflowNeeds { file, needs } => format!(
            "{} 워크플로의 필수 입력 {}에 넣을 값을 알 수 없습니다",
            piece(file),
            piece(needs)
        ),
        Obstacle::ReviewersRequired { environment } => format!(
            "GitHub 환경 {}에 필수 검토자가 있어 실행된 워크플로가 승인을 기다리게 됩니다",
            piece(environment)
        ),
        Obstacle::InTheJob => "작업 자체의 단계가 수행해야 합니다".to_owned(),
        Obstacle::NeedsVerify => {
            "이 작업에 `phase: verify` 단계와 그 뒤에 다시 배포하는 단계가 없으면 쓸 수 없습니다"
                .to_owned()
        }
        Obstacle::SameCommit => "방금 배포한 것과 같은 커밋을 다시 배포하게 됩니다".to_owned(),
        Obstacle::LosesTheSame => {
            "그 버전을 다시 배포해도 같은 저장 데이터가 사라집니다".to_owned()
        }
    }
}
