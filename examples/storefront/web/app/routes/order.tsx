import { useLoaderData, type LoaderFunctionArgs } from "react-router";
import { api } from "../api.server";
import { price } from "../price";

type Order = { id: number; title: string; quantity: number; cents: number };

export function loader({ params }: LoaderFunctionArgs) {
  return api<Order>(`/orders/${params.id}`);
}

export default function Page() {
  const order = useLoaderData<typeof loader>();
  return <main><h1>Thank you</h1><p>{`${order.quantity} × ${order.title}: ${price(order.cents)}`}</p></main>;
}
