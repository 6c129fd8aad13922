// Where Lambda enters a Node function that is called through a CDN: requests of its URL need the key that the edge adds.
// The same as origin.py, which says why things are as they are. No packages; Node 18.
import { createHash, timingSafeEqual } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const key = process.env.SST_ORIGIN_KEY;
const TEXT = { "content-type": "text/plain; charset=utf-8" };
const digest = (text) => createHash("sha256").update(text).digest();

function admitted(event) {
  const about = event?.requestContext;
  if (!about?.http || !(about.accountId === "anonymous" || String(about.domainName).includes(".lambda-url."))) return true;
  const given = event.headers["x-sst-key"] ?? "";
  delete event.headers["x-sst-key"];
  return timingSafeEqual(digest(given), digest(key));
}

async function imported() {
  const name = (process.env._HANDLER = process.env.SST_ORIGIN_HANDLER);
  const dot = name.lastIndexOf(".");
  const file = path.resolve(path.dirname(fileURLToPath(import.meta.url)), name.slice(0, dot));
  const found = ["", ".js", ".mjs", ".cjs"].map((end) => file + end).find((f) => fs.existsSync(f) && fs.statSync(f).isFile());
  if (!found) throw Object.assign(new Error(`Cannot find module '${path.basename(file)}'`), { name: "Runtime.ImportModuleError" });
  const module = await import(pathToFileURL(found));
  return module[name.slice(dot + 1)] ?? module.default?.[name.slice(dot + 1)];
}

const own = await imported();
const streams = Object.getOwnPropertySymbols(own).length > 0; // as streamifyResponse marks it

export const handler = streams
  ? awslambda.streamifyResponse(async (event, stream, context) => {
      if (admitted(event)) return own(event, stream, context);
      awslambda.HttpResponseStream.from(stream, { statusCode: 403, headers: TEXT }).end("Forbidden");
    })
  : (event, ...rest) => (admitted(event) ? own(event, ...rest) : Promise.resolve({ statusCode: 403, headers: TEXT, body: "Forbidden" }));
