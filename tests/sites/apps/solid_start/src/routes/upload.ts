import type { APIEvent } from "@solidjs/start/server";

export async function POST({ request }: APIEvent) {
  return Response.json({ size: (await request.arrayBuffer()).byteLength });
}
