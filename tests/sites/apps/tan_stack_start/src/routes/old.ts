import { createFileRoute } from "@tanstack/react-router";

export const Route = createFileRoute("/old")({ server: { handlers: {
  GET: () => new Response(null, { status: 302, headers: { location: "/blog/static" } }),
} } });
