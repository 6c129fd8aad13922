import type { ActionFunctionArgs } from "react-router";

export async function action({ request }: ActionFunctionArgs) {
  return Response.json({ size: (await request.arrayBuffer()).byteLength });
}
