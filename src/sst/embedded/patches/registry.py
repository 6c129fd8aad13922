"""ECR's registry: it asks for the token that GetAuthorizationToken gives, and takes no image whose layers it lacks.

The emulator serves images to anybody, gives the same token everywhere, stores manifests that name what is not there,
and answers for images that do not exist with an empty list. Goes when ministack checks both; last checked with 1.5.33.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
"""
from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "services.ecr:_describe_images": "(data)",
    "services.ecr:_get_authorization_token": "(data)",
    "services.ecr:_images": "AccountRegionScopedDict",
    "services.ecr:_layer_blobs": "AccountRegionScopedDict",
    "services.ecr:_put_image": "(data)",
    "services.ecr:_registry_error": "(status, code, message, detail=None)",
    "services.ecr:_repositories": "AccountRegionScopedDict",
    "services.ecr:_v2_put_manifest": "(name, ref, headers, body)",
    "services.ecr:handle_registry_request": "async (method, path, headers, body, query_params)",
}


def apply(settings: Settings) -> None:
    from ministack.services import ecr

    password = hmac.digest(settings.keys.token.encode(), b"ecr", hashlib.sha256).hex()
    token = b64encode(f"AWS:{password}".encode()).decode()
    give, handle, put = ecr._get_authorization_token, ecr.handle_registry_request, ecr._v2_put_manifest
    describe, put_image = ecr._describe_images, ecr._put_image

    def get_authorization_token(data: Any) -> Any:
        status, headers, text = give(data)
        given = json.loads(text)
        for one in given["authorizationData"]:
            one["authorizationToken"] = token
        return status, headers, json.dumps(given).encode()

    async def handle_registry_request(method: str, path: str, headers: Any, body: Any, query_params: Any) -> Any:
        sent = {k.lower(): v for k, v in (headers or {}).items()}.get("authorization", "")
        if hmac.compare_digest(str(sent).encode(), f"Basic {token}".encode()):
            return await handle(method, path, headers, body, query_params)
        status, answered, text = ecr._registry_error(401, "UNAUTHORIZED", "Not Authorized")
        return status, {**answered, "WWW-Authenticate": 'Basic realm="ecr",service="ecr.amazonaws.com"'}, text

    def put_manifest(name: str, ref: str, headers: Any, body: Any) -> Any:
        there = ecr._layer_blobs.get(name) or {}
        for part in _parts(body):
            if part not in there:
                return ecr._registry_error(400, "MANIFEST_BLOB_UNKNOWN", f"blob unknown to registry: {part}")
        return put(name, ref, headers, body)

    def describe_images(data: Any) -> Any:
        there = {i["imageDigest"]: set(i.get("imageTags") or ()) for i in ecr._images.get(data["repositoryName"]) or ()}
        for id in data.get("imageIds") or ():
            if id.get("imageDigest", next(iter(there), "")) not in there or (
                    "imageTag" in id and not any(id["imageTag"] in tags for tags in there.values())):
                return _refused("ImageNotFoundException", f"The image with imageId {id} does not exist")
        return describe(data)

    def put_image_checked(data: Any) -> Any:
        there = ecr._layer_blobs.get(data["repositoryName"]) or {}
        missing = [p for p in _parts(str(data.get("imageManifest") or "").encode()) if p not in there]
        if missing and data["repositoryName"] in ecr._repositories:
            return _refused("LayersNotFoundException", f"The layers {missing} do not exist in the repository")
        return put_image(data)

    ecr._describe_images, ecr._put_image = describe_images, put_image_checked
    ecr._get_authorization_token = get_authorization_token
    ecr.handle_registry_request = handle_registry_request
    ecr._v2_put_manifest = put_manifest


def _refused(code: str, message: str) -> Any:
    body = {"__type": code, "message": message}
    return 400, {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": code}, json.dumps(body).encode()


def _parts(body: bytes) -> list[str]:
    """The blobs that a manifest names; an index names none."""
    try:
        found = json.loads(body or b"{}")
        return [str(p["digest"]) for p in [*found.get("layers", ()), *filter(None, [found.get("config")])]]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []
