"""One AWS service by botocore's model of it: a call to an HTTP request, an answer to a dict. No I/O."""
from __future__ import annotations

import base64
import hashlib
import re
import tempfile
import zlib
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from threading import Lock
from typing import IO, Any
from urllib.parse import quote, quote_plus, urlsplit

from ...errors import ProviderError
from ...net.http import Response
from .handlers import adapt_body, adapt_parameters, adapt_response, part
from .sign import EMPTY, UNSIGNED

__all__ = ["Endpoint", "Request", "Service", "Unreadable", "said"]

PER_KEY = frozenset({"Key", "Prefix", "CopySource"})
"""Parameters of S3's endpoint rules that never change where a call goes."""
_ERROR = re.compile(rb"\s*(<\?xml[^>]*\?>\s*)?<Error[\s>]")
"""A body whose root says that the call failed after its status was sent."""
LARGE = 1_000_000
"""Bytes of a body that waits on disk till it is sent: dozens of functions are on their way at once, each of up to 70
MB."""
ACCEPT = {"apigateway": "application/json"}
"""Services whose answers depend on this header."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a call goes and how it is signed."""

    origin: tuple[str, str, int]
    host: str
    path: str
    region: str
    signing_name: str
    double: bool
    headers: Mapping[str, str]
    regions: str = ""
    """Regions for which the call is signed with Signature Version 4A, ``*`` for all; empty: Version 4."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes | IO[bytes] | None
    payload_hash: str
    place: Endpoint
    repeatable: bool
    """It carries an idempotency token."""
    anonymous: bool
    spool: IO[bytes] | None
    """The body, if it was put on disk: gone at the end of the ``with``."""

    def __enter__(self) -> Request:
        return self

    def __exit__(self, *_: object) -> None:
        if self.spool:
            self.spool.close()


class Unreadable(Exception):
    """An answer that does not look as the service's answers do."""


class Service:
    """One for each service, shared by all threads."""

    def __init__(self, name: str, loader: Any) -> None:
        from botocore import parsers, serialize, validate, xform_name
        from botocore.model import ServiceModel

        self.name, self._loader = name, loader
        self.model = ServiceModel(loader.load_service_model(name, "service-2"), service_name=name)
        protocol = getattr(self.model, "resolved_protocol", None) or self.model.metadata["protocol"]
        self._validator = validate.ParamValidator()
        self._serializer = serialize.create_serializer(protocol, include_validation=False)
        self._parser = parsers.ResponseParserFactory().create_parser(protocol)
        self._names = {xform_name(n): n for n in self.model.operation_names}
        self._operations: dict[str, Any] = {}
        self._places: dict[Any, Endpoint] = {}
        self._lock, self._large = Lock(), Lock()

    def operation(self, name: str) -> Any:
        """The model of ``create_queue``."""
        found = self._operations.get(name)
        if found is not None:
            return found
        with self._lock:
            if name in self._operations:
                return self._operations[name]
            found = self.model.operation_model(self._names[name])
            if self.name == "s3" and found.http["requestUri"].startswith("/{Bucket}"):
                # the endpoint rules add the bucket
                found.http["requestUri"] = found.http["requestUri"][len("/{Bucket}"):] or "/"
            self._operations[name] = found
        return found

    @cached_property
    def waiters(self) -> Any:
        return part("waiter").WaiterModel(self._loader.load_service_model(self.name, "waiters-2"))

    @cached_property
    def _paginators(self) -> Mapping[str, Mapping[str, Any]]:
        """By operation, in Pascal case."""
        from botocore.exceptions import DataNotFoundError

        try:
            found = self._loader.load_service_model(self.name, "paginators-1")
        except DataNotFoundError:
            return {}
        pages: Mapping[str, Mapping[str, Any]] = found["pagination"]
        return pages

    def _pages(self, operation: str) -> Mapping[str, Any] | None:
        """How to page through a list: by botocore's paginator, or by ``NextToken`` where it has none."""
        if (how := self._paginators.get(self._names[operation])) is not None:
            return how
        model = self.operation(operation)
        if not all(shape and "NextToken" in shape.members for shape in (model.input_shape, model.output_shape)):
            return None
        lists = [n for n, shape in model.output_shape.members.items() if shape.type_name == "list"]
        return {"input_token": "NextToken", "output_token": "NextToken", "result_key": lists}

    def next_page(self, operation: str, answer: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that ask for what follows the answer; none if it was the last page."""
        import jmespath

        how = self._pages(operation)
        if how is None or (how.get("more_results") and not jmespath.search(how["more_results"], answer)):
            return {}
        told, asked = how["output_token"], how["input_token"]
        pairs = zip(*([x] if isinstance(x, str) else x for x in (asked, told)), strict=True)
        return {name: value for name, path in pairs if (value := jmespath.search(path, answer))}

    def extend(self, operation: str, answer: dict[str, Any], page: Mapping[str, Any]) -> None:
        """Add a page's items to those of an earlier one."""
        how = self._pages(operation)
        keys = how["result_key"] if how else ()
        for key in [keys] if isinstance(keys, str) else keys:
            if isinstance(more := page.get(key), list):
                answer[key] = [*answer.get(key, ()), *more]

    @cached_property
    def _rules(self) -> Any:
        from botocore.endpoint_provider import EndpointProvider

        return EndpointProvider(self._loader.load_service_model(self.name, "endpoint-rule-set-1"),
                                self._loader.load_data("partitions"))

    def check(self, operation: str, params: Mapping[str, Any]) -> None:
        """Raise what does not fit the model, without quoting values."""
        shape = self.operation(operation).input_shape
        if shape is None:
            return
        report = self._validator.validate(params, shape)
        if report.has_errors():
            raise ProviderError("; ".join(said(e) for e in report._errors), code="ParamValidation",
                                operation=f"{self.name} {operation}", sent=False)

    def prepare(self, operation: str, params: dict[str, Any], *, region: str, endpoint: str | None,
                flags: Mapping[str, bool]) -> Request:
        self.check(operation, params)
        with self._large if _is_large(params) else nullcontext():  # one at a time: it takes four times the memory
            return self._prepared(operation, params, region=region, endpoint=endpoint, flags=flags)

    def _prepared(self, operation: str, params: dict[str, Any], *, region: str, endpoint: str | None,
                  flags: Mapping[str, bool]) -> Request:
        model = self.operation(operation)
        adapt_parameters(self.name, operation, model, params)
        raw = self._serializer.serialize_to_request(params, model)
        adapt_body(self.name, operation, raw)
        place = self._place(model, params, region, endpoint, flags)
        prefix = (model.endpoint or {}).get("hostPrefix") if not endpoint else None
        if prefix:
            host = prefix.format(**params) + place.host
            place = Endpoint((place.origin[0], host, place.origin[2]), host,
                             *(getattr(place, f) for f in Endpoint.__slots__[2:]))
        path = raw["url_path"]
        path = path if path.startswith("/") else "/" + path
        base = place.path.rstrip("/")
        target = base + (path[1:] if base and path.partition("?")[0] == "/" else path)
        if query := _query(raw["query_string"]):
            target += ("&" if "?" in target else "?") + query
        headers = {k: str(v) for k, v in raw["headers"].items()} | dict(place.headers)
        if self.model.is_query_compatible:
            headers["x-amzn-query-mode"] = "true"
        if self.name in ACCEPT:
            headers["Accept"] = ACCEPT[self.name]
        spool = _on_disk(raw.pop("body")) if place.double and _is_large(raw) else None
        body, digest = _body(spool or raw["body"], headers, secure=place.origin[0] == "https", s3=not place.double)
        if model.http_checksum_required or model.http_checksum.get("requestChecksumRequired"):
            _checksum(headers, body)
        return Request(raw["method"], target, headers, body, digest, place, bool(model.idempotent_members),
                       model.auth_type == "none",
                        spool)

    def parse(self, operation: str, reply: Response) -> dict[str, Any]:
        """The answer as a dict with ``ResponseMetadata``, and ``Error`` if it is one. Raises ``Unreadable``."""
        from botocore.awsrequest import HeadersDict
        from botocore.parsers import ResponseParserError

        model = self.operation(operation)
        raw: dict[str, Any] = {"headers": HeadersDict(reply.headers), "status_code": reply.status, "body": reply.body,
                               "context": {}}
        streaming = model.has_streaming_output and reply.status < 300
        if streaming:
            raw["body"] = BytesIO(reply.body)  # bytes would be taken for text
        try:
            parsed: dict[str, Any] = self._parser.parse(raw, model.output_shape)
        except ResponseParserError as e:
            raise Unreadable(str(e)) from e
        payload = model.output_shape.serialization.get("payload") if streaming else None
        if payload and hasattr(parsed.get(payload), "read"):
            parsed[payload] = reply.body
        adapt_response(self.name, operation, parsed, reply.headers)
        if self.name == "s3" and reply.status == 200 and not streaming and _ERROR.match(reply.body):
            code, message = (re.search(rb"<%s>(.*?)</" % tag, reply.body) for tag in (b"Code", b"Message"))
            parsed["Error"] = {"Code": code[1].decode() if code else "InternalError",
                               "Message": message[1].decode() if message else ""}
            parsed["ResponseMetadata"]["HTTPStatusCode"] = 500
        return parsed

    def fill_tokens(self, operation: str, params: dict[str, Any], token: str) -> None:
        """Give each idempotency token that was not given."""
        for member in self.operation(operation).idempotent_members:
            params.setdefault(member, token)

    def _place(self, model: Any, params: Mapping[str, Any], region: str, endpoint: str | None,
               flags: Mapping[str, bool]) -> Endpoint:
        bucket = params.get("Bucket") if self.name == "s3" else None
        if endpoint and not (isinstance(bucket, str) and bucket.startswith("arn:")):
            at = urlsplit(endpoint)
            path = at.path.rstrip("/") + (f"/{quote(bucket, safe='')}" if bucket else "")
            return _placed(at.scheme, at.netloc, path, region, self.model.signing_name, self.name != "s3", {})
        context = {m.name: params[m.member_name] for m in model.context_parameters if m.member_name in params
                   and m.name not in PER_KEY}
        static = {p.name: p.value for p in model.static_context_parameters}
        scalars = {k: v for k, v in {**context, **static}.items() if isinstance(v, str | bool)}
        key = (region, tuple(sorted(scalars.items())))
        found = self._places.get(key)
        if found is None:
            with self._lock:
                found = self._places[key] = self._resolve(scalars, region, flags)
        return found

    def _resolve(self, context: Mapping[str, Any], region: str, flags: Mapping[str, bool]) -> Endpoint:
        from botocore.exceptions import BotoCoreError

        known = self._rules.ruleset.parameters
        try:
            answer = self._rules.resolve_endpoint(**{k: v for k,
                                                     v in {"Region": region, **flags, **context}.items() if k in known})
        except BotoCoreError as e:
            raise ProviderError(f"{self.name} has no endpoint in {region}: {e}", code="UnknownEndpoint",
                                operation=self.name,
                                hint="check the region", sent=False) from e
        at = urlsplit(answer.url)
        schemes = answer.properties.get("authSchemes", ())
        scheme: dict[str, Any] = next((s for s in schemes if s["name"] in ("sigv4", "sigv4-s3express")),
                                      next((s for s in schemes if s["name"] == "sigv4a"), {}))
        return _placed(at.scheme, at.netloc, at.path, scheme.get("signingRegion", region),
                       scheme.get("signingName", self.model.signing_name),
                       not scheme.get("disableDoubleEncoding", self.name == "s3"),
                       {k: ",".join(v) for k, v in answer.headers.items()},
                       ",".join(scheme.get("signingRegionSet", ())))


def _placed(scheme: str, netloc: str, path: str, region: str, name: str, double: bool,
            headers: Mapping[str, str], regions: str = "") -> Endpoint:
    host, _, port = netloc.rpartition(":") if re.search(r":\d+$", netloc) else (netloc, "", "")
    return Endpoint((scheme, host.strip("[]"), int(port or (443 if scheme == "https" else 80))), netloc, path, region,
                    name, double, headers, regions)


def said(error: tuple[str, Any, Mapping[str, Any]]) -> str:
    """An error of botocore's validator, without the value."""
    reason, name, more = error
    path = str(name or "input").lstrip(".")
    named = {"missing required field": "required_name", "unknown field": "unknown_param"}
    extra = f" {more[named[reason]]}" if reason in named else ""
    if "valid_types" in more:
        valid = " or ".join(str(t).removeprefix("<class '").removesuffix("'>") for t in more["valid_types"])
        extra = f" ({type(more.get('param')).__name__}, not {valid})"
    return f"{path}: {reason}{extra}"


def _is_large(params: Mapping[str, Any]) -> bool:
    """Whether a member, or one inside of one, is a large blob."""
    values = [v for x in params.values() for v in (x.values() if isinstance(x, Mapping) else (x,))]
    return any(isinstance(v, bytes) and len(v) > LARGE for v in values)


def _on_disk(body: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by who sends it
    file.write(body)
    file.seek(0)
    return file


def _query(query: Any) -> str:
    if isinstance(query, str):
        return query
    pairs = query.items() if isinstance(query, Mapping) else query
    out = []
    for k, v in pairs:
        for one in v if isinstance(v, list | tuple) else (v,):
            text = "" if one is None else ("true" if one is True else "false" if one is False else str(one))
            out.append(f"{quote(str(k), safe='-_.~')}={quote(text, safe='-_.~')}")
    return "&".join(out)


def _body(body: Any, headers: dict[str, str], *, secure: bool, s3: bool) -> tuple[bytes | IO[bytes] | None, str]:
    if isinstance(body, Mapping):
        body = "&".join(f"{quote_plus(str(k), safe='-._~')}={quote_plus(_text(v), safe='-._~')}" for k,
                        v in body.items())
    if isinstance(body, str):
        body = body.encode()
    if not body:
        return (b"" if headers.get("Content-Type") else None), EMPTY
    if isinstance(body, bytes | bytearray):
        return bytes(body), hashlib.sha256(body).hexdigest()
    start = body.tell()
    size = body.seek(0, 2) - start
    body.seek(start)
    headers["Content-Length"] = str(size)
    if s3 and secure:
        return body, UNSIGNED
    digest = hashlib.file_digest(body, "sha256").hexdigest()
    body.seek(start)
    return body, digest


def _text(value: Any) -> str:
    return (("true" if value else "false") if isinstance(value, bool)
            else value if isinstance(value, str) else str(value))


def _checksum(headers: dict[str, str], body: bytes | IO[bytes] | None) -> None:
    given = any(k.lower().startswith(("x-amz-checksum-", "content-md5")) for k in headers)
    if given or not isinstance(body, bytes | None):
        return
    headers["x-amz-checksum-crc32"] = base64.b64encode(zlib.crc32(body or b"").to_bytes(4, "big")).decode()
    headers["x-amz-sdk-checksum-algorithm"] = "CRC32"

