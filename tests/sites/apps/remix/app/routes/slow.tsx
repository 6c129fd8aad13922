import { Await, useLoaderData } from "@remix-run/react";
import { Suspense } from "react";

export function loader() {
  return { last: new Promise<string>((done) => setTimeout(() => done("last"), 700)) };
}

export default function Slow() {
  const { last } = useLoaderData<typeof loader>();
  return <main><p>first</p><Suspense fallback={<p>wait</p>}><Await resolve={last}>
    {(text) => <p id="last">{text}</p>}</Await></Suspense></main>;
}
