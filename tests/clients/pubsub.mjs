// salesforce-pubsub-api-client against the sandbox: logs in, subscribes from the earliest event
// and reports each event as it decodes it, until as many came as EVENTS says.
import { report, require, setting } from "./shared.mjs";

const { default: PubSubApiClient } = require("salesforce-pubsub-api-client");

const topic = setting("TOPIC");
const wanted = Number(setting("EVENTS"));
const quiet = { debug() {}, info() {}, warn: console.warn, error: console.error };
const client = new PubSubApiClient(
  {
    authType: "oauth-client-credentials",
    loginUrl: setting("SALESFORCE_URL"),
    clientId: setting("CLIENT_ID"),
    clientSecret: setting("CLIENT_SECRET"),
    pubSubEndpoint: setting("PUBSUB_ENDPOINT"),
    // It trusts the authorities it brings and offers no way to add one.
    rejectUnauthorizedSsl: false,
  },
  quiet,
);
await client.connect();

let received = 0;
client.subscribeFromEarliestEvent(
  topic,
  (subscription, kind, data) => {
    if (kind === "event") {
      received += 1;
      report({ kind, schemaId: data.schemaId, replayId: data.replayId, payload: data.payload });
    } else if (kind === "lastEvent") {
      // Only one event was asked for: the next ones need more credit.
      report({ kind, received });
      if (received < wanted) {
        client.requestAdditionalEvents(subscription.topicName, wanted - received);
      }
    } else if (kind === "error") {
      report({ kind, message: data.message, cause: data.cause?.message });
      process.exit(1);
    }
    if (received === wanted) {
      client.close();
      process.exit(0);
    }
  },
  1,
);
