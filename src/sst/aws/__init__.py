"""Components on AWS, and ``Provider``: another region or account for some of them."""
from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .account import account_id as account_id
    from .alb import Alb as Alb
    from .analog import Analog as Analog
    from .angular import Angular as Angular
    from .api_gateway_v2 import ApiGatewayV2 as ApiGatewayV2
    from .astro import Astro as Astro
    from .aurora import Aurora as Aurora
    from .bucket import Bucket as Bucket
    from .bus import Bus as Bus
    from .cdn import Cdn as Cdn
    from .cluster import Cluster as Cluster
    from .cron import Cron as Cron
    from .django import Django as Django
    from .dns_records import dns as dns
    from .dynamo import Dynamo as Dynamo
    from .efs import Efs as Efs
    from .email import Email as Email
    from .fast_api import FastApi as FastApi
    from .flask import Flask as Flask
    from .function import Function as Function
    from .migration import Migration as Migration
    from .mysql import Mysql as Mysql
    from .nextjs import Nextjs as Nextjs
    from .node_server import NodeServer as NodeServer
    from .nuxt import Nuxt as Nuxt
    from .open_search import OpenSearch as OpenSearch
    from .permissions import permission as permission
    from .postgres import Postgres as Postgres
    from .provider import Provider as Provider
    from .queue import Queue as Queue
    from .react import React as React
    from .redis import Redis as Redis
    from .remix import Remix as Remix
    from .router import Router as Router
    from .service import Service as Service
    from .sns_topic import SnsTopic as SnsTopic
    from .solid_start import SolidStart as SolidStart
    from .static_site import StaticSite as StaticSite
    from .svelte_kit import SvelteKit as SvelteKit
    from .tan_stack_start import TanStackStart as TanStackStart
    from .task import Task as Task
    from .vpc import Vpc as Vpc

_HOME = {"Alb": "alb", "Analog": "analog", "Angular": "angular", "ApiGatewayV2": "api_gateway_v2", "Astro": "astro",
         "Aurora": "aurora", "Bucket": "bucket", "Bus": "bus", "Cdn": "cdn", "Cluster": "cluster", "Cron": "cron",
         "Django": "django", "Dynamo": "dynamo", "Efs": "efs", "Email": "email", "FastApi": "fast_api",
         "Flask": "flask", "Function": "function", "Migration": "migration", "Mysql": "mysql", "Nextjs": "nextjs",
         "NodeServer": "node_server", "Nuxt": "nuxt", "OpenSearch": "open_search", "Postgres": "postgres",
         "Provider": "provider", "Queue": "queue", "React": "react", "Redis": "redis", "Remix": "remix",
         "Router": "router", "Service": "service", "SnsTopic": "sns_topic", "SolidStart": "solid_start",
         "StaticSite": "static_site", "SvelteKit": "svelte_kit", "TanStackStart": "tan_stack_start", "Task": "task",
         "Vpc": "vpc", "account_id": "account", "dns": "dns_records", "permission": "permissions"}

__all__ = ["Alb", "Analog", "Angular", "ApiGatewayV2", "Astro", "Aurora", "Bucket", "Bus", "Cdn", "Cluster", "Cron",
           "Django", "Dynamo", "Efs", "Email", "FastApi", "Flask", "Function", "Migration", "Mysql", "Nextjs",
           "NodeServer", "Nuxt", "OpenSearch", "Postgres", "Provider", "Queue", "React", "Redis", "Remix",
           "Router", "Service", "SnsTopic", "SolidStart", "StaticSite", "SvelteKit", "TanStackStart",
           "Task", "Vpc", "account_id", "dns", "permission"]


if not TYPE_CHECKING:      # a misspelt component is an error of the type checker, too
    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            from ..core.names import did_you_mean

            raise AttributeError(f"sst.aws has no component {name!r}; {did_you_mean(name, __all__)}")
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
        globals()[name] = value
        return value
