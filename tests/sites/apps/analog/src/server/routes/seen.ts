import { defineEventHandler, getHeader, getRequestURL } from "h3";

export default defineEventHandler((event) => ({ url: getRequestURL(event).href, cookie: getHeader(event, "cookie") ?? null }));
