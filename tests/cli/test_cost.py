"""The fixed cost in ``sst diff`` and ``sst deploy``, and the budget that stops a deploy before anything is made."""
from __future__ import annotations

from .conftest import FILES, Project

PRICED = FILES.replace("Data if type == Data.type else File", "Resource.kinds[type]") + '''

from sst.core.cost import Charge


class Server(File, type="test.Server"):
    monthly = lambda given, uses: [Charge("server", 60.0, "a price list")]
'''


def test_a_budget_stops_a_deploy_before_anything_is_made(project: Project) -> None:
    project.write("files.py", PRICED)
    body = 'from files import Server\nServer("Big")\nFile("Free")'
    project.program(body, more='budget={"monthly": "50 USD", "above": "refuse"}')
    said = project.run("diff")
    assert "Fixed cost a month: 60.00 USD added, 0.00 USD removed, 60.00 USD in all\n  +60.00  Big" in said.out
    assert "a price list" in said.out and "above its budget of 50.00 USD" in said.err
    assert project.run("diff", "--json").json["cost"]["total"] == 60
    assert "60.00 USD a month, above its budget of 50.00 USD; nothing was changed" in project.fails("deploy")
    assert project.things == {}
    project.program(body, more='budget={"monthly": "50 USD"}')
    said = project.run("deploy")
    assert "60.00 USD added" in said.err and "above its budget" in said.err and set(project.things) == {"Big", "Free"}
    project.program('from files import Server\nServer("Big")',
                    more='budget={"monthly": "50 USD", "above": "refuse"}')
    project.run("deploy")
    assert set(project.things) == {"Big"}, "what adds no cost is not stopped"


def test_stage_local_costs_nothing(cloud_stage: Project) -> None:
    cloud_stage.write("files.py", PRICED)
    cloud_stage.program('from files import Server\nServer("Big")',
                        more='budget={"monthly": "1 USD", "above": "refuse"}')
    assert "USD" not in cloud_stage.run("diff").out and "cost" not in cloud_stage.run("diff", "--json").json
