// Parses an AsyncAPI document with the real parser: `node validate.mjs FOLDER_OF_NODE_MODULES DOCUMENT`.
// Prints what it found and what it understood as JSON; the exit code is 1 when the document is not valid.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, file] = process.argv.slice(2);
const { Parser } = createRequire(join(folder, "package.json"))("@asyncapi/parser");
const { document, diagnostics } = await new Parser().parse(await readFile(file, "utf-8"));
const channels = document?.channels().all() ?? [];
console.log(JSON.stringify({
  diagnostics: diagnostics.map(({ severity, code, message, path }) => ({ severity, code, message, path: path.join(".") })),
  channels: Object.fromEntries(
    channels.map((channel) => [channel.address(), channel.messages().all().map((message) => message.name())]),
  ),
}));
process.exit(document === undefined ? 1 : 0);
