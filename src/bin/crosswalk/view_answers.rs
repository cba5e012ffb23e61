//! Questions about the view, passed on to the driver that owns it, or to a view rebuilt for them.

use std::sync::Arc;

use crosswalk::domain::journal::BridgeMode;
use crosswalk::domain::{BridgeId, CustomerId, DeadLetter, LetterSettlement, Message, Observation};
use crosswalk::domain::{ObservationBody, ObservationId, RecordRef, ReviewAnswer, ReviewId};
use crosswalk::domain::{Timestamp, Topic};
use crosswalk::mapping::Sources;
use crosswalk::ports::clock::Clock;
use crosswalk::ports::event_log::{EventLog, Outgoing, Place};
use crosswalk::ports::view_questions::{Error, ViewQuestions};
use crosswalk::processor::driver::Driver;
use crosswalk::processor::queries;
use serde_json::{Map, Value, json};

use crate::letters::{APPEND_BYTES_MAX, Batch, Follows, LETTERS_MAX, Letters};
use crate::partition::Drivers;

/// Review items named in the counts, per bridge.
const REVIEWS_MAX: usize = 100;

/// A bridge as questions need it.
#[derive(Clone)]
pub struct Bridge {
    pub id: BridgeId,
    pub partition: u32,
    pub sources: Option<Sources>,
}

/// The drivers of this process, by partition.
pub struct ViewAnswers {
    drivers: Drivers,
    bridges: Vec<Bridge>,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    letters: Letters,
}

impl ViewAnswers {
    pub fn new(
        drivers: Drivers,
        bridges: Vec<Bridge>,
        letters: Letters,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            letters,
            drivers,
            bridges,
            log,
            clock,
        }
    }

    /// The partitions that this process leads.
    fn led(&self) -> Result<Vec<u32>, Error> {
        let led = self.drivers.partitions();
        match led.is_empty() {
            true => Err(Error::NotReady(
                "this process leads no partition: it is catching up or stands by".to_owned(),
            )),
            false => Ok(led),
        }
    }

    fn known(&self, bridge: &str) -> Result<&Bridge, Error> {
        let known = self.bridges.iter().find(|one| one.id.as_str() == bridge);
        known.ok_or_else(|| {
            Error::BadQuery(format!(
                "no bridge of the configuration is called {bridge:?}"
            ))
        })
    }

    fn ask<Q>(&self, partition: u32, question: Q) -> Result<Value, Error>
    where
        Q: FnOnce(&Driver) -> Value + Send + 'static,
    {
        let driver = self.drivers.of(partition).ok_or_else(|| {
            Error::NotReady(format!(
                "partition {partition} is catching up, or another process has it: ask that one"
            ))
        })?;
        driver.ask(question).ok_or_else(|| {
            Error::NotReady(format!(
                "the processor of partition {partition} does not answer"
            ))
        })
    }
}

impl ViewAnswers {
    /// The bridge whose open item takes this answer. An item that takes another is refused here:
    /// the log would take the answer, and nobody would hear that it came to nothing.
    fn bridge_awaiting(&self, review: &ReviewId, answer: &ReviewAnswer) -> Result<&Bridge, Error> {
        for bridge in &self.bridges {
            let (id, review, answer) = (bridge.id.clone(), *review, answer.clone());
            let awaits = self.ask(bridge.partition, move |driver| {
                match queries::awaits(driver.view(), &id, &review, &answer) {
                    None => json!({"open": false}),
                    Some(Ok(())) => json!({"open": true}),
                    Some(Err(answers)) => json!({"open": true, "instead": answers}),
                }
            })?;
            if let Some(answers) = awaits["instead"].as_str() {
                let text = format!("{review} cannot be answered so; it takes {answers}");
                return Err(Error::BadQuery(text));
            }
            if awaits["open"] == true {
                return Ok(bridge);
            }
        }
        let text = format!("{review} is not open: see crosswalk review list");
        Err(Error::BadQuery(text))
    }
}

impl ViewAnswers {
    /// A person's answer, as it stands on the log, and its id.
    fn answered(
        &self,
        bridge: &Bridge,
        review: &ReviewId,
        answer: &ReviewAnswer,
        by: &str,
    ) -> (String, Outgoing) {
        let id = ObservationId::of_decision(&format!("{review} {answer} {by}"));
        let body = ObservationBody::ReviewAnswered {
            review: *review,
            answer: answer.clone(),
            by: by.to_owned(),
        };
        (id.to_string(), self.decision(bridge, id, body))
    }

    fn decision(&self, bridge: &Bridge, id: ObservationId, body: ObservationBody) -> Outgoing {
        Outgoing {
            topic: Topic::Decisions,
            place: Place::Partition(bridge.partition),
            key: bridge.id.text(),
            message: Some(Message::Observation(Box::new(Observation {
                id,
                bridge: bridge.id.clone(),
                received_at: self.clock.now(),
                traceparent: None,
                body,
            }))),
        }
    }

    /// One letter of several, with what is told of it. A refused command is never sent again: its
    /// record is tried again, once, and a letter whose record waits for nothing has had its day.
    fn settle_letter(
        &self,
        batch: &mut Batch,
        letter: &str,
        how: LetterSettlement,
        by: &str,
    ) -> Result<Value, Error> {
        let found = self.letters.open(letter, &batch.settled)?;
        let (mut how, mut why, mut follows) = (how, None, Vec::new());
        if how == LetterSettlement::Redriven {
            match self.letters.follows(&found).map_err(Error::Refused)? {
                Follows::Entries(entries) => follows = entries,
                Follows::Retry(record) => {
                    let taken_up = batch.records.contains(&record);
                    match taken_up {
                        true => why = Some(format!("{record} is tried again already")),
                        false => match self.retry(&found, &record, by)? {
                            Some(retry) => follows.push(retry),
                            None => {
                                why = Some(format!(
                                    "nothing of {record} waits any more: it was tried again or \
                                 changed since"
                                ))
                            }
                        },
                    }
                    batch.records.insert(record);
                }
            }
        }
        if why.is_some() {
            how = LetterSettlement::Discarded;
        }
        let told = json!({
            "letter": letter, "how": how.label(), "entries": follows.len(), "why": why,
        });
        let decision = self.letters.decision((letter, &found), how, by)?;
        batch.bytes += found.bytes.len();
        batch.outgoing.extend(follows);
        batch.outgoing.push(decision);
        batch
            .settled
            .insert(letter.to_owned(), (how, by.to_owned()));
        Ok(told)
    }

    /// What follows from a letter and the decision about it stand in one append.
    fn append_batch(&self, batch: &mut Batch) -> Result<(), Error> {
        batch.bytes = 0;
        let outgoing = std::mem::take(&mut batch.outgoing);
        if outgoing.is_empty() {
            return Ok(());
        }
        let appended = self.log.append(outgoing);
        appended.map_err(|error| Error::Failed(error.to_string()))
    }

    /// The answer that tries a refused record again; none where no review item of it is open.
    fn retry(
        &self,
        letter: &DeadLetter,
        record: &RecordRef,
        by: &str,
    ) -> Result<Option<Outgoing>, Error> {
        let bridge = self.bridges.iter().find(|one| one.id == letter.bridge);
        let Some(bridge) = bridge else {
            let text = format!("bridge {} is not configured", letter.bridge);
            return Err(Error::Refused(text));
        };
        let (id, of) = (bridge.id.clone(), record.clone());
        let open = self.ask(bridge.partition, move |driver| {
            json!({"review": queries::refused(driver.view(), &id, &of).map(|id| id.to_string())})
        })?;
        let review = open["review"].as_str().map(ReviewId::parse);
        let Some(Ok(review)) = review else {
            return Ok(None);
        };
        let (_, answer) = self.answered(bridge, &review, &ReviewAnswer::Retry, by);
        Ok(Some(answer))
    }
}

impl ViewQuestions for ViewAnswers {
    fn identity(&self, query: &str) -> Result<Value, Error> {
        if query.trim().is_empty() {
            return Err(Error::BadQuery("it is empty".to_owned()));
        }
        let mut answers = Vec::new();
        for bridge in &self.bridges {
            let (of, query) = (bridge.clone(), query.to_owned());
            answers.push(self.ask(bridge.partition, move |driver| {
                queries::identity(driver.view(), &of.id, of.sources.as_ref(), &query)
            })?);
        }
        Ok(json!({"bridges": answers}))
    }

    fn explain(&self, query: &str) -> Result<Value, Error> {
        if query.trim().is_empty() {
            return Err(Error::BadQuery("it is empty".to_owned()));
        }
        let mut answers = Vec::new();
        for bridge in &self.bridges {
            let (of, query) = (bridge.clone(), query.to_owned());
            answers.push(self.ask(bridge.partition, move |driver| {
                queries::explain(driver.view(), &of.id, &query)
            })?);
        }
        Ok(json!({"bridges": answers}))
    }

    fn reviews(&self, max: usize) -> Result<Value, Error> {
        let mut reviews = Vec::new();
        for bridge in &self.bridges {
            let id = bridge.id.clone();
            let open = self.ask(bridge.partition, move |driver| {
                queries::reviews(driver.view(), &id, max)
            })?;
            reviews.extend(open.as_array().into_iter().flatten().cloned());
        }
        Ok(json!({"reviews": reviews}))
    }

    fn sweeps(&self) -> Result<Value, Error> {
        let mut sweeps = Vec::new();
        for bridge in &self.bridges {
            let id = bridge.id.clone();
            let reports = self.ask(bridge.partition, move |driver| {
                queries::sweeps(driver.view(), &id)
            })?;
            sweeps.extend(reports.as_array().into_iter().flatten().cloned());
        }
        Ok(json!({"sweeps": sweeps}))
    }

    fn answer_review(
        &self,
        review: &ReviewId,
        answer: &ReviewAnswer,
        by: &str,
    ) -> Result<Value, Error> {
        let bridge = self.bridge_awaiting(review, answer)?;
        let (id, outgoing) = self.answered(bridge, review, answer, by);
        let appended = self.log.append(vec![outgoing]);
        appended.map_err(|error| Error::Failed(error.to_string()))?;
        Ok(json!({"decision": id, "review": review.to_string(), "answer": answer.to_string()}))
    }

    fn decide_link(
        &self,
        left: &RecordRef,
        right: &RecordRef,
        same: bool,
        by: &str,
    ) -> Result<Value, Error> {
        let mut refusals = Vec::new();
        let mut decisions = Vec::new();
        for bridge in &self.bridges {
            let (id, pair) = (bridge.id.clone(), (left.clone(), right.clone()));
            let checked = self.ask(bridge.partition, move |driver| {
                let pair = (&pair.0, &pair.1);
                match queries::link_decision(driver.view(), &id, pair, same) {
                    None => Value::Null,
                    Some(Ok(id)) => json!({"decision": id.to_string()}),
                    Some(Err(refusal)) => json!({"refusal": refusal.to_string()}),
                }
            })?;
            if let Some(why) = checked["refusal"].as_str() {
                refusals.push(format!("{}: {why}", bridge.id));
            }
            if let Some(id) = checked["decision"].as_str() {
                let id =
                    ObservationId::parse(id).map_err(|error| Error::Failed(error.to_string()))?;
                let body = ObservationBody::LinkDecided {
                    left: left.clone(),
                    right: right.clone(),
                    same,
                    by: by.to_owned(),
                };
                decisions.push((id, self.decision(bridge, id, body)));
            }
        }
        if decisions.is_empty() {
            let why = match refusals.is_empty() {
                true => format!("no bridge knows {left} or {right}"),
                false => refusals.join("; "),
            };
            return Err(Error::Refused(why));
        }
        let (ids, outgoing): (Vec<_>, Vec<_>) = decisions.into_iter().unzip();
        let appended = self.log.append(outgoing);
        appended.map_err(|error| Error::Failed(error.to_string()))?;
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        Ok(json!({"decisions": ids}))
    }

    fn settle_letters(
        &self,
        letters: &[String],
        how: LetterSettlement,
        by: &str,
    ) -> Result<Value, Error> {
        if letters.len() > LETTERS_MAX {
            let text = format!("{} letters at once; at most {LETTERS_MAX}", letters.len());
            return Err(Error::BadQuery(text));
        }
        let mut batch = Batch {
            settled: self.letters.settled()?,
            ..Batch::default()
        };
        for letter in letters {
            let told = match self.settle_letter(&mut batch, letter, how, by) {
                Ok(told) => told,
                Err(Error::BadQuery(why) | Error::Refused(why)) => {
                    json!({"letter": letter, "refused": why})
                }
                Err(failed) => return Err(failed),
            };
            batch.told.push(told);
            if batch.bytes > APPEND_BYTES_MAX {
                self.append_batch(&mut batch)?;
            }
        }
        self.append_batch(&mut batch)?;
        Ok(json!({"letters": batch.told}))
    }

    fn bridges(&self) -> Result<Value, Error> {
        let mut bridges = Vec::new();
        for bridge in &self.bridges {
            let (id, partition) = (bridge.id.clone(), bridge.partition);
            bridges.push(self.ask(partition, move |driver| {
                queries::bridge(driver.view(), partition, &id)
            })?);
        }
        Ok(json!({"bridges": bridges}))
    }

    fn set_mode(&self, bridge: &str, mode: BridgeMode, by: &str) -> Result<Value, Error> {
        let known = self.known(bridge)?;
        let id = known.id.clone();
        let settled = self.ask(known.partition, move |driver| {
            match queries::mode(driver.view(), &id, mode) {
                Ok(id) => json!({"decision": id.to_string()}),
                Err(why) => json!({"refused": why}),
            }
        })?;
        if let Some(why) = settled["refused"].as_str() {
            return Err(Error::Refused(why.to_owned()));
        }
        let id = ObservationId::parse(settled["decision"].as_str().unwrap_or_default());
        let id = id.map_err(|error| Error::Failed(error.to_string()))?;
        let by = by.to_owned();
        let body = ObservationBody::ModeDecided { mode, by };
        let appended = self.log.append(vec![self.decision(known, id, body)]);
        appended.map_err(|error| Error::Failed(error.to_string()))?;
        Ok(json!({"bridge": bridge, "decision": id.to_string(), "mode": mode.label()}))
    }

    fn withheld(&self, bridge: &str, after: Option<CustomerId>) -> Result<Value, Error> {
        let known = self.known(bridge)?;
        let id = known.id.clone();
        self.ask(known.partition, move |driver| {
            queries::withheld(driver.view(), &id, after.as_ref())
        })
    }

    fn revertible(
        &self,
        bridge: &str,
        mapping: &str,
        since: Timestamp,
        after: Option<CustomerId>,
    ) -> Result<Value, Error> {
        let known = self.known(bridge)?;
        let (id, hash) = (known.id.clone(), mapping.to_owned());
        let page = self.ask(known.partition, move |driver| {
            let page = queries::revertible(driver.view(), &id, &hash, since, after.as_ref());
            page.unwrap_or_else(|why| json!({"refused": why}))
        })?;
        match page["refused"].as_str() {
            Some(why) => Err(Error::BadQuery(why.to_owned())),
            None => Ok(page),
        }
    }

    fn revert(
        &self,
        bridge: &str,
        mapping: &str,
        since: Timestamp,
        by: &str,
    ) -> Result<Value, Error> {
        let known = self.known(bridge)?;
        let (id, hash) = (known.id.clone(), mapping.to_owned());
        let (settle, settled) = std::sync::mpsc::sync_channel(1);
        self.ask(known.partition, move |driver| {
            // The asker waits for the answer, so there is room for it.
            let _ = settle.send(queries::revert_decision(driver.view(), &id, &hash, since));
            Value::Null
        })?;
        let decision = settled
            .recv()
            .map_err(|error| Error::Failed(error.to_string()))?;
        let (id, mapping) = decision.map_err(Error::BadQuery)?;
        let by = by.to_owned();
        let body = ObservationBody::RevertDecided { mapping, since, by };
        let appended = self.log.append(vec![self.decision(known, id, body)]);
        appended.map_err(|error| Error::Failed(error.to_string()))?;
        Ok(json!({
            "bridge": bridge, "decision": id.to_string(), "mapping": hex::encode(mapping),
        }))
    }

    fn release_bridge(&self, bridge: &str, skips: bool, by: &str) -> Result<Value, Error> {
        let known = self.known(bridge)?;
        let id = known.id.clone();
        let (settle, settled) = std::sync::mpsc::sync_channel(1);
        self.ask(known.partition, move |driver| {
            // The asker waits for the answer, so there is room for it.
            let _ = settle.send(queries::release(driver.view(), &id, skips));
            Value::Null
        })?;
        let release = settled
            .recv()
            .map_err(|error| Error::Failed(error.to_string()))?;
        let (id, skip) = release.map_err(Error::Refused)?;
        let body = ObservationBody::BridgeReleased {
            skip,
            by: by.to_owned(),
        };
        let appended = self.log.append(vec![self.decision(known, id, body)]);
        appended.map_err(|error| Error::Failed(error.to_string()))?;
        Ok(json!({
            "bridge": bridge, "decision": id.to_string(),
            "skip": skip.map(|id| id.to_string()),
        }))
    }

    fn digest(&self) -> Result<Value, Error> {
        let mut digests = Vec::new();
        for partition in self.led()? {
            digests.push(self.ask(partition, move |driver| {
                queries::digest(driver.view(), partition)
            })?);
        }
        Ok(json!({"partitions": digests}))
    }

    fn stats(&self) -> Result<Value, Error> {
        let mut partitions = Map::new();
        for partition in self.led()? {
            let stats = self.ask(partition, move |driver| {
                let counts = driver.counts();
                json!({
                    "observations": counts.observations,
                    "events": counts.events,
                    "unchanged": counts.unchanged,
                    "rebuilt": driver.recovered().rebuilt,
                    "recovered_entries": driver.recovered().entries,
                    "digest": queries::digest(driver.view(), partition),
                })
            })?;
            partitions.insert(partition.to_string(), stats);
        }
        let mut reviews = Map::new();
        for bridge in &self.bridges {
            let id = bridge.id.clone();
            let open = self.ask(bridge.partition, move |driver| {
                queries::reviews(driver.view(), &id, REVIEWS_MAX)
            })?;
            reviews.insert(bridge.id.to_string(), open);
        }
        Ok(json!({"partitions": partitions, "reviews": reviews}))
    }
}
