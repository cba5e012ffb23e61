//! The membership port: which partitions of a group are this process's share of the work.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::ports::event_log::Error;

/// How often a share is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// One process among those that share the partitions of a group.
///
/// A share is advice: it says who should acquire which lease, so that two processes do not take it
/// from each other for ever. What keeps a second owner from committing is the lease alone.
pub trait Membership: Send {
    /// What this process's share is. Waits up to `wait` for one of another generation than the one
    /// that was told last.
    fn share(&mut self, wait: Duration) -> Result<Share, Error>;
}

/// The partitions that are this process's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub partitions: BTreeSet<u32>,
    /// Grows each time the partitions are shared anew; 0 until they were for the first time.
    pub generation: u64,
    /// How long a process that was cut off from the others may go on without hearing that its share
    /// was given to somebody else. Who lost a lease waits as long before it acquires it again.
    pub doubt: Duration,
}

/// Nobody else is there: every partition is this process's.
pub struct Alone {
    share: Share,
    is_told: bool,
}

impl Alone {
    pub fn with(partitions: u32) -> Self {
        let share = Share {
            partitions: (0..partitions).collect(),
            generation: 1,
            doubt: Duration::ZERO,
        };
        Self {
            share,
            is_told: false,
        }
    }
}

impl Membership for Alone {
    fn share(&mut self, wait: Duration) -> Result<Share, Error> {
        if self.is_told {
            std::thread::sleep(wait);
        }
        self.is_told = true;
        Ok(self.share.clone())
    }
}

/// One partition of a group, as whoever works on it sees the share.
#[derive(Clone)]
pub struct Claim {
    share: watch::Receiver<Share>,
    partition: u32,
    /// When the lease was lost last: the share may be one that others have by now.
    lost: Option<Instant>,
}

impl Claim {
    pub fn new(share: watch::Receiver<Share>, partition: u32) -> Self {
        Self {
            share,
            partition,
            lost: None,
        }
    }

    /// Where nobody else is there.
    pub fn alone(partition: u32) -> Self {
        let share = Share {
            partitions: BTreeSet::from([partition]),
            generation: 1,
            doubt: Duration::ZERO,
        };
        Self::new(watch::channel(share).1, partition)
    }

    /// Whether the partition is this process's, as far as it has heard.
    pub fn is_ours(&self) -> bool {
        self.share.borrow().partitions.contains(&self.partition)
    }

    /// Whether others could have it.
    pub fn is_shared(&self) -> bool {
        !self.share.borrow().doubt.is_zero()
    }

    /// Whether the partition has been shared out, to this process or to another.
    pub fn is_known(&self) -> bool {
        self.share.borrow().generation > 0
    }

    /// Whether its lease may be acquired now.
    pub fn may_acquire(&self) -> bool {
        let doubt = self.share.borrow().doubt;
        self.is_ours() && self.lost.is_none_or(|lost| lost.elapsed() >= doubt)
    }

    /// Somebody else has acquired the lease: it is left alone for as long as it may take to hear
    /// whose the partition is now.
    pub fn lost(&mut self) {
        self.lost = Some(Instant::now());
    }

    /// Waits until its lease may be acquired.
    pub async fn granted(&mut self) {
        while !self.may_acquire() {
            self.changed().await;
        }
    }

    /// Waits until the partition is somebody else's.
    pub async fn withdrawn(&mut self) {
        while self.is_ours() {
            self.changed().await;
        }
    }

    async fn changed(&mut self) {
        let changed = async {
            if self.share.changed().await.is_err() {
                // Nobody will say anything else any more.
                std::future::pending::<()>().await;
            }
        };
        // The doubt ends without a word.
        let _ = tokio::time::timeout(LOOK, changed).await;
    }
}

/// Keeps hearing what the share is, on the caller's thread, until nobody wants to know.
pub fn hear(member: &mut dyn Membership, told: &watch::Sender<Share>) -> Result<(), Error> {
    while !told.is_closed() {
        let share = member.share(LOOK)?;
        told.send_if_modified(|known| {
            let is_new = *known != share;
            *known = share;
            is_new
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lost_lease_is_left_alone_while_in_doubt() {
        let doubt = Duration::from_millis(150);
        let share = Share {
            partitions: BTreeSet::from([1]),
            generation: 1,
            doubt,
        };
        let (told, share) = watch::channel(share);
        let mut claim = Claim::new(share, 1);
        assert!(claim.may_acquire());
        claim.lost();
        let lost = Instant::now();
        assert!(claim.is_ours() && !claim.may_acquire());
        claim.granted().await;
        assert!(lost.elapsed() >= doubt);
        told.send_modify(|share| share.partitions.clear());
        claim.withdrawn().await;
        assert!(!claim.may_acquire());
    }
}
