//! Queries over the org's rows: names resolved, rows filtered, sorted, shaped and paged.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::sandbox::derive;
use crate::sandbox::exchange::{Answer, Request};
use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::model::org::Org;
use crate::sandbox::salesforce::model::records::attributes;
use crate::sandbox::salesforce::model::row::Row;
use crate::sandbox::salesforce::objects;
use crate::sandbox::salesforce::schema::{Kind, Object};
use crate::sandbox::salesforce::soql::{
    self, Condition, Literal, Lookup, Operator, Query, Selection,
};

const BATCH: usize = 2_000;
const BATCH_MIN: usize = 200;
/// How many cursors an org keeps open; the oldest is closed for a new one.
const CURSORS_MAX: usize = 10;
/// How far a path may lead: five steps from child to parent.
const STEPS_MAX: usize = 5;

/// A row with the org around it, so that paths can be followed.
struct Standing<'a> {
    org: &'a Org,
    object: &'static Object,
    row: Option<&'a Row>,
}

// === impl Org ===

impl Org {
    /// GET /query and /queryAll.
    pub(crate) fn run_query(
        &mut self,
        request: &Request,
        version: &str,
        with_deleted: bool,
        now_ms: i64,
    ) -> Result<Answer, Refusal> {
        let text = request.param("q").unwrap_or_default();
        let query = soql::parse(text)?;
        let object = self
            .api_object(&query.object)
            .ok_or_else(|| unknown_object(&query.object))?;
        let rows = self.matching(&query, object, with_deleted)?;
        if query.selection == Selection::Count {
            let total = rows.len();
            let body = json!({"totalSize": total, "done": true, "records": []});
            return Ok(Answer::json(200, body).read());
        }
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            let standing = Standing {
                org: self,
                object,
                row: Some(row),
            };
            records.push(standing.shape(&query.selection, version)?);
        }
        let number = self.draw();
        let hex = derive::digest_hex(&now_ms.to_string(), "cursor", number);
        // Names grow, so that the first one is the oldest.
        let cursor = format!("0r8{number:08x}{}", &hex[..7]);
        Ok(self.page(&cursor, records, 0, batch_size(request), version))
    }

    /// GET /query/{locator}.
    pub(crate) fn continue_query(
        &mut self,
        request: &Request,
        version: &str,
        locator: &str,
    ) -> Result<Answer, Refusal> {
        let unknown = || Refusal::new(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
        let (cursor, start) = locator.rsplit_once('-').ok_or_else(unknown)?;
        let start: usize = start.parse().map_err(|_| unknown())?;
        let records = self.cursors.get(cursor).cloned().ok_or_else(unknown)?;
        if start > records.len() {
            return Err(unknown());
        }
        Ok(self.page(cursor, records, start, batch_size(request), version))
    }

    fn page(
        &mut self,
        cursor: &str,
        records: Vec<Value>,
        start: usize,
        batch: usize,
        version: &str,
    ) -> Answer {
        let total = records.len();
        let end = start.saturating_add(batch).min(total);
        let shown = records.get(start..end).unwrap_or_default();
        let mut body = json!({"totalSize": total, "done": end == total});
        if end < total {
            let next = format!("/services/data/{version}/query/{cursor}-{end}");
            body["nextRecordsUrl"] = json!(next);
        }
        body["records"] = json!(shown);
        if end < total && start == 0 {
            while self.cursors.len() >= CURSORS_MAX {
                self.cursors.pop_first();
            }
            self.cursors.insert(cursor.to_owned(), records);
        }
        Answer::json(200, body).read()
    }

    fn matching(
        &self,
        query: &Query,
        object: &'static Object,
        with_deleted: bool,
    ) -> Result<Vec<&Row>, Refusal> {
        // Names are checked once without a row, so that an empty table refuses them too.
        let nobody = Standing {
            org: self,
            object,
            row: None,
        };
        if let Some(condition) = &query.condition {
            soql::holds(condition, &nobody)?;
        }
        if let Selection::Fields(paths) = &query.selection {
            paths
                .iter()
                .try_for_each(|path| nobody.value(path).map(|_| ()))?;
        }
        let mut found = Vec::new();
        let candidates = match query.condition.as_ref().filter(|_| !with_deleted) {
            Some(condition) => self.indexed(object, condition),
            None => None,
        };
        let candidates = candidates.unwrap_or_else(|| self.rows_of(object.name).collect());
        for row in candidates
            .into_iter()
            .filter(|row| with_deleted || !row.deleted)
        {
            let standing = Standing {
                org: self,
                object,
                row: Some(row),
            };
            let fits = query
                .condition
                .as_ref()
                .map(|c| soql::holds(c, &standing))
                .transpose()?;
            if fits != Some(false) {
                found.push(row);
            }
        }
        self.arrange(query, object, &mut found)?;
        let limit = query.limit.unwrap_or(usize::MAX);
        Ok(found.into_iter().skip(query.offset).take(limit).collect())
    }

    /// Sorts by the last key first, so that the first one decides.
    fn arrange(
        &self,
        query: &Query,
        object: &'static Object,
        found: &mut [&Row],
    ) -> Result<(), Refusal> {
        let nobody = Standing {
            org: self,
            object,
            row: None,
        };
        let mut failed = None;
        for order in query.order.iter().rev() {
            nobody.value(&order.path)?;
            found.sort_by(|left, right| {
                let value = |row: &Row| {
                    Standing {
                        org: self,
                        object,
                        row: Some(row),
                    }
                    .value(&order.path)
                };
                match (value(left), value(right)) {
                    (Ok((left, kind)), Ok((right, _))) => arranged(order, &left, &right, kind),
                    (Err(refusal), _) | (_, Err(refusal)) => {
                        failed = Some(refusal);
                        Ordering::Equal
                    }
                }
            });
        }
        failed.map_or(Ok(()), Err)
    }
}

impl Org {
    /// The living rows that a condition on a key leaves to look at, in the order of their ids;
    /// `None` if it pins no key.
    fn indexed(&self, object: &'static Object, condition: &Condition) -> Option<Vec<&Row>> {
        let comparison = match condition {
            Condition::All(parts) => {
                return parts.iter().find_map(|part| self.indexed(object, part));
            }
            Condition::Compare(comparison) => comparison,
            _ => return None,
        };
        let field = object.field(&comparison.path)?;
        let pins = matches!(comparison.operator, Operator::Equal | Operator::In);
        if !pins || !(field.id_lookup || field.kind == Kind::Id) {
            return None;
        }
        let mut ids = BTreeSet::new();
        for literal in &comparison.values {
            let Literal::Text(text) = literal else {
                return None;
            };
            match field.kind {
                Kind::Id => ids.extend(ids::normalise(text)),
                _ => ids.extend(self.with_key(object, field.name, text)),
            }
        }
        Some(
            ids.iter()
                .filter_map(|id| self.row(object.name, id))
                .collect(),
        )
    }
}

// === impl Standing ===

impl Lookup for Standing<'_> {
    fn value(&self, path: &str) -> Result<(Value, Kind), Refusal> {
        let steps: Vec<&str> = path.split('.').collect();
        let own_name = steps.len() > 1 && steps[0].eq_ignore_ascii_case(self.object.name);
        self.follow(if own_name { &steps[1..] } else { &steps })
    }
}

impl Standing<'_> {
    fn follow(&self, steps: &[&str]) -> Result<(Value, Kind), Refusal> {
        match steps {
            [] => Err(Refusal::malformed_query("a field name is missing")),
            _ if steps.len() > STEPS_MAX + 1 => Err(Refusal::malformed_query(
                "the relationship path is too long",
            )),
            [name] => {
                let missing = || no_such_column(name, self.object.name);
                let field = self.org.api_field(self.object, name).ok_or_else(missing)?;
                let value = self.row.map_or(Value::Null, |row| row.get(field.name));
                Ok((value, field.kind))
            }
            [relationship, rest @ ..] => self.through(relationship, |parent| parent.follow(rest)),
        }
    }

    /// Asks the parent; with several possible kinds of parent, the real one or, without a row,
    /// the first that knows the name.
    fn through<T>(
        &self,
        relationship: &str,
        ask: impl Fn(&Standing<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let Some((field, targets)) = self.org.api_relationship(self.object, relationship) else {
            return Err(Refusal::new(
                400,
                "INVALID_FIELD",
                format!(
                    "Didn't understand relationship '{relationship}' in field path. If you are \
                     attempting to use a custom relationship, be sure to append the '__r' after \
                     the custom relationship name. Please reference your WSDL or the describe \
                     call for the appropriate names."
                ),
            ));
        };
        let id = self
            .row
            .and_then(|row| row.text(field.name).map(str::to_owned));
        let id = id.or_else(|| self.row?.get(field.name).as_str().map(str::to_owned));
        let parent = id.and_then(|id| {
            let object = self.org.api_object(objects::of_id(&id)?.name)?;
            Some((object, self.org.row(object.name, &id)?))
        });
        if let Some((object, row)) = parent {
            let outcome = ask(&Standing {
                org: self.org,
                object,
                row: Some(row),
            });
            // A queue has no role: a name that only the other kind of parent knows is null.
            if outcome.is_ok() || targets.len() == 1 {
                return outcome;
            }
        }
        let mut refused = Refusal::malformed_query("a relationship leads nowhere");
        for target in targets {
            let Some(object) = self.org.api_object(target) else {
                continue;
            };
            match ask(&Standing {
                org: self.org,
                object,
                row: None,
            }) {
                Ok(answer) => return Ok(answer),
                Err(refusal) => refused = refusal,
            }
        }
        Err(refused)
    }

    /// The record with the selected fields, parents nested.
    fn shape(&self, selection: &Selection, version: &str) -> Result<Value, Refusal> {
        let Selection::Fields(paths) = selection else {
            return Ok(Value::Null);
        };
        let id = self.row.map_or("", |row| row.id.as_str());
        let mut record = json!({"attributes": attributes(self.object, id, version)});
        for path in paths {
            let steps: Vec<&str> = path.split('.').collect();
            let own_name = steps.len() > 1 && steps[0].eq_ignore_ascii_case(self.object.name);
            self.place(
                &mut record,
                if own_name { &steps[1..] } else { &steps },
                version,
            )?;
        }
        Ok(record)
    }

    fn place(&self, record: &mut Value, steps: &[&str], version: &str) -> Result<(), Refusal> {
        let [relationship, rest @ ..] = steps else {
            return Ok(());
        };
        if rest.is_empty() {
            let (value, _) = self.follow(steps)?;
            let name = self
                .object
                .field(relationship)
                .map_or(*relationship, |field| field.name);
            record[name] = value;
            return Ok(());
        }
        let Some((field, _)) = self.org.api_relationship(self.object, relationship) else {
            return self.follow(steps).map(|_| ());
        };
        let Kind::Reference { relationship, .. } = field.kind else {
            return Ok(());
        };
        let id = self.row.map_or(Value::Null, |row| row.get(field.name));
        let parent = id.as_str().and_then(|id| {
            let object = objects::of_id(id)?;
            Some((object, self.org.row(object.name, id)?))
        });
        let Some((object, row)) = parent else {
            record[relationship] = Value::Null;
            return Ok(());
        };
        if !record[relationship].is_object() {
            record[relationship] = json!({"attributes": attributes(object, &row.id, version)});
        }
        let standing = Standing {
            org: self.org,
            object,
            row: Some(row),
        };
        let nested = &mut record[relationship];
        if standing.place(nested, rest, version).is_err() {
            nested[rest[0]] = Value::Null;
        }
        Ok(())
    }
}

fn arranged(order: &soql::Order, left: &Value, right: &Value, kind: Kind) -> Ordering {
    let nulls = left.is_null().cmp(&right.is_null());
    if nulls != Ordering::Equal {
        return if order.nulls_last {
            nulls
        } else {
            nulls.reverse()
        };
    }
    let arranged = soql::compare(left, right, kind);
    if order.descending {
        arranged.reverse()
    } else {
        arranged
    }
}

fn batch_size(request: &Request) -> usize {
    let asked = request.header("sforce-query-options").and_then(|options| {
        options
            .split([',', ';'])
            .find_map(|one| one.trim().strip_prefix("batchSize="))
    });
    asked
        .and_then(|size| size.trim().parse().ok())
        .unwrap_or(BATCH)
        .clamp(BATCH_MIN, BATCH)
}

fn no_such_column(name: &str, object: &str) -> Refusal {
    let message = format!(
        "No such column '{name}' on entity '{object}'. If you are attempting to use a custom \
         field, be sure to append the '__c' after the custom field name. Please reference your \
         WSDL or the describe call for the appropriate names."
    );
    Refusal::new(400, "INVALID_FIELD", message)
}

fn unknown_object(name: &str) -> Refusal {
    let message = format!(
        "sObject type '{name}' is not supported. If you are attempting to use a custom object, \
         be sure to append the '__c' after the entity name. Please reference your WSDL or the \
         describe call for the appropriate names."
    );
    Refusal::new(400, "INVALID_TYPE", message)
}
