//! The log on Kafka: the whole contract, against real brokers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crosswalk::log::kafka::{KafkaLog, Options};
use crosswalk::log::topics;
use crosswalk::ports::event_log::{EventLog, TopicPartition};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::bench::*;
use crate::brokers;

crate::contract_event_log::whole_contract!(Kafka::new());

/// Topics of its own on the brokers.
pub struct Kafka {
    bootstrap: String,
    prefix: String,
    next: Arc<Next>,
    opened: AtomicU64,
}

impl Kafka {
    pub fn new() -> Option<Self> {
        let kafka = Self {
            bootstrap: brokers::bootstrap()?,
            prefix: brokers::fresh_prefix(),
            next: Arc::default(),
            opened: AtomicU64::new(0),
        };
        brokers::create_topics(&kafka.bootstrap, &kafka.prefix, TWO);
        Some(kafka)
    }

    fn options(&self) -> Options {
        let opened = self.opened.fetch_add(1, Ordering::Relaxed);
        Options {
            bootstrap: self.bootstrap.clone(),
            prefix: self.prefix.clone(),
            partitions: TWO,
            instance: opened.to_string(),
            timeout: Duration::from_secs(20),
            faults: Some(self.next.clone()),
            ..Options::default()
        }
    }
}

impl Bench for Kafka {
    fn open(&self) -> Box<dyn EventLog> {
        Box::new(KafkaLog::open(self.options()).unwrap())
    }

    fn fail_next(&self, how: Mishap) {
        self.next.set(how);
    }

    fn plant(&self, at: TopicPartition, bytes: &[u8]) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        let producer: BaseProducer = config.create().unwrap();
        let topic = topics::name(&self.prefix, at.topic);
        let record = BaseRecord::to(&topic)
            .partition(at.partition as i32)
            .key("main")
            .payload(bytes);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
    }
}
