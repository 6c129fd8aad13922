"""An identity that may do what docs/deploy_permissions.md allows, and nothing else."""
from __future__ import annotations

import json
import secrets
from collections.abc import Sequence

from sst.clouds.aws.client import Aws
from sst.clouds.aws.deploy_policy import deploy_policies
from sst.embedded.cloud import Cloud

__all__ = ["deployer"]


def deployer(cloud: Cloud, app: str, also: Sequence[str] = ()) -> tuple[str, str]:
    """Access key and secret key of a new user with the policies for an app, and more actions; the emulator asks for its
    rights."""
    name = f"deployer-{secrets.token_hex(4)}"
    with Aws(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
             environment={}) as aws:
        aws.call("iam", "create_user", {"UserName": name})
        more = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(also), "Resource": "*"}]}
        for n, policy in enumerate([*deploy_policies(app), *([more] if also else ())]):
            given = {"PolicyName": f"{name}-{n}", "PolicyDocument": json.dumps(policy)}
            arn = aws.call("iam", "create_policy", given)["Policy"]["Arn"]
            aws.call("iam", "attach_user_policy", {"UserName": name, "PolicyArn": arn})
        made = aws.call("iam", "create_access_key", {"UserName": name})["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]
