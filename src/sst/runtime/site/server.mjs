// Runs any Node web server in a Lambda function. What the app gives to `serve` may be a server that listens by itself, a
// listener `(request, response)`, or `{ fetch }`. Its `listen()` is turned to a socket of this process, and each event
// of the function's URL becomes a request to it, whose answer is sent on while it is made. In a container the server
// listens to the container's port instead, and sees each request as the visitor sent it to the CDN.
import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";

const CONTAINED = !globalThis.awslambda;
const PATIENCE = Number(process.env.SST_LISTEN_TIMEOUT ?? (CONTAINED ? 60_000 : 9000)); // ms until the server listens; an init has 10 s
const HOP_BY_HOP = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];
// The sandbox sleeps between calls: a connection that was kept would be closed when it wakes up.
const agent = new http.Agent({ keepAlive: false });
const HEALTH = "/_sst/health"; // answered without the app, for the load balancer of a container
const FROM_THE_BALANCER = new Set(["host", "x-sst-key", "x-forwarded-proto", "x-forwarded-port"]);

/** The handler of a function that answers with what `load` gives, or with the server that it starts. None in a container. */
export async function serve(load) {
  openLinks();
  process.env.PROTOCOL_HEADER ??= "x-forwarded-proto"; // @sveltejs/adapter-node
  process.env.HOST_HEADER ??= "host";
  process.env.BODY_SIZE_LIMIT ??= "Infinity";
  const ended = (status) => console.error(`the app ended with exit status ${status} before it listened`);
  process.once("exit", ended);
  const socket = await started(load).finally(() => process.off("exit", ended));
  if (CONTAINED) return;
  return awslambda.streamifyResponse((event, stream) => answer(event, stream, socket));
}

/** The path of the socket on which the server of `load` listens; nothing in a container. */
async function started(load) {
  const listening = CONTAINED ? listenAtPort(Number(process.env.SST_PORT)) : firstListen();
  const given = await soon(load(), "the app was not loaded");
  if (given) http.createServer(listenerOf(given)).listen(0);
  return soon(listening, "the app started no server, and exports no listener");
}

/** A link's values as the SDK of SST reads them, and as variables. They are decrypted once, before the app is loaded. */
export function openLinks() {
  const { SST_KEY: key, SST_KEY_FILE: file, LAMBDA_TASK_ROOT: home = "." } = process.env;
  if (!key || !file) return;
  const sealed = fs.readFileSync(path.resolve(home, file));
  const decipher = crypto.createDecipheriv("aes-256-gcm", Buffer.from(key, "base64"), Buffer.alloc(12));
  decipher.setAuthTag(sealed.subarray(-16));
  const links = JSON.parse(Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]));
  globalThis.SST_KEY_FILE_DATA = links;
  for (const [name, value] of Object.entries(links)) process.env[`SST_RESOURCE_${name}`] ??= JSON.stringify(value);
}

/** Where the first HTTP server of this process listens. Each listens on a socket of its own. */
function firstListen() {
  const listen = http.Server.prototype.listen;
  let count = 0;
  return new Promise((resolve, reject) => {
    http.Server.prototype.listen = function (...args) {
      const at = socketPath(count++);
      this.prependListener("request", seenAsByTheViewer);
      this.once("listening", () => resolve(at)).once("error", reject);
      const done = args.find((a) => typeof a === "function");
      return listen.call(this, at, ...(done ? [done] : []));
    };
  });
}

/** The first HTTP server of this process listens to the port of the container; others to what they ask for. */
function listenAtPort(port) {
  const listen = http.Server.prototype.listen;
  return new Promise((resolve, reject) => {
    http.Server.prototype.listen = function (...args) {
      http.Server.prototype.listen = listen;
      behindBalancer(this);
      this.once("listening", () => resolve()).once("error", reject);
      const done = args.find((a) => typeof a === "function");
      return listen.call(this, port, "0.0.0.0", ...(done ? [done] : []));
    };
  });
}

// Connections that are idle are closed by the load balancer, after 60 seconds, and never from here: requests would cross
// with the end. Docs: elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
function behindBalancer(server) {
  const scheme = new URL(process.env.SST_SITE ?? "https://localhost").protocol.slice(0, -1);
  const emit = server.emit;
  server.keepAliveTimeout = 75_000;
  server.headersTimeout = 80_000;
  server.emit = function (name, request, ...rest) {
    if (["request", "upgrade", "checkContinue", "checkExpectation"].includes(name)) {
      if (request.url === HEALTH && name === "request") return rest[0].end("ok"), true;
      asTheVisitorSentIt(request, scheme);
    }
    return emit.call(this, name, request, ...rest);
  };
  process.once("SIGTERM", () => {
    if (process.listenerCount("SIGTERM") > 0) return; // the app ends by itself
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}

/** The load balancer adds the edge at the end of the chain of addresses, and the edge the visitor before it. */
function asTheVisitorSentIt(request, scheme) {
  const { headers, headersDistinct, rawHeaders, socket } = request; // Node makes the first two of the third, when asked
  const host = headers["x-forwarded-host"] ?? headers.host ?? "localhost";
  const chain = (headers["x-forwarded-for"] ?? "").split(",").map((part) => part.trim());
  request.rawHeaders = ["Host", host, "X-Forwarded-Proto", scheme];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!FROM_THE_BALANCER.has(rawHeaders[i].toLowerCase())) request.rawHeaders.push(rawHeaders[i], rawHeaders[i + 1]);
  }
  for (const name of FROM_THE_BALANCER) delete headers[name], delete headersDistinct[name];
  Object.assign(headers, { host, "x-forwarded-proto": scheme });
  Object.assign(headersDistinct, { host: [host], "x-forwarded-proto": [scheme] });
  socket.encrypted = scheme === "https";
  if (chain.at(-2) ?? chain[0]) Object.defineProperty(socket, "remoteAddress", { value: chain.at(-2) ?? chain[0], configurable: true });
}

/** In the sandbox's own folder. A path of a socket may have 107 characters; Linux has a short one for any folder. */
function socketPath(number) {
  const name = `sst-${process.pid}-${number}.sock`;
  const folder = os.tmpdir();
  if (folder.length + name.length < 100) return path.join(folder, name);
  return process.platform === "linux" ? `/proc/self/fd/${fs.openSync(folder)}/${name}` : `/tmp/${name}`;
}

// Frameworks look at the socket for the scheme and the address of who asks. A sandbox has one request at a time.
let viewer;
function seenAsByTheViewer(request) {
  request.socket.encrypted = request.headers["x-forwarded-proto"] === "https";
  Object.defineProperty(request.socket, "remoteAddress", { value: viewer, configurable: true });
}

async function soon(promise, otherwise) {
  const patience = new AbortController();
  const late = sleep(PATIENCE, undefined, { signal: patience.signal }).then(
    () => { throw Object.assign(new Error(`${otherwise} within ${PATIENCE / 1000} seconds`), { name: "SiteNotStarted" }); },
    () => new Promise(() => {}));
  try {
    return await Promise.race([promise, late]);
  } finally {
    patience.abort();
  }
}

async function answer(event, stream, socketPath) {
  if (event?.type === "warmer") {
    await sleep(event.delay ?? 0);
    return end(stream, JSON.stringify({ type: "warmer" }));
  }
  const call = event?.requestContext?.http;
  if (!call) throw Object.assign(new Error("this function answers HTTP requests of its URL; this event is another"), { name: "NotHttp" });
  const headers = { ...event.headers };
  if (!hasKey(headers)) return respond(stream, 403, { "content-type": "text/plain; charset=utf-8" }, "Forbidden");
  const body = event.body ? Buffer.from(event.body, event.isBase64Encoded ? "base64" : "utf8") : undefined;
  for (const name of HOP_BY_HOP) delete headers[name];
  if (headers["x-forwarded-host"]) headers.host = headers["x-forwarded-host"];
  if (event.cookies?.length) headers.cookie = event.cookies.join("; ");
  if (body) headers["content-length"] = String(body.length);
  else delete headers["content-length"];
  viewer = viewerOf(headers) ?? call.sourceIp;
  const target = event.rawPath + (event.rawQueryString ? `?${event.rawQueryString}` : "");
  await relay(http.request({ socketPath, agent, method: call.method, path: target, headers }), body, stream);
}

/** The edge adds the key; what does not come from there is refused. */
export function hasKey(headers) {
  const key = process.env.SST_ORIGIN_KEY;
  const given = headers["x-sst-key"] ?? "";
  delete headers["x-sst-key"];
  const digest = (text) => crypto.createHash("sha256").update(text).digest();
  return !key || crypto.timingSafeEqual(digest(key), digest(given));
}

/** `CloudFront-Viewer-Address` is `address:port`. */
function viewerOf(headers) {
  const given = headers["cloudfront-viewer-address"];
  return given?.slice(0, given.lastIndexOf(":"));
}

function relay(request, body, stream) {
  return new Promise((resolve, reject) => {
    request.on("error", reject);
    request.on("response", (response) => {
      const { "set-cookie": cookies = [], ...rest } = response.headers;
      for (const name of HOP_BY_HOP) delete rest[name];
      const out = begin(stream, response.statusCode, rest, cookies);
      response.on("error", (e) => { out.destroy(e); reject(e); });
      out.on("error", (e) => { request.destroy(); reject(e); });
      out.on("finish", resolve);
      response.pipe(out);
    });
    request.end(body);
  });
}

/** Lambda sends status and headers with the first write, so there has to be one, also of an empty body. */
function begin(stream, statusCode, headers, cookies) {
  const out = awslambda.HttpResponseStream.from(stream, { statusCode, headers, cookies });
  out.write("");
  return out;
}

export function respond(stream, status, headers, text, cookies = []) {
  return end(begin(stream, status, headers, cookies), text);
}

async function end(stream, text) {
  stream.end(text);
  await finished(stream);
}

function listenerOf(given) {
  if (typeof given === "function") return given;
  if (typeof given.fetch === "function") return fetchListener(given.fetch.bind(given));
  throw Object.assign(new Error("the app gave neither a listener (request, response) nor { fetch }"), { name: "NotAServer" });
}

/** A listener of Node for an app that makes a `Response` of a `Request`. */
export function fetchListener(handle) {
  return async (incoming, outgoing) => {
    const left = new AbortController();
    outgoing.on("close", () => left.abort());
    try {
      const response = await handle(requestOf(incoming, left.signal));
      const headers = {};
      for (const [name, value] of response.headers) if (name !== "set-cookie") headers[name] = value;
      const cookies = response.headers.getSetCookie();
      if (cookies.length) headers["set-cookie"] = cookies;
      outgoing.writeHead(response.status, headers);
      outgoing.flushHeaders();
      if (!response.body || incoming.method === "HEAD") return outgoing.end();
      const body = Readable.fromWeb(response.body);
      body.on("error", (e) => { console.error(e); outgoing.destroy(); });
      outgoing.on("close", () => body.destroy());
      body.pipe(outgoing);
    } catch (e) {
      console.error(e);
      if (!outgoing.headersSent) outgoing.writeHead(500, { "content-type": "text/plain; charset=utf-8" });
      outgoing.end("Internal Server Error");
    }
  };
}

function requestOf(incoming, signal) {
  const { method, url, headers, socket } = incoming;
  const given = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) {
    for (const value of values) given.append(name, value);
  }
  const hasBody = method !== "GET" && method !== "HEAD";
  const address = new URL(`${socket.encrypted ? "https" : "http"}://${headers.host ?? "localhost"}${url.startsWith("/") ? url : `/${url}`}`);
  return new Request(address, { method, headers: given, signal, ...(hasBody ? { body: Readable.toWeb(incoming), duplex: "half" } : {}) });
}
