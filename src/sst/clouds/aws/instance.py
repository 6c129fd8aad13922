"""AWS with other settings than the app's: another region, account or role."""
from __future__ import annotations

from ...core.output import Output
from ...core.resource import Arg, ProviderInstance, out, prop
from .checks import region_valid

__all__ = ["Provider"]


class Provider(ProviderInstance, type="aws.Provider"):
    """Another region or account for some resources. What is not set is as in the app's config and environment.

        us = aws.Provider("Us", region="us-east-1")
        aws.Bucket("Files", provider=us)

    ``role_arn`` is assumed with the app's credentials (or those given here); ``account`` is the only account (12
    digits) that it may be. On stage ``local`` only ``region`` counts: there is one account on this machine.
    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """

    __checks__ = (region_valid,)

    region: Arg[str] = prop(default=None)
    profile: Arg[str] = prop(default=None)
    role_arn: Arg[str] = prop(default=None)
    external_id: Arg[str] = prop(default=None)
    session_name: Arg[str] = prop(default=None)
    access_key: Arg[str] = prop(default=None)
    secret_key: Arg[str] = prop(default=None, secret=True)
    session_token: Arg[str] = prop(default=None, secret=True)
    account: Arg[str] = prop(default=None)

    account_id: Output[str] = out()
    """The account that it works in."""
    region_name: Output[str] = out()
