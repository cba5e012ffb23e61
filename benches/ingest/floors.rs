//! The bare programs, and what the door has stored.

use std::convert::Infallible;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use crosswalk::log::kafka::Options;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use sha1::Sha1;

use crate::SECRET;

const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(floor: &str) {
    match floor {
        "hyper" => tokio::runtime::Runtime::new().unwrap().block_on(serve()),
        "producer" => produce(),
        other => panic!("there is no floor \"{other}\""),
    }
}

/// Reads, checks the signature, answers 200.
async fn serve() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper::service::service_fn(answer);
        let serving = hyper::server::conn::http1::Builder::new();
        tokio::spawn(serving.serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut signature = [0; 20];
    let text = head.headers["x-hub-signature"].to_str().unwrap();
    hex::decode_to_slice(&text["sha1=".len()..], &mut signature).unwrap();
    let mut mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&body);
    let mut answer = Response::new(Empty::new());
    if mac.verify_slice(&signature).is_err() {
        *answer.status_mut() = StatusCode::UNAUTHORIZED;
    }
    Ok(answer)
}

/// Produces the values of a file, each of which all brokers that are in sync must have.
fn produce() {
    let setting = |name: &str| std::env::var(name).unwrap();
    let values = values(Path::new(&setting("VALUES")));
    let topic = setting("TOPIC");
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", setting("BOOTSTRAP"))
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .create()
        .unwrap();
    // The producer knows the topic, and has its id.
    let first = BaseRecord::<str, str>::to(&topic).partition(0).key("first");
    producer.send(first).map_err(|(error, _)| error).unwrap();
    delivered(&producer);
    println!("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    for value in &values {
        let mut record = BaseRecord::to(&topic)
            .partition(0)
            .key("main")
            .payload(value.as_slice());
        while let Err((_, given)) = producer.send(record) {
            record = given;
            delivered(&producer);
        }
    }
    delivered(&producer);
    println!("done");
    // Until it is killed: whoever measures reads what it took.
    std::io::stdin().read_line(&mut line).unwrap();
}

/// The waits of `rdkafka` itself spin through their last millisecond, which is no part of a floor.
pub fn delivered(producer: &BaseProducer) {
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::ZERO);
        std::thread::sleep(Duration::from_micros(500));
    }
}

fn values(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut values = Vec::new();
    let mut length = [0; 4];
    while rest.read_exact(&mut length).is_ok() {
        let (value, behind) = rest.split_at(u32::from_le_bytes(length) as usize);
        values.push(value.to_vec());
        rest = behind;
    }
    values
}

/// Reads what the door has stored.
pub struct Stored(BaseConsumer);

impl Stored {
    pub fn open(options: &Options, topic: &str) -> Self {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &options.bootstrap)
            .set("group.id", format!("{}bench", options.prefix))
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, 0, Offset::Beginning)
            .unwrap();
        consumer.assign(&list).unwrap();
        Self(consumer)
    }

    /// Keeps the values that came since in a file. Nothing may lack: what is posted again while
    /// the first is under way can stand twice.
    pub fn keep(&mut self, least: usize, path: &Path) -> usize {
        let (mut bytes, mut count) = (Vec::new(), 0);
        loop {
            let wait = match count < least {
                true => PATIENCE,
                false => Duration::from_secs(1),
            };
            let Some(message) = self.0.poll(wait) else {
                break;
            };
            let message = message.unwrap();
            let value = message.payload().unwrap();
            bytes.extend((value.len() as u32).to_le_bytes());
            bytes.extend(value);
            count += 1;
        }
        assert!(count >= least, "{count} of {least} are stored");
        std::fs::write(path, bytes).unwrap();
        count
    }
}
