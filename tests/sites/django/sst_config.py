import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="shop")


def run() -> dict[str, object]:
    vpc = aws.Vpc("Network", endpoints=["s3"])
    db = aws.Postgres("Database", vpc=vpc)
    jobs = aws.Queue("Jobs", visibility_timeout="1 minute")
    shop = aws.Django("Shop", project="shop", database=db, migrate="before", media=aws.Bucket("Media"), tasks=jobs)
    return {"url": shop.url}
