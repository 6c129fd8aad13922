import { greeting } from "@mono/greeting";
import { Hono } from "hono";
import { stream } from "hono/streaming";
import { setCookie } from "hono/cookie";

const app = new Hono();
const bucket = JSON.parse(process.env.SST_RESOURCE_Uploads ?? "{}").name;
app.get("/", (c) => c.html(`<h1>Home</h1><p id="link">${bucket}</p>`));
app.get("/seen", (c) => c.json({ url: c.req.url, cookie: c.req.header("cookie") }));
app.get("/cookie", (c) => {
  setCookie(c, "name", "value");
  return c.redirect("/seen");
});
app.post("/upload", async (c) => c.json({ size: (await c.req.arrayBuffer()).byteLength }));
app.get("/slow", (c) => stream(c, async (out) => {
  await out.write("first ");
  await new Promise((done) => setTimeout(done, 700));
  await out.write("last");
}));
app.get("/greeting", (c) => c.text(greeting));
export default app;
