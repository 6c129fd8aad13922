// Runs handlers of Lambda in a container: each request becomes an event as the URL of a function gives it, and what the
// handler writes the answer.
import { Writable } from "node:stream";
import { finished } from "node:stream/promises";

const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding"];

/** A listener of Node for handlers that answer whole, and for those that write their answer to a stream. */
export function listener(handlerOf) {
  return async (incoming, outgoing) => {
    try {
      const event = await eventOf(incoming);
      const { handler, streams } = handlerOf(event);
      if (!streams) return answerWhole(outgoing, await handler(event, {}));
      const stream = answerOf(outgoing);
      await handler(event, stream, {});
      if (!stream.destroyed) await finished(stream);
    } catch (e) {
      if (e?.code === "ERR_STREAM_PREMATURE_CLOSE") return; // the visitor left
      console.error(e);
      if (outgoing.headersSent) return outgoing.destroy();
      outgoing.writeHead(500, { "content-type": "text/plain; charset=utf-8" }).end("Internal Server Error");
    }
  };
}

async function eventOf(incoming) {
  const { method, headers, socket } = incoming, parts = [];
  for await (const part of incoming) parts.push(part);
  const [rawPath, ...query] = incoming.url.split("?");
  return { version: "2.0", rawPath, rawQueryString: query.join("?"), headers: { ...headers },
    cookies: headers.cookie?.split("; "), body: Buffer.concat(parts), isBase64Encoded: false,
    requestContext: { http: { method, path: rawPath, sourceIp: socket.remoteAddress } } };
}

function answerWhole(outgoing, { statusCode = 200, headers, cookies, body, isBase64Encoded }) {
  begin(outgoing, { statusCode, headers, cookies });
  outgoing.end(Buffer.from(body ?? "", isBase64Encoded ? "base64" : "utf8"));
}

function begin(outgoing, { statusCode = 200, headers = {}, cookies = [] }) {
  const sent = Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name.toLowerCase())));
  if (cookies.length) sent["set-cookie"] = cookies;
  outgoing.writeHead(statusCode, sent);
  outgoing.flushHeaders();
}

/** Lambda's stream of an answer: JSON with its status and headers, eight zero bytes, and the body. */
function answerOf(outgoing) {
  let head = Buffer.alloc(0), begun = false;
  const stream = new Writable({
    write(part, encoding, done) {
      if (!begun) {
        head = Buffer.concat([head, part]);
        const at = head.indexOf(Buffer.alloc(8));
        if (at < 0) return done();
        begun = true;
        begin(outgoing, JSON.parse(head.subarray(0, at).toString()));
        part = head.subarray(at + 8);
      }
      if (!part.length || outgoing.write(part)) return done();
      outgoing.once("drain", done);
    },
    final(done) {
      if (!begun) return done(new Error("the server ended without an answer"));
      outgoing.end(done);
    },
  });
  stream.setContentType = () => {};
  outgoing.on("close", () => stream.destroy());
  return stream;
}
