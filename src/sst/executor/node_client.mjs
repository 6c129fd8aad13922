// Speaks Lambda's Runtime API from inside a Node function's process. Source:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
import http from "node:http";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { createRequire } from "node:module";
import { format } from "node:util";

const [host, ...prefix] = process.env.AWS_LAMBDA_RUNTIME_API.split("/");
const [hostname, port] = host.split(":");
const base = (prefix.length ? "/" + prefix.join("/") : "") + "/2018-06-01/runtime";
const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
const STREAMING = Symbol("streaming");
const JSON_TYPE = { "content-type": "application/json" };

const endGroup = watchParent();
globalThis.awslambda = {
  streamifyResponse: (handler) => Object.assign(handler, { [STREAMING]: true }),
  HttpResponseStream: {
    from(stream, prelude) {
      stream.begin("application/vnd.awslambda.http-integration-response", Buffer.concat([Buffer.from(JSON.stringify(prelude)), Buffer.alloc(8)]));
      return stream;
    },
  },
};

function send(method, where, headers, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, agent, method, path: base + where, headers }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(parts) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

// Where the kernel does not do it: end with the process that started this one.
function watchParent() {
  const fd = process.env.SST_PARENT_FD;
  delete process.env.SST_PARENT_FD;
  if (!fd) return undefined;
  const pipe = new net.Socket({ fd: Number(fd), readable: true, writable: false });
  const end = () => { try { process.kill(-process.pid, "SIGKILL"); } catch { process.exit(1); } };
  pipe.on("end", end).on("error", end).resume();
  pipe.unref();
  return end;
}

// The response of a streaming handler: nothing is sent until the first byte or the prelude.
class ResponseStream extends Writable {
  constructor(id) {
    super({ highWaterMark: 65536 });
    this.id = id;
    this.settled = new Promise((resolve) => { this.resolve = resolve; });
  }
  setContentType(type) { this.type = type; }
  begin(type, first) {
    if (this.request) return;
    this.request = http.request({
      hostname, port, agent, method: "POST", path: `${base}/invocation/${this.id}/response`,
      headers: {
        "lambda-runtime-function-response-mode": "streaming", "transfer-encoding": "chunked", "content-type": type,
        trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
      },
    }, (answer) => { answer.resume(); answer.on("end", this.resolve); answer.on("error", this.resolve); });
    this.request.on("error", this.resolve); // too large: nobody listens any more
    this.request.flushHeaders();
    if (first) this.request.write(first);
  }
  _write(chunk, encoding, done) {
    this.begin(this.type ?? "application/octet-stream");
    if (this.request.destroyed) return done(new Error("the response is closed"));
    this.request.write(chunk, encoding, () => done());
  }
  _final(done) {
    this.begin(this.type ?? "application/octet-stream");
    this.request.end(() => done());
  }
  // The handler failed in the middle: the rest is lost, the trailers say why.
  async fail(error) {
    this.request.addTrailers({
      "Lambda-Runtime-Function-Error-Type": error.errorType,
      "Lambda-Runtime-Function-Error-Body": Buffer.from(JSON.stringify(error)).toString("base64"),
    });
    this.request.end();
    await this.settled;
  }
}

function failure(kind, message) {
  return Object.assign(new Error(message), { name: kind, plain: true });
}

function described(e) {
  if (!(e instanceof Error) && !(e && e.stack)) {
    return { errorType: typeof e, errorMessage: typeof e === "string" ? e : JSON.stringify(e) ?? String(e), trace: [] };
  }
  const trace = e.plain ? [] : String(e.stack).split("\n").filter((l) => !l.includes("node_client.mjs") && !l.includes("node:internal"));
  return { errorType: e.name ?? "Error", errorMessage: e.message, trace };
}

async function load(name) {
  const dot = name.lastIndexOf(".");
  if (dot < 0) throw failure("Runtime.MalformedHandlerName", `Bad handler ${name}`);
  const file = path.resolve(process.env.LAMBDA_TASK_ROOT ?? process.cwd(), name.slice(0, dot));
  const found = [".js", ".mjs", ".cjs", ""].map((end) => file + end).find((f) => fs.existsSync(f) && fs.statSync(f).isFile());
  if (!found) throw failure("Runtime.ImportModuleError", `Error: Cannot find module '${path.basename(file)}'`);
  let module;
  try {
    module = isCommon(found) ? createRequire(import.meta.url)(found) : await import(pathToFileURL(found).href);
  } catch (e) {
    if (e instanceof SyntaxError) throw Object.assign(e, { name: "Runtime.UserCodeSyntaxError" });
    if (["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"].includes(e?.code)) {
      throw failure("Runtime.ImportModuleError", `Error: ${e.message}`);
    }
    throw e;
  }
  const handler = name.slice(dot + 1).split(".").reduce((at, key) => at?.[key], module);
  if (typeof handler !== "function") throw failure("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  return handler;
}

function isCommon(file) {
  if (file.endsWith(".cjs")) return true;
  if (file.endsWith(".mjs")) return false;
  for (let at = path.dirname(file); ; at = path.dirname(at)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(at, "package.json"), "utf8")).type !== "module";
    } catch {
      if (at === path.dirname(at) || at === process.env.LAMBDA_TASK_ROOT) return true;
    }
  }
}

function contextOf(headers) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const client = headers["lambda-runtime-client-context"];
  return {
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: client ? JSON.parse(client) : undefined,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

// A handler with a callback, or one that gives no promise, is done when it says so or when nothing is left to wait for.
function called(handler, event, context) {
  let more;
  const said = new Promise((succeed, fail) => { more = { succeed, fail, done: (e, value) => (e ? fail(e) : succeed(value)) }; });
  said.catch(() => {});
  const result = handler(event, Object.assign(context, more), more.done);
  if (result && typeof result.then === "function") return result;
  process.once("beforeExit", () => more.succeed(null));
  return said;
}

async function serve(handler, headers, body) {
  const context = contextOf(headers);
  const id = context.awsRequestId;
  process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
  let stream;
  try {
    const event = JSON.parse(body.toString() || "null");
    if (handler[STREAMING]) {
      stream = new ResponseStream(id);
      await handler(event, stream, context);
      if (!stream.writableEnded) stream.end();
      await stream.settled;
      return;
    }
    const value = await called(handler, event, context);
    let text;
    try {
      text = JSON.stringify(value === undefined ? null : value) ?? "null";
    } catch (e) {
      throw failure("Runtime.MarshalError", `Unable to stringify response body: ${e.message}`);
    }
    await send("POST", `/invocation/${id}/response`, JSON_TYPE, text);
  } catch (e) {
    const error = told("Invoke Error", e);
    if (stream?.request) return await stream.fail(error);
    await send("POST", `/invocation/${id}/error`, JSON_TYPE, JSON.stringify({ ...error, requestId: id }));
  }
}

// Logs an error as Lambda's Node runtime does, and gives its document.
function told(what, e) {
  const error = described(e);
  const { errorType, errorMessage, trace } = error;
  if (asJson) line(JSON.stringify({ timestamp: new Date().toISOString(), level: "ERROR", requestId, message: { errorType, errorMessage, stackTrace: trace } }));
  else line([new Date().toISOString(), requestId || "undefined", "ERROR", `${what} `, JSON.stringify({ errorType, errorMessage, stack: trace })].join("\t"));
  return error;
}

// One record; a newline in it goes as a carriage return, so that records can be told from lines.
function line(text) {
  const bytes = Buffer.from(text.replaceAll("\n", "\r") + "\n");
  for (let at = 0; at < bytes.length;) {
    try {
      at += fs.writeSync(1, bytes, at);
    } catch (e) {
      if (e.code !== "EAGAIN") return; // the pipe is full for a moment
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

let requestId = "";
const asJson = process.env.AWS_LAMBDA_LOG_FORMAT === "JSON";
for (const [method, level] of [["log", "INFO"], ["info", "INFO"], ["warn", "WARN"], ["error", "ERROR"], ["debug", "DEBUG"], ["trace", "TRACE"]]) {
  console[method] = (...parts) => {
    const timestamp = new Date().toISOString();
    const message = asJson && parts.length === 1 && !(parts[0] instanceof Error) ? parts[0] : format(...parts);
    line(asJson ? JSON.stringify({ timestamp, level, requestId, message }) : `${timestamp}\t${requestId || "undefined"}\t${level}\t${message}`);
  };
}

for (const [event, kind] of [["uncaughtException", ""], ["unhandledRejection", "Runtime.UnhandledPromiseRejection"]]) {
  process.on(event, async (e) => {
    const error = told(event === "uncaughtException" ? "Uncaught Exception" : "Unhandled Promise Rejection",
      kind ? Object.assign(e instanceof Error ? e : new Error(String(e)), { name: kind }) : e);
    await send("POST", requestId ? `/invocation/${requestId}/error` : "/init/error", JSON_TYPE, JSON.stringify({ ...error, requestId }));
    process.exit(129);
  });
}

let handler;
try {
  handler = await load(process.env._HANDLER);
} catch (e) {
  await send("POST", "/init/error", JSON_TYPE, JSON.stringify(told("Uncaught Exception", e)));
  process.exit(1);
}
for (;;) {
  const { headers, body } = await send("GET", "/invocation/next", {}).catch((e) => {
    endGroup?.();
    console.error(e);
    process.exit(1);
  });
  requestId = headers["lambda-runtime-aws-request-id"];
  await serve(handler, headers, body);
}
