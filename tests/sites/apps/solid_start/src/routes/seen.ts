import type { APIEvent } from "@solidjs/start/server";

export function GET({ request }: APIEvent) {
  return Response.json({ url: request.url, cookie: request.headers.get("cookie") });
}
