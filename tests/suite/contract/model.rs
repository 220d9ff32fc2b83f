//! Random sequences of writes: SQLite and a plain model agree on every answer and on the head after it.

use deploy_guard::adapters::sqlite::SqliteHistory;
use deploy_guard::core::id::Fence;
use deploy_guard::core::lease::{Head, HeadMode, YieldRequest};
use deploy_guard::core::record::DeploymentType;
use deploy_guard::ports::{Commit, CommitError, History};
use proptest::prelude::*;

use super::samples::{Guard, at, env, head, session, todo};

/// What one of three actors tries; `late` means with a fence that is one too small.
#[derive(Debug, Clone)]
enum Act {
    Take { who: usize, late: bool },
    Adopt { who: usize, of: usize, late: bool },
    Keep { who: usize, watching: bool },
    Renew { who: usize },
    Ask { of: usize, when: i64 },
    Release { who: usize },
    Again,
}

fn act() -> impl Strategy<Value = Act> {
    let who = 0..3_usize;
    prop_oneof![
        3 => (who.clone(), prop::bool::weighted(0.2)).prop_map(|(who, late)| Act::Take { who, late }),
        2 => (who.clone(), who.clone(), prop::bool::weighted(0.2)).prop_map(|(who, of, late)| Act::Adopt { who, of, late }),
        3 => (who.clone(), any::<bool>()).prop_map(|(who, watching)| Act::Keep { who, watching }),
        2 => who.clone().prop_map(|who| Act::Renew { who }),
        2 => (who.clone(), 0..2_i64).prop_map(|(of, when)| Act::Ask { of, when }),
        2 => who.prop_map(|who| Act::Release { who }),
        1 => Just(Act::Again),
    ]
}

/// The lock in its plainest form.
#[derive(Debug, Default, Clone, PartialEq)]
struct Lock {
    fence: u64,
    /// Whose token the holder has, and whose session may write.
    held: Option<(usize, usize)>,
    watching: bool,
    asked: Option<i64>,
    beats: u64,
    entries: [u32; 3],
}

impl Lock {
    /// True where the write happens.
    fn act(&mut self, act: &Act, fences: &[u64; 3]) -> bool {
        let mine = |lock: &Self, who: usize| {
            lock.fence == fences[who] && lock.held.is_some_and(|(_, session)| session == who)
        };
        match *act {
            Act::Take { who, late } if !(late && self.fence > 0) && self.held.is_none() => {
                self.fence += 1;
                self.held = Some((who, who));
                (self.watching, self.asked) = (false, None);
                self.entries[who] += 1;
            }
            Act::Adopt { who, of, late }
                if !late && self.held.is_some_and(|(token, _)| token == of) =>
            {
                self.fence += 1;
                self.held = Some((who, who));
                self.watching = true;
                self.entries[who] += 1;
            }
            Act::Keep { who, watching } if mine(self, who) => {
                self.watching = watching;
                self.entries[who] += 1;
            }
            Act::Renew { who } if mine(self, who) => {}
            Act::Ask { of, when } => {
                let may = self.held.is_some_and(|(token, _)| token == of)
                    && self.watching
                    && self.asked.is_none_or(|asked| asked == when);
                if may {
                    self.asked = Some(when);
                }
                return may;
            }
            Act::Release { who } if mine(self, who) => {
                self.held = None;
                (self.watching, self.asked) = (false, None);
                self.entries[who] += 1;
                return true;
            }
            Act::Take { .. }
            | Act::Adopt { .. }
            | Act::Keep { .. }
            | Act::Renew { .. }
            | Act::Release { .. }
            | Act::Again => {
                return false;
            }
        }
        self.beats += 1;
        true
    }

    fn shows(&self, head: Option<&Head>, guards: &[Guard; 3]) {
        let Some(head) = head else {
            assert_eq!(self.fence, 0, "there is a head once somebody held it");
            return;
        };
        assert_eq!(head.fence.0, self.fence);
        assert_eq!(
            head.holder.as_ref().map(|h| &h.token),
            self.held.map(|(token, _)| &guards[token].token)
        );
        assert_eq!(
            head.session.as_ref(),
            self.held.map(|(_, who)| &guards[who].session)
        );
        assert_eq!(head.mode == Some(HeadMode::Watching), self.watching);
        assert_eq!(head.yield_to.as_ref().map(|y| y.at), self.asked.map(at));
        assert_eq!(head.beat, self.beats);
    }
}

async fn play(acts: Vec<Act>) {
    let history = SqliteHistory::in_memory().await.expect("a database");
    let mut guards = [0, 1, 2].map(|i| Guard::new(&format!("deploy-{i}"), at(i)));
    for guard in &mut guards {
        guard.session = session();
    }
    let mut fences = [0_u64; 3];
    let mut lock = Lock::default();
    let mut last: Option<Commit> = None;
    for act in acts {
        let before = lock.clone();
        let wanted = lock.act(&act, &fences);
        let seen = |late: bool| {
            Fence(if late {
                before.fence.saturating_sub(1)
            } else {
                before.fence
            })
        };
        let commit = match act.clone() {
            Act::Take { who, late } => {
                let seen = Some(seen(late)).filter(|f| f.0 > 0 || before.fence > 0);
                Some((who, guards[who].take(seen)))
            }
            Act::Adopt { who, of, late } => {
                let fence = if late {
                    Fence(before.fence + 9)
                } else {
                    seen(false)
                };
                let of = Guard {
                    fence,
                    ..guards[of].clone()
                };
                Some((who, of.adopt(&guards[who])))
            }
            Act::Keep { who, watching } => {
                let mode = if watching {
                    HeadMode::Watching
                } else {
                    HeadMode::Deploying
                };
                Some((
                    who,
                    Guard {
                        fence: Fence(fences[who]),
                        ..guards[who].clone()
                    }
                    .keep(mode),
                ))
            }
            Act::Release { who } => Some((
                who,
                Guard {
                    fence: Fence(fences[who]),
                    ..guards[who].clone()
                }
                .release(None),
            )),
            Act::Renew { who } => {
                let made = history
                    .renew(
                        &env(),
                        &todo(),
                        Fence(fences[who]),
                        &guards[who].session,
                        at(1),
                    )
                    .await;
                assert_eq!(made.is_ok(), wanted, "{act:?}");
                None
            }
            Act::Ask { of, when } => {
                let request = YieldRequest {
                    run_url: None,
                    kind: DeploymentType::Hotfix,
                    at: at(when),
                };
                let made = history
                    .ask_yield(&env(), &todo(), &guards[of].token, &request)
                    .await;
                assert_eq!(made.is_ok(), wanted, "{act:?}");
                None
            }
            Act::Again => {
                if let Some(commit) = &last {
                    history.commit(commit).await.expect("has worked before");
                }
                None
            }
        };
        if let Some((who, write)) = commit {
            guards[who].n = before.entries[who];
            let commit = guards[who].commit(Some(write), vec![]);
            match history.commit(&commit).await {
                Ok(()) => {
                    assert!(wanted, "{act:?} happened");
                    if matches!(act, Act::Take { .. } | Act::Adopt { .. }) {
                        fences[who] = lock.fence;
                    }
                    last = Some(commit);
                }
                Err(CommitError::Lost { head: found }) => {
                    assert!(!wanted, "{act:?} was refused");
                    before.shows(found.as_deref(), &guards);
                }
                Err(other) => panic!("{act:?}: {other:?}"),
            }
        }
        lock.shows(head(&history, &todo()).await.as_ref(), &guards);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn sqlite_and_a_plain_model_agree(acts in prop::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(play(acts));
    }
}
