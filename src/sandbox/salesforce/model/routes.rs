//! Which request means what: sessions, the allocation, versions, and the table of resources.

use serde_json::{Value, json};

use crate::sandbox::exchange::{Answer, Effect, Request};
use crate::sandbox::moment;
use crate::sandbox::salesforce::describe;
use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::ids;
use crate::sandbox::salesforce::model::changes::Actor;
use crate::sandbox::salesforce::model::org::Org;
use crate::sandbox::salesforce::model::row::Row;
use crate::sandbox::salesforce::schema::{Field, Object};

/// Versions in service; older ones answer 410 (salesforce.md 3).
const VERSION_FIRST: u32 = 31;
const VERSION_LAST: u32 = 67;
const ROW_METHODS: &str = "HEAD,GET,PATCH,DELETE";

/// A request with what its path and headers say already read.
struct Call<'a> {
    request: &'a Request,
    version: &'a str,
    actor: Actor,
}

// === impl Org ===

impl Org {
    /// Answers one request.
    pub(crate) fn handle(&mut self, request: &Request, now_ms: i64) -> Answer {
        let route = request.route();
        match (request.method.as_str(), route.as_slice()) {
            ("POST", ["services", "oauth2", "token"]) => {
                return self.issue_token(request, now_ms);
            }
            ("POST" | "GET", ["services", "oauth2", "revoke"]) => {
                return self.revoke_token(request);
            }
            ("GET", ["services", "data"]) => {
                return Answer::json(200, versions()).effect(Effect::Read);
            }
            _ => {}
        }
        if let Err(refusal) = self.authorise(request, now_ms) {
            return refusal.answer();
        }
        if !self.allocation.take(self.settings.api_daily_max, now_ms) {
            return self.with_usage(Refusal::over_limit().answer(), now_ms);
        }
        let answer = self
            .route(request, &route, now_ms)
            .unwrap_or_else(|refusal| {
                let read = matches!(request.method.as_str(), "GET" | "HEAD");
                refusal
                    .answer()
                    .effect(if read { Effect::Read } else { Effect::Write })
            });
        self.with_usage(answer, now_ms)
    }

    /// Adds `Sforce-Limit-Info`.
    pub(crate) fn with_usage(&mut self, answer: Answer, now_ms: i64) -> Answer {
        let used = self.allocation.used(now_ms);
        let usage = format!("api-usage={used}/{}", self.settings.api_daily_max);
        answer.with_header("Sforce-Limit-Info", usage)
    }

    fn route(&mut self, request: &Request, route: &[&str], now_ms: i64) -> Result<Answer, Refusal> {
        let (version, rest) = match route {
            ["services", "oauth2", "userinfo"] => return Ok(self.user_info()),
            ["services", "data", version, rest @ ..] => (*version, rest),
            _ => return Err(Refusal::not_found()),
        };
        let number = check_version(version)?;
        let collection = rest.first() == Some(&"composite");
        let mut actor = self.caller(request, (number, collection), now_ms);
        if let ["composite", "sobjects", rest @ ..] = rest {
            return self.collection(request, (rest, version), &mut actor);
        }
        let call = Call {
            request,
            version,
            actor,
        };
        match (request.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::json(200, resources(version)).read()),
            ("GET", ["limits"]) => {
                let max = self.settings.api_daily_max;
                Ok(Answer::json(200, self.allocation.limits(max, now_ms)).read())
            }
            ("GET", ["query"]) => self.run_query(request, version, false, now_ms),
            ("GET", ["queryAll"]) => self.run_query(request, version, true, now_ms),
            ("GET", ["query" | "queryAll", locator]) => {
                self.continue_query(request, version, locator)
            }
            ("GET", ["sobjects"]) => {
                Ok(Answer::json(200, describe::global(&self.api_objects(), version)).read())
            }
            (_, ["sobjects", object, rest @ ..]) => {
                let object = self.api_object(object).ok_or_else(Refusal::not_found)?;
                self.route_object(object, rest, call)
            }
            _ => Err(Refusal::not_found()),
        }
    }

    fn route_object(
        &mut self,
        object: &'static Object,
        rest: &[&str],
        mut call: Call<'_>,
    ) -> Result<Answer, Refusal> {
        match (call.request.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::json(200, describe::basic(object, call.version)).read()),
            ("POST", []) => {
                let body = body_of(call.request)?;
                let id = self.create(object, &body, &mut call.actor)?;
                let place = format!(
                    "/services/data/{}/sobjects/{}/{id}",
                    call.version, object.name
                );
                let body = json!({"id": id, "success": true, "errors": []});
                Ok(Answer::json(201, body)
                    .with_header("Location", place)
                    .wrote([id], true))
            }
            (method, []) => Err(Refusal::method(method, "HEAD,GET,POST")),
            ("GET", ["describe"]) => {
                let user = &self.settings.user_id;
                let rights = |field: &Field| self.rights(user, object, field);
                Ok(Answer::json(200, describe::full(object, call.version, rights)).read())
            }
            (_, [id]) => self.route_row(object, &row_id(object, id)?, call),
            (_, [field, value]) => self.route_key(object, (field, value), call),
            _ => Err(Refusal::not_found()),
        }
    }

    fn route_row(
        &mut self,
        object: &'static Object,
        id: &str,
        mut call: Call<'_>,
    ) -> Result<Answer, Refusal> {
        match call.request.method.as_str() {
            "GET" | "HEAD" => {
                let row = self.living(object, id)?;
                let wanted = call.request.param("fields");
                Ok(Answer::json(200, self.shape(object, row, call.version, wanted)?).read())
            }
            "PATCH" => {
                unchanged_since(call.request, self.living(object, id)?)?;
                let body = body_of(call.request)?;
                let changed = self.update(object, id, &body, &mut call.actor)?;
                Ok(Answer::empty(204).wrote([id], !changed.is_empty()))
            }
            "DELETE" => {
                self.delete(object, id, &mut call.actor)?;
                Ok(Answer::empty(204).wrote([id], true))
            }
            method => Err(Refusal::method(method, ROW_METHODS)),
        }
    }

    fn route_key(
        &mut self,
        object: &'static Object,
        (field, value): (&str, &str),
        mut call: Call<'_>,
    ) -> Result<Answer, Refusal> {
        if field.eq_ignore_ascii_case("Id") {
            return self.route_row(object, &row_id(object, value)?, call);
        }
        let key = self.key(object, field, value)?;
        if call.request.method == "PATCH" {
            let update_only = call.request.param("updateOnly") == Some("true");
            if let [id] = self.with_key(object, key.field, key.value).as_slice() {
                unchanged_since(call.request, self.living(object, id)?)?;
            }
            let body = body_of(call.request)?;
            let how = (update_only, call.version);
            let answer = self.upsert(object, key, &body, how, &mut call.actor)?;
            return Ok(answer.effect(Effect::Write));
        }
        match self.only_row(object, key, call.version)? {
            Ok(id) => self.route_row(object, &id, call),
            Err(choices) => Ok(choices.read()),
        }
    }

    /// The integration user, with what the headers say about this request.
    fn caller(
        &mut self,
        request: &Request,
        (version, collection): (u32, bool),
        now_ms: i64,
    ) -> Actor {
        let switches = &self.settings.switches;
        let honoured = switches.call_options_honoured
            && (!collection || switches.call_options_honoured_on_collections);
        let client = request.header("sforce-call-options").and_then(client_token);
        let client = client.filter(|_| honoured);
        let suffix = client
            .map(|client| format!(";client={client}"))
            .unwrap_or_default();
        let origin = format!("com/salesforce/api/rest/{version}.0{suffix}");
        let user_id = self.settings.user_id.clone();
        let mut actor = self.actor(&user_id, &origin, now_ms);
        let assign = request.header("sforce-auto-assign").map(str::trim);
        actor.auto_assign = !assign.is_some_and(|value| value.eq_ignore_ascii_case("false"));
        actor
    }
}

/// The token in `client=<token>`, up to a comma or semicolon; `client` has a case
/// (salesforce.md 2.7).
fn client_token(header: &str) -> Option<&str> {
    let options = header.split([',', ';']).map(str::trim);
    options
        .filter_map(|option| option.strip_prefix("client="))
        .find(|token| !token.is_empty())
}

fn check_version(version: &str) -> Result<u32, Refusal> {
    let number = version
        .strip_prefix('v')
        .and_then(|number| number.strip_suffix(".0"));
    let number: u32 = number
        .and_then(|number| number.parse().ok())
        .ok_or_else(Refusal::not_found)?;
    if number < VERSION_FIRST {
        let message = format!("API version {number}.0 is no longer supported");
        return Err(Refusal::new(410, "UNSUPPORTED_API_VERSION", message));
    }
    if number > VERSION_LAST {
        return Err(Refusal::not_found());
    }
    Ok(number)
}

fn row_id(object: &Object, text: &str) -> Result<String, Refusal> {
    let id = ids::normalise(text).ok_or_else(|| {
        // A path that is no id at all is looked for as a resource.
        if text.chars().all(|letter| letter.is_ascii_alphanumeric()) && text.len() >= 15 {
            Refusal::of_fields("MALFORMED_ID", format!("malformed id {text}"), &["Id"])
        } else {
            Refusal::no_such_key(text)
        }
    })?;
    if !id.starts_with(object.prefix) {
        let label = format!("{} ID", object.label);
        return Err(Refusal::wrong_id(&label, text, "Id"));
    }
    Ok(id)
}

fn body_of(request: &Request) -> Result<Value, Refusal> {
    request
        .json()
        .map_err(|error| Refusal::new(400, "JSON_PARSER_ERROR", error))
}

/// `If-Unmodified-Since` compares whole seconds.
fn unchanged_since(request: &Request, row: &Row) -> Result<(), Refusal> {
    let since_ms = request
        .header("if-unmodified-since")
        .and_then(moment::parse_http);
    let newer = |since_ms: i64| row.modified_ms.div_euclid(1_000) > since_ms.div_euclid(1_000);
    if since_ms.is_some_and(newer) {
        let message = "The record has been modified since the given date";
        return Err(Refusal::new(412, "PRECONDITION_FAILED", message));
    }
    Ok(())
}

fn versions() -> Value {
    let list: Vec<Value> = (VERSION_FIRST..=VERSION_LAST)
        .map(|number| {
            json!({
                "label": format!("API {number}"),
                "url": format!("/services/data/v{number}.0"),
                "version": format!("{number}.0"),
            })
        })
        .collect();
    Value::Array(list)
}

fn resources(version: &str) -> Value {
    let mut list = json!({});
    for name in ["sobjects", "query", "queryAll", "limits", "composite"] {
        list[name] = json!(format!("/services/data/{version}/{name}"));
    }
    list
}
