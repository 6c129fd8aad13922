// Where Lambda enters a Node function while `sst dev` runs on an AWS stage: calls go to a developer's machine, or to the deployed code.
// The same in JavaScript as live.py and bridge/ beside it, which say why things are as they are. No packages; Node 18.
import { createHash, createHmac, randomBytes, randomUUID } from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";
import { fileURLToPath, pathToFileURL } from "node:url";
import { deflateSync, inflateSync } from "node:zlib";

const PIECE = 170_000; // bytes of a message in one event
const ASK = 3_000; // milliseconds of silence after which is asked for what was missed
const SILENCE = 5_000; // milliseconds of silence after which the developer is gone
const SENDING = 20_000;
const CONNECT_AT_START = 1_000, CONNECT = 50, AGAIN = 2_000;
const FIRST_REST = 5_000, LONGEST_REST = 60_000;
const HTTP = "application/vnd.awslambda.http-integration-response";
const MACHINE = new Set(("PATH LD_LIBRARY_PATH LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR _HANDLER AWS_LAMBDA_RUNTIME_API AWS_LAMBDA_EXEC_WRAPPER " +
  "AWS_EXECUTION_ENV AWS_LAMBDA_INITIALIZATION_TYPE AWS_LAMBDA_LOG_STREAM_NAME PYTHONPATH PYTHONPYCACHEPREFIX NODE_PATH PWD OLDPWD SHLVL _ " +
  "HOME TMPDIR LANG LC_CTYPE _X_AMZN_TRACE_ID AWS_XRAY_DAEMON_ADDRESS _AWS_XRAY_DAEMON_ADDRESS _AWS_XRAY_DAEMON_PORT " +
  "AWS_XRAY_CONTEXT_MISSING").split(" "));

const env = process.env;
const now = () => performance.now();
const hash = (data) => createHash("sha256").update(data).digest("hex");
const newName = () => randomUUID().replaceAll("-", "");
const pause = (ms) => new Promise((go) => setTimeout(go, ms));

function place(host) {
  const [name, port] = host.split(":");
  return name.endsWith(".localhost") ? { host: "127.0.0.1", port: Number(port ?? 80), secure: false } : { host: name, port: Number(port ?? 443), secure: true };
}

// The headers of POST https://HOST/event with their signature (SigV4).
function signed(host, body) {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const headers = {
    accept: "application/json, text/javascript", "content-encoding": "amz-1.0", "content-type": "application/json; charset=UTF-8",
    host, "x-amz-date": stamp, ...(env.AWS_SESSION_TOKEN ? { "x-amz-security-token": env.AWS_SESSION_TOKEN } : {}),
  };
  const names = Object.keys(headers).sort();
  const canonical = ["POST", "/event", "", ...names.map((n) => `${n}:${headers[n]}`), "", names.join(";"), hash(body)].join("\n");
  const scope = `${stamp.slice(0, 8)}/${host.split(".")[2]}/appsync/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", stamp, scope, hash(canonical)].join("\n");
  const key = [...scope.split("/"), text].reduce((k, part) => createHmac("sha256", k).update(part).digest(), `AWS4${env.AWS_SECRET_ACCESS_KEY}`);
  headers.Authorization = `AWS4-HMAC-SHA256 Credential=${env.AWS_ACCESS_KEY_ID}/${scope}, SignedHeaders=${names.join(";")}, Signature=${key.toString("hex")}`;
  return headers;
}

function pieces(name, head, body) {
  const start = Buffer.from(JSON.stringify(head));
  const size = Buffer.alloc(4);
  size.writeUInt32BE(start.length);
  let data = Buffer.concat([size, start, body]), packed = 0;
  if (data.length > 4096) {
    const less = deflateSync(data, { level: 1 });
    if (less.length < data.length) [data, packed] = [less, 1];
  }
  const count = Math.max(1, Math.ceil(data.length / PIECE));
  return Array.from({ length: count }, (_, i) => JSON.stringify({
    m: name, i, n: count, z: packed, d: data.subarray(i * PIECE, (i + 1) * PIECE).toString("base64") }));
}

class Assembler {
  parts = new Map();
  done = new Set();

  take(event) {
    const { m, i, n, z, d } = JSON.parse(event);
    if (this.done.has(m)) return undefined;
    const parts = this.parts.get(m) ?? new Map();
    this.parts.set(m, parts.set(i, Buffer.from(d, "base64")));
    if (parts.size < n) return undefined;
    this.parts.delete(m);
    this.done.add(m);
    if (this.done.size > 4096) this.done.delete(this.done.values().next().value);
    const joined = Buffer.concat(Array.from({ length: n }, (_, k) => parts.get(k)));
    const whole = z ? inflateSync(joined) : joined;
    const size = whole.readUInt32BE(0);
    return { head: JSON.parse(whole.subarray(4, 4 + size)), body: whole.subarray(4 + size) };
  }
}

// A WebSocket to hear (RFC 6455, as much of it as this needs), an HTTP connection to speak.
class Line {
  assembler = new Assembler();
  heard = [];

  constructor(at, realtime) {
    this.at = at;
    this.realtime = realtime;
    const { secure } = place(at);
    this.agent = new (secure ? https : http).Agent({ keepAlive: true, maxSockets: 1 });
  }

  get isOpen() {
    return this.socket !== undefined;
  }

  async open(channels, until) {
    this.close();
    const { host, port, secure } = place(this.realtime);
    const socket = secure ? tls.connect({ host, port, servername: host }) : net.connect({ host, port });
    this.socket = socket.setNoDelay(true).unref(); // a handler may be done when nothing is left to wait for
    this.kept = Buffer.alloc(0);
    this.texts = [];
    this.upgraded = false;
    socket.on("data", (data) => { if (socket === this.socket) this.read(data); });
    for (const sign of ["error", "close", "end"]) socket.on(sign, () => { if (socket === this.socket) this.close(); });
    const header = Buffer.from(JSON.stringify(signed(this.at, "{}"))).toString("base64url");
    socket.write(["GET /event/realtime HTTP/1.1", `Host: ${this.realtime}`, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`, `Sec-WebSocket-Protocol: aws-appsync-event-ws, header-${header}`, "", ""].join("\r\n"));
    this.tell({ type: "connection_init" }, true);
    channels.forEach((channel, i) => {
      this.tell({ type: "subscribe", id: String(i), channel, authorization: signed(this.at, JSON.stringify({ channel })) }, true);
    });
    this.missing = channels.length;
    if (!await this.wait(until, (ready) => { this.ready = ready; })) {
      this.close();
      throw new Error("the API did not connect in time");
    }
  }

  close() {
    const socket = this.socket;
    this.socket = this.ready = undefined;
    socket?.destroy();
    this.wake?.();
  }

  // True once `keep`'s function was called; false if the time is over or the line was closed.
  async wait(until, keep) {
    let timer;
    const came = await new Promise((go) => {
      keep(() => go(true));
      this.wake = () => go(false);
      timer = setTimeout(() => go(false), Math.max(0, until - now()));
    });
    clearTimeout(timer);
    this.wake = this.news = undefined;
    return came;
  }

  // The next message, or undefined if there is none in time.
  async hear(until) {
    if (!this.heard.length && this.isOpen) await this.wait(until, (news) => { this.news = news; });
    if (!this.heard.length && !this.isOpen) throw new Error("the line is closed");
    return this.heard.shift();
  }

  async say(channel, events, until) {
    for (const event of events) {
      const body = JSON.stringify({ channel, events: [event] });
      for (let turn = 0; ; turn++) {
        const status = await this.post(body, until);
        if (status === 200) break;
        if ([400, 401, 403, 413].includes(status) || turn === 3 || now() >= until) throw new Error(`the API did not take an event: ${status}`);
        await pause(Math.min(status ? 50 * 2 ** turn : 0, Math.max(0, until - now())));
      }
    }
  }

  post(body, until) {
    const { host, port, secure } = place(this.at);
    return new Promise((go) => {
      const request = (secure ? https : http).request({
        host, port, agent: this.agent, servername: host, method: "POST", path: "/event", headers: { ...signed(this.at, body), "content-length": Buffer.byteLength(body) },
      }, (answer) => answer.resume().on("end", () => go(answer.statusCode)).on("error", () => go(0)));
      const timer = setTimeout(() => request.destroy(), Math.max(1, until - now()));
      request.on("error", () => go(0)).on("close", () => { clearTimeout(timer); go(0); });
      request.end(body);
    });
  }

  // A frame, masked with zeros. What is said before the upgrade waits for it.
  tell(frame, early = false) {
    if (early && !this.upgraded) return void (this.early ??= []).push(frame);
    this.send(1, Buffer.from(JSON.stringify(frame)));
  }

  send(kind, data) {
    const wide = data.length < 126 ? 0 : data.length < 65536 ? 2 : 8;
    const head = Buffer.alloc(2 + wide + 4);
    head[0] = 0x80 | kind;
    head[1] = 0x80 | (wide ? (wide === 2 ? 126 : 127) : data.length);
    if (wide === 2) head.writeUInt16BE(data.length, 2);
    if (wide === 8) head.writeBigUInt64BE(BigInt(data.length), 2);
    this.socket?.write(Buffer.concat([head, data]));
  }

  read(data) {
    this.kept = this.kept.length ? Buffer.concat([this.kept, data]) : data;
    if (!this.upgraded) {
      const end = this.kept.indexOf("\r\n\r\n");
      if (end < 0) return;
      if (!this.kept.subarray(0, end).toString("latin1").startsWith("HTTP/1.1 101")) return this.close();
      this.upgraded = true;
      this.kept = this.kept.subarray(end + 4);
      for (const frame of this.early.splice(0)) this.tell(frame);
    }
    while (this.socket && this.kept.length >= 2) {
      let size = this.kept[1] & 0x7f, start = 2;
      if (size > 125) {
        start = size === 126 ? 4 : 10;
        if (this.kept.length < start) return;
        size = size === 126 ? this.kept.readUInt16BE(2) : Number(this.kept.readBigUInt64BE(2));
      }
      if (this.kept.length < start + size) return;
      const [kind, last, text] = [this.kept[0] & 0x0f, this.kept[0] & 0x80, this.kept.subarray(start, start + size)];
      this.kept = this.kept.subarray(start + size);
      if (kind === 8) this.close();
      else if (kind === 9) this.send(10, text);
      else if (kind < 8) {
        this.texts.push(text);
        if (last) this.frame(JSON.parse(Buffer.concat(this.texts.splice(0))));
      }
    }
  }

  frame({ type, event }) {
    if (type === "subscribe_success" && --this.missing === 0) this.ready?.();
    else if (type.endsWith("error")) this.close();
    else if (type === "data") {
      let message;
      try {
        message = this.assembler.take(Array.isArray(event) ? event[0] : event);
      } catch {
        return; // not of ours
      }
      if (message) this.heard.push(message);
      if (message) this.news?.();
    }
  }
}

function failure(kind, message, trace) {
  return Object.assign(new Error(message), { name: kind, stack: trace.join("\n") });
}

function beside() {
  const name = env.SST_KEY_FILE ?? "";
  try {
    return { [name]: fs.readFileSync(path.resolve(env.LAMBDA_TASK_ROOT ?? "", name)).toString("base64") };
  } catch {
    return {};
  }
}

class ForwardingHandler {
  until = Number(env.SST_LIVE_UNTIL) * 1000;
  patience = Number(env.SST_LIVE_WAIT || 150);
  channel = env.SST_LIVE_CHANNEL;
  name = newName().slice(0, 20);
  channels = [`${this.channel}/out/${this.name}`, `${this.channel}/out/all`];
  line = new Line(env.SST_LIVE_HTTP, env.SST_LIVE_REALTIME);
  environment = Object.fromEntries(Object.entries(env).filter(([k]) => !MACHINE.has(k) && !k.startsWith("SST_LIVE_")));
  files = beside();
  there = false;
  rest = FIRST_REST;
  restsUntil = 0;

  // Who takes the call; undefined: the deployed code runs.
  async peer(call, connect) {
    if (Date.now() >= this.until) return void this.line.close();
    await new Promise(setImmediate); // what came while this process was frozen
    if (now() < this.restsUntil && !this.hello()) return undefined;
    const until = now() + connect + this.patience;
    let peer;
    try {
      if (!this.line.isOpen) await this.line.open(this.channels, until);
      peer = await this.asked(call, until).catch(async () => {
        await this.line.open(this.channels, until);
        return this.asked(call, until);
      });
    } catch {
      this.line.close();
    }
    this.rest = peer || !this.restsUntil ? FIRST_REST : Math.min(this.rest * 2, LONGEST_REST);
    this.restsUntil = peer ? 0 : now() + this.rest;
    this.there = Boolean(peer);
    return peer;
  }

  // Whether somebody has come meanwhile.
  hello() {
    return this.line.heard.splice(0).some(({ head }) => head.k === "hello");
  }

  async asked(call, until) {
    this.line.heard.length = 0; // what came late
    await this.say({ k: "ask", call }, until);
    until = Math.min(until, now() + this.patience);
    for (let got; (got = await this.line.hear(until));) {
      if (got.head.k === "here" && got.head.call === call) return got.head.from;
    }
    return undefined;
  }

  say(head, until, body = Buffer.alloc(0), name = newName()) {
    return this.line.say(`${this.channel}/in`, pieces(name, { ...head, worker: this.name }, body), until);
  }

  // The messages of the answer, in their order.
  async *answers(call, peer, event, context) {
    const head = {
      k: "call", call, to: peer, function: context.invokedFunctionArn.split(":").slice(0, 7).join(":"), request: context.awsRequestId,
      environment: this.environment, files: this.files, trace: env._X_AMZN_TRACE_ID ?? "",
      deadline: (Date.now() + context.getRemainingTimeInMillis()) / 1000, context: context.clientContext ? JSON.stringify(context.clientContext) : "",
    };
    console.log(`${context.awsRequestId} runs in sst dev on a developer's machine`);
    const body = Buffer.from(JSON.stringify(event ?? null));
    const early = new Map();
    let heard = now(), asked = heard, wanted = 0, sent = false;
    for (;;) {
      let got;
      try {
        if (!this.line.isOpen) {
          await this.line.open(this.channels, heard + SILENCE);
          asked = -ASK;
        }
        if (!sent) {
          await this.say(head, now() + SENDING, body, `${call}-call`);
          heard = asked = now();
          sent = true;
        } else if (now() - asked >= ASK) {
          await this.say({ k: "again", call, to: peer, seq: wanted }, heard + SILENCE);
          asked = now();
        }
        got = await this.line.hear(Math.min(heard + SILENCE, asked + ASK));
      } catch { // on the next turn it is opened again, if it is closed
        await pause(50);
      }
      if (!got) {
        if (now() - heard >= SILENCE) {
          throw failure("Sst.DeveloperGone", "sst dev ended, or lost its connection, while it ran this function", []);
        }
        continue;
      }
      const about = got.head;
      if (about.call !== call || about.from !== peer) continue;
      heard = now();
      if (about.k === "lost") sent = false; // it never got the call, so it has not run it
      else if (["open", "part", "end"].includes(about.k)) early.set(about.seq, got);
      if ((about.sent ?? 0) <= wanted + early.size) asked = heard;
      for (; early.has(wanted); wanted++) {
        yield early.get(wanted);
        early.delete(wanted);
      }
    }
  }
}

// What the handler gave, or throws what it threw.
function result({ head, body }) {
  if (!head.error) return JSON.parse(body.toString() || "null");
  let error = {};
  try {
    error = JSON.parse(body) ?? {};
  } catch { /* no document: an error without a name */ }
  throw failure(error.errorType ?? "Error", error.errorMessage ?? "", error.trace ?? error.stackTrace ?? []);
}

async function* parts(answers) {
  for await (const got of answers) {
    if (got.head.k !== "end") yield got.body;
    else return void (got.head.error && result(got));
  }
}

async function whole(kind, answers) {
  const all = [];
  for await (const part of parts(answers)) all.push(part);
  const body = Buffer.concat(all);
  if (kind !== HTTP) return body.toString();
  const end = body.indexOf(Buffer.alloc(8));
  return { ...JSON.parse(body.subarray(0, end)), body: body.subarray(end + 8).toString("base64"), isBase64Encoded: true };
}

// Writes a response in parts to Lambda's stream.
async function pipe(kind, answers, stream) {
  let start = Buffer.alloc(0), to = kind === HTTP ? undefined : stream;
  if (kind && kind !== HTTP) stream.setContentType(kind);
  for await (const part of parts(answers)) {
    let data = part;
    if (!to) {
      start = Buffer.concat([start, part]);
      const end = start.indexOf(Buffer.alloc(8));
      if (end < 0) continue;
      to = awslambda.HttpResponseStream.from(stream, JSON.parse(start.subarray(0, end)));
      data = start.subarray(end + 8);
    }
    if (data.length && !to.write(data)) await new Promise((go) => to.once("drain", go));
  }
  (to ?? stream).end();
}

// A value where a stream is expected: as a front end takes it from a function that does not stream.
function put(value, stream) {
  if (value && typeof value === "object" && "statusCode" in value) {
    const { body, isBase64Encoded, ...prelude } = value;
    const to = awslambda.HttpResponseStream.from(stream, prelude);
    to.end(Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8"));
  } else {
    stream.setContentType("application/json");
    stream.end(JSON.stringify(value ?? null));
  }
}

async function imported() {
  const name = (env._HANDLER = env.SST_LIVE_HANDLER);
  const dot = name.lastIndexOf(".");
  const file = path.resolve(path.dirname(fileURLToPath(import.meta.url)), name.slice(0, dot));
  const found = ["", ".js", ".mjs", ".cjs"].map((end) => file + end).find((f) => fs.existsSync(f) && fs.statSync(f).isFile());
  if (!found) throw failure("Runtime.ImportModuleError", `Error: Cannot find module '${path.basename(file)}'`, []);
  const module = await import(pathToFileURL(found));
  return module[name.slice(dot + 1)] ?? module.default?.[name.slice(dot + 1)];
}

// A handler with a callback is done when it says so.
function called(handler, event, context) {
  return new Promise((succeed, fail) => {
    const done = (e, value) => (e ? fail(e) : succeed(value));
    const given = handler(event, Object.assign(context, { done, succeed, fail }), done);
    if (given && typeof given.then === "function") given.then(succeed, fail);
    else process.once("beforeExit", () => succeed(null));
  });
}

function streams(handler) {
  return Object.getOwnPropertySymbols(handler).length > 0; // as streamifyResponse marks it
}

async function entered() {
  if (Number(env.SST_LIVE_UNTIL || 0) * 1000 <= Date.now()) return imported();
  const forwarding = new ForwardingHandler();
  let deployed = await forwarding.peer("", CONNECT_AT_START) ? undefined : await imported();
  const take = async () => {
    const call = newName();
    const peer = await forwarding.peer(call, forwarding.there ? AGAIN : CONNECT);
    deployed ??= peer ? undefined : await imported();
    return [call, peer];
  };
  if (!env.SST_LIVE_STREAM) {
    return async (event, context) => {
      const [call, peer] = await take();
      if (!peer) return called(deployed, event, context);
      const answers = forwarding.answers(call, peer, event, context);
      const first = (await answers.next()).value;
      return first.head.k === "end" ? result(first) : whole(first.head.kind, answers);
    };
  }
  return awslambda.streamifyResponse(async (event, stream, context) => {
    const [call, peer] = await take();
    if (!peer) return streams(deployed) ? deployed(event, stream, context) : put(await called(deployed, event, context), stream);
    const answers = forwarding.answers(call, peer, event, context);
    const first = (await answers.next()).value;
    return first.head.k === "end" ? put(result(first), stream) : pipe(first.head.kind, answers, stream);
  });
}

export const handler = await entered();
