import { defineEventHandler, readFormData, setCookie } from "h3";

export default defineEventHandler(async (event) => {
  const name = String((await readFormData(event)).get("name"));
  setCookie(event, "name", name, { path: "/" });
  return { name };
});
