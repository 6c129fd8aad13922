import { createFileRoute } from "@tanstack/react-router";

export const Route = createFileRoute("/slow")({ server: { handlers: { GET: () => {
  const text = new TextEncoder();
  const body = new ReadableStream({ async start(controller) {
    controller.enqueue(text.encode("first "));
    await new Promise((done) => setTimeout(done, 700));
    controller.enqueue(text.encode("last"));
    controller.close();
  } });
  return new Response(body, { headers: { "content-type": "text/plain" } });
} } } });
