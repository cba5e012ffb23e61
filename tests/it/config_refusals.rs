//! What the configuration refuses, and with which words.

/// (what the file says, what it says instead, the words of the refusal after the file's name)
pub const REFUSED: [(&str, &str, &str); 38] = [
    (
        "[support, sales]",
        "[suport, sales]",
        ":23:15: bridges.main.sources names \"suport\", which is not under sources; did you mean \
         \"support\"?",
    ),
    (
        "[support, sales]",
        "[support, support, sales]",
        ":23:24: bridges.main.sources names \"support\" twice; remove one of them",
    ),
    (
        "[support, sales]",
        "[support]",
        ":22:3: bridges.main.sources names no salesforce source; add one",
    ),
    (
        "[support, sales]",
        "[sales]",
        ":22:3: bridges.main.sources names no intercom source; add one",
    ),
    (
        "[support, sales]",
        "[]",
        ":22:3: bridges.main.sources names no salesforce source; add one",
    ),
    (
        "[support, sales]",
        "support",
        ":23:14: bridges.main.sources is a single value; it must be a list such as [one, two]",
    ),
    (
        "partition: 0",
        "partition: 1",
        ":25:16: bridges.main.partition is 1, but with partitions: 1 the last one is 0; lower it \
         or raise partitions",
    ),
    (
        "partition: 0",
        "partitoin: 0",
        ":25:5: bridges.main.partitoin is not a known setting; did you mean \"partition\"?",
    ),
    (
        "partition: 0",
        "colour: 0",
        ":25:5: bridges.main.colour is not a known setting; known here: sources, mapping, \
         partition, begins",
    ),
    (
        "    mapping: mapping.yaml\n",
        "",
        ":23:5: bridges.main.mapping is missing; add it",
    ),
    (
        "  main:\n",
        "  _main:\n",
        ":22:3: \"_main\" is no name; take at most 64 of A-Z a-z 0-9 _ . -, the first a letter or \
         digit",
    ),
    (
        "partitions: 1",
        "partitions: some",
        ":4:13: partitions is \"some\"; it must be a whole number from 1 to 1024",
    ),
    (
        "partitions: 1",
        "partitions: 0",
        ":4:13: partitions is \"0\"; it must be a whole number from 1 to 1024",
    ),
    (
        "partitions: 1",
        "partitions:",
        ":4:11: partitions must not be empty",
    ),
    (
        "partitions: 1",
        "partitions: 1\npartitions: 2",
        ":5:1: is not valid YAML here: duplicate mapping key: partitions",
    ),
    (
        "admin: 127.0.0.1:9090",
        "admin: localhost",
        ":5:44: server.admin is \"localhost\"; it must be an address and a port such as \
         127.0.0.1:8080",
    ),
    (
        "admin: 127.0.0.1:9090",
        "admin: 127.0.0.1:8080",
        ":5:44: server.admin and server.webhooks are one address; change one of them",
    ),
    (
        "logging: { format: json",
        "logging: { format: jsn",
        ":28:20: logging.format is \"jsn\"; it must be pretty or json; did you mean \"json\"?",
    ),
    (
        "level: debug",
        "level: inof",
        ":28:33: logging.level has \"inof\", which is no level; write error, warn, info, debug or \
         trace; did you mean \"info\"?",
    ),
    (
        "logging:",
        "loging:",
        ":28:1: loging is not a known setting; did you mean \"logging\"?",
    ),
    (
        "      app_id: abc123\n",
        "",
        ":9:7: sources.support.intercom.app_id is missing; add it",
    ),
    (
        "app_id: abc123",
        "app_id: my workspace",
        ":9:15: sources.support.intercom.app_id must be the workspace's code, letters and digits \
         such as abc123",
    ),
    (
        "    intercom:\n",
        "    intercon:\n",
        ":8:5: sources.support.intercon is not a known setting; did you mean \"intercom\"?",
    ),
    (
        "{ env: INTERCOM_SECRET }",
        "{ env: NO_SUCH }",
        ":10:22: sources.support.intercom.client_secret names the environment variable NO_SUCH, \
         which is not set; set it",
    ),
    (
        "{ env: INTERCOM_SECRET }",
        "{ var: X }",
        ":10:24: sources.support.intercom.client_secret.var is not a known setting; known here: \
         env, file",
    ),
    (
        "{ env: INTERCOM_SECRET }",
        "{ env: EMPTY }",
        ":10:22: sources.support.intercom.client_secret leads to an empty secret",
    ),
    (
        "{ env: INTERCOM_SECRET }",
        "{ file: none }",
        ":10:22: sources.support.intercom.client_secret names /etc/crosswalk/none, which cannot \
         be read: No such file or directory (os error 2)",
    ),
    (
        "token-in-clear",
        "[token-in-clear]",
        ":11:21: sources.support.intercom.access_token is a list; it must be a text, {env: NAME} \
         or {file: PATH}",
    ),
    (
        "https://api.intercom.io/",
        "http://api.intercom.io",
        ":12:17: sources.support.intercom.base_url is plain http to api.intercom.io; write \
         https://api.intercom.io",
    ),
    (
        "https://api.intercom.io/",
        "ftp://api.intercom.io",
        ":12:17: sources.support.intercom.base_url has the scheme ftp; write https",
    ),
    (
        "https://api.intercom.io/",
        "api.intercom.io",
        ":12:17: sources.support.intercom.base_url is \"api.intercom.io\"; it must be a URL such \
         as https://host",
    ),
    (
        "\"2.14\"",
        "latest",
        ":13:20: sources.support.intercom.api_version is \"latest\"; it must be a version such as \
         \"2.14\"",
    ),
    (
        "client_token: crosswalk-main",
        "client_token: a b",
        ":20:21: sources.sales.salesforce.client_token must be at most 40 of A-Z a-z 0-9 _ . / -",
    ),
    (
        "sources:\n  support:",
        "sources:\n  spare: { intercom: { app_id: other, client_secret: x, access_token: y } }\n  \
         support:",
        ":7:3: sources.spare belongs to no bridge; name it there or remove it",
    ),
    (
        "command_deadline_seconds: 60",
        "command_deadline_seconds: 0",
        ":26:69: processor.command_deadline_seconds is \"0\"; it must be a whole number from 1 to \
         86400",
    ),
    (
        "  embedded: { path: ./data/log.db }",
        "  memory: {}",
        ":2:3: log.memory is not a known setting; known here: embedded, kafka",
    ),
    (
        "  embedded: { path: ./data/log.db }",
        "  kafka: { bootstrap: \"k:9092\", registry: { urls: [] } }",
        ":2:51: log.kafka.registry.urls is empty; name one such as https://registry:8081",
    ),
    (
        "  embedded: { path: ./data/log.db }",
        "  kafka: { bootstrap: \"k:9092\", registry: { urls: [\"https://r\"], user: ann } }",
        ":2:72: log.kafka.registry.user stands alone; user and password belong together",
    ),
];
