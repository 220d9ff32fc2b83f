//! `lock --release`: a person ends a deployment whose job is over, or says that it is. Knows no command line.

use crate::core::id::DeploymentId;
use crate::core::journal::{Adopter, Event, StoppedBy};
use crate::core::lease::{Holder, Owner};
use crate::core::outcome::Told;
use crate::core::record::Status;
use crate::engine::keep::{adopt_abandoned, owner_of};
use crate::engine::notify::deliver;
use crate::engine::orphan::{free, open_record};
use crate::engine::{EngineError, Ports, Setup};

/// How `lock --release` ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Released {
    /// Nobody held it.
    Free,
    /// Its job is alive and `--force` was not given.
    Alive(Box<Holder>),
    /// There was no record to close: only the lock is free now.
    Freed {
        /// Which deployment it named.
        deployment: DeploymentId,
        /// Why its record cannot be read, where there is one; from outside.
        unreadable: Option<String>,
    },
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
    let freed = |unreadable| Released::Freed {
        deployment: holder.deployment.clone(),
        unreadable,
    };
    let stored = match open_record(ports, &holder).await {
        Ok(Some(stored)) => stored,
        Ok(None) => {
            free(ports, setup, &head, &holder).await?;
            return Ok(freed(None));
        }
        // A person has said that it is over; what cannot be read stays as it is.
        Err(EngineError::Unreadable { why, .. }) => {
            free(ports, setup, &head, &holder).await?;
            return Ok(freed(Some(why)));
        }
        Err(error) => return Err(error),
    };
    let (by, left) = (Adopter::CommandLine, holder.clone());
    let mut session = adopt_abandoned(ports, setup, stored, head, left, by, Vec::new()).await?;
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
