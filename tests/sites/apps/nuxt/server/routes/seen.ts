export default defineEventHandler((event) => ({ url: getRequestURL(event).href, cookie: getHeader(event, "cookie") ?? null }));
