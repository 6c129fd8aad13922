"""OpenSearch Service: a domain is a real search engine on this machine, with TLS and a password.

Without Docker the emulator reports a domain as ready at an endpoint that does not exist. Here it is ``Processing``
until a local service answers, and ``Isolated`` with the reason if none does. A change of the user's password starts the
service again.

Goes when ministack can start search engines without containers; last checked with 1.5.33.
"""
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sst.embedded.backed import How, Record, Records
from sst.embedded.services.opensearch import OpenSearch
from sst.embedded.settings import Settings
from sst.errors import UserError

__all__ = ["NEEDS", "RECORDS", "apply"]

NEEDS = {
    "services.opensearch:_create_domain": "(payload)",
    "services.opensearch:_delete_domain": "(name)",
    "services.opensearch:_describe_domain": "(name)",
    "services.opensearch:_domains": "AccountRegionScopedDict",
    "services.opensearch:_error": "(status, code, message)",
    "services.opensearch:_json": "(status, body, extra_headers=None)",
    "services.opensearch:_restore_domain_dataplanes": "()",
    "services.opensearch:_update_domain_config": "(name, payload)",
    "services.opensearch:handle_request": "async (method, path, headers, body_bytes, query_params)",
}

_UPGRADE = "/2021-01-01/opensearch/upgradeDomain"


class Domains(Records):
    id = "DomainName"

    def stored(self) -> Any:
        from ministack.services import opensearch

        return opensearch._domains

    def kind(self, record: Record) -> str:
        return "opensearch"

    def run(self, record: Record, how: How) -> Record:
        user, name = record["AdvancedSecurityOptions"]["MasterUserOptions"], self.name(record)
        port = self.backing.veil(name, record.get("_sst_port") or 0)
        self.backing.lead(name, how(OpenSearch(
            name, self.backing.program("opensearch"), user["MasterUserName"], user["MasterUserPassword"],
            record.get("_sst_generation", 0))))
        return {"Processing": False, "_sst_port": port, "Endpoint": f"127.0.0.1:{port}",
                "_Endpoint": f"127.0.0.1:{port}", "DomainProcessingStatus": "Active"}

    def failed(self, record: Record, reason: str) -> Record:
        return {"Processing": False, "DomainProcessingStatus": "Isolated", "ServiceSoftwareOptions": {
            **record["ServiceSoftwareOptions"], "Description": reason}}


RECORDS = Domains()


def apply(settings: Settings) -> None:
    from ministack.services import opensearch

    opensearch._restore_domain_dataplanes = lambda: None
    create, update, delete, handle = (opensearch._create_domain, opensearch._update_domain_config,
                                      opensearch._delete_domain, opensearch.handle_request)
    opensearch._create_domain = lambda payload: _create(create, payload)
    opensearch._update_domain_config = lambda name, payload: _update(update, name, payload)
    opensearch._delete_domain = lambda name: _delete(delete, name)

    async def handle_request(method: Any, path: Any, headers: Any, body_bytes: Any, query_params: Any) -> Any:
        if method == "POST" and path.rstrip("/") == _UPGRADE:
            return _upgrade(json.loads(body_bytes or b"{}"))
        return await handle(method, path, headers, body_bytes, query_params)

    opensearch.handle_request = handle_request


def _create(call: Callable[[Any], Any], payload: Any) -> Any:
    from ministack.services import opensearch

    name, there = payload.get("DomainName"), payload.get("DomainName") in opensearch._domains
    user = (payload.get("AdvancedSecurityOptions") or {}).get("MasterUserOptions") or {}
    if not user.get("MasterUserPassword"):
        return opensearch._error(400, "ValidationException", "a domain on stage local needs a user and a password")
    try:
        RECORDS.backing.program("opensearch")
    except UserError as error:
        return opensearch._error(400, "ValidationException", f"{error.message}. {error.hint}")
    answer = call(payload)
    if there or answer[0] != 200:
        return answer
    record = opensearch._domains[name]
    for key in ("Endpoint", "_Endpoint", "Endpoints"):
        record.pop(key, None)
    record |= {"Processing": True, "_sst_generation": 0, "_sst_port": 0}
    RECORDS.start(record)
    return opensearch._describe_domain(name)


def _update(call: Callable[..., Any], name: str, payload: Any) -> Any:
    from ministack.services import opensearch

    record = opensearch._domains.get(name)
    before = dict(record["AdvancedSecurityOptions"]) if record else {}
    whole = {k: {**record[k], **v} if record and isinstance(v, dict) and isinstance(record.get(k), dict) else v
             for k, v in payload.items()}       # what a call leaves out stays
    answer = call(name, whole)
    if record and answer[0] == 200 and record["AdvancedSecurityOptions"] != before:
        record |= {"Processing": True, "_sst_generation": record.get("_sst_generation", 0) + 1}
        RECORDS.restart(record)
    return answer


def _upgrade(payload: Any) -> Any:
    from ministack.services import opensearch

    name, version = payload.get("DomainName"), payload.get("TargetVersion")
    if (record := opensearch._domains.get(name)) is None:
        return opensearch._error(404, "ResourceNotFoundException", f"Domain not found: {name}")
    record["EngineVersion"] = record["ServiceSoftwareOptions"]["CurrentVersion"] = version
    opensearch._domains[name] = record      # noted once more, now that it is changed
    return opensearch._json(200, {"DomainName": name, "TargetVersion": version})


def _delete(call: Callable[[Any], Any], name: str) -> Any:
    from ministack.services import opensearch

    record = opensearch._domains.get(name)
    answer = call(name)
    if record and answer[0] == 200:
        RECORDS.remove(record)
    return answer
