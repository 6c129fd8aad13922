export default defineEventHandler((event) => sendRedirect(event, "/blog/static"));
