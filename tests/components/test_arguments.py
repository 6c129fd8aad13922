"""What SST's components of networks, containers and databases take is taken here, or their pages say that it is not."""
from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from sst import aws

LINK = re.compile(r"]\((\w+\.md)#")
PAGES = Path(__file__).parents[2] / "docs/components"
CONTAINER = "command entrypoint environment environment_files image logging ssm volumes"
FARGATE = (f"{CONTAINER} cluster architecture cpu memory storage link permissions task_role execution_role containers "
           "dev transform")
RULES = "rules listen forward container redirect path conditions query header"
HEALTH = "health interval timeout healthy_threshold unhealthy_threshold success_codes"
SQL = ("version username password database instance storage proxy multi_az blue_green vpc dev transform",
       "credentials host port proxy_id")
SST: dict[str, tuple[str, str]] = {
    "Vpc": ("az nat bastion transform", "type ip ec2 instance ami role instance_profile"),
    "Cluster": ("vpc transform", "security_groups container_subnets load_balancer_subnets cloudmap_namespace_id "
                "cloudmap_namespace_name service_subnets public_subnets force_upgrade add_service add_task"),
    "Service": (f"{FARGATE} load_balancer service_registry scaling capacity health wait public",
                f"{RULES} {HEALTH} context dockerfile args secrets tags target cache retention name efs file_system "
                "access_point domain aliases cert dns instance priority min max cpu_utilization memory_utilization "
                "request_count scale_in_cooldown scale_out_cooldown fargate spot base weight start_period retries url "
                "autostart directory"),
    "Task": (f"{FARGATE} public", "public_ip directory"),
    "Postgres": SQL, "Mysql": SQL,
    "Aurora": ("engine version username password database scaling replicas data_api proxy vpc dev transform",
               "min max pause_after credentials host port subnets security_groups"),
    "Redis": ("engine version instance nodes cluster parameters vpc dev transform",
              "host port username password subnets security_groups"),
    "Efs": ("throughput performance vpc transform", "id subnets"),
    "OpenSearch": ("version username password instance storage dev transform", "url"),
    "SnsTopic": ("fifo transform", "content_based_deduplication filter topic subscription"),
    "Bus": ("logging transform", "pattern source detail detail_type enabled bus rule target"),
    "Email": ("sender dns dmarc mail_from events transform", "domain reject_on_mx_failure name types topic bus "
              "identity configuration_set"),
    "Alb": ("vpc public domain listeners transform", "port protocol aliases cert dns public_subnets private_subnets"),
}
"""Their arguments, and the members of these. Source: platform/src/components/aws of https://github.com/sst/sst."""


@pytest.mark.parametrize("name", SST)
def test_each_argument_of_sst_is_taken_or_its_page_says_that_it_is_not(name: str) -> None:
    component = getattr(aws, name)
    page = (PAGES / f"{re.sub('(?<=[a-z])(?=[A-Z])', '_', name).lower()}.md").read_text(encoding="utf-8")
    _, mark, differences = page.partition("\n## Differences to SST\n")
    arguments, members = (words.split() for words in SST[name])
    taken = inspect.signature(component.__init__).parameters
    assert mark
    assert [a for a in arguments if a not in taken and a != "transform" and not told(a, differences)] == []
    types = [page, *((PAGES / other).read_text(encoding="utf-8") for other in sorted(set(LINK.findall(page))))]
    assert [m for m in members if not any(told(m, text) for text in types)] == []


def told(word: str, text: str) -> bool:
    """Whether the text has the name as code, in either spelling, alone or in an example."""
    first, *rest = word.split("_")
    return any(re.search(rf"[`\"{{.( ]{spelled}[`\"=(:\]]", text)
               for spelled in (word, first + "".join(part.title() for part in rest)))
