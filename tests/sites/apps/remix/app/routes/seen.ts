import type { LoaderFunctionArgs } from "@remix-run/node";

export function loader({ request }: LoaderFunctionArgs) {
  return Response.json({ url: request.url, cookie: request.headers.get("cookie") });
}
