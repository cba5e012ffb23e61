//! Which log the installation stands on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::error::Problem;
use crate::config::field::Field;
use crate::config::secret::Secret;

/// The log's adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Log {
    /// One file on this machine.
    Embedded { path: PathBuf },
    /// Topics on Kafka.
    Kafka(Box<Kafka>),
}

/// Brokers, and how their topics are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    /// `host:port`, separated by commas.
    pub bootstrap: String,
    /// What the names of topics, groups and transactional ids begin with; none: the default.
    pub prefix: Option<String>,
    /// Partitions of the two topics of writes, and of customer events and profiles.
    pub lane_partitions: u32,
    /// Names this process among those that append; none: the machine's name.
    pub instance: Option<String>,
    /// How long one call waits for the brokers.
    pub timeout: Duration,
    /// How long the brokers keep a transaction open whose owner says nothing.
    pub transaction_timeout: Duration,
    /// After how long a silent process's partitions are given to others.
    pub session_timeout: Duration,
    /// Gives ids to the schemas; none: entries name fingerprints.
    pub registry: Option<Registry>,
    /// Properties of librdkafka; the log refuses those that are its own.
    pub properties: BTreeMap<String, Secret>,
}

/// A schema registry with Confluent's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// Asked in this order until one answers.
    pub urls: Vec<String>,
    /// User name and password.
    pub user: Option<(String, Secret)>,
    /// Certificates that are trusted besides the machine's.
    pub ca_file: Option<PathBuf>,
    /// Whether schemas that it does not know are registered.
    pub registers: bool,
    /// How long one call may take.
    pub timeout: Duration,
}

impl Log {
    pub(super) fn read(
        field: Option<&Field<'_>>,
        around_default: PathBuf,
    ) -> Result<Self, Problem> {
        let default = Self::Embedded {
            path: around_default.clone(),
        };
        let Some(field) = field else {
            return Ok(default);
        };
        let table = field.table(&["embedded", "kafka"])?;
        match (table.get("embedded"), table.get("kafka")) {
            (None, None) => Ok(default),
            (Some(embedded), None) => {
                let embedded = embedded.table(&["path"])?;
                let path = embedded.or("path", around_default, Field::file_path)?;
                Ok(Self::Embedded { path })
            }
            (None, Some(kafka)) => Ok(Self::Kafka(Box::new(Kafka::read(&kafka)?))),
            (Some(_), Some(kafka)) => {
                Err(kafka.problem("stands beside log.embedded; an installation has one log"))
            }
        }
    }
}

impl Kafka {
    fn read(field: &Field<'_>) -> Result<Self, Problem> {
        let table = field.table(&[
            "bootstrap",
            "prefix",
            "lane_partitions",
            "instance",
            "timeout_seconds",
            "transaction_timeout_seconds",
            "session_timeout_seconds",
            "registry",
            "properties",
        ])?;
        let lanes = table.or("lane_partitions", 1, |field| field.whole_number(1, 1_024))?;
        let text = |key: &str| table.get(key).map(|field| field.text()).transpose();
        let registry = table.get("registry");
        let properties = table.get("properties");
        let (timeout, open) = (Duration::from_secs(30), Duration::from_secs(60));
        let session = Duration::from_secs(15);
        Ok(Self {
            bootstrap: table.require("bootstrap")?.text()?,
            prefix: text("prefix")?,
            lane_partitions: lanes as u32,
            instance: text("instance")?,
            timeout: table.or("timeout_seconds", timeout, Field::seconds)?,
            transaction_timeout: table.or("transaction_timeout_seconds", open, Field::seconds)?,
            session_timeout: table.or("session_timeout_seconds", session, Field::seconds)?,
            registry: registry.map(|field| Registry::read(&field)).transpose()?,
            properties: properties.map_or(Ok(BTreeMap::new()), |field| read_properties(&field))?,
        })
    }
}

impl Registry {
    fn read(field: &Field<'_>) -> Result<Self, Problem> {
        let table = field.table(&[
            "urls",
            "user",
            "password",
            "ca_file",
            "register",
            "timeout_seconds",
        ])?;
        let urls = table.require("urls")?;
        let list = urls.list()?;
        if list.is_empty() {
            return Err(urls.problem("is empty; name one such as https://registry:8081"));
        }
        let user = match (table.get("user"), table.get("password")) {
            (None, None) => None,
            (Some(user), Some(password)) => Some((user.text()?, password.secret()?)),
            (Some(alone), None) | (None, Some(alone)) => {
                return Err(alone.problem("stands alone; user and password belong together"));
            }
        };
        let ca_file = table.get("ca_file");
        let timeout = Duration::from_secs(10);
        Ok(Self {
            urls: list.iter().map(Field::base_url).collect::<Result<_, _>>()?,
            user,
            ca_file: ca_file.map(|file| file.file_path()).transpose()?,
            registers: table.or("register", true, Field::truth)?,
            timeout: table.or("timeout_seconds", timeout, Field::seconds)?,
        })
    }
}

fn read_properties(field: &Field<'_>) -> Result<BTreeMap<String, Secret>, Problem> {
    let mut properties = BTreeMap::new();
    for (entry, field) in field.fields()? {
        properties.insert(entry.key.clone(), field.secret()?);
    }
    Ok(properties)
}
