// What the scripts share: the settings from the environment, the clients, and the report.
import { createRequire } from "node:module";

// The clients are installed outside of the tree, so they are not found beside this file.
export const require = createRequire(`${setting("CLIENTS")}/`);

/** A setting that the test passes in the environment. */
export function setting(name) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run this through the test public_clients`);
  }
  return value;
}

/** One line of JSON for the test; numbers past 2^53 become text. */
export function report(value) {
  const plain = (_, one) => (typeof one === "bigint" ? one.toString() : one);
  process.stdout.write(`${JSON.stringify(value, plain)}\n`);
}

/** What a call failed with, as `describe` puts it; a call that succeeds is reported as null. */
export async function failure(call, describe) {
  try {
    await call();
    return null;
  } catch (error) {
    return describe(error);
  }
}
