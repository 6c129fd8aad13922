export const dynamic = "force-dynamic";

export default async function Post({ params }) {
  return <h1>Post {(await params).slug}</h1>;
}
