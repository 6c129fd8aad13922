import { join } from "node:path";
import { AngularNodeAppEngine, createNodeRequestHandler, isMainModule, writeResponseToNodeResponse } from "@angular/ssr/node";
import express from "express";

const app = express();
const engine = new AngularNodeAppEngine();

app.get("/seen", (request, response) => {
  response.json({ url: `${request.protocol}://${request.get("host")}${request.originalUrl}`, cookie: request.headers.cookie ?? null });
});
app.get("/old", (request, response) => response.redirect("/blog/static"));
app.post("/upload", express.raw({ limit: "10mb", type: "*/*" }), (request, response) => {
  response.json({ size: request.body.length });
});
app.post("/form", express.urlencoded({ extended: false }), (request, response) => {
  response.cookie("name", request.body.name).send(`Hello ${request.body.name}`);
});
app.get("/slow", async (request, response) => {
  response.write("first ");
  await new Promise((done) => setTimeout(done, 700));
  response.end("last");
});
app.use(express.static(join(import.meta.dirname, "../browser"), { maxAge: "1y", index: false, redirect: false }));
app.use((request, response, next) => {
  engine.handle(request).then((made) => made ? writeResponseToNodeResponse(made, response) : next()).catch(next);
});
if (isMainModule(import.meta.url)) app.listen(process.env["PORT"] ?? 4000);

export const reqHandler = createNodeRequestHandler(app);
