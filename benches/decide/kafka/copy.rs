//! librdkafka alone: the same records consumed, the same bytes produced in as many transactions.

use std::time::Duration;

use crosswalk::avro;
use crosswalk::domain::Topic;
use crosswalk::log::kafka::Options;
use crosswalk::log::topics::name;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::kafka::cpu;
use crate::world::Batch;

const PATIENCE: Duration = Duration::from_secs(30);

fn client(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &options.bootstrap);
    config
}

pub fn copy(options: &Options, mix: &[Batch]) -> Duration {
    let topic = |topic: Topic| name(&options.prefix, topic);
    let mut reading = client(options);
    reading
        .set("group.id", format!("{}copy", options.prefix))
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false");
    let mut writing = client(options);
    writing
        .set("transactional.id", format!("{}copy", options.prefix))
        .set("linger.ms", "0");
    let producer: BaseProducer = writing.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    let consumer: BaseConsumer = reading.create().unwrap();
    let mut list = TopicPartitionList::new();
    for one in Topic::INPUTS {
        list.add_partition_offset(&topic(one), 0, Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut took = Duration::ZERO;
    for batch in mix {
        let outputs: Vec<(String, &str, Option<Vec<u8>>)> = batch
            .outputs
            .iter()
            .map(|one| {
                let value = one.message.as_ref();
                let value = value.map(|message| avro::encode(message).unwrap());
                (topic(one.topic), &*one.key, value)
            })
            .collect();
        let began = cpu();
        let mut read = 0;
        while read < batch.entries.len() {
            let message = consumer.poll(PATIENCE).expect("what was appended is there");
            std::hint::black_box(message.unwrap());
            read += 1;
        }
        producer.begin_transaction().unwrap();
        for (topic, key, value) in &outputs {
            let mut record = BaseRecord::to(topic).partition(0).key(*key);
            if let Some(value) = value {
                record = record.payload(value.as_slice());
            }
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        // The waits of `rdkafka` itself spin through their last millisecond.
        while producer.in_flight_count() > 0 {
            producer.poll(Duration::ZERO);
            std::thread::sleep(Duration::from_micros(500));
        }
        let group = consumer.group_metadata().unwrap();
        let positions = consumer.position().unwrap();
        let mut known = TopicPartitionList::new();
        for element in positions.elements() {
            if let Offset::Offset(at) = element.offset() {
                known
                    .add_partition_offset(element.topic(), 0, Offset::Offset(at))
                    .unwrap();
            }
        }
        producer
            .send_offsets_to_transaction(&known, &group, PATIENCE)
            .unwrap();
        producer.commit_transaction(PATIENCE).unwrap();
        took += cpu().saturating_sub(began);
    }
    took
}
