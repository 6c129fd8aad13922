"""ElastiCache: a replication group is a real Valkey server on this machine, with TLS, passwords and cluster protocol.

Without Docker the emulator reports a group as available at an endpoint that does not exist. Here it is ``creating``
until a local service answers, ``create-failed`` if none does, and ``modifying`` while the service starts again with
another password or other parameters. All shards and replicas of a group are the one server.

Goes when ministack can start cache servers without containers; last checked with 1.5.33.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sst.embedded.backed import How, Record, Records
from sst.embedded.ports import free_port
from sst.embedded.services.valkey import Valkey
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "RECORDS", "apply"]

NEEDS: Mapping[str, str] = {
    "services.elasticache:_create_replication_group": "(p)",
    "services.elasticache:_delete_replication_group": "(p)",
    "services.elasticache:_describe_replication_groups": "(p)",
    "services.elasticache:_ensure_live_containers": "()",
    "services.elasticache:_get_docker": "()",
    "services.elasticache:_modify_cache_parameter_group": "(p)",
    "services.elasticache:_modify_replication_group": "(p)",
    "services.elasticache:_p": "(params, key, default='')",
    "services.elasticache:_param_group_params": "AccountRegionScopedDict",
    "services.elasticache:_replication_groups": "AccountRegionScopedDict",
    "services.elasticache:_rg_xml": "(rg)",
    "services.elasticache:handle_request": "async (method, path, headers, body, query_params)",
}

_NODE_GROUPS = re.compile(r"<(NodeGroups|ConfigurationEndpoint)>.*?</\1>", re.DOTALL)
_OF_ELASTICACHE = ("cluster-enabled", "reserved-memory", "reserved-memory-percent", "cluster-allow-reads-when-down")
_RESHARD = b"Action=ModifyReplicationGroupShardConfiguration&"


class Groups(Records):
    id = "ReplicationGroupId"

    def stored(self) -> Any:
        from ministack.services import elasticache as cache

        return cache._replication_groups

    def kind(self, record: Record) -> str:
        return "valkey"

    def run(self, record: Record, how: How) -> Record:
        if not record["TransitEncryptionEnabled"]:
            return {"Status": "available", "_sst_port": how(self._server(record, 0))}
        name = self.name(record)
        port = self.backing.veil(name, record.get("_sst_port") or 0)
        self.backing.lead(name, how(self._server(record, port)))
        return {"Status": "available", "_sst_port": port}

    def failed(self, record: Record, reason: str) -> Record:
        return {"Status": "create-failed", "Description": reason}

    def follow(self, record: Record) -> None:
        """All shards and replicas are the one server."""
        where = {"Address": "127.0.0.1", "Port": record["_sst_port"]}
        for group in record["NodeGroups"]:
            group |= {"PrimaryEndpoint": where, "ReaderEndpoint": where}
            for member in group["NodeGroupMembers"]:
                member["ReadEndpoint"] = where
        record["ConfigurationEndpoint"] = where if record["ClusterEnabled"] else None

    def _server(self, record: Record, port: int) -> Valkey:
        """``port``: where clients find it, if that is not its own."""
        bus = record.setdefault("_sst_bus", free_port(0))
        return Valkey(self.name(record), self.backing.program("valkey"), tuple(record.get("_auth_tokens") or ()),
                      record.get("_sst_generation", 0), _parameters(record), bool(record["ClusterEnabled"]), port, bus)


RECORDS = Groups()


def apply(settings: Settings) -> None:
    from ministack.services import elasticache as cache

    cache._get_docker = lambda: None
    cache._ensure_live_containers = lambda: None
    create, modify, delete = (cache._create_replication_group, cache._modify_replication_group,
                              cache._delete_replication_group)
    parameters, shown = cache._modify_cache_parameter_group, cache._rg_xml
    cache._rg_xml = lambda rg: _NODE_GROUPS.sub("", shown(rg)) if rg.get("_sst_port") is None else shown(rg)
    cache._create_replication_group = lambda p: _create(create, p)
    cache._modify_replication_group = lambda p: _modify(modify, p)
    cache._delete_replication_group = lambda p: _delete(delete, p)
    cache._modify_cache_parameter_group = lambda p: _modify_parameters(parameters, p)
    handle = cache.handle_request

    async def handle_request(method: Any, path: Any, headers: Any, body: Any, query_params: Any) -> Any:
        """All shards are one server: another number of them changes nothing."""
        answer = await handle(method, path, headers, body.replace(_RESHARD, b"Action=ModifyReplicationGroup&"),
                              query_params)
        return _named(answer) if _RESHARD in body and answer[0] == 200 else answer

    cache.handle_request = handle_request


def _create(call: Callable[[Any], Any], p: Any) -> Any:
    from ministack.services import elasticache as cache

    id = cache._p(p, "ReplicationGroupId")
    there = id in cache._replication_groups
    if cache._p(p, "NumNodeGroups") == "2":      # the emulator refuses what AWS takes
        p = {**p, "NumNodeGroups": "3"}
    answer = call(p)
    if there or answer[0] != 200:
        return answer
    record = cache._replication_groups[id]
    group = cache._param_group_params.get(record["CacheParameterGroupName"]) or {}
    record["ClusterEnabled"] = record["ClusterEnabled"] or group.get("cluster-enabled", {}).get("Value") == "yes"
    record["ClusterMode"] = "enabled" if record["ClusterEnabled"] else "disabled"
    record |= {"Status": "creating", "_sst_port": None, "_sst_generation": 0}
    RECORDS.start(record)
    return _answer(answer, record)


def _modify(call: Callable[[Any], Any], p: Any) -> Any:
    from ministack.services import elasticache as cache

    answer = call(p)
    record = cache._replication_groups.get(cache._p(p, "ReplicationGroupId"))
    if answer[0] == 200 and record and (cache._p(p, "AuthToken") or cache._p(p, "CacheParameterGroupName")):
        _again(record)
        return _answer(answer, record)
    return answer


def _modify_parameters(call: Callable[[Any], Any], p: Any) -> Any:
    from ministack.services import elasticache as cache

    answer, group = call(p), cache._p(p, "CacheParameterGroupName")
    for record in list(cache._replication_groups.values()) if answer[0] == 200 else ():
        if record["CacheParameterGroupName"] == group:
            _again(record)
    return answer


def _again(record: Record) -> None:
    record["_sst_generation"] = record.get("_sst_generation", 0) + 1
    record["Status"] = "modifying"
    RECORDS.restart(record)


def _delete(call: Callable[[Any], Any], p: Any) -> Any:
    """The calls of this service run on the loop: the server ends on a thread, and the record is gone after it."""
    from ministack.services import elasticache as cache

    record = cache._replication_groups.get(cache._p(p, "ReplicationGroupId"))
    if not record:
        return call(p)

    def work() -> None:
        RECORDS.remove(record)
        call(p)

    record["Status"] = "deleting"
    status, headers, body = cache._describe_replication_groups(p)
    RECORDS.backing.later(work, RECORDS.name(record))
    return status, headers, re.sub(rb"</?ReplicationGroups>", b"", body).replace(b"DescribeReplicationGroups",
                                                                                b"DeleteReplicationGroup")


def _parameters(record: Record) -> dict[str, str]:
    """What the parameter group sets beside its defaults."""
    from ministack.services import elasticache as cache

    group = cache._param_group_params.get(record["CacheParameterGroupName"]) or {}
    return {name: str(given["Value"]) for name, given in group.items()
            if given.get("Source") == "user" and name not in _OF_ELASTICACHE}


def _answer(answer: Any, record: Record) -> Any:
    """The answer of a call with the group as it is now."""
    from ministack.services import elasticache as cache

    status, headers, body = answer
    text = body.decode() if isinstance(body, bytes) else str(body)
    whole = re.sub(r"<ReplicationGroup>.*</ReplicationGroup>",
                   lambda _: f"<ReplicationGroup>{cache._rg_xml(record)}</ReplicationGroup>", text, flags=re.DOTALL)
    return status, headers, whole.encode()


def _named(answer: Any) -> Any:
    status, headers, body = answer
    text = body.encode() if isinstance(body, str) else body
    return status, headers, text.replace(b"ModifyReplicationGroupRes", b"ModifyReplicationGroupShardConfigurationRes")
