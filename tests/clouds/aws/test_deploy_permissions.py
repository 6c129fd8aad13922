"""docs/deploy_permissions.md has the policy that the rows' calls need. ``SST_ACCEPT=1`` writes it."""
from __future__ import annotations

import json
import os
import re
from pathlib import Path

import sst
from sst.clouds.aws.deploy_policy import actions_of, deploy_policies, pascal_operation

PAGE = Path(__file__).parents[3] / "docs/deploy_permissions.md"


def test_the_page_has_the_policies() -> None:
    text = PAGE.read_text(encoding="utf-8")
    block = "\n\n".join(f"```json\n{json.dumps(p, indent=2)}\n```" for p in deploy_policies("my-app"))
    wanted = re.sub(r"```json\n.*\n```", lambda m: block, text, count=1, flags=re.DOTALL)
    if os.environ.get("SST_ACCEPT") == "1":
        PAGE.write_text(wanted, encoding="utf-8")
        return
    assert text == wanted, "run SST_ACCEPT=1 pytest tests/clouds/aws/test_deploy_permissions.py"


def test_each_policy_fits_into_iam() -> None:
    """A managed policy has at most 6,144 characters, white space not counted."""
    for policy in deploy_policies("a" * 40):
        assert len("".join(json.dumps(policy, separators=(",", ":")).split())) <= 6144


def test_operations_with_other_names_in_iam() -> None:
    assert actions_of("s3", "HeadBucket") == ("s3:ListBucket",)
    assert actions_of("apigatewayv2", "UpdateRoute") == ("apigateway:PATCH",)
    assert actions_of("s3", "DeleteObjects") == ("s3:DeleteObject", "s3:DeleteObjectVersion")
    assert "iam:PassRole" in actions_of("lambda", "CreateFunction") and actions_of("sts", "GetCallerIdentity") == ()


def test_calls_beside_those_of_rows_are_in_the_policies() -> None:
    """Calls that the code names itself, and those of ``s3.Files``, whose service is S3."""
    sources = {p: p.read_text(encoding="utf-8") for p in Path(sst.__file__).parent.rglob("*.py")}
    named = {pair for text in sources.values()
             for pair in re.findall(r'\.call\(\s*"([a-z0-9-]+)",\s*"([a-z_0-9]+)"', text)}
    files = {("s3", op) for path, text in sources.items() if path.name == "file_sync.py"
             for op in re.findall(r'self\.call\("([a-z_0-9]+)"', text)}
    allowed = {a for p in deploy_policies() for s in p["Statement"] for a in s["Action"]}
    missing = {(s, op) for s, op in named | files if not {*actions_of(s, pascal_operation(s, op))} <= allowed}
    assert len(files) >= 4 and not missing, f"add to STATE in deploy_policy.py: {sorted(missing)}"
