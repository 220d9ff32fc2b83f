//! The probe rules against flaky and dead services.

use deploy_guard::core::verdict::probe::{Consecutive, ProbeStep, Sequential};

use crate::random::Random;

/// Shares of watches that end in "down", for `probes` probes of which `failing` fail by chance: two in a
/// row alone, two confirmed by ten, the sequential test.
pub fn false_alarms(failing: f64, probes: u32, runs: u32, seed: u64) -> [f64; 3] {
    let mut random = Random::new(seed);
    let mut alarms = [0_u32; 3];
    for _ in 0..runs {
        let mut alone = Consecutive::new(2, 0);
        let mut confirmed = Consecutive::new(2, 10);
        let mut sequential = Sequential::new(0.01, probes);
        let mut fired = [false; 3];
        for _ in 0..probes {
            let succeeded = Some(!random.chance(failing));
            fired[0] |= alone.push(succeeded) == ProbeStep::Down;
            let mut step = confirmed.push(succeeded);
            while step == ProbeStep::Confirm {
                step = confirmed.push(Some(!random.chance(failing)));
            }
            fired[1] |= step == ProbeStep::Down;
            fired[2] |= sequential.push(succeeded);
        }
        for (count, fired) in alarms.iter_mut().zip(fired) {
            *count += u32::from(fired);
        }
    }
    alarms.map(|count| f64::from(count) / f64::from(runs))
}
