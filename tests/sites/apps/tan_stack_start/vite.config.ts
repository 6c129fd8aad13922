import { tanstackStart } from "@tanstack/react-start/plugin/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({ plugins: [tanstackStart({ prerender: { enabled: true, crawlLinks: false, filter: (page) => page.path === "/blog/static" }, pages: [{ path: "/blog/static", prerender: { enabled: true } }] }), react()] });
