"""One distribution: what becomes of a request, from the viewer to the origin and back."""
from __future__ import annotations

import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sst.embedded import logs
from sst.embedded.cdn.cache import Cache, Entry, Ttl, shown
from sst.embedded.cdn.message import Answer, Head, Headers, answer_of, request_event, request_of, response_event
from sst.embedded.cdn.origin import Connections, Origin, OriginError, Upgraded, fetch
from sst.embedded.cdn.runtime import EdgeError, EdgeFunction
from sst.embedded.patches import cdn
from sst.embedded.settings import Settings

__all__ = ["Distribution", "Later"]

_log = logging.getLogger("sst.cdn")
_BUCKET = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]*[a-z0-9])\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com")
_ALWAYS = frozenset({"if-match", "if-unmodified-since", "range", "if-range", "content-type", "content-length",
                     "content-encoding", "expect", "sec-websocket-key", "sec-websocket-version",
                     "sec-websocket-protocol", "sec-websocket-extensions", "upgrade"})
"""Headers that reach an origin whatever the policies say."""
_LARGEST = 20 << 20
"""Bytes of an answer that is kept; a larger one is passed on as it comes."""
_LONGEST_URL = 8192
"""https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html"""
_HOT = 2_000
"""Requests whose answers are known without another run of the functions."""
Later = Callable[[], Awaitable["Answer | Upgraded"]]


@dataclass(frozen=True)
class _Asked:
    """A request on its way to its origin."""

    viewer: Head
    event: Mapping[str, Any]
    request: Head
    behavior: cdn.Behavior
    origin: Mapping[str, Any]
    key: Any
    host: str


@dataclass
class _Hot:
    """What came of one very request, as long as nothing of what it came from is another."""

    asked: _Asked
    behind: tuple[object, ...]
    shown: tuple[Entry, float, int] | None = None
    """The entry of the cache that answered, since when it is there, and its age."""
    answer: Answer | None = None


class Distribution:
    """The data plane of one distribution. ``settings`` are those of the cloud on this machine."""

    def __init__(self, identity: str, settings: Settings, *, keeps: bool = True) -> None:
        self.identity, self._settings, self._keeps = identity, settings, keeps
        self.cache, self._seen, self._connections = Cache(), 0, Connections()
        self._record: cdn.Record | None = None
        self._functions: dict[str, tuple[cdn.Published, EdgeFunction]] = {}
        self._hot: dict[Any, _Hot] = {}

    def close(self) -> None:
        self._connections.close()

    def answer(self, viewer: Head) -> Answer | Later:
        """The answer to a request, or what gives it once an origin elsewhere has answered."""
        self._record = record = cdn.distribution(self.identity, self._record)
        if record is None or not record.enabled:
            return _error(403, "this distribution is not there, or is switched off")
        if len(viewer.path) + len(viewer.query) >= _LONGEST_URL:
            return _error(414, f"a URL has at most {_LONGEST_URL:,} bytes")
        self._clear_invalidated()
        spot = (viewer.method, viewer.path, viewer.query, *viewer.headers)
        try:
            hot = None if viewer.body else self._hot.get(spot)
            if hot and hot.behind != self._behind(hot.asked.behavior, record):
                hot = None
            asked = hot.asked if hot else self._asked(viewer, record)
            if isinstance(asked, Answer):
                return asked
            if hot is None and not viewer.body and (behind := self._behind(asked.behavior, record)):
                hot = self._remember(spot, _Hot(asked, behind))
        except EdgeError as error:
            self._say(str(error))
            return _error(503, f"the edge function failed: {error}")
        return self._answered(asked, record, hot)

    def _behind(self, behavior: cdn.Behavior, record: cdn.Record) -> tuple[object, ...] | None:
        """What the functions of a behavior compute their results from, beside the request; None where code of a user
        is among them, which may do anything."""
        made: list[object] = [record]
        for arn in behavior.functions.values():
            function = self._function(arn)
            if not function.ours:
                return None
            made += [function, function.version]
        return tuple(made)

    def _remember(self, spot: Any, hot: _Hot) -> _Hot:
        if len(self._hot) >= _HOT:
            self._hot.clear()
        self._hot[spot] = hot
        return hot

    def functions(self) -> dict[str, dict[str, float]]:
        """Per edge function: calls, errors, and the time of one in milliseconds, on average and at most."""
        return {known.name: {"calls": f.calls, "errors": f.errors, "ms": round(1000 * f.seconds / max(f.calls, 1), 3),
                             "slowest_ms": round(1000 * f.slowest, 3)} for known, f in self._functions.values()}

    def _asked(self, viewer: Head, record: cdn.Record) -> _Asked | Answer:
        path = f"/{record.root}" if viewer.path == "/" and record.root else viewer.path
        behavior = _behavior(record, path)
        if viewer.method not in behavior.methods:
            return _error(403, f"this distribution does not allow {viewer.method}")
        actual = viewer.get("host")
        host = _host(actual, record)
        event = request_event(replace(viewer, path=path), host, record.id, record.domain, "127.0.0.1")
        origin = behavior.origin
        if arn := behavior.functions.get("viewer-request"):
            made = self._function(arn)(event)
            given = made["result"]
            if not isinstance(given, Mapping):
                raise EdgeError("the function returned neither a request nor an answer")
            if "statusCode" in given:
                answer = _led_back(answer_of(given), viewer, record)
                answer.headers.append(("x-cache", "FunctionGeneratedResponse from cloudfront"))
                return answer
            request, origin = request_of(given, viewer.body), {**origin, **(made["origin"] or {})}
        else:
            request = request_of(event["request"], viewer.body)
        request.headers = [(n, actual if n == "x-forwarded-host" and v == host else v) for n, v in request.headers
                           if n != "host"]
        return _Asked(viewer, event, request, behavior, origin, _key(request, behavior), actual)

    def _answered(self, asked: _Asked, record: cdn.Record, hot: _Hot | None = None) -> Answer | Later:
        now = self.cache.clock()
        reads = asked.request.method in ("GET", "HEAD")
        entry = self.cache.get(asked.key) if reads and self._keeps else None
        if entry and entry.until > now:
            same = entry, entry.at, int(now - entry.at)
            if hot and hot.answer and hot.shown == same:
                for arn in asked.behavior.functions.values():
                    self._functions[arn][1].calls += 1
                return hot.answer
            made = self._finished(asked, record, shown(entry, asked.viewer, gzipped=_gzips(asked.behavior), hit="Hit"
                                                       if entry.answer.status < 400 else "Error", now=now))
            if hot:
                hot.shown, hot.answer = same, made
            return made
        if bucket := _BUCKET.fullmatch(_domain(asked.origin)):
            return self._of_bucket(asked, record, bucket["bucket"])
        return lambda: self._of_url(asked, record, entry)

    def _of_bucket(self, asked: _Asked, record: cdn.Record, bucket: str) -> Answer:
        from urllib.parse import unquote

        if asked.request.method not in ("GET", "HEAD"):
            return self._finished(asked, record, _error(405, "a bucket behind a distribution is only read"))
        path = f"{asked.origin.get('originPath') or asked.origin.get('origin_path') or ''}{asked.request.path}"
        status, headers, body = cdn.read_object(bucket, unquote(path).lstrip("/"), record.arn)
        answer = Answer(int(status), [(k.lower(), str(v)) for k, v in headers.items()], bytes(body or b""))
        return self._stored(asked, record, answer)

    def _stored(self, asked: _Asked, record: cdn.Record, answer: Answer) -> Answer:
        """Keep a whole answer of an origin, and give the viewer's."""
        if (instead := record.errors.get(answer.status)) and asked.request.path != instead["page"]:
            return self._error_page(asked, record, instead)
        answer.headers = answer.without("content-length", "connection", "date")
        seconds = Ttl(*asked.behavior.ttl).of(answer, record.kept_errors) if self._keeps else 0
        entry = self.cache.put(asked.key, answer, asked.request.path, seconds)
        word = "Miss" if answer.status < 400 else "Error"
        return self._finished(asked, record, shown(entry, asked.viewer, gzipped=_gzips(asked.behavior), hit=word,
                                                   now=entry.at))

    def _error_page(self, asked: _Asked, record: cdn.Record, instead: Mapping[str, Any]) -> Answer:
        behavior = _behavior(record, instead["page"])
        page = replace(asked.request, method="GET", path=instead["page"], query="", body=b"")
        again = replace(asked, request=page, behavior=behavior, origin=behavior.origin, key=_key(page, behavior))
        made = self._answered(again, record)
        if not isinstance(made, Answer):
            return _error(502, "the page for this error is not in a bucket")
        return replace(made, status=instead["response_code"]) if made.status < 400 else made

    async def _of_url(self, asked: _Asked, record: cdn.Record, stale: Entry | None) -> Answer | Upgraded:
        request, origin = asked.request, _origin(asked.origin)
        sent = _sent(asked, stale.answer if stale else None)
        try:
            answer = await fetch(origin, request, sent, self._connections)
        except OriginError as error:
            if stale and stale.if_error_until > self.cache.clock():
                return self._finished(asked, record, shown(stale, asked.viewer, gzipped=_gzips(asked.behavior),
                                                           hit="Hit", now=self.cache.clock()))
            return _error(error.status, str(error))
        if isinstance(answer, Upgraded):
            return answer
        ttl = Ttl(*asked.behavior.ttl)
        if answer.status == 304 and stale:
            self.cache.refresh(stale, ttl.of(replace(stale.answer, headers=answer.headers)) or 1)
            return self._finished(asked, record, shown(stale, asked.viewer, gzipped=_gzips(asked.behavior),
                                                       hit="RefreshHit", now=self.cache.clock()))
        length = answer.get("content-length")
        seconds = ttl.of(answer, record.kept_errors) if self._keeps and request.method == "GET" else 0
        if request.method == "GET" and length.isdigit() and int(length) <= _LARGEST and (
                seconds or (answer.status == 200 and _gzips(asked.behavior))):
            assert answer.stream
            body = b"".join([part async for part in answer.stream])
            return self._stored(asked, record, replace(answer, body=body, stream=None))
        if seconds and not length and answer.stream:
            answer.stream = self._kept(asked, answer, answer.stream, seconds)
        answer.headers.append(("x-cache", f"{'Miss' if answer.status < 400 else 'Error'} from cloudfront"))
        return self._finished(asked, record, answer)

    async def _kept(self, asked: _Asked, answer: Answer, stream: AsyncIterator[bytes],
                    seconds: int) -> AsyncIterator[bytes]:
        """Pass a stream on, and keep what it was."""
        parts, headers = [], list(answer.headers)
        async for part in stream:
            parts.append(part)
            yield part
        if sum(map(len, parts)) <= _LARGEST:
            self.cache.put(asked.key, Answer(answer.status, headers, b"".join(parts)), asked.request.path, seconds)

    def _finished(self, asked: _Asked, record: cdn.Record, answer: Answer) -> Answer:
        """The answer after the headers policy and the function of answers."""
        if asked.behavior.headers_policy:
            several = [(n, v) for n, v in answer.headers if n == "set-cookie"]
            plain = cdn.with_policy({n: v for n, v in answer.headers if n != "set-cookie"},
                                    asked.behavior.headers_policy, asked.viewer.get("origin"), asked.viewer.method)
            answer.headers = [*((n.lower(), v) for n, v in plain.items()), *several]
        if (arn := asked.behavior.functions.get("viewer-response")) and answer.status < 400:
            try:
                given = self._function(arn)(response_event(asked.event, answer))["result"]
            except EdgeError as error:
                self._say(str(error))
                return _error(503, f"the edge function failed: {error}")
            answer = answer_of(given, answer)
        answer.headers.append(("via", f"1.1 {record.domain} (CloudFront)"))
        return answer

    def _function(self, arn: str) -> EdgeFunction:
        known = self._functions.get(arn)
        now = cdn.published(arn, known[0] if known else None)
        if now is None:
            raise EdgeError(f"the function {arn} is not there")
        if known is None or now is not known[0]:
            store = now.store
            made = EdgeFunction(now.code, lambda: cdn.keys_of(store), lambda text: self._say(text, now.name))
            self._functions[arn] = known = now, made
        return known[1]

    def _say(self, text: str, function: str = "") -> None:
        """A line in the log of a function; of the distribution's own if none is named."""
        name = function or next((k.name for k, _ in self._functions.values()), self.identity)
        logs.write(self._settings.account, "us-east-1", f"/aws/cloudfront/function/{name}", self.identity,
                   [(int(time.time() * 1000), line) for line in text.splitlines()])

    def _clear_invalidated(self) -> None:
        count, paths = cdn.invalidations(self.identity, self._seen)
        if paths:
            self.cache.invalidate(paths)
        self._seen = count


def _host(actual: str, record: cdn.Record) -> str:
    """The name that a viewer on AWS would have used: ``app.example.com.localhost`` stands for ``app.example.com``, a
    plain address for the first alias."""
    name = re.sub(r":\d+$", "", actual).lower()
    if name.endswith(".localhost"):
        return name.removesuffix(".localhost")
    plain = [a for a in record.aliases if not a.startswith("*")]
    return plain[0] if plain else record.domain


def _led_back(answer: Answer, viewer: Head, record: cdn.Record) -> Answer:
    """An answer that a function made: a redirect to a name of the distribution leads to what stands for it here."""
    for at, (name, value) in enumerate(answer.headers):
        to = urlsplit(value) if name == "location" else None
        if to and to.hostname and any(fnmatchcase(to.hostname, alias) for alias in record.aliases):
            scheme = "https" if viewer.get("x-forwarded-proto") == "https" else "http"
            port = re.search(r":\d+$", viewer.get("host"))
            host = f"{to.hostname}.localhost{port[0] if port else ''}"
            answer.headers[at] = name, urlunsplit((scheme, host, *to[2:]))
    return answer


def _behavior(record: cdn.Record, path: str) -> cdn.Behavior:
    for behavior in record.behaviors:
        if not behavior.pattern or fnmatchcase(path.lstrip("/"), behavior.pattern.lstrip("/")):
            return behavior
    raise AssertionError


def _key(request: Head, behavior: cdn.Behavior) -> Any:
    """What tells two cached answers apart: the path, and what the cache policy adds."""
    key = behavior.key
    if not key or key.keys() <= {"EnableAcceptEncodingGzip", "EnableAcceptEncodingBrotli"}:
        return request.path
    headers = {h.lower() for h in key.get("Headers") or ()} if key.get("HeaderBehavior") == "whitelist" else set()
    cookies = [c.strip() for c in request.get("cookie").split(";") if c.strip()]
    queries = [q for q in request.query.split("&") if q]
    return (request.path, tuple(sorted((n, v) for n, v in request.headers if n in headers)),
            tuple(_some(cookies, key.get("CookieBehavior", "none"), key.get("Cookies"))),
            tuple(_some(queries, key.get("QueryStringBehavior", "none"), key.get("QueryStrings"))))


def _some(pairs: list[str], how: str, names: Any) -> list[str]:
    if how in ("all", "none"):
        return pairs if how == "all" else []
    chosen = {str(n) for n in names or ()}
    return [p for p in pairs if (p.partition("=")[0] in chosen) == (how == "whitelist")]


def _gzips(behavior: cdn.Behavior) -> bool:
    return bool(behavior.key.get("EnableAcceptEncodingGzip"))


def _domain(origin: Mapping[str, Any]) -> str:
    return str(origin.get("domainName") or origin["domain_name"]).lower()


def _origin(given: Mapping[str, Any]) -> Origin:
    """An origin as the distribution has it, with what a function has chosen."""
    custom, times = given.get("customOriginConfig") or {}, given.get("timeouts") or {}
    if custom:
        secure = custom.get("protocol") == "https"
        port = int(custom.get("port") or (443 if secure else 80))
    else:
        secure = given["protocol_policy"] != "http-only"
        port = given["https_port"] if secure else given["http_port"]
    host, _, own = _domain(given).partition(":")
    if own:     # with a port, as only addresses of this machine have it: they speak HTTP
        secure, port = False, int(own)
    return Origin(host, port, secure, float(times.get("readTimeout") or given["read_timeout"]),
                  float(times.get("connectionTimeout") or 10), int(given.get("connectionAttempts") or 3))


def _sent(asked: _Asked, stale: Answer | None) -> Headers:
    """The headers that reach the origin."""
    behavior, made = asked.behavior, []
    for name, value in asked.request.headers:
        if name == "cookie":
            kept = [c for c in value.split("; ") if behavior.cookies(c.partition("=")[0])]
            made += [("cookie", "; ".join(kept))] if kept else []
        elif behavior.headers(name) or name in _ALWAYS:
            made.append((name, value))
    if stale and (etag := stale.get("etag")):
        made.append(("if-none-match", etag))
    known = {n for n, _ in made}
    for name, value in (("x-forwarded-proto", "http"), ("x-forwarded-for", "127.0.0.1"),
                        ("user-agent", "Amazon CloudFront")):
        if name not in known:
            made.append((name, value))
    made += [(n.lower(), v) for n, v in asked.origin.get("custom_headers") or ()]
    return made


def _error(status: int, text: str) -> Answer:
    return Answer(status, [("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store"),
                           ("x-cache", "Error from cloudfront")], f"{text}\n".encode())
