"""Where a provider comes from: ``registry.opentofu.org/vercel/vercel``, and the short forms of it."""
from __future__ import annotations

import platform
import re

from ..errors import UserError
from ..records import dataclass

__all__ = ["DEFAULT_HOST", "Source", "host_platform", "known_names", "source_of"]

DEFAULT_HOST = "registry.opentofu.org"
"""The registry of OpenTofu: that of HashiCorp allows downloads only for Terraform itself."""

_HASHICORP = ("archive", "aws", "azuread", "azurerm", "cloudinit", "consul", "dns", "external", "google", "helm",
              "http", "kubernetes", "local", "nomad", "null", "random", "template", "time", "tls", "vault")
_KNOWN = {
    "auth0": "auth0/auth0", "azuredevops": "microsoft/azuredevops", "bitbucket": "drfaust92/bitbucket",
    "cloudflare": "cloudflare/cloudflare", "confluent": "confluentinc/confluent", "databricks": "databricks/databricks",
    "datadog": "DataDog/datadog", "digitalocean": "digitalocean/digitalocean", "docker": "kreuzwerker/docker",
    "elasticstack": "elastic/elasticstack", "fastly": "fastly/fastly", "fly": "fly-apps/fly",
    "github": "integrations/github", "gitlab": "gitlabhq/gitlab", "grafana": "grafana/grafana",
    "hcloud": "hetznercloud/hcloud", "heroku": "heroku/heroku", "honeycombio": "honeycombio/honeycombio",
    "launchdarkly": "launchdarkly/launchdarkly", "linode": "linode/linode", "mongodbatlas": "mongodb/mongodbatlas",
    "neon": "kislerdm/neon", "netlify": "netlify/netlify", "newrelic": "newrelic/newrelic", "okta": "okta/okta",
    "pagerduty": "PagerDuty/pagerduty", "planetscale": "planetscale/planetscale", "postgresql": "cyrilgdn/postgresql",
    "railway": "terraform-community-providers/railway", "render": "render-oss/render", "scaleway": "scaleway/scaleway",
    "sentry": "jianyuan/sentry", "snowflake": "snowflakedb/snowflake", "stripe": "stripe/stripe",
    "supabase": "supabase/supabase", "tailscale": "tailscale/tailscale", "upstash": "upstash/upstash",
    "vercel": "vercel/vercel", "vultr": "vultr/vultr",
}
"""Short name → namespace and type, where the namespace is not hashicorp."""
_WORD = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z_-]{0,62}[0-9A-Za-z])?")


@dataclass(frozen=True, slots=True)
class Source:
    """``str(source)`` is its full form."""

    host: str
    namespace: str
    type: str

    def __str__(self) -> str:
        return f"{self.host}/{self.namespace}/{self.type}"


def source_of(text: str) -> Source:
    """From ``vercel``, ``vercel/vercel``, ``host/namespace/type``, or a package of SST's docs, ``@pulumi/vercel`` and
    ``@pulumiverse/vercel``. Raises ``UserError`` for anything else."""
    name = re.sub(r"^@(pulumi|pulumiverse)/", "", text.strip())
    parts = name.split("/")
    if len(parts) == 1:
        short = re.sub("^(aws|local)_tf$", r"\1", name.lower())    # as programs import these two
        parts = _KNOWN.get(short, f"{'hashicorp' if short in _HASHICORP else short}/{short}").split("/")
    if len(parts) == 2:
        parts = [DEFAULT_HOST, *parts]
    if len(parts) != 3 or not all(_WORD.fullmatch(p) for p in parts[1:]) or not re.fullmatch(
            r"[A-Za-z0-9.-]+(:\d+)?", parts[0]):
        raise UserError(f"{text!r} is not the source of a provider",
                        hint="like vercel, vercel/vercel or registry.example.com/acme/dns")
    return Source(parts[0].lower(), parts[1], parts[2])


def known_names() -> tuple[str, ...]:
    """The short names that stand for a publisher whose name is another one, or for hashicorp."""
    return (*_HASHICORP, *_KNOWN)


def host_platform() -> str:
    """This machine in the words of the registry: ``linux_amd64``."""
    machine = platform.machine().lower()
    arch = {"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386"}.get(machine, machine)
    return f"{platform.system().lower()}_{arch}"
