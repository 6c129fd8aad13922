import { useLoaderData } from "react-router";

export function loader() {
  const { name } = JSON.parse(process.env.SST_RESOURCE_Uploads ?? "{}");
  return { bucket: name ?? "none", secret: (process.env.SST_RESOURCE_Token ?? "").length };
}

export default function Home() {
  const { bucket, secret } = useLoaderData<typeof loader>();
  return <main><h1>Home</h1><p id="link">{bucket}</p><p id="secret">{secret}</p></main>;
}
