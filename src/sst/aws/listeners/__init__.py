"""What load balancers have in common, those of services and shared ones: ports, security groups, certificates."""
from __future__ import annotations

from .balancer import REFUSE, declare_listener, declare_load_balancer
from .domain import BalancerDomain, Named, named
from .port import PROTOCOLS, Port

__all__ = ["PROTOCOLS", "REFUSE", "BalancerDomain", "Named", "Port", "declare_listener", "declare_load_balancer",
           "named"]
