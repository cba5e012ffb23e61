//! Which request means what: authentication, rate limit, version, and the table of endpoints.

use serde_json::{Value, json};

use crate::sandbox::exchange::{Answer, Effect, Request};
use crate::sandbox::intercom::model::problem::Problem;
use crate::sandbox::intercom::model::rate_window::Allowance;
use crate::sandbox::intercom::model::workspace::{ADMINS, Workspace};

const VERSION_DEFAULT: &str = "2.16";
/// Preview and the newest documented number behave like a version after all others.
const MINOR_PREVIEW: u32 = 1_000;
const MINOR_MAX: u32 = 17;

/// The API version a request asks for.
#[derive(Debug, Clone)]
struct Version {
    name: String,
    minor: u32,
}

// === impl Workspace ===

impl Workspace {
    /// Answers one request.
    pub(crate) fn handle(&mut self, request: &Request, now_ms: i64) -> Answer {
        let request_id = self.uuid("request");
        if let Err(problem) = self.authorise(request) {
            // Unauthenticated answers lack the rate-limit headers (intercom.md 2.2).
            return problem
                .answer(&request_id)
                .with_header("X-Request-Id", request_id);
        }
        let allowance = self.rate.take(self.settings.rate_limit_per_10s, now_ms);
        let version = read_version(request);
        let outcome = if allowance.refused {
            Err(too_many(allowance.limit))
        } else {
            version
                .clone()
                .and_then(|version| self.route(request, &version, now_ms))
        };
        let answer = outcome.unwrap_or_else(|problem| {
            let effect = effect_of(request, problem.status);
            problem.answer(&request_id).effect(effect)
        });
        let version = version.map_or_else(|_| VERSION_DEFAULT.to_owned(), |version| version.name);
        with_allowance(answer, allowance)
            .with_header("X-Request-Id", request_id)
            .with_header("Intercom-Version", version)
    }

    /// Refuses a request for a reason that lies outside the model.
    pub(crate) fn refuse(&mut self, problem: &Problem, use_up: bool, now_ms: i64) -> Answer {
        let request_id = self.uuid("request");
        if use_up {
            self.rate.exhaust(now_ms);
        }
        let answer = problem
            .answer(&request_id)
            .with_header("X-Request-Id", request_id);
        if problem.status == 401 {
            return answer;
        }
        with_allowance(
            answer,
            self.rate.take(self.settings.rate_limit_per_10s, now_ms),
        )
    }

    fn authorise(&self, request: &Request) -> Result<(), Problem> {
        let Some(header) = request
            .header("authorization")
            .filter(|text| !text.is_empty())
        else {
            return Err(Problem::new(
                401,
                "token_not_found",
                "Access Token Not Found",
            ));
        };
        let token = header
            .strip_prefix("Bearer ")
            .map(str::trim)
            .unwrap_or_default();
        if token.is_empty() || token != self.settings.access_token {
            return Err(Problem::new(401, "unauthorized", "Access Token Invalid"));
        }
        if self.revoked {
            return Err(Problem::new(401, "token_revoked", "Access Token Revoked"));
        }
        Ok(())
    }

    fn route(&mut self, request: &Request, version: &Version, now: i64) -> Result<Answer, Problem> {
        let route = request.route();
        match route.first() {
            Some(&"contacts") => self.route_contacts(request, &route[1..], version, now),
            Some(&"companies") => self.route_companies(request, &route[1..], now),
            _ => match (request.method.as_str(), route.as_slice()) {
                ("GET", ["me"]) => Ok(Answer::json(200, self.me()).read()),
                ("GET", ["admins"]) => {
                    let admins: Vec<Value> = ADMINS.iter().map(admin).collect();
                    Ok(Answer::json(200, json!({"type": "admin.list", "admins": admins})).read())
                }
                ("GET", ["admins", id]) => {
                    let found = ADMINS.iter().find(|(admin, _, _)| admin == id);
                    let missing = || Problem::new(404, "admin_not_found", "Admin not found");
                    Ok(Answer::json(200, admin(found.ok_or_else(missing)?)).read())
                }
                ("GET", ["tags"]) => Ok(self.list_tags()),
                ("POST", ["tags"]) => self.save_tag(&body_of(request)?, now),
                ("GET", ["tags", id]) => self.read_tag(id),
                ("GET", ["data_attributes"]) => self.list_attributes(request),
                ("POST", ["data_attributes"]) => self.create_attribute(&body_of(request)?, now),
                ("PUT", ["data_attributes", id]) => {
                    self.update_attribute(id, &body_of(request)?, now)
                }
                ("GET", ["conversations", id]) => self.read_conversation(id),
                _ => Err(Problem::resource_not_found()),
            },
        }
    }

    fn route_contacts(
        &mut self,
        request: &Request,
        route: &[&str],
        version: &Version,
        now: i64,
    ) -> Result<Answer, Problem> {
        let minor = version.minor;
        match (request.method.as_str(), route) {
            ("GET", []) => self.list_contacts(request),
            ("POST", []) => self.create_contact(&body_of(request)?, now),
            ("POST", ["search"]) => {
                self.search_contacts(&body_of(request)?, minor == MINOR_PREVIEW, now)
            }
            ("POST", ["merge"]) => self.merge_contacts(&body_of(request)?, minor, now),
            ("GET", ["find_by_external_id", key]) => self.find_by_external_id(key),
            ("GET", [id]) => self.read_contact(id, minor),
            ("PUT", [id]) => self.update_contact(id, &body_of(request)?, minor, now),
            ("DELETE", [id]) => self.delete_contact(id, now),
            ("POST", [id, "archive"]) => self.archive_contact(id, now),
            ("POST", [id, "unarchive"]) => self.unarchive_contact(id, now),
            ("GET", [id, "merge_history"]) => self.merge_history(id, minor),
            ("GET", [id, "tags"]) => self.contact_tags(id, minor),
            ("POST", [id, "tags"]) => self.tag_contact(id, &body_of(request)?, minor, now),
            ("DELETE", [id, "tags", tag]) => self.untag_contact(id, tag, minor, now),
            ("GET", [id, "companies"]) => self.contact_companies(id, minor),
            ("POST", [id, "companies"]) => self.attach_company(id, &body_of(request)?, minor, now),
            ("DELETE", [id, "companies", company]) => self.detach_company(id, company, minor, now),
            ("GET", [id, "notes"]) => {
                self.readable(id, minor)?;
                Ok(Answer::json(200, json!({"type": "list", "data": [], "total_count": 0})).read())
            }
            _ => Err(Problem::resource_not_found()),
        }
    }

    fn route_companies(
        &mut self,
        request: &Request,
        route: &[&str],
        now: i64,
    ) -> Result<Answer, Problem> {
        match (request.method.as_str(), route) {
            ("POST", []) => self.save_company(&body_of(request)?, now),
            ("GET", []) => self.find_companies(request),
            ("POST" | "GET", ["list"]) => self.list_companies(request),
            ("GET", ["scroll"]) => self.scroll_companies(request, now),
            ("GET", [id]) => self.read_company(id),
            ("PUT", [id]) => self.update_company(id, &body_of(request)?, now),
            ("DELETE", [id]) => self.delete_company(id, now),
            ("GET", [id, "contacts"]) => self.company_contacts(id, request),
            _ => Err(Problem::resource_not_found()),
        }
    }

    fn me(&self) -> Value {
        let (id, name, email) = ADMINS[2];
        json!({
            "type": "admin",
            "id": id,
            "email": email,
            "name": name,
            "email_verified": true,
            "app": {
                "type": "app",
                "id_code": self.settings.app_id,
                "name": "Sandbox workspace",
                "created_at": 1_700_000_000,
                "secure": false,
                "identity_verification": false,
                "timezone": "Etc/UTC",
                "region": "US",
            },
            "avatar": {"type": "avatar", "image_url": null},
            "has_inbox_seat": true,
        })
    }
}

fn admin((id, name, email): &(&str, &str, &str)) -> Value {
    json!({
        "type": "admin",
        "id": id,
        "name": name,
        "email": email,
        "job_title": "",
        "away_mode_enabled": false,
        "away_mode_reassign": false,
        "has_inbox_seat": true,
        "team_ids": [],
        "avatar": null,
    })
}

fn body_of(request: &Request) -> Result<Value, Problem> {
    if request.body.is_empty() {
        return Ok(json!({}));
    }
    request
        .json()
        .map_err(|_| Problem::new(400, "bad_request", "The request body is not JSON"))
}

/// Without the header the app's own version applies.
fn read_version(request: &Request) -> Result<Version, Problem> {
    let name = request
        .header("intercom-version")
        .unwrap_or(VERSION_DEFAULT);
    let minor = match name {
        "Preview" | "preview" | "Unstable" | "unstable" => Some(MINOR_PREVIEW),
        _ => match name.split_once('.') {
            Some(("1", minor)) => minor.parse::<u32>().ok().map(|_| 0),
            Some(("2", minor)) => minor.parse().ok().filter(|minor| *minor <= MINOR_MAX),
            _ => None,
        },
    };
    let invalid = || {
        let message = "The requested version is invalid";
        Problem::new(400, "intercom_version_invalid", message)
    };
    Ok(Version {
        name: name.to_owned(),
        minor: minor.ok_or_else(invalid)?,
    })
}

fn too_many(limit: u32) -> Problem {
    let message = format!("Exceeded rate limit of {limit} in 10_seconds");
    Problem::new(429, "rate_limit_exceeded", message)
}

fn with_allowance(answer: Answer, allowance: Allowance) -> Answer {
    answer
        .with_header("X-RateLimit-Limit", allowance.limit.to_string())
        .with_header("X-RateLimit-Remaining", allowance.remaining.to_string())
        .with_header("X-RateLimit-Reset", allowance.reset_s.to_string())
}

fn effect_of(request: &Request, status: u16) -> Effect {
    let searches = request.path.ends_with("/search") || request.path.ends_with("/list");
    match (status, request.method.as_str()) {
        (429, _) => Effect::None,
        (_, "GET") => Effect::Read,
        _ if searches => Effect::Read,
        _ => Effect::Write,
    }
}
