import { Links, Meta, Outlet, Scripts, Link } from "react-router";

export default function Root() {
  return (
    <html lang="en">
      <head><meta charSet="utf-8" /><Meta /><Links /></head>
      <body>
        <nav><Link to="/">home</Link> <Link to="/blog/static">static</Link> <Link to="/blog/dynamic">dynamic</Link></nav>
        <Outlet />
        <Scripts />
      </body>
    </html>
  );
}
