"""Databases of stage ``local``: from the call that creates one until it answers, and after a restart."""
from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sst.embedded import cloud as embedded
from sst.embedded.environment import ensure_program
from sst.embedded.services import Supervisor, unprivileged
from sst.embedded.services.postgres import Postgres

from .report import Report

__all__ = ["run_databases"]

_TOKEN = "a-token-of-the-bench"
_LIMITS = {"Postgres, first": 4.0, "Postgres, started again": 0.5, "Redis, cluster mode with TLS": 2.5,
           "Redis, cluster=False with TLS": 1.0}


def run_databases(report: Report, *, quick: bool, times: int) -> None:
    report.title("Databases of stage local",
                 "From the call that creates it until its status is available. The programs are installed already.")
    for program in ("postgres", "valkey"):
        ensure_program(program, os.environ)
    runs = [_once() for _ in range(times)]
    best = {name: min(run[name] for run in runs) for name in runs[0]}
    report.table(("what", "until it answers"), [(name, f"{best[name]:.2f} s") for name in _LIMITS])
    for name, limit in _LIMITS.items():
        report.figure(name, best[name], limit, "s")
    report.figure("idle memory of the cloud, one Postgres and two Valkeys", best["memory"], 200, "MB")


def _once() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="sst-bench-") as folder:
        try:
            return {**_created(Path(folder)), "Postgres, started again": _again(Path(folder) / "again")}
        finally:
            embedded.reset(Path(folder))
    

def _created(root: Path) -> dict[str, float]:
    cloud = embedded.start(root, environment=os.environ)
    rds, caches = _client(cloud, "rds"), _client(cloud, "elasticache")
    caches.create_cache_parameter_group(CacheParameterGroupName="on", CacheParameterGroupFamily="redis7",
                                        Description="x")
    caches.modify_cache_parameter_group(CacheParameterGroupName="on", ParameterNameValues=[
        {"ParameterName": "cluster-enabled", "ParameterValue": "yes"}])
    database = partial(rds.create_db_instance, DBInstanceIdentifier="db", Engine="postgres", AllocatedStorage=20,
                       DBInstanceClass="db.t4g.micro", MasterUsername="postgres", MasterUserPassword=_TOKEN,
                       DBName="shop")
    found = {"Postgres, first": _until(database, lambda: rds.describe_db_instances()["DBInstances"][0][
        "DBInstanceStatus"])}
    kinds: Mapping[str, Mapping[str, Any]] = {
        "Redis, cluster mode with TLS": {"NumNodeGroups": 1, "AutomaticFailoverEnabled": True,
                                         "CacheParameterGroupName": "on"},
        "Redis, cluster=False with TLS": {"NumCacheClusters": 1}}
    for id, (name, more) in zip(("one", "two"), kinds.items(), strict=True):
        cache = partial(caches.create_replication_group, ReplicationGroupId=id, ReplicationGroupDescription="x",
                        Engine="redis", CacheNodeType="cache.t4g.micro", TransitEncryptionEnabled=True,
                        AuthToken=_TOKEN, **more)
        found[name] = _until(cache, lambda id=id: caches.describe_replication_groups(
            ReplicationGroupId=id)["ReplicationGroups"][0]["Status"])
    time.sleep(3)       # until they are idle
    pids = [cloud.pid, *(int(file.read_text()) for file in (cloud.folder / "services").glob("*/*/pid"))]
    return {**found, "memory": sum(_megabytes(pid) for pid in pids)}


def _again(folder: Path) -> float:
    """Of a server with data that was ended in order."""
    service = Postgres("postgres/bench", ensure_program("postgres", os.environ), "postgres", _TOKEN, "shop")

    async def life() -> float:
        supervisor = Supervisor(folder)
        await supervisor.start(service)
        await supervisor.stop(service.name)
        began = time.perf_counter()
        await supervisor.start(service)
        took = time.perf_counter() - began
        await supervisor.remove(service.name)
        return took

    try:
        return asyncio.run(life())
    finally:
        unprivileged.sweep()


def _client(cloud: embedded.Cloud, service: str) -> Any:
    import boto3

    return boto3.client(service, endpoint_url=cloud.endpoint, region_name=cloud.region,
                        aws_access_key_id=cloud.access_key, aws_secret_access_key=cloud.secret_key)


def _until(create: Callable[[], object], status: Callable[[], str]) -> float:
    began = time.perf_counter()
    create()
    while (now := status()) != "available":
        if now != "creating":
            raise RuntimeError(f"its status is {now}")
        time.sleep(0.02)
    return time.perf_counter() - began


def _megabytes(pid: int) -> float:
    """Of a process and those that it has started; memory that is shared counts in parts."""
    kilobytes, waiting = 0, [pid]
    while waiting:
        here = waiting.pop()
        kilobytes += int(Path(f"/proc/{here}/smaps_rollup").read_text().partition("Pss:")[2].split()[0])
        waiting += [int(p) for p in Path(f"/proc/{here}/task/{here}/children").read_text().split()]
    return kilobytes / 1024
