"""What the app declares. Runs in a second, without a cloud."""
from sst import aws
from sst.testing import Program


def test_pages_and_api_are_one_site(sst_graph: Program) -> None:
    assert sst_graph.components(aws.Router) == ["Shop"]
    assert [goal["path"] for goal in sst_graph.resources("aws.cloudfront.Route")] == ["/api", "/"]
    assert len(sst_graph.resources("aws.cloudfront.Distribution")) == 1


def test_only_the_api_has_the_password_of_the_database(sst_graph: Program) -> None:
    variables = {r.name: str(r["environment"]) + str(r["secret_environment"])
                 for r in sst_graph.resources("aws.lambda.Function")}
    assert "SST_KEY" in variables["Api/Server/Function"]
    assert "SST_KEY" not in variables["Web/Server/Function"]
