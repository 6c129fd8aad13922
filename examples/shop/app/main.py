"""The API of the shop."""
import json
import os
from uuid import UUID

import boto3
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field
from redis import Redis
from sqlalchemy.orm import Session

from app.data import engine
from app.models import Order
from sst import Resource

app = FastAPI(title="shop")
cache = Redis.from_url(Resource.Cache.url)
sqs = boto3.client("sqs")


class NewOrder(BaseModel):
    item: str = Field(min_length=1, max_length=80)
    quantity: int = Field(ge=1, le=1000)


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/")
def index() -> dict[str, object]:
    return {"banner": os.environ["BANNER"], "process": os.getpid(), "visits": cache.incr("visits")}


@app.post("/orders", status_code=201)
def place(new: NewOrder) -> dict[str, object]:
    order = Order(item=new.item, quantity=new.quantity)
    with Session(engine, expire_on_commit=False) as session, session.begin():
        session.add(order)
    sqs.send_message(QueueUrl=Resource.Orders.url, MessageBody=json.dumps({"id": str(order.id)}))
    return {"id": str(order.id)}


@app.get("/orders/{id}")
def show(id: UUID) -> dict[str, object]:
    """An order, from the cache once its receipt is written: it does not change any more."""
    if known := cache.get(f"order/{id}"):
        return {**json.loads(known), "cached": True}
    with Session(engine) as session:
        order = session.get(Order, id)
    if order is None:
        raise HTTPException(404, "there is no such order")
    found = {"id": str(order.id), "item": order.item, "quantity": order.quantity, "receipt": order.receipt}
    if order.receipt:
        cache.set(f"order/{id}", json.dumps(found), ex=3600)
    return {**found, "cached": False}
