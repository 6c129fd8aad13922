"""A shop: orders come in over HTTP, a worker writes a receipt for each, and a task counts them every night."""
import os

import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    production = input.stage == "production"
    return sst.Config(name="shop", removal="retain" if production else "remove", protect=production)


def run() -> dict[str, object]:
    vpc = aws.Vpc("Network")
    db = aws.Postgres("Database", vpc=vpc)
    cache = aws.Redis("Cache", vpc=vpc, cluster=False)
    receipts = aws.Bucket("Receipts")
    orders = aws.Queue("Orders", visibility_timeout="1 minute")

    cluster = aws.Cluster("Cluster", vpc=vpc)
    api = aws.Service(
        "Api", cluster=cluster, handler="app/main.py:app", image=os.environ.get("SHOP_IMAGE"),
        link=[db, cache, orders.link(access="write")], scaling={"min": 2, "max": 2},
        environment={"BANNER": os.environ.get("SHOP_BANNER", "Welcome")},
        load_balancer={"ports": [{"listen": "80/http", "forward": "8080/http"}],
                       "health": {"8080/http": {"path": "/health", "interval": "10 seconds"}}},
    )
    orders.subscribe({"handler": "app/worker.handler", "vpc": vpc, "link": [db, receipts], "timeout": "30 seconds"})

    report = aws.Task("Report", cluster=cluster, handler="app/report.main", image=os.environ.get("SHOP_IMAGE"),
                      link=[db, receipts])
    aws.Cron("Night", schedule="cron(0 3 * * ? *)", job={"handler": "app/night.handler", "link": [report]})

    aws.Migration("Schema", run="alembic upgrade head", link=[db], before=[api])
    return {"api": api.url, "receipts": receipts.name}
