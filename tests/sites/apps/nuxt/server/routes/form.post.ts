export default defineEventHandler(async (event) => {
  const name = String((await readFormData(event)).get("name"));
  setCookie(event, "name", name, { path: "/" });
  return { name };
});
