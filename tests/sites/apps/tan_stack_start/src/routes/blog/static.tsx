import { createFileRoute } from "@tanstack/react-router";

export const Route = createFileRoute("/blog/static")({ component: () => <main><h1>Post static</h1><p id="made">made</p></main> });
