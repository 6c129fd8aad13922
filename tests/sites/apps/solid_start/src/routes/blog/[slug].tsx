import { useParams } from "@solidjs/router";

export default function Post() {
  const params = useParams();
  return <h1>{`Post ${params.slug}`}</h1>;
}
