import type { APIEvent } from "@solidjs/start/server";

export async function POST({ request }: APIEvent) {
  const name = String((await request.formData()).get("name"));
  return new Response(`Hello ${name}`, { headers: { "content-type": "text/plain; charset=utf-8",
    "set-cookie": `name=${encodeURIComponent(name)}; Path=/` } });
}
