import { Link, Links, Meta, Outlet, Scripts } from "react-router";

export default function Root() {
  return (
    <html lang="en">
      <head><meta charSet="utf-8" /><title>Storefront</title><Meta /><Links /></head>
      <body>
        <nav><Link to="/">Products</Link> <Link to="/about">About</Link></nav>
        <Outlet />
        <Scripts />
      </body>
    </html>
  );
}
