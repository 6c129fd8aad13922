"""OpenSearch Service: a domain is a real search engine on this machine, with TLS and a password.

Without Docker the emulator reports a domain as ready at an endpoint that does not exist. Here it is ``Processing``
until a local service answers, and ``Isolated`` with the reason if none does. A change of the user's password starts the
service again.

Goes when ministack can start search engines without containers; last checked with 1.5.33.
"""
from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from sst.embedded.backing import Backing
from sst.embedded.services.opensearch import OpenSearch
from sst.embedded.settings import Settings
from sst.errors import SstError, UserError

__all__ = ["NEEDS", "apply", "attach", "names", "resume"]

NEEDS = {
    "core.responses:request_scope": "(account_id, region)",
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

Record = dict[str, Any]
_log = logging.getLogger("sst.searches")
_UPGRADE = "/2021-01-01/opensearch/upgradeDomain"
_backing: Backing | None = None
_region = ""


def apply(settings: Settings) -> None:
    global _region
    from ministack.services import opensearch

    _region = settings.region
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


def attach(backing: Backing) -> None:
    global _backing
    _backing = backing


def names() -> frozenset[str]:
    return frozenset(_name(record) for _, record in _records())


def resume() -> None:
    from ministack.core.responses import request_scope

    backing, threads = _owner(), []
    for (account, region, _), record in _records():
        with request_scope(account, region):
            threads.append(backing.later(_work(record, backing.start), _name(record)))
    for thread in threads:
        thread.join()


def _create(call: Callable[[Any], Any], payload: Any) -> Any:
    from ministack.services import opensearch

    name, there = payload.get("DomainName"), payload.get("DomainName") in opensearch._domains
    user = (payload.get("AdvancedSecurityOptions") or {}).get("MasterUserOptions") or {}
    if not user.get("MasterUserPassword"):
        return opensearch._error(400, "ValidationException", "a domain on stage local needs a user and a password")
    try:
        _owner().program("opensearch")
    except UserError as error:
        return opensearch._error(400, "ValidationException", f"{error.message}. {error.hint}")
    answer = call(payload)
    if there or answer[0] != 200:
        return answer
    record = opensearch._domains[name]
    for key in ("Endpoint", "_Endpoint", "Endpoints"):
        record.pop(key, None)
    record |= {"Processing": True, "_sst_generation": 0, "_sst_port": 0}
    _owner().later(_work(record, _owner().start), _name(record))
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
        _owner().later(_work(record, _owner().restart), _name(record))
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
        _owner().remove(_name(record))
        _owner().unveil(_name(record))
    return answer


def _work(record: Record, how: Callable[[Any], int]) -> Callable[[], None]:
    def work() -> None:
        from ministack.services import opensearch

        id, name = record["DomainName"], _name(record)
        try:
            port = _owner().veil(name, record.get("_sst_port") or 0)
            _owner().lead(name, how(_service(record)))
            said: Record = {"Processing": False, "_sst_port": port, "Endpoint": f"127.0.0.1:{port}",
                            "_Endpoint": f"127.0.0.1:{port}", "DomainProcessingStatus": "Active"}
        except (SstError, OSError) as error:
            _log.error("%s: %s", id, error)
            said = {"Processing": False, "DomainProcessingStatus": "Isolated", "ServiceSoftwareOptions": {
                **record["ServiceSoftwareOptions"], "Description": getattr(error, "message", str(error))}}
        if opensearch._domains.get(id) is not record:       # deleted meanwhile
            _owner().remove(name)
            return
        record.update(said)
        opensearch._domains[id] = record        # noted once more, now that it is changed

    return work


def _service(record: Record) -> OpenSearch:
    user = record["AdvancedSecurityOptions"]["MasterUserOptions"]
    return OpenSearch(_name(record), _owner().program("opensearch"), user["MasterUserName"],
                      user["MasterUserPassword"], record.get("_sst_generation", 0))


def _records() -> list[tuple[tuple[str, str, str], Record]]:
    from ministack.services import opensearch

    return list(opensearch._domains._data.items())


def _name(record: Record) -> str:
    region = record["ARN"].split(":")[3]
    return f"opensearch/{'' if region == _region else f'{region}_'}{record['DomainName']}"


def _owner() -> Backing:
    assert _backing, "attach() comes before the first call"
    return _backing
