"""A storefront: pages that React Router renders, an API of FastAPI with PostgreSQL, both behind one Router."""
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    production = input.stage == "production"
    return sst.Config(name="storefront", removal="retain" if production else "remove", protect=production)


def run() -> dict[str, object]:
    vpc = aws.Vpc("Network")
    db = aws.Postgres("Database", vpc=vpc)
    shop = aws.Router("Shop")

    api = aws.FastApi("Api", app="api.main:app", link=[db], vpc=vpc, router={"instance": shop, "path": "/api"})
    aws.Migration("Schema", handler="api/schema.create", files=["api/schema.py"], link=[db], before=[api])

    web = aws.React("Web", path="web", environment={"API_URL": api.url}, router={"instance": shop})
    return {"url": web.url, "api": api.url}
