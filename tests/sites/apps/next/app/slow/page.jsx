import { Suspense } from "react";
import { connection } from "next/server";

async function Last() {
  await connection();
  await new Promise((done) => setTimeout(done, 700));
  return <p id="last">last</p>;
}

export default function Slow() {
  return <main><p>first</p><Suspense fallback={<p>wait</p>}><Last /></Suspense></main>;
}
