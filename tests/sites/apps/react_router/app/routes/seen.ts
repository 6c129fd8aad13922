import type { LoaderFunctionArgs } from "react-router";

export function loader({ request }: LoaderFunctionArgs) {
  return Response.json({ url: request.url, cookie: request.headers.get("cookie") });
}
