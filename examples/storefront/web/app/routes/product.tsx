import { Form, redirect, useLoaderData, type ActionFunctionArgs, type LoaderFunctionArgs } from "react-router";
import { api } from "../api.server";
import { price } from "../price";

type Product = { id: string; title: string; cents: number };

export function loader({ params }: LoaderFunctionArgs) {
  return api<Product>(`/products/${params.id}`);
}

export async function action({ params, request }: ActionFunctionArgs) {
  const quantity = Number((await request.formData()).get("quantity"));
  const { id } = await api<{ id: number }>("/orders", { product: params.id, quantity });
  return redirect(`/orders/${id}`);
}

export default function Page() {
  const product = useLoaderData<typeof loader>();
  return (
    <main>
      <h1>{product.title}</h1>
      <p>{price(product.cents)}</p>
      <Form method="post"><input name="quantity" type="number" defaultValue="1" /> <button>Order</button></Form>
    </main>
  );
}
