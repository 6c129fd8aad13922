import { unstable_cache } from "next/cache";

export const revalidate = 3600;
const made = unstable_cache(async () => new Date().toISOString(), ["made"], { tags: ["posts"], revalidate: 3600 });

export default async function Tagged() {
  return <p id="made">{await made()}</p>;
}
