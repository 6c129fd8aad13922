"""A plain ``call`` over botocore, as the AWS provider gives it to the S3 store; it can lose replies on request."""
from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from sst.errors import ProviderError

if TYPE_CHECKING:
    from sst.embedded.cloud import Cloud


class Calls:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._session = botocore.session.Session()
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self.made: list[str] = []
        self.regions: set[str] = set()
        self.lose: Callable[[str], bool] = lambda operation: False
        """Whether the reply to this call gets lost."""

    def __call__(self, region: str) -> Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]:
        def call(service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
            self.made.append(operation)
            self.regions.add(region)
            try:
                answer = getattr(self._client(service, region), operation)(**params)
                if "Body" in answer:
                    with answer["Body"] as body:
                        answer["Body"] = body.read()
            except ClientError as e:
                status = e.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
                raise ProviderError(str(e), code=e.response["Error"]["Code"], operation=f"{service} {operation}",
                                    status=status) from e
            if self.lose(operation):
                raise ProviderError("the reply got lost", operation=f"{service} {operation}")
            return answer  # type: ignore[no-any-return]

        return call

    def _client(self, service: str, region: str) -> Any:
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._session.create_client(
                    service, region_name=region, endpoint_url=self._cloud.endpoint,
                    aws_access_key_id=self._cloud.access_key,
                    aws_secret_access_key=self._cloud.secret_key,
                    config=Config(retries={"total_max_attempts": 1}, max_pool_connections=40,
                                  s3={"addressing_style": "path"}))
            return self._clients[service, region]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
