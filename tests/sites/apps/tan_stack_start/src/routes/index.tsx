import { Link, createFileRoute } from "@tanstack/react-router";
import { createServerFn } from "@tanstack/react-start";

const uploads = createServerFn().handler(() => JSON.parse(process.env.SST_RESOURCE_Uploads ?? "{}").name ?? "");

export const Route = createFileRoute("/")({ loader: () => uploads(), component: Home });

function Home() {
  return <main><h1>Home</h1><p id="link">{Route.useLoaderData()}</p>
    <Link to="/blog/$slug" params={{ slug: "dynamic" }}>dynamic</Link></main>;
}
