//! Whatever the text: an answer, never a panic; and every problem says something about a line that exists.

use proptest::prelude::*;

use super::{FULL, some_variables};
use crate::config::{parse, parse_duration, parse_rate};
use crate::i18n::Locale;

fn holds(text: &str) -> Result<(), TestCaseError> {
    match parse("f.yml", text) {
        Ok(settings) => {
            for name in settings.environment_names() {
                // Only that it answers.
                drop(settings.environment(name, &some_variables));
            }
        }
        Err(problems) => {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.len() <= 101);
            for problem in &problems {
                let last = text.split('\n').count() + 1;
                prop_assert!(
                    problem.line.is_none_or(|line| (1..=last).contains(&line)),
                    "{problem}"
                );
                for locale in [Locale::En, Locale::Ko] {
                    let said = problem.text(locale);
                    prop_assert!(!said.chars().any(char::is_control), "{said:?}");
                    prop_assert!(said.chars().count() < 2000, "{said}");
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        holds(&text)?;
    }

    #[test]
    fn anything_like_yaml(text in "([a-z]{1,3}: |- |\\{|\\}|\\[|\\]|&a |\\*a|!t |\"|'|\\||>|#|\n|  |\t|1|~|\\$\\{env\\.|\\}|version: 1\n|environments:\n){0,60}") {
        holds(&text)?;
    }

    #[test]
    fn the_example_with_a_piece_replaced(from in 0_usize..4000, len in 0_usize..40, with in "[ -~\n]{0,12}|null|\\[\\]|\\{\\}|0s|999999999999999999999|-1|%") {
        let chars: Vec<char> = FULL.chars().collect();
        let from = from.min(chars.len());
        let to = (from + len).min(chars.len());
        let text: String = chars[..from].iter().chain(&with.chars().collect::<Vec<_>>()).chain(&chars[to..]).collect();
        holds(&text)?;
    }

    #[test]
    fn the_example_with_a_word_replaced(word in 0_usize..400, with in "null|\\[\\]|\\{\\}|true|1|x|\"\"|5%|\\*a|\\$\\{env.X\\}|\\{ref\\}") {
        let text: Vec<&str> = FULL.split(' ').collect();
        let text: Vec<&str> = text.iter().enumerate().map(|(n, w)| if n == word { with.as_str() } else { *w }).collect();
        holds(&text.join(" "))?;
    }

    #[test]
    fn durations_and_rates(text in "[0-9a-z.% -]{0,24}|.{0,8}") {
        drop((parse_duration(&text), parse_rate(&text)));
    }
}

#[test]
fn bombs_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..10 {
        let before = format!("*a{}, ", n - 1).repeat(9);
        bomb.push_str(&format!("a{n}: &a{n} [{before}]\n"));
    }
    insta::assert_snapshot!(super::wrong(&bomb), @r"
deploy-guard.yml:5: aliases unfold to more than 50000 values; write fewer of them
deploy-guard.yml:5: 앵커 참조(`*이름`)를 펼치면 값이 50000개를 넘습니다. 참조를 줄여 주세요.
");
    insta::assert_snapshot!(super::wrong(&"[".repeat(100)), @r"
deploy-guard.yml:1: nested more than 32 levels deep
deploy-guard.yml:1: 32단계보다 깊게 중첩되어 있습니다.
");
    insta::assert_snapshot!(super::wrong(&"# x\n".repeat(100_000)), @r"
deploy-guard.yml: the file has 400000 bytes; 262144 are the most
deploy-guard.yml: 파일 크기가 400000바이트입니다. 최대 262144바이트까지 읽습니다.
");
    insta::assert_snapshot!(super::wrong("version: 1\na: &a [*a]\n"), @r"
deploy-guard.yml:2: an alias stands for something that contains it
deploy-guard.yml:2: 앵커 참조(`*이름`)가 자기 자신을 포함합니다.
");
    let many = format!(
        "version: 1\n{}",
        (0..5000).map(|n| format!("k{n}: 1\n")).collect::<String>()
    );
    assert!(super::wrong(&many).contains("and 4900 more problems"));
}
