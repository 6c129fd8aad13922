import { createFileRoute } from "@tanstack/react-router";

export const Route = createFileRoute("/seen")({ server: { handlers: {
  GET: ({ request }) => Response.json({ url: request.url, cookie: request.headers.get("cookie") }),
} } });
