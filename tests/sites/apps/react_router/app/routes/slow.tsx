import { Suspense } from "react";
import { Await, useLoaderData } from "react-router";

export function loader() {
  return { first: "first", last: new Promise<string>((r) => setTimeout(() => r("last"), 700)) };
}

export default function Slow() {
  const { first, last } = useLoaderData<typeof loader>();
  return <main><p>{first}</p><Suspense fallback={<i>wait</i>}><Await resolve={last}>{(text) => <b id="last">{text}</b>}</Await></Suspense></main>;
}
