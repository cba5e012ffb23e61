//! Creating a lead. Intercom keeps no key of ours for one: after an answer that leaves open
//! whether it was made, only a search for the marker can tell, and search lags (intercom.md 2.4).
//! Nothing is sent again before the lag has passed, and no doubt is reported before either:
//! whoever looks next can rely on what they find.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

use crate::clients;
use crate::domain::{FieldWrite, Fields, Outcome, RejectClass, Rejection};
use crate::sink::error::Access;
use crate::sink::executor::Alone;
use crate::sink::intercom::execute::{Call, Halt};
use crate::sink::intercom::plan::{self, Kind};
use crate::sink::intercom::write::{To, written};
use crate::sink::retry::{self, Disposition};

/// How often a lead is sent whose creation is never answered.
const SENDINGS_MAX: u32 = 2;

/// Until when a lead may exist that search does not show.
#[derive(Debug)]
pub(super) struct Doubt {
    lag: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// Until when it may have been sent; none if nothing was sent in doubt.
    sent_until: Option<Instant>,
    sendings: u32,
}

impl Doubt {
    /// Of a repeat: somebody may have sent the lead before.
    pub fn new(lag: Duration, alone: &Alone) -> Self {
        let sent_until = || alone.sent_until.unwrap_or_else(Instant::now);
        Self {
            lag,
            state: Mutex::new(State {
                sent_until: alone.repeat.then(sent_until),
                sendings: alone.sendings,
            }),
        }
    }

    /// How the creation goes on once search tells the truth; none if it does already.
    pub fn goes_on(&self) -> Option<Alone> {
        let after = self.remaining();
        let State {
            sent_until,
            sendings,
        } = *self.lock();
        (!after.is_zero()).then_some(Alone {
            repeat: true,
            after,
            sent_until,
            sendings,
        })
    }

    fn is_clear(&self) -> bool {
        self.remaining().is_zero()
    }

    /// Until search tells the truth.
    fn remaining(&self) -> Duration {
        let clear_at = self.lock().sent_until.map(|sent| sent + self.lag);
        clear_at.map_or(Duration::ZERO, |at| {
            at.saturating_duration_since(Instant::now())
        })
    }

    /// Notes a sending; false if there were enough of them.
    fn may_send(&self) -> bool {
        let mut state = self.lock();
        let may = state.sendings < SENDINGS_MAX;
        state.sendings += u32::from(may);
        may
    }

    /// The last sending may have made the lead.
    fn raise(&self) {
        self.lock().sent_until = Some(Instant::now());
    }

    /// The last sending surely made nothing.
    fn withdraw(&self) {
        self.lock().sendings -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl Call<'_> {
    pub(super) async fn create_lead(
        &self,
        marker: &str,
        key: &str,
        fields: &[FieldWrite],
        repeat: bool,
    ) -> Result<Outcome, Halt> {
        if repeat {
            match self.find_marked(marker, key).await? {
                Some(Outcome::AlreadyThere { snapshot }) => {
                    let snapshot = plan::with_blanks(fields, snapshot);
                    return Ok(Outcome::AlreadyThere { snapshot });
                }
                Some(refused) => return Ok(refused),
                None => {}
            }
            if !self.doubt.is_clear() {
                return Ok(unknown("search may not show the lead yet"));
            }
        }
        if !self.doubt.may_send() {
            return Ok(unknown("no creation of the lead was answered"));
        }
        let item = match self.send(To::NewContact, fields).await {
            Ok(item) => item,
            Err(halt) => {
                self.judge(&halt);
                return Err(halt);
            }
        };
        let snapshot = self.snapshot(Kind::Contact, &item, Access::Write);
        // An answer that cannot be read says that the lead was made.
        let snapshot = snapshot.inspect_err(|_| self.doubt.raise())?;
        Ok(written(snapshot, true))
    }

    fn judge(&self, halt: &Halt) {
        match halt {
            Halt::Failed(error) => match retry::disposition(error) {
                Disposition::ReadFirst { .. } | Disposition::Unknown { .. } => self.doubt.raise(),
                // Turned away, for now or for good.
                _ => self.doubt.withdraw(),
            },
            Halt::Refused(_) => self.doubt.withdraw(),
        }
    }

    /// The lead that carries the marker, or the refusal of one that several carry.
    async fn find_marked(&self, marker: &str, key: &str) -> Result<Option<Outcome>, Halt> {
        let (mut rows, _) = self.search(&plan::marked(marker, key), 5).await?;
        // Search ignores case, and a key is exact.
        let carries = |fields: &Fields| {
            let value = fields.get(marker).map(|value| value.display());
            value.as_deref() == Some(key)
        };
        rows.retain(|row| carries(&row.fields));
        if rows.len() > 1 {
            let text = "several contacts carry the marker";
            let hint = format!("merge the contacts, or clear {marker} on all but one of them");
            let class = RejectClass::Ambiguous;
            return Ok(Some(Outcome::Rejected(Rejection {
                fields: vec![marker.to_string()],
                records: rows.into_iter().map(|row| row.record).collect(),
                ..retry::ours(class, "MULTIPLE_RECORDS_FOUND", text, &hint)
            })));
        }
        Ok(rows
            .pop()
            .map(|snapshot| Outcome::AlreadyThere { snapshot }))
    }
}

fn unknown(reason: &'static str) -> Outcome {
    Outcome::Unknown {
        reason: clients::Error::NoAnswer(reason).to_string(),
    }
}
