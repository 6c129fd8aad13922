import { type RouteConfig, index, route } from "@react-router/dev/routes";

export default [
  index("routes/home.tsx"),
  route("blog/:slug", "routes/blog.tsx"),
  route("form", "routes/form.tsx"),
  route("slow", "routes/slow.tsx"),
  route("upload", "routes/upload.ts"),
  route("seen", "routes/seen.ts"),
  route("old", "routes/old.ts"),
] satisfies RouteConfig;
