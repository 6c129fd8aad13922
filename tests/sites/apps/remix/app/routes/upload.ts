import type { ActionFunctionArgs } from "@remix-run/node";

export async function action({ request }: ActionFunctionArgs) {
  return Response.json({ size: (await request.arrayBuffer()).byteLength });
}
