//! The view's entries and the traits through which the pure code reads and changes them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::brakes::{Brake, Suppressed};
use crate::domain::command::Command;
use crate::domain::ids::SourceId;
use crate::domain::ids::derive;
use crate::domain::ids::{BridgeId, CommandId, CustomerId, ObservationId, RecordRef, ReviewId};
use crate::domain::journal::{Claim, CustomerKind, Desire, DomainEvent, HeldObservation};
use crate::domain::journal::{ReadPurpose, ReviewKind, Via, WalkReason};
use crate::domain::message::Topic;
use crate::domain::name::Name;
use crate::domain::record::{Fields, Gone, MatchKey, MatchRule, Shows};
use crate::domain::shared::Shared;
use crate::domain::time::{Timestamp, Version};
use crate::domain::value::Value;
use crate::domain::view_key::ViewKey;

/// Counts changes of the layout of entries; a store of another version is rebuilt.
pub const VIEW_VERSION: u32 = 17;
/// Holds kept per record; beyond that a read is required instead.
pub const HELD_MAX: usize = 8;
/// Writes a record remembers, to tell late echoes from changes.
pub const RECENT_WRITES_MAX: usize = 8;
/// Observation ids remembered per bridge.
pub const DEDUPE_WINDOW_MAX: u64 = 100_000;
/// Holders of an identifier that are kept by name; further ones are counted.
pub const HOLDERS_KEPT_MAX: usize = 100;
/// Records that a person said are not the same customer as one record.
pub const APART_MAX: usize = 100;
/// Times that are remembered of each field at which somebody replaced what we wrote.
pub const REVERSALS_KEPT_MAX: usize = 16;
/// Mappings of before that are known by version and hash.
pub const MAPPINGS_KEPT_MAX: usize = 64;
/// Contacts that one company keeps as waiting for its name.
pub const AWAITED_BY_MAX: usize = 64;

/// Reads the view. Answers hold for the moment of the call: the newest change comes first.
pub trait ViewRead {
    fn get(&self, key: &ViewKey) -> Option<Arc<ViewEntry>>;
    /// The first key in `from..to` with its entry.
    fn first(&self, from: &ViewKey, to: &ViewKey) -> Option<(ViewKey, Arc<ViewEntry>)>;
}

impl<V: ViewRead + ?Sized> ViewRead for &V {
    fn get(&self, key: &ViewKey) -> Option<Arc<ViewEntry>> {
        (**self).get(key)
    }

    fn first(&self, from: &ViewKey, to: &ViewKey) -> Option<(ViewKey, Arc<ViewEntry>)> {
        (**self).first(from, to)
    }
}

/// The customer that holds a record.
pub fn customer_id_of<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    record: &RecordRef,
) -> Option<CustomerId> {
    match view.get(&ViewKey::customer_of(bridge, record)).as_deref() {
        Some(ViewEntry::CustomerOf(id)) => Some(*id),
        _ => None,
    }
}

/// The customer aggregate that holds a record.
pub fn customer_of<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    record: &RecordRef,
) -> Option<CustomerHeld> {
    let id = customer_id_of(view, bridge, record)?;
    let entry = view.get(&ViewKey::customer(bridge, &id))?;
    matches!(*entry, ViewEntry::Customer(_)).then_some(CustomerHeld(entry))
}

/// A customer as the view held it when it was asked; later changes do not show in it. A customer
/// is large, and most of those who ask look at one field, so it is shared and not copied.
#[derive(Clone, Debug)]
pub struct CustomerHeld(Arc<ViewEntry>);

impl std::ops::Deref for CustomerHeld {
    type Target = Customer;

    fn deref(&self) -> &Customer {
        match &*self.0 {
            ViewEntry::Customer(customer) => customer,
            _ => unreachable!("it was looked at when it was made"),
        }
    }
}

/// What is known of a record.
pub fn record_state<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    record: &RecordRef,
) -> Option<StateHeld> {
    let customer = customer_of(view, bridge, record)?;
    customer.records.get(record).cloned().map(StateHeld)
}

/// What is known of a record, as the view held it when it was asked. The default is what is known
/// of one that nobody has told of.
#[derive(Clone, Debug, Default)]
pub struct StateHeld(Shared<RecordState>);

impl std::ops::Deref for StateHeld {
    type Target = RecordState;

    fn deref(&self) -> &RecordState {
        &self.0
    }
}

/// Who holds an identifier.
pub fn matching<V: ViewRead + ?Sized>(view: &V, bridge: &BridgeId, key: &MatchKey) -> Matching {
    match view.get(&ViewKey::matching(bridge, key)).as_deref() {
        Some(ViewEntry::Match(matching)) => matching.clone(),
        _ => Matching::default(),
    }
}

/// A user of an org, if the view knows the user.
pub fn owner<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    owner: &RecordRef,
) -> Option<Fields> {
    match view.get(&ViewKey::owner(bridge, owner)).as_deref() {
        Some(ViewEntry::Owner(fields)) => Some(fields.clone()),
        _ => None,
    }
}

/// A command that has not been answered.
pub fn outstanding<V: ViewRead + ?Sized>(
    view: &V,
    bridge: &BridgeId,
    command: &CommandId,
) -> Option<OutstandingHeld> {
    let entry = view.get(&ViewKey::outstanding(bridge, command))?;
    matches!(*entry, ViewEntry::Outstanding(_)).then_some(OutstandingHeld(entry))
}

/// An unanswered command as the view held it when it was asked.
#[derive(Clone, Debug)]
pub struct OutstandingHeld(Arc<ViewEntry>);

impl std::ops::Deref for OutstandingHeld {
    type Target = Outstanding;

    fn deref(&self) -> &Outstanding {
        match &*self.0 {
            ViewEntry::Outstanding(outstanding) => outstanding,
            _ => unreachable!("it was looked at when it was made"),
        }
    }
}

/// Counters of a bridge; all zero for one that has no journal yet.
pub fn bridge_state<V: ViewRead + ?Sized>(view: &V, bridge: &BridgeId) -> BridgeState {
    match view.get(&ViewKey::bridge(bridge)).as_deref() {
        Some(ViewEntry::Bridge(state)) => state.clone(),
        _ => BridgeState::default(),
    }
}

/// Changes the view; called by `evolve` alone.
pub trait ViewWrite: ViewRead {
    fn put(&mut self, key: ViewKey, entry: ViewEntry);
    /// Changes an entry where it stands, without a copy unless somebody still holds it.
    fn change(&mut self, key: &ViewKey, change: &mut dyn FnMut(&mut ViewEntry));
    fn remove(&mut self, key: &ViewKey);
}

/// A view with a pen: rules read it, emit events, and see at once what they changed.
pub trait Journal: ViewRead {
    fn bridge(&self) -> &BridgeId;
    /// The poll's stamp.
    fn now(&self) -> Timestamp;
    /// The observation being decided; the id of all zeros while a deadline is.
    fn cause(&self) -> ObservationId;
    /// When our edge received it; now, while a deadline is decided.
    fn caused_at(&self) -> Timestamp;
    /// The sequence the next event will get; ids are derived from it.
    fn next_sequence(&self) -> u64;
    fn emit(&mut self, event: DomainEvent);
    /// Says why the observation, or a part of it, changed nothing.
    fn trace(&mut self, reason: &str, record: Option<&RecordRef>);
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(
    clippy::large_enum_variant,
    reason = "entries live behind an Arc each; the size of the enum is paid once"
)]
pub enum ViewEntry {
    Customer(Customer),
    CustomerOf(CustomerId),
    Alias(CustomerId),
    Match(Matching),
    Outstanding(Box<Outstanding>),
    Due(Due),
    Review(Box<ReviewItem>),
    Deduped(u64),
    Window(ObservationId),
    TagName(String),
    Mapping(ActiveMapping),
    Bridge(BridgeState),
    Partition(PartitionState),
    /// A user of an org who can own records: `Name`, `Email`, `UserRole.Name`.
    Owner(Fields),
    Walk(Walk),
    Sweep(SweepState),
    Brake(Box<Brake>),
    /// A record that stands right below an account.
    Below(RecordRef),
}

impl ViewEntry {
    /// The entry's canonical bytes: postcard's format, fields in declared order, maps sorted.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("entries hold nothing that postcard cannot write")
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }

    /// About how many bytes it takes encoded, without encoding it.
    pub fn weight(&self) -> usize {
        match self {
            Self::Customer(customer) => {
                let records = customer.records.values().map(|state| {
                    let seen = state.seen.len() + state.own.len();
                    let fields = seen + state.desired.len() + state.accepted.len();
                    let writes = state.recent_writes.iter().map(|write| write.hashes.len());
                    400 + 50 * fields + 100 * writes.sum::<usize>() + 500 * state.held.len()
                });
                let links = 300 * customer.links.len();
                records.sum::<usize>() + links + 130 * customer.decided.len()
            }
            Self::Mapping(mapping) => mapping.body.len(),
            Self::Outstanding(_) | Self::Review(_) | Self::Owner(_) => 800,
            Self::Match(matching) => 100 * (1 + matching.records.len() + matching.deferred.len()),
            _ => 100,
        }
    }
}

/// A person or company: the connected component of linked records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    pub id: CustomerId,
    pub kind: CustomerKind,
    /// Journal sequence of the founding; the smaller one keeps its id in a merge.
    pub founded: u64,
    pub records: BTreeMap<RecordRef, Shared<RecordState>>,
    pub links: Shared<Vec<Link>>,
    /// By the mapped field's name.
    pub decided: Shared<BTreeMap<Name, Decided>>,
    /// Fields in conflict that wait for a person.
    pub contested: BTreeMap<Name, ReviewId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub left: RecordRef,
    pub right: RecordRef,
    pub rule: MatchRule,
    pub rule_version: u32,
    pub evidence: String,
    /// Journal sequence of the event that linked.
    pub sequence: u64,
    /// The observation that was being decided.
    pub cause: Option<ObservationId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    pub value: Value,
    pub by: RecordRef,
    pub sequence: u64,
    /// When the value came to be, by the clock of its source.
    pub version: Version,
    pub policy: Name,
    /// The observation that was being decided.
    pub cause: Option<ObservationId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecordState {
    /// Journal sequence at which the record entered the view.
    pub entered: u64,
    pub version: Version,
    pub gone: Option<Gone>,
    pub seen: Shared<BTreeMap<Name, Seen>>,
    pub desired: Shared<BTreeMap<Name, Desire>>,
    pub tags: Shared<BTreeSet<String>>,
    pub companies: Shared<BTreeSet<String>>,
    pub keys: Shared<BTreeSet<MatchKey>>,
    pub pursuit: Pursuit,
    /// The match keys under which the pursuit stands in the index, in flight or in line.
    pub claimed: BTreeSet<MatchKey>,
    /// Writes requested so far.
    pub write_sequence: u64,
    pub writing: Option<CommandId>,
    pub reading: Option<CommandId>,
    /// The journal sequence at which something was last folded into this record.
    pub folded: u64,
    /// Reads in a row that were overtaken by another change.
    pub rereads: u32,
    pub reread_required: bool,
    pub blocked: Option<Blocked>,
    /// Writes in a row whose outcome nobody knows.
    pub unknowns: u32,
    /// Until when nothing is tried; its end is a deadline.
    pub paused_until: Option<Timestamp>,
    /// The review item that tells of unknown outcomes.
    pub told: Option<ReviewId>,
    /// The review item that tells what is wrong at this account in its tree.
    pub tree: Option<ReviewId>,
    pub held: Shared<Vec<Held>>,
    pub recent_writes: Shared<VecDeque<Shared<RecentWrite>>>,
    /// Fields of the write in flight that an echo has confirmed already.
    pub echoed: BTreeSet<Name>,
    /// Forms of the remote's own that are not fought, by API name.
    pub accepted: Shared<BTreeMap<Name, AcceptedForm>>,
    /// Contacts whose lead carries a placeholder for this company's name.
    pub awaited_by: BTreeSet<RecordRef>,
    /// Records that are not the same customer, whatever they share: a person said so.
    pub apart: BTreeSet<RecordRef>,
    /// What stood in fields before our writes replaced it. One that somebody else has set since is
    /// not here: what is seen of it is its own.
    pub own: Shared<BTreeMap<Name, Own>>,
    /// When somebody replaced what we had written in a field, by our clock: the last
    /// `REVERSALS_KEPT_MAX`.
    pub reversals: Shared<BTreeMap<Name, VecDeque<Timestamp>>>,
    /// Fields whose breaker has tripped: nothing is written to them while the review item is open.
    pub tripped: Shared<BTreeMap<Name, ReviewId>>,
    /// What would be written to it, or made of it, were the bridge not in shadow mode.
    pub suppressed: Option<Suppressed>,
}

/// A value that a record had of its own, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Own {
    pub value: Value,
    pub version: Version,
    /// The first and the last of our writes in a row that stand over it.
    pub first: Asked,
    pub last: Asked,
}

/// When a write was asked for, by our clock, and under which version of the mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Asked {
    pub at: Timestamp,
    pub mapping: u64,
}

impl Shows for RecordState {
    fn shown(&self, name: &str) -> Option<&Value> {
        self.seen.get(name).map(|seen| &seen.value)
    }
}

impl<T: Shows> Shows for Shared<T> {
    fn shown(&self, name: &str) -> Option<&Value> {
        (**self).shown(name)
    }
}

impl RecordState {
    /// The last writes, the earliest first.
    pub fn writes(&self) -> impl DoubleEndedIterator<Item = &RecentWrite> + Clone {
        self.recent_writes.iter().map(|write| &**write)
    }

    /// The last value seen in a field of the record; blank where none was.
    pub fn value_seen(&self, name: &str) -> &Value {
        self.shown(name).unwrap_or(&Value::Null)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub value: Value,
    pub version: Version,
    pub via: Via,
    /// Whether the remote itself has shown this value; false for what we sent and got no answer on.
    pub confirmed: bool,
}

/// Where a record stands on its way to a counterpart in the other system.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Pursuit {
    #[default]
    Idle,
    Waiting {
        missing: Vec<String>,
    },
    LookingUp {
        command: CommandId,
    },
    Deferred {
        behind: RecordRef,
        deadline: Timestamp,
    },
    /// The lookup found nothing; the create waits for a company's name.
    AwaitingCompany {
        company: RecordRef,
    },
    Creating {
        command: CommandId,
    },
    InReview {
        review: ReviewId,
    },
}

/// A held observation and when it stops being held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub observation: HeldObservation,
    pub deadline: Timestamp,
    /// Journal sequence of the event that holds it: a read asked for later supersedes it.
    pub sequence: u64,
}

/// A pair (record, desired) that the remote refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    pub pair: [u8; 16],
    pub review: ReviewId,
}

/// A write that was sent, by value hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentWrite {
    pub sequence: u64,
    pub hashes: BTreeMap<Name, [u8; 16]>,
    /// What the fields were expected to hold before it.
    pub before: BTreeMap<Name, Value>,
    pub asked: Asked,
    /// What was known of the record when it was asked for.
    pub since: Version,
    /// The fields of it whose echo was seen.
    pub echoed: BTreeSet<Name>,
    /// Nobody knows whether it took effect; if it did, its echo comes.
    pub doubtful: bool,
    /// It read first, and found what it expected.
    pub looked: bool,
    /// How the remote stores what it sent, where that is in a form of its own.
    pub forms: BTreeMap<Name, [u8; 16]>,
}

impl RecentWrite {
    /// Whether a value is what the write sent, as it was sent or as the remote stores it.
    pub fn sent(&self, name: &str, hash: &[u8; 16]) -> bool {
        self.hashes.get(name) == Some(hash) || self.forms.get(name) == Some(hash)
    }
}

/// A desired value and how the remote stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedForm {
    pub desired: Value,
    pub stored: Value,
}

/// Who holds an identifier, and who stands in line for it.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Matching {
    /// The first `HOLDERS_KEPT_MAX`.
    pub records: BTreeSet<RecordRef>,
    /// How many hold it beside those.
    pub beyond: u64,
    /// The review item that told a person that too many hold it.
    pub shared: Option<ReviewId>,
    /// The record whose lookup or create is in flight with this key.
    pub in_flight: Option<RecordRef>,
    /// Records deferred behind it, in the order in which they came.
    pub deferred: Vec<RecordRef>,
}

impl Matching {
    /// How many records hold it.
    pub fn holders(&self) -> usize {
        self.records.len() + usize::try_from(self.beyond).unwrap_or(usize::MAX)
    }

    pub fn add(&mut self, record: &RecordRef) {
        if self.records.len() < HOLDERS_KEPT_MAX {
            self.records.insert(record.clone());
        } else if !self.records.contains(record) {
            self.beyond += 1;
        }
    }

    /// Takes one that holds it no longer.
    pub fn remove(&mut self, record: &RecordRef) {
        if !self.records.remove(record) {
            self.beyond = self.beyond.saturating_sub(1);
        }
    }
}

/// A command without an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outstanding {
    pub command: Command,
    /// None for a write.
    pub purpose: Option<ReadPurpose>,
    /// The record it belongs to; for a create the record it is made from.
    pub record: RecordRef,
    /// The record's `folded` when it was first requested.
    pub folded: u64,
    /// What was known of the record when it was first requested.
    pub since: Version,
    /// Journal sequence of the first request.
    pub sequence: u64,
    /// The version of the mapping that was active then.
    pub mapping: u64,
    /// Whether a review item about its silence is open.
    pub review: Option<ReviewId>,
}

impl Outstanding {
    /// When it was asked for, and under which mapping.
    pub fn asked(&self) -> Asked {
        Asked {
            at: self.command.requested_at,
            mapping: self.mapping,
        }
    }
}

/// What a deadline is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Due {
    Command(CommandId),
    Deferral(RecordRef),
    Hold(RecordRef, ObservationId),
    /// The end of a pause: the record is tried again.
    Pause(RecordRef),
}

impl Due {
    /// The deadline's key in the view.
    pub fn key(&self, bridge: &BridgeId, at: Timestamp) -> ViewKey {
        let what = match self {
            Self::Command(id) => *id.as_bytes(),
            Self::Deferral(record) => derive("deferral", &[&record.hash()]),
            Self::Hold(record, id) => derive("hold", &[&record.hash(), id.as_bytes()]),
            Self::Pause(record) => derive("pause", &[&record.hash()]),
        };
        ViewKey::due(bridge, at, &what)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewItem {
    pub id: ReviewId,
    pub kind: ReviewKind,
    pub record: RecordRef,
    pub candidates: Vec<RecordRef>,
    pub reason: String,
    pub opened_at: Timestamp,
    /// The mapped field of a conflict.
    pub field: Option<String>,
    /// Both sides of a conflict.
    pub claims: Vec<Claim>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveMapping {
    pub version: u64,
    pub hash: [u8; 32],
    pub body: String,
    /// Those that were active before, version and hash, the last `MAPPINGS_KEPT_MAX`.
    pub earlier: Vec<(u64, [u8; 32])>,
}

#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BridgeState {
    pub next_sequence: u64,
    /// The latest stamp in the bridge's journal: stamps never go back.
    pub last_at: Timestamp,
    /// Places of the dedupe window in use: `window_from..window_to`.
    pub window_from: u64,
    pub window_to: u64,
    /// Since when it is in shadow mode; none for a bridge that writes.
    pub shadow: Option<Timestamp>,
    /// Set while the bridge takes nothing of what comes.
    pub aside: Option<Aside>,
    /// Commands without an answer.
    pub outstanding: u64,
    /// The import that is not over with all of its sources.
    pub importing: Option<Importing>,
}

/// A bridge in which a decision panicked: it is quarantined until a person releases it, and then
/// reads what it was sent meanwhile before it takes what comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    pub since: Timestamp,
    /// The next position to take, per input.
    pub positions: BTreeMap<Topic, u64>,
    /// The observation that could not be decided; none where it was a deadline or a walk.
    pub cause: Option<ObservationId>,
    pub released: bool,
    /// Not to be taken again.
    pub skip: Option<ObservationId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Importing {
    pub run: u64,
    /// Those whose rows have all been taken.
    pub ended: BTreeSet<SourceId>,
}

/// A look at every customer of a bridge, or at those below an account, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    pub reason: WalkReason,
    pub record: Option<RecordRef>,
    pub version: u64,
    /// Since when writes are undone.
    pub since: Option<Timestamp>,
    /// The last customer that was looked at.
    pub to: Option<CustomerId>,
    pub customers: u64,
    /// Of a walk over a tree: the way from below its account to the last record looked at.
    pub path: Vec<RecordRef>,
}

/// What the sweeps of a source found.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SweepState {
    /// Records healed since the last report.
    pub healed: u64,
    /// Records healed ever.
    pub healed_ever: u64,
    pub last: Option<SweepReport>,
}

/// One comparison of a source, as it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepReport {
    pub source: SourceId,
    pub run: u64,
    /// The window, by the source's clock: from and before.
    pub since: Timestamp,
    pub until: Timestamp,
    pub compared: u64,
    pub healed: u64,
    /// By our clock.
    pub ended_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PartitionState {
    pub next_sequence: u64,
    pub last_at: Timestamp,
    /// Next offset to take, per input.
    pub positions: BTreeMap<Topic, u64>,
}
