// Holds recorded answers against Intercom's OpenAPI description, and says where they differ.
import { readFileSync } from "node:fs";

import { require } from "./shared.mjs";

const { parse } = require("yaml");
const { default: Ajv } = require("ajv");

/** A `fetch` that keeps what was answered in `answers`. */
export function recording(answers) {
  return async (url, options) => {
    const response = await fetch(url, options);
    const path = new URL(url).pathname;
    const body = await response.clone().json();
    answers.push({ method: options.method, path, status: response.status, body });
    return response;
  };
}

/** Where the answers differ from the description: sorted texts, each once. */
export function deviations(file, answers) {
  const description = parse(readFileSync(file, "utf8"), { maxAliasCount: -1 });
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(withNulls(description), "intercom");
  const found = new Set();
  for (const answer of answers) {
    const path = described(description, answer.path);
    const call = `${answer.method} ${path} ${answer.status}`;
    const operation = description.paths[path]?.[answer.method.toLowerCase()];
    if (!operation?.responses[answer.status]) {
      found.add(`${call}: not described`);
      continue;
    }
    const steps = ["paths", path, answer.method.toLowerCase(), "responses", `${answer.status}`];
    const pointer = [...steps, "content", "application/json", "schema"].map(escaped).join("/");
    const valid = ajv.getSchema(`intercom#/${pointer}`);
    if (!valid(answer.body)) {
      for (const error of valid.errors) {
        found.add(`${call}: ${error.instancePath.replace(/\/\d+/g, "/*")} ${error.message}`);
      }
    }
  }
  return [...found].sort();
}

/** The described path that this one is an instance of; literal paths go before templates. */
function described(description, path) {
  const fits = (template) => {
    const pattern = template.replace(/\{[^}]+\}/g, "[^/]+");
    return new RegExp(`^${pattern}$`).test(path);
  };
  const candidates = Object.keys(description.paths).filter(fits);
  return candidates.find((template) => template === path) ?? candidates[0] ?? path;
}

/** JSON Schema instead of OpenAPI 3.0: what is nullable may be null whatever else is said. */
function withNulls(node) {
  if (Array.isArray(node)) {
    return node.map(withNulls);
  }
  if (node === null || typeof node !== "object") {
    return node;
  }
  const { nullable, example, examples, ...rest } = node;
  const inner = Object.fromEntries(Object.entries(rest).map(([key, one]) => [key, withNulls(one)]));
  return nullable === true ? { anyOf: [{ type: "null" }, inner] } : inner;
}

function escaped(step) {
  return encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"));
}
