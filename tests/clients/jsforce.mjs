// jsforce against the sandbox: client credentials, describe, paged query, upsert by external id,
// several records in one request, and what it makes of refusals.
import { failure, report, require, setting } from "./shared.mjs";

const jsforce = require("jsforce");
const described = (error) => ({ name: error.name, code: error.errorCode, message: error.message });

const connection = new jsforce.Connection({
  version: "66.0",
  instanceUrl: setting("SALESFORCE_URL"),
  oauth2: {
    loginUrl: setting("SALESFORCE_URL"),
    clientId: setting("CLIENT_ID"),
    clientSecret: setting("CLIENT_SECRET"),
  },
});
await connection.authorize({ grant_type: "client_credentials" });
const identity = await connection.request("/services/oauth2/userinfo");
report({ step: "login", organization: identity.organization_id, user: identity.user_id });

const lead = await connection.sobject("Lead").describe();
const key = lead.fields.find((field) => field.name === "Intercom_Contact_ID__c");
report({ step: "describe", name: lead.name, prefix: lead.keyPrefix, key });

const leads = connection.sobject("Lead");
const ada = { LastName: "Lovelace", Company: "Engines", Intercom_Contact_ID__c: "e:1" };
const created = await leads.upsert(ada, "Intercom_Contact_ID__c");
const updated = await leads.upsert({ ...ada, Title: "Countess" }, "Intercom_Contact_ID__c");
const read = await leads.retrieve(created.id);
report({ step: "upsert", created, updated, title: read.Title, url: read.attributes.url });

const [first, missing] = await leads.update([
  { Id: created.id, Title: "Programmer" },
  { Id: created.id.replace(/^00Q/, "003"), Title: "Nobody" },
]);
report({ step: "collection", first, missing });

const records = [];
const query = connection.query("SELECT Id, LastName, Owner.Name FROM Contact ORDER BY LastName");
await new Promise((resolve, reject) => {
  query.on("record", (record) => records.push(record)).on("end", resolve).on("error", reject);
  query.run({ autoFetch: true, maxFetch: 10_000 });
});
report({
  step: "query",
  total: query.totalSize,
  fetched: records.length,
  last: records.at(-1)?.LastName,
  owner: records.at(-1)?.Owner?.Name,
});

report({
  step: "refusals",
  field: await failure(() => leads.update({ Id: created.id, Nothing__c: "x" }), described),
  query: await failure(() => connection.query("SELECT Nothing__c FROM Lead"), described),
  missing: await failure(() => leads.create({ LastName: "No company" }), described),
  picklist: await failure(() => leads.update({ Id: created.id, Company_Size__c: "9" }), described),
});
await leads.destroy(created.id);
const gone = await failure(() => leads.retrieve(created.id), described);
report({ step: "deleted", gone });
connection.accessToken = "00D!stale";
const stale = await failure(() => connection.query("SELECT Id FROM Lead"), described);
report({ step: "stale", stale });
