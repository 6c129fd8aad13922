"""The nightly report: how much was ordered of what."""
import csv
import io
from datetime import UTC, datetime

import boto3
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.data import engine
from app.models import Order
from sst import Resource


def main() -> None:
    with Session(engine) as session:
        rows = session.execute(select(Order.item, func.sum(Order.quantity)).group_by(Order.item)
                               .order_by(Order.item)).all()
    text = io.StringIO()
    csv.writer(text).writerows([("item", "quantity"), *rows])
    key = f"reports/{datetime.now(UTC):%Y-%m-%d}.csv"
    boto3.client("s3").put_object(Bucket=Resource.Receipts.name, Key=key, Body=text.getvalue().encode())
    print(f"{key}: {len(rows)} items")
