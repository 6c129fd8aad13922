import { createFileRoute } from "@tanstack/react-router";

export const Route = createFileRoute("/blog/$slug")({ component: Post });

function Post() {
  return <h1>Post {Route.useParams().slug}</h1>;
}
