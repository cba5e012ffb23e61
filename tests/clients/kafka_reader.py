"""Reads topics from their beginning to their end as an analyst's consumer does: confluent-kafka under
read_committed, each value decoded by its AvroDeserializer through the registry.

Reports per topic how many records there are, which ids stand twice, and the rows of those in ROWS.
With JUDGE, the prefix of the topics, it then reports what of the journal is missing elsewhere."""

import json
import os
from collections import Counter, defaultdict

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

PATIENCE = 20.0


def report(value):
    print(json.dumps(value, default=plain), flush=True)


def plain(value):
    return value.hex() if isinstance(value, bytes) else str(value)


class Reader:
    def __init__(self):
        self.consumer = Consumer(
            {
                "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP"],
                "group.id": "nobody-here-wrote-this",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
            }
        )
        self.decode = AvroDeserializer(SchemaRegistryClient({"url": os.environ["REGISTRY_URL"]}))

    def partitions(self, topic):
        known = self.consumer.list_topics(topic, timeout=PATIENCE).topics[topic]
        for partition in known.partitions:
            place = TopicPartition(topic, partition)
            first, end = self.consumer.get_watermark_offsets(place, timeout=PATIENCE)
            if first < end:
                yield TopicPartition(topic, partition, first), end

    def messages(self, topic):
        """All that is committed now. What ends a transaction is no record, so positions tell the end."""
        for start, end in self.partitions(topic):
            self.consumer.assign([start])
            while True:
                message = self.consumer.poll(PATIENCE)
                if message is None:
                    raise SystemExit(f"{topic} does not come to {end}")
                if message.error() is None:
                    if message.offset() < end:
                        yield message
                elif message.error().name() != "_PARTITION_EOF":
                    raise SystemExit(f"{topic}: {message.error()}")
                (at,) = self.consumer.position([TopicPartition(topic, start.partition)])
                if at.offset >= end:
                    break

    def records(self, topic):
        """Headers, key and decoded value; a tombstone's value is None."""
        for message in self.messages(topic):
            headers = {name: text.decode() for name, text in message.headers() or []}
            value = message.value()
            if value is not None:
                value = self.decode(value, SerializationContext(topic, MessageField.VALUE))
            yield headers, message.key().decode(), value


def read(reader, topic, shown):
    ids, rows, tombstones = Counter(), [], 0
    for headers, key, value in reader.records(topic):
        if value is None:
            tombstones += 1
            continue
        ids[headers["ce_id"]] += 1
        if topic in shown:
            row = {"ce_id": headers["ce_id"], "ce_type": headers["ce_type"]}
            rows.append({**row, "key": key, "value": value})
    twice = sorted(id for id, count in ids.items() if count > 1)
    records = sum(ids.values())
    report(
        {
            "topic": topic,
            "records": records,
            "tombstones": tombstones,
            "twice": twice[:10],
            "rows": rows,
        }
    )
    return ids


def judge(reader, prefix, ids):
    """The journal is dense, and what follows from it stands on its topic, once, and nothing else does."""
    journal = f"{prefix}journal.v1"
    sequences, requested, entries = defaultdict(list), set(), set()
    for headers, _, value in reader.records(journal):
        sequences[json.dumps(value["owner"], sort_keys=True)].append(value["sequence"])
        entries.add(headers["ce_id"])
        if headers["ce_type"].endswith(("/write_requested", "/read_requested")):
            command = value["body"]["command"]
            requested.add(f"cmd_{plain(command['id'])}/{command['attempt']}")
    gaps = [
        owner for owner, found in sequences.items() if found != list(range(len(found)))
    ]
    commands = set()
    for system in ("salesforce", "intercom"):
        commands |= set(ids[f"{prefix}{system}.writes.v1"])
    events = set(ids[f"{prefix}customer.events.v1"])
    report(
        {
            "judged": journal,
            "owners": len(sequences),
            "not_dense": gaps,
            "requested": len(requested),
            "not_sent": sorted(requested - commands)[:10],
            "not_requested": sorted(commands - requested)[:10],
            "not_journaled": sorted(events - entries)[:10],
        }
    )


def main():
    reader = Reader()
    shown = os.environ.get("ROWS", "").split(",")
    topics = os.environ["TOPICS"].split(",")
    ids = {topic: read(reader, topic, shown) for topic in topics}
    if "JUDGE" in os.environ:
        judge(reader, os.environ["JUDGE"], ids)


main()
