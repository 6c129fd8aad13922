import { useLoaderData, type LoaderFunctionArgs } from "react-router";

export function loader({ params }: LoaderFunctionArgs) {
  return { slug: params.slug, made: new Date().toISOString() };
}

export default function Blog() {
  const { slug, made } = useLoaderData<typeof loader>();
  return <main><h1>Post {slug}</h1><p id="made">{made}</p></main>;
}
