//! The delivery log: every attempt to hand a notification to the endpoint. Bounded.

use std::collections::VecDeque;

use serde::Serialize;

/// How many attempts one sandbox remembers; older ones are forgotten first.
pub const DELIVERIES_MAX: usize = 200_000;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// No answer yet.
    Sending,
    /// Answered with a 2xx in time.
    Delivered,
    /// Anything else.
    Failed,
    /// Never sent: a fault, a disabled endpoint, or too many waiting.
    Dropped,
}

/// One attempt.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// Its number, from 1 without gaps.
    pub n: u64,
    /// The id of the notification, also where the wire says null (`ping`).
    pub notification_id: String,
    /// The topic; `raw` for bytes sent by a script.
    pub topic: String,
    /// The contact, company or conversation it is about.
    pub record_id: String,
    /// 1, or 2 for the retry.
    pub attempt: u32,
    /// Taken right before the request is sent, in nanoseconds of
    /// [`crate::sandbox::clock::now_ns`]; 0 if it was never sent.
    pub sent_ns: u64,
    /// Taken right after the answer.
    pub answered_ns: Option<u64>,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// The fault that struck it, or why it was dropped.
    pub fault: Option<String>,
}

/// The last [`DELIVERIES_MAX`] attempts.
#[derive(Debug, Default)]
pub(crate) struct DeliveryLog {
    entries: VecDeque<Delivery>,
    last_n: u64,
}

// === impl DeliveryLog ===

impl DeliveryLog {
    /// Adds an attempt and answers its number.
    pub(crate) fn open(&mut self, mut delivery: Delivery) -> u64 {
        self.last_n += 1;
        delivery.n = self.last_n;
        if self.entries.len() >= DELIVERIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(delivery);
        self.last_n
    }

    /// Fills in how an attempt ended.
    pub(crate) fn close(
        &mut self,
        n: u64,
        answered_ns: Option<u64>,
        status: Option<u16>,
        outcome: Outcome,
    ) {
        let Some(first) = self.entries.front().map(|entry| entry.n) else {
            return;
        };
        let place = n
            .checked_sub(first)
            .and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) {
            entry.answered_ns = answered_ns;
            entry.status = status;
            entry.outcome = outcome;
        }
    }

    /// The attempts with a number greater than `since`.
    pub(crate) fn since(&self, since: u64) -> Vec<Delivery> {
        self.entries
            .iter()
            .filter(|entry| entry.n > since)
            .cloned()
            .collect()
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}
