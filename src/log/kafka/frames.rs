//! What stands before the bytes of an entry: a fingerprint, or the id that a registry gave.

use crate::avro;
use crate::domain::Topic;
use crate::log::encoded;
use crate::log::kafka::connect::topic_name;
use crate::log::kafka::options::Options;
use crate::log::kafka::registry::Registry;
use crate::ports::event_log::EntryBody;

/// Entries of both kinds may stand on one topic: each is read by what stands before it.
#[derive(Default)]
pub struct Frames(Option<Registry>);

impl Frames {
    /// Asks for nothing yet.
    pub fn open(options: &Options) -> Result<Self, String> {
        let registry = options.registry.clone().map(Registry::open).transpose();
        let registry = registry.map_err(|why| format!("log.kafka.registry: {why}"))?;
        Ok(Self(registry))
    }

    /// Asks for the ids of all that may be written.
    pub fn prepare(&self, options: &Options) -> Result<(), String> {
        for topic in Topic::ALL {
            self.id(options, topic)?;
        }
        Ok(())
    }

    /// The id that stands before entries of a topic; none where there is no registry.
    pub fn id(&self, options: &Options, topic: Topic) -> Result<Option<u32>, String> {
        let name = || topic_name(options, topic);
        let registry = self.0.as_ref();
        registry.map(|one| one.id(topic, &name())).transpose()
    }

    /// What stands in the value of an entry. The error is that nobody can tell now.
    pub fn decode(&self, topic: Topic, value: Option<&[u8]>) -> Result<EntryBody, String> {
        let Some(bytes) = value else {
            return Ok(EntryBody::Tombstone);
        };
        let Ok((avro::Framing::Confluent { schema_id }, datum)) = avro::Framing::split(bytes)
        else {
            return Ok(encoded::decode(topic, value));
        };
        let undecodable = |reason: String| EntryBody::Undecodable {
            bytes: bytes.to_vec(),
            reason,
        };
        let Some(registry) = &self.0 else {
            return Ok(undecodable(format!(
                "it names schema {schema_id} of a registry, and log.kafka.registry names none"
            )));
        };
        let Some(fingerprint) = registry.fingerprint(schema_id)? else {
            return Ok(undecodable(format!(
                "the registry has no Avro schema {schema_id}"
            )));
        };
        Ok(match avro::decode_datum(topic, fingerprint, datum) {
            Ok(message) => EntryBody::Message(message),
            Err(error) => undecodable(error.to_string()),
        })
    }
}
