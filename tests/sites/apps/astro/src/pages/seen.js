export function GET({ request, url }) {
  return Response.json({ url: url.href, cookie: request.headers.get("cookie") });
}
