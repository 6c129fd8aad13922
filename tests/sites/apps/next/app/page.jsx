import Link from "next/link";
import { connection } from "next/server";

export default async function Home() {
  await connection();
  return <main>
    <h1>Home</h1>
    <p id="link">{JSON.parse(process.env.SST_RESOURCE_Uploads ?? "{}").name}</p>
    <Link href="/blog/dynamic">dynamic</Link>
  </main>;
}
