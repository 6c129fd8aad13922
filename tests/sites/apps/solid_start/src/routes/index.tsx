import { A, createAsync, query } from "@solidjs/router";

const uploads = query(async () => {
  "use server";
  return JSON.parse(process.env.SST_RESOURCE_Uploads ?? "{}").name ?? "";
}, "uploads");

export default function Home() {
  const name = createAsync(() => uploads(), { deferStream: true });
  return <main><h1>Home</h1><p id="link">{name()}</p><A href="/blog/dynamic">dynamic</A></main>;
}
