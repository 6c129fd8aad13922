"""The account that a stage is deployed to."""
from __future__ import annotations

from ..clouds.aws.lookup import Lookups
from ..core.graph import current
from ..core.output import Output, Resolve

__all__ = ["account_id"]


def account_id() -> Output[str]:
    """The id of the app's AWS account, 12 digits: for ARNs of what the program does not declare.

        aws.Function("Api", handler="src/api.handler", permissions=[
            sst.permission(["ssm:GetParameter"], [f"arn:aws:ssm:us-east-1:{aws.account_id()}:parameter/shared/*"])])

    On stage ``local`` it is the account of the cloud on this machine. It is asked once a command, where it is used.

    Source: STS API GetCallerIdentity, https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    context = current().context

    def ask(_: Resolve) -> str:
        lookups: Lookups = context.lookups
        return lookups.account()

    return Output(ask)
