import { type RouteConfig, index, route } from "@react-router/dev/routes";

export default [
  index("routes/home.tsx"),
  route("about", "routes/about.tsx"),
  route("products/:id", "routes/product.tsx"),
  route("orders/:id", "routes/order.tsx"),
] satisfies RouteConfig;
