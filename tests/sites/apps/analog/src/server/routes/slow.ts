import { defineEventHandler, sendStream } from "h3";

export default defineEventHandler((event) => sendStream(event, new ReadableStream({
  async start(c) {
    c.enqueue(new TextEncoder().encode("first "));
    await new Promise((done) => setTimeout(done, 700));
    c.enqueue(new TextEncoder().encode("last"));
    c.close();
  },
})));
