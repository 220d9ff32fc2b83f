//! `lock --release`: a person ends a deployment whose job is over, or says that it is. Knows no command line.

use crate::core::id::DeploymentId;
use crate::core::journal::{Adopter, Event, StoppedBy};
use crate::core::lease::{Holder, Owner};
use crate::core::outcome::Told;
use crate::core::record::Status;
use crate::engine::keep::{adopt_abandoned, owner_of};
use crate::engine::notify::deliver;
use crate::engine::{EngineError, Ports, Setup};

/// How `lock --release` ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Released {
    /// Nobody held it.
    Free,
    /// Its job is alive and `--force` was not given.
    Alive(Box<Holder>),
    /// Closed and free.
    Closed {
        /// Which.
        deployment: DeploymentId,
        /// How.
        status: Status,
        /// How the notices went.
        told: Vec<Told>,
    },
}

/// Releases a lock: closes its record as cancelled and raises the fencing number. A live job's only by force.
pub async fn release(ports: &Ports, setup: &Setup, force: bool) -> Result<Released, EngineError> {
    let heads = ports.history.heads(&setup.environment).await?;
    let head = heads.heads.into_iter().find(|h| h.service == setup.service);
    let Some((head, holder)) = head.and_then(|h| h.holder.clone().map(|holder| (h, holder))) else {
        return Ok(Released::Free);
    };
    if !force && owner_of(ports, setup, &head, &holder).await? == Owner::Alive {
        return Ok(Released::Alive(Box::new(holder)));
    }
    let Some(mut session) =
        adopt_abandoned(ports, setup, head, Adopter::CommandLine, Vec::new()).await?
    else {
        return Ok(Released::Free);
    };
    let closing = session.deployment.closing_of_release();
    let status = closing.status;
    session
        .close(
            vec![Event::CancelAsked {
                by: StoppedBy::Released,
            }],
            closing,
        )
        .await?;
    let notices = std::mem::take(&mut session.notices);
    let told = deliver(
        ports,
        &setup.environment,
        session.id(),
        setup.locale,
        notices,
    )
    .await;
    Ok(Released::Closed {
        deployment: holder.deployment,
        status,
        told,
    })
}
