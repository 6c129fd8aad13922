// Runs what OpenNext makes of a Next.js app: the server and the image optimizer in one function or container, and from the
// same code the functions that render stale pages again and that write the tags of prerendered ones.
import crypto from "node:crypto";
import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { hasKey, openLinks, respond, serve } from "./sst-server.mjs";
import { listener } from "./sst-service.mjs";

const CONTAINED = !globalThis.awslambda;

openLinks();

/**
 * The handler of a server. `load` and `loadImages` give OpenNext's handlers, `image` is the base of the addresses of
 * images; `streams` says whether the server's answers are sent while they are made.
 */
export async function serveNext({ load, streams, image, loadImages }) {
  if (CONTAINED) return serve(() => contained({ load, streams, image, loadImages }));
  const server = await load();
  let images;
  return awslambda.streamifyResponse(async (event, stream, context) => {
    if (event?.type !== "warmer") {
      if (!hasKey(event.headers)) return respond(stream, 403, { "content-type": "text/plain; charset=utf-8" }, "Forbidden");
      asLocalhost(event.headers);
      if (event.rawPath === image) {
        images ??= await loadImages();
        return whole(stream, await images(event, context));
      }
    }
    if (!streams) return whole(stream, await server(event, context));
    if (event?.headers) asItIs(event.headers, stream);
    await server(event, stream, context);
    if (!stream.destroyed) await finished(stream);
  });
}

/** The listener of a container, which has many requests at a time: nothing may change the folder later. */
async function contained({ load, streams, image, loadImages }) {
  globalThis.awslambda = { streamifyResponse: (handler) => handler };
  const images = await loadImages(), server = await load();
  const written = (event, stream, context) => (asItIs(event.headers, stream), server(event, stream, context));
  return listener((event) => {
    asLocalhost(event.headers);
    return event.rawPath === image ? { handler: images } : { handler: streams ? written : server, streams };
  });
}

/** Sends an answer that is made already; that to a call which keeps the function warm has no status. */
function whole(stream, { statusCode = 200, headers, body, cookies, isBase64Encoded }) {
  return respond(stream, statusCode, headers ?? {}, Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8"), cookies);
}

/** CloudFront compresses. OpenNext would, and leave the length as it was; and it says `identity`, which keeps CloudFront from it. */
function asItIs(headers, stream) {
  headers["accept-encoding"] = "identity";
  const write = stream.write.bind(stream);
  stream.write = (part, ...rest) => {
    stream.write = write;
    const prelude = JSON.parse(part);
    delete prelude.headers["content-encoding"];
    return write(JSON.stringify(prelude), ...rest);
  };
}

/** Next.js takes 127.0.0.1 for localhost in its own addresses, and a rewrite to another host for one to the outside. */
function asLocalhost(headers) {
  if (!headers["x-forwarded-host"]?.startsWith("127.0.0.1")) return;
  for (const name of ["host", "x-forwarded-host", "origin", "referer"]) {
    if (headers[name]) headers[name] = headers[name].replace("127.0.0.1", "localhost");
  }
}

/**
 * The handler of the queue of stale pages: each is rendered by the server's code, which writes it to the cache, or by the
 * server at an address of SST_NEXT_SERVERS: pairs of a regular expression of paths, and the address, null for this code.
 */
export function revalidator({ load, streams, previewModeId }) {
  const servers = JSON.parse(process.env.SST_NEXT_SERVERS ?? "[]").map(([pattern, at]) => [new RegExp(pattern), at]);
  let server;
  return async (event, context) => {
    const failed = [];
    for (const record of event.Records) {
      const { host, url } = JSON.parse(record.body);
      const [rawPath, rawQueryString = ""] = url.split("?");
      const headers = { host, "x-forwarded-host": host, "x-prerender-revalidate": previewModeId, "x-isr": "1", "accept-encoding": "identity" };
      const asked = { version: "2.0", rawPath, rawQueryString, headers, requestContext: { http: { method: "HEAD", path: rawPath, sourceIp: "127.0.0.1" } }, isBase64Encoded: false };
      const elsewhere = servers.find(([pattern]) => pattern.test(rawPath))?.[1];
      try {
        const status = elsewhere ? await statusAt(elsewhere, url, headers) : await statusHere(asked, context);
        if (![200, 307, 308, 404].includes(status)) throw new Error(`rendering ${url} again gave status ${status}`);
      } catch (e) {
        console.error(e);
        failed.push({ itemIdentifier: record.messageId });
      }
    }
    return { batchItemFailures: failed };
  };

  async function statusHere(asked, context) {
    server ??= await load();
    if (!streams) return (await server(asked, context)).statusCode;
    return statusOf((stream) => server(asked, stream, context));
  }
}

async function statusAt(server, url, { host, ...headers }) {
  const address = new URL(server);
  [address.pathname, address.search] = [url.split("?")[0], url.split("?")[1] ?? ""];
  const key = process.env.SST_ORIGIN_KEY;
  const answer = await fetch(address, { method: "HEAD", redirect: "manual", headers: { ...headers, ...(key ? { "x-sst-key": key } : {}) } });
  return answer.status;
}

async function statusOf(answer) {
  const stream = new PassThrough(), parts = [];
  stream.setContentType = () => {};
  stream.on("data", (part) => parts.push(part));
  const ended = new Promise((resolve, reject) => stream.on("end", resolve).on("error", reject));
  await answer(stream);
  stream.end();
  await ended;
  const text = Buffer.concat(parts).toString("latin1");
  return JSON.parse(text.slice(0, text.indexOf("\0"))).statusCode;
}

/** Writes the tags of prerendered pages, which OpenNext looks up, into the table: 25 items a call. */
export function tagWriter(items) {
  return async () => {
    for (let i = 0; i < items.length; i += 25) {
      let left = { [process.env.CACHE_DYNAMO_TABLE]: items.slice(i, i + 25).map((Item) => ({ PutRequest: { Item } })) };
      while (Object.keys(left).length) left = (await dynamo("BatchWriteItem", { RequestItems: left })).UnprocessedItems ?? {};
    }
    return { items: items.length };
  };
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
async function dynamo(operation, body) {
  const { AWS_REGION: region, AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token, AWS_ENDPOINT_URL: endpoint } = process.env;
  const at = new URL(process.env.AWS_ENDPOINT_URL_DYNAMODB ?? endpoint ?? `https://dynamodb.${region}.amazonaws.com`);
  const payload = JSON.stringify(body), time = new Date().toISOString().replace(/[:-]|\.\d+/g, ""), day = time.slice(0, 8);
  const headers = { "content-type": "application/x-amz-json-1.0", host: at.host, "x-amz-date": time, "x-amz-target": `DynamoDB_20120810.${operation}`, ...(token ? { "x-amz-security-token": token } : {}) };
  const names = Object.keys(headers).sort(), signed = names.join(";");
  const digest = (text) => crypto.createHash("sha256").update(text).digest("hex");
  const mac = (key, text) => crypto.createHmac("sha256", key).update(text).digest();
  const request = ["POST", "/", "", ...names.map((n) => `${n}:${headers[n]}`), "", signed, digest(payload)].join("\n");
  const scope = `${day}/${region}/dynamodb/aws4_request`;
  const key = [day, region, "dynamodb", "aws4_request"].reduce(mac, `AWS4${secret}`);
  const signature = mac(key, ["AWS4-HMAC-SHA256", time, scope, digest(request)].join("\n")).toString("hex");
  delete headers.host;
  const answer = await fetch(at, { method: "POST", body: payload, headers: { ...headers, authorization: `AWS4-HMAC-SHA256 Credential=${id}/${scope}, SignedHeaders=${signed}, Signature=${signature}` } });
  if (!answer.ok) throw new Error(`DynamoDB ${operation}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}
