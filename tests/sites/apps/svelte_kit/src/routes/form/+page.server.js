export function load({ cookies }) {
  return { cookie: cookies.get("name") ?? "" };
}

export const actions = {
  default: async ({ request, cookies }) => {
    const name = String((await request.formData()).get("name"));
    cookies.set("name", name, { path: "/" });
    return { name };
  },
};
