//! Two runs and a keeper at once, in every order that chance gives: never two holders, and everything ends.

use deploy_guard::core::record::DeploymentType;

use super::story::{End, Job, Story, job_of, keeper, seconds};
use super::time::{Actor, lock, run_all, scatter};

/// Every call lets the others go first; the fences and the writers are checked by the store at each write.
fn race(dice: u64) {
    let story = Story::with(|setup| {
        setup.gates.window = seconds(20);
        setup.gates.interval = seconds(5);
        setup.gates.http[0].confirm = seconds(2);
        setup.rollback.verify = seconds(10);
        setup.policy.lock_wait = seconds([0, 90][usize::from(dice.is_multiple_of(2))]);
    });
    if scatter(dice).is_multiple_of(3) {
        lock(&story.town.sick).insert(2);
    }
    let kinds = [DeploymentType::Deploy, DeploymentType::Hotfix];
    let second = Job::new(2, 3).kind(kinds[usize::from(dice.is_multiple_of(4))]);
    let first = Job::new(1, 2);
    let (one, two, three) = (story.process(), story.process(), story.process());
    for process in [&one, &two, &three] {
        process.calls.race();
    }
    // The first run may die on the way.
    if dice.is_multiple_of(3) {
        let n = usize::try_from(scatter(dice ^ 7) % 60).expect("small") + 1;
        one.calls.doom(n, super::calls::Fate::DiesBefore);
    }
    let ends = std::sync::Mutex::new(Vec::<End>::new());
    let clock = deploy_guard::ports::Clock::sleep;
    let after = seconds(scatter(dice ^ 99) % 120);
    let actors = vec![
        Actor {
            work: Box::pin(async {
                let ended = job_of(&one, &story.town, &first).await;
                lock(&ends).extend(ended);
                story.end_job(1, "failure");
            }),
            killed: one.calls.killed.clone(),
        },
        Actor {
            work: Box::pin(async {
                clock(story.time.as_ref(), after).await;
                let ended = job_of(&two, &story.town, &second).await;
                lock(&ends).extend(ended);
                story.end_job(2, "success");
            }),
            killed: two.calls.killed.clone(),
        },
        Actor {
            work: Box::pin(async {
                for _ in 0..4 {
                    clock(story.time.as_ref(), seconds(37)).await;
                    if super::story::died(&one) {
                        story.end_job(1, "cancelled");
                    }
                    keeper(&three).await.expect("a sweep");
                }
            }),
            killed: three.calls.killed.clone(),
        },
    ];
    run_all(&story.time, actors, dice);
    story.end_job(1, "cancelled");
    story.end_job(2, "success");
    story.check(&format!("dice {dice}: {:?}", lock(&ends)));
}

#[test]
fn whoever_is_first_holds_it_alone() {
    for dice in 1..=60 {
        race(dice);
    }
}
