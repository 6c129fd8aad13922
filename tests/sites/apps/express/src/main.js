import express from "express";

const app = express();
app.use((request, response, next) => { response.set("x-powered-by", "express"); next(); });
app.get("/", (request, response) => response.type("html").send(`<h1>Home</h1><p id=link>${link().name}</p>`));
app.get("/seen", (request, response) => response.json({ url: request.originalUrl, protocol: request.protocol, host: request.hostname, cookie: request.headers.cookie }));
app.get("/cookie", (request, response) => response.cookie("seen", "1").cookie("more", "2").redirect("/seen"));
app.post("/upload", express.raw({ limit: "10mb", type: "*/*" }), (request, response) => response.json({ size: request.body.length }));
app.get("/slow", async (request, response) => {
  response.write("first ");
  await new Promise((r) => setTimeout(r, 700));
  response.end("last");
});

function link() {
  return JSON.parse(process.env.SST_RESOURCE_Uploads ?? "{}");
}
app.listen(process.env.PORT ?? 3000, () => console.log("listening"));
