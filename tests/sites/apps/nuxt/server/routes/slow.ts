export default defineEventHandler((event) => {
  const stream = new ReadableStream({
    async start(c) {
      c.enqueue(new TextEncoder().encode("first "));
      await new Promise((r) => setTimeout(r, 700));
      c.enqueue(new TextEncoder().encode("last"));
      c.close();
    },
  });
  return sendStream(event, stream);
});
