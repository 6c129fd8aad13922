import { mergeApplicationConfig } from "@angular/core";
import { bootstrapApplication, type BootstrapContext } from "@angular/platform-browser";
import { provideServerRendering, RenderMode, withRoutes } from "@angular/ssr";
import { App, config } from "./app";

const rendering = provideServerRendering(withRoutes([
  { path: "blog/static", renderMode: RenderMode.Prerender },
  { path: "", renderMode: RenderMode.Server },
  { path: "blog/:slug", renderMode: RenderMode.Server },
  { path: "**", renderMode: RenderMode.Server, status: 404 },
]));

export default (context: BootstrapContext) =>
  bootstrapApplication(App, mergeApplicationConfig(config, { providers: [rendering] }), context);
