export function GET(request) {
  return Response.json({ url: request.url, cookie: request.headers.get("cookie"), host: request.headers.get("host") });
}
