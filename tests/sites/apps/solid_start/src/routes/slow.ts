export function GET() {
  const text = new TextEncoder();
  return new Response(new ReadableStream({ async start(controller) {
    controller.enqueue(text.encode("first "));
    await new Promise((done) => setTimeout(done, 700));
    controller.enqueue(text.encode("last"));
    controller.close();
  } }), { headers: { "content-type": "text/plain" } });
}
