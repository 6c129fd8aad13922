"""Writes a receipt for each order of the queue."""
import json
from uuid import UUID

import boto3
from sqlalchemy.orm import Session

from app.data import engine
from app.models import Order
from sst import Resource

s3 = boto3.client("s3")


def handler(event: dict, context: object) -> None:
    for record in event["Records"]:
        write(UUID(json.loads(record["body"])["id"]))


def write(id: UUID) -> None:
    with Session(engine) as session, session.begin():
        order = session.get_one(Order, id)
        order.receipt = f"receipts/{order.id}.txt"
        s3.put_object(Bucket=Resource.Receipts.name, Key=order.receipt, ContentType="text/plain",
                      Body=f"{order.quantity} x {order.item}\n".encode())
        print(f"receipt for {order.quantity} x {order.item}")
