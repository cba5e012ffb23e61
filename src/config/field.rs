//! Typed reading of the tree: each failure names the field by its path.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::error::{Place, Problem};
use crate::config::load::Variables;
use crate::config::secret::Secret;
use crate::config::tree::{Content, Entry, Node};
use crate::domain::nearest::did_you_mean;

/// What reading needs beside the tree: variables for secrets, the folder for relative paths.
pub(super) struct Around<'a> {
    pub variables: &'a Variables,
    pub folder: &'a Path,
}

/// One setting with its path, `sources.support.intercom.app_id`.
pub(super) struct Field<'a> {
    pub path: String,
    pub node: &'a Node,
    pub around: &'a Around<'a>,
}

/// A map whose keys are all known to be allowed.
pub(super) struct Table<'a> {
    path: String,
    place: Place,
    entries: &'a [Entry],
    around: &'a Around<'a>,
}

impl<'a> Field<'a> {
    pub fn root(node: &'a Node, around: &'a Around<'a>) -> Self {
        Self {
            path: String::new(),
            node,
            around,
        }
    }

    pub fn problem(&self, text: impl AsRef<str>) -> Problem {
        let name = if self.path.is_empty() {
            "the file"
        } else {
            &self.path
        };
        Problem::new(&self.node.place, format!("{name} {}", text.as_ref()))
    }

    /// The field as a map with no other keys than `known`.
    pub fn table(&self, known: &[&'static str]) -> Result<Table<'a>, Problem> {
        let entries = self.entries()?;
        for entry in entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            let path = join(&self.path, &entry.key);
            let near = did_you_mean(&entry.key, known.iter().copied());
            let hint = if near.is_empty() {
                format!("; known here: {}", known.join(", "))
            } else {
                near
            };
            let text = format!("{path} is not a known setting{hint}");
            return Err(Problem::new(&entry.place, text));
        }
        Ok(Table {
            path: self.path.clone(),
            place: self.node.place.clone(),
            entries,
            around: self.around,
        })
    }

    /// The field as a map with keys of the user's choice.
    pub fn fields(&self) -> Result<Vec<(&'a Entry, Field<'a>)>, Problem> {
        let entries = self.entries()?;
        let field = |entry: &'a Entry| Field {
            path: join(&self.path, &entry.key),
            node: &entry.value,
            around: self.around,
        };
        Ok(entries.iter().map(|entry| (entry, field(entry))).collect())
    }

    pub fn list(&self) -> Result<Vec<Field<'a>>, Problem> {
        let Content::List(nodes) = &self.node.content else {
            return Err(self.expected("a list such as [one, two]"));
        };
        let field = |node| Field {
            path: self.path.clone(),
            node,
            around: self.around,
        };
        Ok(nodes.iter().map(field).collect())
    }

    pub fn text(&self) -> Result<String, Problem> {
        match &self.node.content {
            Content::Text(text) if !text.trim().is_empty() => Ok(text.clone()),
            Content::Text(_) | Content::Empty => Err(self.problem("must not be empty")),
            _ => Err(self.expected("a text")),
        }
    }

    pub fn whole_number(&self, min: u64, max: u64) -> Result<u64, Problem> {
        let wanted = format!("a whole number from {min} to {max}");
        let text = self.text()?;
        let number = text.replace('_', "").parse::<u64>().ok();
        match number.filter(|number| (min..=max).contains(number)) {
            Some(number) => Ok(number),
            None => Err(self.problem(format!("is \"{text}\"; it must be {wanted}"))),
        }
    }

    pub fn seconds(&self) -> Result<Duration, Problem> {
        Ok(Duration::from_secs(self.whole_number(1, 86_400)?))
    }

    pub fn milliseconds(&self) -> Result<Duration, Problem> {
        Ok(Duration::from_millis(self.whole_number(1, 86_400_000)?))
    }

    pub fn truth(&self) -> Result<bool, Problem> {
        let text = self.text()?;
        match text.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.problem(format!("is \"{text}\"; it must be true or false"))),
        }
    }

    pub fn address(&self) -> Result<SocketAddr, Problem> {
        let text = self.text()?;
        text.parse().map_err(|_| {
            self.problem(format!(
                "is \"{text}\"; it must be an address and a port such as 127.0.0.1:8080"
            ))
        })
    }

    /// A path; a relative one starts at the configuration file's folder.
    pub fn file_path(&self) -> Result<PathBuf, Problem> {
        Ok(self.around.folder.join(self.text()?))
    }

    /// The base of a remote system's URLs, without a slash at its end. Plain HTTP carries tokens
    /// in the clear, so it is taken for this machine and for names without a dot only.
    pub fn base_url(&self) -> Result<String, Problem> {
        let text = self.text()?;
        let url = reqwest::Url::parse(&text).map_err(|_| {
            self.problem(format!(
                "is \"{text}\"; it must be a URL such as https://host"
            ))
        })?;
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() || url.query().is_some() || url.fragment().is_some() {
            return Err(self.problem("must be a URL such as https://host, without ? and #"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(self.problem("must not hold a user name or password"));
        }
        match url.scheme() {
            "https" => {}
            "http" if is_near(host) => {}
            "http" => {
                let text = format!("is plain http to {host}; write https://{host}");
                return Err(self.problem(text));
            }
            scheme => return Err(self.problem(format!("has the scheme {scheme}; write https"))),
        }
        Ok(text.trim_end_matches('/').to_owned())
    }

    /// Plain text, `{env: NAME}` or `{file: PATH}`.
    pub fn secret(&self) -> Result<Secret, Problem> {
        let secret = match &self.node.content {
            Content::Map(_) => self.referenced_secret()?,
            Content::Text(text) => Secret::new(text.clone()),
            Content::Empty => return Err(self.problem("must not be empty")),
            Content::List(_) => {
                return Err(self.expected("a text, {env: NAME} or {file: PATH}"));
            }
        };
        if secret.reveal().trim().is_empty() {
            return Err(self.problem("leads to an empty secret"));
        }
        Ok(secret)
    }

    fn referenced_secret(&self) -> Result<Secret, Problem> {
        let table = self.table(&["env", "file"])?;
        match (table.get("env"), table.get("file")) {
            (Some(env), None) => {
                let name = env.text()?;
                let text = self.around.variables.get(&name).cloned();
                text.map(Secret::new).ok_or_else(|| {
                    self.problem(format!(
                        "names the environment variable {name}, which is not set; set it"
                    ))
                })
            }
            (None, Some(file)) => {
                let path = file.file_path()?;
                Secret::of_file(path.clone()).map_err(|error| {
                    let shown = path.display();
                    self.problem(format!("names {shown}, which cannot be read: {error}"))
                })
            }
            _ => Err(self.problem("needs one of {env: NAME} and {file: PATH}")),
        }
    }

    fn entries(&self) -> Result<&'a [Entry], Problem> {
        match &self.node.content {
            Content::Map(entries) => Ok(entries),
            Content::Empty => Ok(&[]),
            _ => Err(self.expected("a map of settings")),
        }
    }

    fn expected(&self, wanted: &str) -> Problem {
        self.problem(format!("is {}; it must be {wanted}", self.node.kind()))
    }
}

impl<'a> Table<'a> {
    pub fn get(&self, key: &str) -> Option<Field<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(Field {
            path: join(&self.path, key),
            node: &entry.value,
            around: self.around,
        })
    }

    pub fn require(&self, key: &str) -> Result<Field<'a>, Problem> {
        self.get(key).ok_or_else(|| {
            let path = join(&self.path, key);
            Problem::new(&self.place, format!("{path} is missing; add it"))
        })
    }

    /// The setting, or its default where it is absent.
    pub fn or<T>(
        &self,
        key: &str,
        default: T,
        read: impl FnOnce(&Field<'a>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        self.get(key).map_or(Ok(default), |field| read(&field))
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn is_near(host: &str) -> bool {
    let ip = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    ip.map_or(!host.contains('.'), |ip| ip.is_loopback())
}
