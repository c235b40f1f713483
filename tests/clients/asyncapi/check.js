"use strict";

// Checks an AsyncAPI 3.0 document with the official JSON Schema of @asyncapi/specs, then messages with the document.
//
// Standard input: {"document": {...}, "messages": [{"name": "createOrder", "payload": {...}}, ...]}, where a name is
// one of the document's components.messages. Prints one line of JSON; what is wrong goes to standard error.

const Ajv = require("ajv");
const official = require("@asyncapi/specs").schemas["3.0.0"];

const options = { strict: false, validateFormats: false, allErrors: true };
const input = JSON.parse(require("fs").readFileSync(0, "utf8"));

function fail(what, errors) {
  console.error(`${what}\n${JSON.stringify((errors || []).slice(0, 20), null, 1)}`);
  process.exit(1);
}

// It brings its own copy of the JSON Schema draft that it is written in.
const ajv = new Ajv({ ...options, meta: false, validateSchema: false });
const validate = ajv.compile(official);
if (!validate(input.document)) fail("the document is not AsyncAPI 3.0", validate.errors);

const checks = new Ajv(options);
checks.addSchema(input.document, "document");
for (const { name, payload } of input.messages) {
  const pointer = `document#/components/messages/${name}/payload`;
  const check = checks.getSchema(pointer);
  if (!check) fail(`no message ${name} in the document`);
  if (!check(payload)) fail(`${name}: ${JSON.stringify(payload)}`, check.errors);
}
console.log(JSON.stringify({ finding: "valid", messages: input.messages.length }));
