//! The hold: how sure a sink is of its lease at the moment at which a request leaves.
//!
//! A process that was frozen and wakes up has lost its lease without a word. What it had in hand
//! must not be sent: somebody else has carried it out, and a person may have changed its record
//! since. So a request that writes waits until the lease was confirmed not long ago, and the
//! successor's first write waits for as long as such a request can take.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::clients::Transport;
use crate::clients::transport::{Answer, Method, Request};

tokio::task_local! {
    /// Of the sink in whose name a task sends its requests.
    static HOLD: Hold;
}

/// What a task knows of the lease under which it works.
#[derive(Clone)]
pub struct Hold {
    confirmed: watch::Receiver<Instant>,
    valid_for: Duration,
}

impl Hold {
    /// `confirmed` tells the last moment of which it is known that the lease held.
    pub fn new(confirmed: watch::Receiver<Instant>, valid_for: Duration) -> Self {
        Self {
            confirmed,
            valid_for,
        }
    }

    pub fn is_sure(&self) -> bool {
        self.confirmed.borrow().elapsed() < self.valid_for
    }

    async fn sure(mut self) {
        while !self.is_sure() {
            if self.confirmed.changed().await.is_err() {
                // The tenure is over, and this task is about to be cut off.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Runs a task in this hold.
    pub async fn over<T>(self, task: impl Future<Output = T>) -> T {
        HOLD.scope(self, task).await
    }
}

/// A transport whose requests that may write are sent only while the sink is sure of its lease.
/// Those of tasks that work under no lease pass.
pub struct Held(pub Arc<dyn Transport>);

impl Transport for Held {
    fn send(&self, request: Request) -> Answer<'_> {
        let hold = HOLD.try_with(Hold::clone).ok();
        Box::pin(async move {
            if let Some(hold) = hold.filter(|_| request.method != Method::Get) {
                hold.sure().await;
            }
            self.0.send(request).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::transport::Response;

    struct Answers;

    impl Transport for Answers {
        fn send(&self, _request: Request) -> Answer<'_> {
            Box::pin(async { Ok(Response::default()) })
        }
    }

    async fn goes(hold: Hold, method: Method) -> bool {
        let request = Request {
            method,
            url: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(1),
        };
        let held = Held(Arc::new(Answers));
        let sent = hold.over(async { held.send(request).await.is_ok() });
        let sent = tokio::time::timeout(Duration::from_millis(50), sent).await;
        sent == Ok(true)
    }

    #[tokio::test]
    async fn who_is_not_sure_of_its_lease_reads_and_does_not_write() {
        let (confirmed, known) = watch::channel(Instant::now());
        let hold = Hold::new(known, Duration::from_millis(100));
        assert!(goes(hold.clone(), Method::Patch).await);
        tokio::time::sleep(Duration::from_millis(110)).await;
        assert!(!goes(hold.clone(), Method::Patch).await);
        assert!(goes(hold.clone(), Method::Get).await);
        confirmed.send_replace(Instant::now());
        assert!(goes(hold.clone(), Method::Post).await);
        drop(confirmed);
        tokio::time::sleep(Duration::from_millis(110)).await;
        assert!(!goes(hold, Method::Put).await);
    }
}
