//! Deliveries that a script asks for: held back, released in an order, repeated, or made up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;

use crate::sandbox::guard::lock;
use crate::sandbox::intercom::delivery::{Attempt, Courier, KEPT_MAX};
use crate::sandbox::intercom::model::Notification;
use crate::sandbox::intercom::signature::Seal;

// === impl Courier ===

impl Courier {
    pub(crate) fn hold(&self, on: bool) {
        lock(&self.shelf).holding = on;
    }

    /// Sends what was held, in this order, the whole list `times` times; answers the ids sent.
    pub(crate) fn release(
        self: &Arc<Self>,
        order: &Value,
        times: usize,
        keep_holding: bool,
    ) -> Result<Vec<String>, String> {
        let mut shelf = lock(&self.shelf);
        let list: Vec<Notification> = match order {
            Value::Null => shelf.held.drain(..).collect(),
            Value::String(name) if name == "as_is" => shelf.held.drain(..).collect(),
            Value::String(name) if name == "reverse" => shelf.held.drain(..).rev().collect(),
            Value::Array(ids) => take_listed(&mut shelf.held, ids)?,
            _ => return Err("order must be as_is, reverse or a list of ids".to_owned()),
        };
        shelf.holding = keep_holding;
        drop(shelf);
        let ids = list.iter().map(|one| one.id.clone()).collect();
        let rounds = std::iter::repeat_n(list, times).flatten().take(KEPT_MAX);
        self.submit_in_order(rounds.collect());
        Ok(ids)
    }

    /// Sends one notification again, as a duplicate.
    pub(crate) fn redeliver(self: &Arc<Self>, id: &str, times: usize) -> Result<(), String> {
        let found = lock(&self.shelf)
            .kept
            .iter()
            .find(|one| one.id == id)
            .cloned();
        let found = found.ok_or_else(|| format!("there is no notification {id}"))?;
        self.submit_in_order(std::iter::repeat_n(found, times.min(KEPT_MAX)).collect());
        Ok(())
    }

    /// Posts these bytes to the endpoint; answers the id under which the delivery is logged.
    pub(crate) fn send_raw(self: &Arc<Self>, body: Vec<u8>, seal: Seal) -> Result<String, String> {
        let url = lock(&self.endpoint)
            .url
            .clone()
            .ok_or("there is no endpoint")?;
        let id = format!("raw_{}", self.raw_sent.fetch_add(1, Ordering::AcqRel) + 1);
        let notification = Notification {
            id: id.clone(),
            app_id: String::new(),
            topic: "raw".to_owned(),
            record_id: String::new(),
            item: Value::Null,
            created_s: 0,
        };
        self.spawn(vec![notification], move |courier, list| async move {
            for notification in &list {
                let attempt = Attempt {
                    notification,
                    number: 1,
                    seal,
                    fault: None,
                };
                courier.post(&url, body.clone(), &attempt).await;
            }
        });
        Ok(id)
    }
}

fn take_listed(
    held: &mut VecDeque<Notification>,
    ids: &[Value],
) -> Result<Vec<Notification>, String> {
    let find = |id: &Value| {
        let found = held
            .iter()
            .find(|one| Some(one.id.as_str()) == id.as_str())
            .cloned();
        found.ok_or_else(|| format!("notification {id} is not held"))
    };
    let list = ids.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    held.retain(|one| !list.iter().any(|taken| taken.id == one.id));
    Ok(list)
}
