export const dynamic = "force-static";

export default function Static() {
  const { value } = JSON.parse(process.env.SST_RESOURCE_Token ?? "{}");
  return <main>
    <h1>Post static</h1><p id="made">{new Date().toISOString()}</p><p id="token">{`${value?.length} characters`}</p>
  </main>;
}
