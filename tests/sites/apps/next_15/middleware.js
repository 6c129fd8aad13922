import { NextResponse } from "next/server";

export function middleware(request) {
  return NextResponse.rewrite(new URL("/blog/rewritten", request.url));
}

export const config = { matcher: "/rewrite-me" };
