// intercom-client against the sandbox: a lead and a user, what collides with them, searches,
// updates with defined and undefined attributes, paging, and, if OPENAPI names the file, where the
// answers differ from Intercom's own description.
import { deviations, recording } from "./openapi.mjs";
import { failure, report, require, setting } from "./shared.mjs";

const { IntercomClient } = require("intercom-client");
const answers = [];
const client = new IntercomClient({
  token: setting("TOKEN"),
  baseUrl: setting("INTERCOM_URL"),
  version: "2.14",
  maxRetries: 0,
  fetch: recording(answers),
});
const described = (error) => ({
  name: error.constructor.name,
  status: error.statusCode,
  code: error.body?.errors?.[0]?.code,
});

const me = await client.admins.identify();
report({ step: "me", type: me.type, app: me.app.id_code });

const lead = await client.contacts.create({ role: "lead", name: "Ada" });
const person = { role: "user", external_id: "u-1", email: "ada@analytical.example" };
const user = await client.contacts.create(person);
report({ step: "created", lead, user });
report({
  step: "collisions",
  key: await failure(() => client.contacts.create(person), described),
  email: await failure(
    () => client.contacts.create({ role: "user", email: person.email }),
    described,
  ),
});

const byEmail = { field: "email", operator: "=", value: person.email };
const found = await client.contacts.search({ query: byEmail });
report({ step: "search", total: found.response.total_count, ids: found.data.map((one) => one.id) });

const plan = { contact_id: user.id, custom_attributes: { plan: "gold" } };
const changed = await client.contacts.update(plan);
const odd = { contact_id: user.id, custom_attributes: { never_defined: "x" } };
report({
  step: "updated",
  plan: changed.custom_attributes.plan,
  undefined: await failure(() => client.contacts.update(odd), described),
  read: (await client.contacts.find({ contact_id: user.id })).custom_attributes,
});

for (let number = 0; number < 5; number += 1) {
  await client.contacts.create({ role: "lead", name: `Lead ${number}` });
}
const listed = [];
for await (const contact of await client.contacts.list({ per_page: 3 })) {
  listed.push(contact.id);
}
report({ step: "list", listed: listed.length, distinct: new Set(listed).size });

const merged = await client.contacts.mergeLeadInUser({ from: lead.id, into: user.id });
report({ step: "merged", id: merged.id, role: merged.role });
const absent = () => client.contacts.find({ contact_id: "000000000000000000000000" });
const stranger = new IntercomClient({ token: "x", baseUrl: setting("INTERCOM_URL") });
report({
  step: "refusals",
  absent: await failure(absent, described),
  token: await failure(() => stranger.contacts.find({ contact_id: user.id }), described),
});
if (process.env.OPENAPI) {
  const differ = deviations(process.env.OPENAPI, answers);
  report({ step: "openapi", answers: answers.length, differ });
}
