"""Reads topics from their beginning to their end as an analyst's consumer does: confluent-kafka under
read_committed, each value decoded by its AvroDeserializer through the registry.

Reports per topic how many records there are, which ids stand twice, and the rows of those in ROWS."""

import json
import os
from collections import Counter

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

PATIENCE = 20.0


def report(value):
    print(json.dumps(value, default=plain), flush=True)


def plain(value):
    return value.hex() if isinstance(value, bytes) else str(value)


def partitions(consumer, topic):
    known = consumer.list_topics(topic, timeout=PATIENCE).topics[topic]
    for partition in known.partitions:
        first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE)
        if first < end:
            yield TopicPartition(topic, partition, first), end


def records(consumer, topic):
    """All that is committed now. What ends a transaction is no record, so positions tell the end."""
    for start, end in partitions(consumer, topic):
        consumer.assign([start])
        while True:
            message = consumer.poll(PATIENCE)
            if message is None:
                raise SystemExit(f"{topic} does not come to {end}")
            if message.error() is None:
                if message.offset() < end:
                    yield message
            elif message.error().name() != "_PARTITION_EOF":
                raise SystemExit(f"{topic}: {message.error()}")
            (at,) = consumer.position([TopicPartition(topic, start.partition)])
            if at.offset >= end:
                break


def main():
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP"],
            "group.id": "nobody-here-wrote-this",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
        }
    )
    registry = SchemaRegistryClient({"url": os.environ["REGISTRY_URL"]})
    decode = AvroDeserializer(registry)
    shown = os.environ.get("ROWS", "").split(",")
    for topic in os.environ["TOPICS"].split(","):
        ids, rows, tombstones = Counter(), [], 0
        for message in records(consumer, topic):
            headers = dict(message.headers() or [])
            if message.value() is None:
                tombstones += 1
                continue
            value = decode(message.value(), SerializationContext(topic, MessageField.VALUE))
            ids[headers["ce_id"].decode()] += 1
            if topic in shown:
                row = {"ce_id": headers["ce_id"].decode(), "ce_type": headers["ce_type"].decode()}
                rows.append({**row, "key": message.key().decode(), "value": value})
        twice = sorted(id for id, count in ids.items() if count > 1)
        report(
            {
                "topic": topic,
                "records": sum(ids.values()),
                "tombstones": tombstones,
                "twice": twice[:10],
                "rows": rows,
            }
        )


main()
