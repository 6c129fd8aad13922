import { createFileRoute } from "@tanstack/react-router";

export const Route = createFileRoute("/upload")({ server: { handlers: {
  POST: async ({ request }) => Response.json({ size: (await request.arrayBuffer()).byteLength }),
} } });
