import { Link, useLoaderData } from "react-router";
import { api } from "../api.server";
import { price } from "../price";

type Product = { id: string; title: string; cents: number };

export function loader() {
  return api<Product[]>("/products");
}

export default function Home() {
  return (
    <main>
      <h1>Products</h1>
      <ul>{useLoaderData<typeof loader>().map((one) => (
        <li key={one.id}><Link to={`/products/${one.id}`}>{one.title}</Link> {price(one.cents)}</li>
      ))}</ul>
    </main>
  );
}
