"""A load balancer with its security group, and its listeners."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...clouds.aws import ec2, elbv2
from ...core.graph import current
from ...core.output import Input
from ...errors import UserError
from .domain import Named
from .port import PROTOCOLS, Port

__all__ = ["REFUSE", "declare_listener", "declare_load_balancer"]

REFUSE = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403", "ContentType": "text/plain",
                                                           "MessageBody": "Forbidden"}}
POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.2 and 1.3. Source:
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html"""


def declare_load_balancer(ports: Sequence[Port], *, public: bool, vpc_id: Input[str], subnets: Sequence[Input[str]],
                          cidr: Input[str] | None, group_name: str = "LoadBalancerSecurityGroup",
                          ) -> tuple[elbv2.LoadBalancer, ec2.SecurityGroup | None]:
    """``cidr``: of the network, from which a private one may be reached; None for any address."""
    web, group = ports[0].web, None
    if web:
        source = {"cidr": "0.0.0.0/0"} if public or cidr is None else {"cidr": cidr}
        group = ec2.SecurityGroup(group_name, vpc_id=vpc_id, description="Load balancer",
                                  ingress=[{"protocol": "tcp", "from": p, "to": p, **source}
                                           for p in sorted({p.number for p in ports})])
    if len(subnets) < 2 and web:
        raise UserError("a load balancer needs subnets in two availability zones",
                        hint="az=2 of the Vpc, or load_balancer_subnets of the cluster's network")
    balancer = elbv2.LoadBalancer("LoadBalancer", type_="application" if web else "network", subnets=list(subnets),
                                  scheme="internet-facing" if public else "internal",
                                  security_groups=[group.id] if group else None)
    return balancer, group


def declare_listener(balancer: elbv2.LoadBalancer, port: Port, default: Mapping[str, Any],
                     domain: Named | None) -> elbv2.Listener:
    """With the certificate of ``domain`` where it needs one; stage ``local`` speaks plain HTTP there."""
    secure = port.secure and not current().target.is_local
    plain = {"https": "http", "tls": "tcp"}.get(port.protocol, port.protocol)
    return elbv2.Listener(
        f"Listener{port.protocol.upper()}{port.number}", load_balancer_arn=balancer.arn, port=port.number,
        protocol=PROTOCOLS[port.protocol if secure else plain], dns_name=balancer.dns_name, default_actions=[default],
        certificates=[{"CertificateArn": domain.cert}] if secure and domain else None,
        ssl_policy=POLICY if secure else None)
