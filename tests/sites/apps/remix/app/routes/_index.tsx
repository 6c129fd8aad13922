import { Link, useLoaderData } from "@remix-run/react";

export function loader() {
  return { bucket: JSON.parse(process.env.SST_RESOURCE_Uploads ?? "{}").name };
}

export default function Home() {
  return <main><h1>Home</h1><p id="link">{useLoaderData<typeof loader>().bucket}</p>
    <Link to="/blog/dynamic">dynamic</Link></main>;
}
