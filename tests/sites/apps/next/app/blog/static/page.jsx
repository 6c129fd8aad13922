export const dynamic = "force-static";

export default function Static() {
  return <main><h1>Post static</h1><p id="made">{new Date().toISOString()}</p></main>;
}
