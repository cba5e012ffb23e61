//! Reads the bodies of posts within one budget of memory and a bound of time.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// A whole body, from its head on. Intercom itself gives up after 5 s.
const BODY_WAIT: Duration = Duration::from_secs(4);
/// Between two pieces of a body.
const PROGRESS_WAIT: Duration = Duration::from_secs(2);
/// One permit of the budget.
const PERMIT_BYTES: usize = 1_024;

/// Bounds the memory of all bodies under way.
pub struct Intake {
    permits: Semaphore,
}

/// A body; its share of the budget is free again when it is dropped.
pub struct Read<'a> {
    pub bytes: Vec<u8>,
    _permits: Option<SemaphorePermit<'a>>,
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoBody {
    TooLarge,
    NoRoom,
    TooSlow,
    Broken,
}

impl Intake {
    pub fn new(bytes_max: usize) -> Self {
        Self {
            permits: Semaphore::new(bytes_max.div_ceil(PERMIT_BYTES)),
        }
    }

    /// Takes of the budget what has arrived, not what was announced: announcing costs nothing,
    /// and whoever does it without a signature must not crowd out those who sign.
    pub async fn read(&self, mut body: Body, bytes_max: usize) -> Result<Read<'_>, NoBody> {
        let mut bytes = Vec::new();
        let mut permits: Option<SemaphorePermit<'_>> = None;
        let end = Instant::now() + BODY_WAIT;
        loop {
            let wait = end.min(Instant::now() + PROGRESS_WAIT);
            let piece = timeout_at(wait, piece(&mut body)).await;
            let Some(piece) = piece.map_err(|_| NoBody::TooSlow)?? else {
                break;
            };
            let length = bytes.len() + piece.len();
            if length > bytes_max {
                return Err(NoBody::TooLarge);
            }
            let held = permits.as_ref().map_or(0, SemaphorePermit::num_permits);
            let more = length.div_ceil(PERMIT_BYTES).saturating_sub(held);
            let more = u32::try_from(more).map_err(|_| NoBody::TooLarge)?;
            let more = self.permits.try_acquire_many(more);
            let more = more.map_err(|_| NoBody::NoRoom)?;
            match &mut permits {
                Some(permits) => permits.merge(more),
                None => permits = Some(more),
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(Read {
            bytes,
            _permits: permits,
        })
    }
}

/// The next piece; none at the end, and an empty one for trailers.
async fn piece(body: &mut Body) -> Result<Option<Bytes>, NoBody> {
    match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        Some(Ok(frame)) => Ok(Some(frame.into_data().unwrap_or_default())),
        Some(Err(_)) => Err(NoBody::Broken),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_budget_is_held_as_long_as_the_body_and_no_longer() {
        let intake = Intake::new(2_048);
        let read = |bytes: usize| intake.read(Body::from(vec![b' '; bytes]), 4_096);
        let first = read(1_025).await.ok().unwrap();
        assert_eq!(first.bytes.len(), 1_025);
        assert_eq!(read(1).await.err(), Some(NoBody::NoRoom));
        assert_eq!(read(0).await.ok().unwrap().bytes.len(), 0);
        drop(first);
        assert_eq!(read(2_049).await.err(), Some(NoBody::NoRoom));
        assert_eq!(read(4_097).await.err(), Some(NoBody::TooLarge));
        assert!(read(2_048).await.is_ok());
    }
}
