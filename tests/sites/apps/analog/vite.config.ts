import analog from "@analogjs/platform";
import { defineConfig } from "vite";

export default defineConfig({
  build: { target: ["es2022"] },
  resolve: { mainFields: ["module"] },
  // "/" is named, so that no empty index.html is left, and not prerendered
  plugins: [analog({ prerender: { routes: ["/", "/blog/static"] }, nitro: { prerender: { ignore: [/^\/$/] } } })],
});
