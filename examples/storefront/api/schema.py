"""The tables, and what is for sale. A deploy runs it before the new code of the API, whenever this file has changed."""
import psycopg

from sst import Resource

TABLES = """
create table if not exists products (id text primary key, title text not null, cents integer not null);
create table if not exists orders (id bigint generated always as identity primary key,
    product text not null references products, quantity integer not null check (quantity > 0),
    at timestamptz not null default now());
"""
PRODUCTS = [("tea", "Green tea, 100 g", 690), ("cup", "Cup without a handle", 1450), ("pot", "Cast iron pot", 8900)]


def create(event: dict, context: object) -> None:
    with psycopg.connect(Resource.Database.connectionString) as connection:
        connection.execute(TABLES)
        connection.cursor().executemany(
            "insert into products values (%s, %s, %s) on conflict (id) do update set title = excluded.title, "
            "cents = excluded.cents", PRODUCTS)
