import { draftMode } from "next/headers";

export const revalidate = 3600;

export default async function Drafted() {
  return <p id="made">{(await draftMode()).isEnabled ? "draft" : "published"}</p>;
}
