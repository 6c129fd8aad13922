"""SST's own example of several providers, on a machine that has none of them."""
from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.project import project

pytestmark = [pytest.mark.emulator, pytest.mark.slow]

CONFIG = """
import sst
from sst import aws
from sst.providers import stripe, vercel

def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="shop", home="local")

def run():
    site = vercel.Project("MyFrontend", name="my-nextjs-app")
    product = stripe.Product("MyProduct", name="SST Paid Plan", description="This is how SST makes money")
    link = sst.Linkable.of(product, "Product", properties={"id": product.id})
    hook = sst.stripe.Webhook("Payments", url="https://example.com/stripe", events=["invoice.paid"])
    aws.Function("Billing", handler="src/billing.handler", link=[link, hook])
    return {"site": site.id}
"""
HANDLER = """
from sst import Resource

def handler(event, context):
    return {"product": Resource.Product.id, "secret": Resource.Payments.secret}
"""


@pytest.mark.long
def test_it_deploys_on_stage_local_and_functions_read_it(tmp_path: Path) -> None:
    with project(tmp_path, {"sst_config.py": CONFIG, "src/billing.py": HANDLER}) as app:
        plan = app.run("diff")
        assert "+ MyProduct  stripe:Product  simulated" in plan.stdout and "stripe is not installed" in plan.stderr
        made = app.run("deploy")
        assert made.returncode == 0, made.stderr
        assert "vercel is not installed" in made.stderr and "sst add stripe" in made.stderr
        assert app.invoke("Billing") == {"product": "local-MyProduct", "secret": "local-Payments-Endpoint-secret"}
        assert app.outputs() == {"site": "local-MyFrontend"}
        assert "no changes" in app.sst("deploy")
        refused = app.run("diff", "--stage", "production", AWS_REGION="us-east-1")
        assert 'stripe:Product: sst.lock has no provider "stripe" (sst_config.py:11)' in refused.stderr
        app.sst("remove", "--yes")
