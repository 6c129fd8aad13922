import type { ActionFunctionArgs, LoaderFunctionArgs } from "@remix-run/node";
import { Form, useActionData, useLoaderData } from "@remix-run/react";

export function loader({ request }: LoaderFunctionArgs) {
  return { cookie: decodeURIComponent(request.headers.get("cookie") ?? "") };
}

export async function action({ request }: ActionFunctionArgs) {
  const name = String((await request.formData()).get("name"));
  return Response.json({ name }, { headers: { "set-cookie": `name=${encodeURIComponent(name)}; Path=/` } });
}

export default function Page() {
  const made = useActionData<{ name: string }>();
  return <Form method="post"><p id="cookie">{useLoaderData<typeof loader>().cookie}</p><input name="name" />
    <button>Send</button>{made && <p>Hello {made.name}</p>}</Form>;
}
