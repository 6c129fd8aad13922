"""The API. Browsers reach it on the domain of the pages, under /api."""
from typing import Annotated

import psycopg
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from psycopg.rows import dict_row
from pydantic import BaseModel, Field

from sst import Resource

app = FastAPI(title="storefront", docs_url="/api/docs", openapi_url="/api/openapi.json")
routes = APIRouter(prefix="/api")


def database():
    with psycopg.connect(Resource.Database.connectionString, row_factory=dict_row) as connection:
        yield connection


Database = Annotated[psycopg.Connection, Depends(database)]


class NewOrder(BaseModel):
    product: str
    quantity: int = Field(ge=1, le=100)


@routes.get("/products")
def products(db: Database) -> list[dict[str, object]]:
    return db.execute("select id, title, cents from products order by title").fetchall()


@routes.get("/products/{id}")
def product(id: str, db: Database) -> dict[str, object]:
    found = db.execute("select id, title, cents from products where id = %s", [id]).fetchone()
    if found is None:
        raise HTTPException(404, "there is no such product")
    return found


@routes.post("/orders", status_code=201)
def place(new: NewOrder, db: Database) -> dict[str, object]:
    product(new.product, db)
    made = db.execute("insert into orders (product, quantity) values (%s, %s) returning id",
                      [new.product, new.quantity]).fetchone()
    return {"id": made["id"]}


@routes.get("/orders/{id}")
def order(id: int, db: Database) -> dict[str, object]:
    found = db.execute("select o.id, o.quantity, p.title, o.quantity * p.cents as cents from orders o "
                       "join products p on p.id = o.product where o.id = %s", [id]).fetchone()
    if found is None:
        raise HTTPException(404, "there is no such order")
    return found


app.include_router(routes)
