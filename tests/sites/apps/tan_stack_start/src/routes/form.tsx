import { createFileRoute } from "@tanstack/react-router";

export const Route = createFileRoute("/form")({ server: { handlers: { POST: async ({ request }) => {
  const name = String((await request.formData()).get("name"));
  return new Response(`Hello ${name}`, { headers: { "content-type": "text/plain; charset=utf-8",
    "set-cookie": `name=${encodeURIComponent(name)}; Path=/` } });
} } } });
