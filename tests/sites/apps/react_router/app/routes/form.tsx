import { Form, data, useActionData, useLoaderData, type ActionFunctionArgs, type LoaderFunctionArgs } from "react-router";

export function loader({ request }: LoaderFunctionArgs) {
  return { cookie: request.headers.get("cookie") ?? "" };
}

export async function action({ request }: ActionFunctionArgs) {
  const name = String((await request.formData()).get("name"));
  return data({ name }, { headers: { "set-cookie": `name=${encodeURIComponent(name)}; Path=/; Secure` } });
}

export default function Page() {
  const { cookie } = useLoaderData<typeof loader>();
  const done = useActionData<typeof action>();
  return (
    <main>
      <Form method="post"><input name="name" /><button>Send</button></Form>
      <p id="done">{done ? `Hello ${done.name}` : ""}</p>
      <p id="cookie">{cookie}</p>
    </main>
  );
}
