"""AppSync Events: its APIs can be tagged after they were made; the emulator knows the tags of GraphQL APIs alone.

Goes when ministack's TagResource, UntagResource and ListTagsForResource know APIs of AppSync Events; last checked
with 1.5.33.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "services.appsync:_json": "(status, body)",
    "services.appsync:_list_tags_for_resource": "(arn)",
    "services.appsync:_tag_resource": "(body)",
    "services.appsync:_untag_resource": "(arn, query_params)",
    "services.appsync_events:_apis": "AccountRegionScopedDict",
}


def apply(settings: Settings) -> None:
    from ministack.services import appsync, appsync_events

    add, remove, show = appsync._tag_resource, appsync._untag_resource, appsync._list_tags_for_resource
    answer = appsync._json

    def found(arn: str) -> dict[str, Any] | None:
        api = appsync_events._apis.get(arn.rpartition("/")[2])
        return api if api and api["apiArn"] == arn else None

    def tag(body: dict[str, Any]) -> Any:
        api = found(body.get("resourceArn", ""))
        if api is None:
            return add(body)
        api["tags"] = {**(api.get("tags") or {}), **body.get("tags", {})}
        return answer(200, {})

    def untag(arn: str, query_params: dict[str, Any]) -> Any:
        api = found(arn)
        if api is None:
            return remove(arn, query_params)
        keys = query_params.get("tagKeys", [])
        api["tags"] = {k: v for k, v in (api.get("tags") or {}).items()
                       if k not in ([keys] if isinstance(keys, str) else keys)}
        return answer(200, {})

    def tags(arn: str) -> Any:
        api = found(arn)
        return show(arn) if api is None else answer(200, {"tags": api.get("tags") or {}})

    appsync._tag_resource, appsync._untag_resource, appsync._list_tags_for_resource = tag, untag, tags
