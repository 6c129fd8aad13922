"""Calls to AWS: signed, pooled, retried. botocore's models say how a call looks; the way there is ours, at a quarter of
the CPU.

    aws = Aws(region="eu-central-1", environment=os.environ)
    aws.call("sqs", "create_queue", {"QueueName": "jobs"})["QueueUrl"]
"""
from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from ...core.provider import Note
from ...errors import ProviderError, SstError, Throttled, UserError
from ...net.http import ConnectError, Pool, ReadError, Response
from .partition import partition_of
from .retry import SKEWED, Policy, RateLimiter, RetryState, is_throttle, pace
from .settings import Login, Settings
from .sign import Credentials, signed, signed_url

if TYPE_CHECKING:
    from .identity import Identity
    from .service import Request, Service

__all__ = ["Aws"]

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"})
WRONG = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidToken"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
SAFE = ("get", "list", "describe", "head", "put", "update", "delete", "set", "tag", "untag", "attach", "detach",
        "remove", "change",
        "modify")
"""First words of operations that may be repeated without harm."""


class Aws:
    """A client for all AWS services, shared by all threads.

    ``region``, ``profile``, ``endpoint`` and ``credentials`` win over the environment, that over the AWS config files.
    ``account``, if it is known, is not asked for.
    ``clock`` and ``sleep`` are seconds. ``counts`` has the number of requests by ``sqs.create_queue``, ``polls`` those
    made by waiters.
    """

    def __init__(self, *, region: str | None = None, profile: str | None = None, endpoint: str | None = None,
                 credentials: Login | Callable[[], Credentials] | None = None, environment: Mapping[str, str],
                 policy: Policy | None = None,
                 clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep,
                 agent: str = "sst-python", account: str | None = None) -> None:
        self.settings = Settings(region=region, profile=profile, endpoint=endpoint, credentials=credentials,
                                 environment=environment)
        self.policy, self.clock, self.sleep, self.agent = policy or Policy(), clock, sleep, agent
        self.counts: Counter[str] = Counter()
        self.polls: Counter[str] = Counter()
        self._services: dict[str, Service] = {}
        self._endpoints: dict[str, str | None] = {}
        self._buckets: dict[tuple[str, str, str], RateLimiter] = {}
        self._lock = Lock()
        self._pool: Pool | None = None
        self._flags: dict[str, bool] | None = None
        self._account = account
        self._asking = Lock()
        self._skew = 0.0

    @property
    def region(self) -> str:
        return self.settings.region

    def call(self, service: str, operation: str, params: Mapping[str, Any] | None = None, *, region: str | None = None,
             note: Note | None = None, retry: tuple[str, ...] = (), idempotent: bool | None = None, token: str = "",
             patience: float = 0, poll: bool = False, guard: Callable[[], None] | None = None) -> dict[str, Any]:
        """One call, with its retries; the parsed answer.

        ``retry`` names transient errors (``Code`` or ``Code: part of the message``), retried for ``patience`` seconds,
        by default for two minutes. ``idempotent`` says whether it may be sent again when its answer was lost; guessed
        from the operation's first word and from the model's idempotency tokens, which are filled in from ``token``.
        ``guard`` is asked at the last moment before each try, and raises if the call may not be made any more. Raises
        ``ProviderError``, ``Throttled``.
        """
        model = self._model(service, operation)
        arguments = dict(params or {})
        model.fill_tokens(operation, arguments, token or uuid.uuid4().hex)
        where = region or self.region
        endpoint = self.endpoint(service)
        prepared = model.prepare(operation, arguments, region=where, endpoint=endpoint, flags=self._fips())
        bucket = self._bucket(where, service, operation)
        retries = RetryState(self.policy, pace(service), retry, clock=self.clock, transient=patience,
                             repeatable=idempotent if idempotent is not None else prepared.repeatable
                            or operation.startswith(SAFE))
        counter, skewed = self.polls if poll else self.counts, False
        with prepared:
            while True:
                if (free := bucket.wait()) > 0:
                    self.sleep(free)
                with self._lock:
                    counter[f"{service}.{operation}"] += 1
                skew = self._skew
                try:
                    answer = self._once(model, operation, prepared, guard)
                    bucket.passed()
                    return answer
                except ProviderError as e:
                    if (e.code in SKEWED or e.code == "403") and not skewed and self._reckon(e, skew):
                        skewed = True
                        continue
                    if isinstance(e, Throttled):
                        bucket.refused()
                    if (seconds := retries.after(e)) is None:
                        raise
                    self._tell(note, e)
                    self.sleep(seconds)

    def _once(self, model: Service | Identity, operation: str, prepared: Request,
              guard: Callable[[], None] | None = None) -> dict[str, Any]:
        place, name = prepared.place, f"{model.name} {operation}"
        body = prepared.body
        if body is not None and not isinstance(body, bytes):
            body.seek(0)
        headers = {**prepared.headers, "Host": place.host, "User-Agent": self.agent}
        if not prepared.anonymous:
            headers = signed(prepared.method, place.host, prepared.target, headers, prepared.payload_hash,
                             credentials=self.settings.credentials(), region=place.region, service=place.signing_name,
                             stamp=datetime.fromtimestamp(self.clock() + self._skew, UTC).strftime("%Y%m%dT%H%M%SZ"),
                             double=place.double, regions=place.regions)
        try:
            reply = self.pool().send(prepared.method, place.origin, prepared.target, headers, body, guard)
        except ConnectError as e:
            raise ProviderError(str(e), code="NoConnection", operation=name, sent=False,
                                hint="check the network, the proxy settings and AWS_ENDPOINT_URL") from e
        except ReadError as e:
            raise ProviderError(f"the connection broke before the answer came: {e}", code="NoAnswer",
                                operation=name) from e
        parsed = self._parsed(model, operation, reply)
        if reply.status < 300 and "Error" not in parsed:
            return parsed
        raise self._error(parsed, reply, name)

    def _parsed(self, model: Service | Identity, operation: str, reply: Response) -> dict[str, Any]:
        from .service import Unreadable

        try:
            return model.parse(operation, reply)
        except Unreadable as e:
            if reply.status >= 300:
                return {"Error": {"Code": str(reply.status), "Message": reply.body[:200].decode(errors="replace")},
                        "ResponseMetadata": {}}
            raise ProviderError(f"the answer can't be read: {str(e)[:200]}", code="BadAnswer",
                                operation=f"{model.name} {operation}",
                                status=reply.status) from e

    def _error(self, parsed: Mapping[str, Any], reply: Response, name: str) -> ProviderError:
        error, meta = parsed.get("Error", {}), parsed.get("ResponseMetadata", {})
        code, message = str(error.get("Code") or reply.status), str(error.get("Message")
                                                                    or "").strip() or "no reason given"
        status = int(meta.get("HTTPStatusCode") or reply.status)
        request = str(meta.get("RequestId") or reply.headers.get("x-amzn-requestid")
                      or reply.headers.get("x-amz-request-id") or "")
        bare = " head_" in name and code == str(reply.status)   # the answer to a HEAD has no body, and so no code
        kind = Throttled if is_throttle(code, status) or (bare and status == 503) else ProviderError
        found = kind(message, code=code, operation=name, request_id=request, status=status,
                     hint=self._hint(code, message, reply))
        if (code in SKEWED or code == "403") and (date := reply.headers.get("date")):
            found.__dict__["date"] = date
        return found

    def _hint(self, code: str, message: str, reply: Response) -> str:
        if code in EXPIRED:
            return self.settings.login_hint() or "the AWS login has expired: get new credentials"
        if code in WRONG:
            return (self.settings.login_hint()
                    or "AWS does not know these credentials: check AWS_ACCESS_KEY_ID and the region")
        if code in ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301") \
                or (code == "400" and "x-amz-bucket-region" in reply.headers):      # a HEAD, which has no body
            other = reply.headers.get("x-amz-bucket-region", "")
            return f"the bucket is in the region {other}" if other else "the bucket is in another region"
        if code == "400":
            return "S3 does not say why to a HEAD; the most frequent reason are credentials that have expired"
        if code in ("OptInRequired", "SignatureDoesNotMatch"):
            return ("this region or service is not enabled for the account" if code == "OptInRequired"
                    else "the secret access key does not fit the access key")
        return ("the credentials in use may not do this: check their IAM policies"
                if code in DENIED and "not authorized" in message else "")

    def _reckon(self, e: ProviderError, signed: float) -> bool:
        """Learn the cloud's time from its answer; False if it is the one that the call was signed with. Another thread
        may have learned it meanwhile."""
        date = e.__dict__.get("date")
        if not date:
            return False
        try:
            skew = parsedate_to_datetime(date).timestamp() - self.clock()
        except ValueError:
            return False
        if abs(skew - signed) < 60:
            return False
        self._skew = skew
        return True

    @staticmethod
    def _tell(note: Note | None, e: ProviderError) -> None:
        if note:
            note("slowed down by AWS" if isinstance(e, Throttled) else f"retrying: {e.code}: {e.message[:120]}")

    def service(self, name: str) -> Service:
        found = self._services.get(name)
        if found is None:
            from .service import Service

            models = self.settings.models()
            with self._lock:
                found = self._services.get(name) or self._services.setdefault(name, Service(name, models))
        return found

    def _model(self, service: str, operation: str) -> Service | Identity:
        if operation == "get_caller_identity" and not any(self._fips().values()):
            from .identity import Identity

            return Identity()
        return self.service(service)

    def endpoint(self, service: str) -> str | None:
        """The custom endpoint for the service, or None."""
        if service not in self._endpoints:
            self._endpoints[service] = self.settings.endpoint(service)
        return self._endpoints[service]

    def pool(self) -> Pool:
        if self._pool is None:
            proxies, without = self.settings.proxies()
            ca = self.settings.ca_bundle()
            with self._lock:
                self._pool = self._pool or Pool(proxies=proxies, no_proxy=without, ca_bundle=ca)
        return self._pool

    def _fips(self) -> dict[str, bool]:
        if self._flags is None:
            self._flags = {"UseFIPS": self.settings.flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
                           "UseDualStack": self.settings.flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")}
        return self._flags

    def _bucket(self, *key: str) -> RateLimiter:
        k = (key[0], key[1], key[2])
        return self._buckets.get(k) or self._buckets.setdefault(k, RateLimiter(self.clock, least=pace(key[1]).least))

    def account(self) -> str:
        """The account's id, twelve digits: one GetCallerIdentity a run."""
        with self._asking:
            if self._account is None:
                try:
                    self._account = str(self.call("sts", "get_caller_identity")["Account"])
                except ProviderError as e:
                    raise self._no_access(e) from e
            return self._account

    def partition(self, region: str | None = None) -> str:
        """``aws``, ``aws-cn`` or ``aws-us-gov``: the second word of ARNs in that region. Makes no call."""
        return partition_of(region or self.region)

    def _no_access(self, e: ProviderError) -> SstError:
        profile = f' of profile "{self.settings.profile}"' if self.settings.profile else ""
        if e.code in EXPIRED:
            return UserError(f"the AWS credentials{profile} have expired", hint=e.hint, code="credentials-expired")
        if e.code in WRONG:
            return UserError(f"AWS does not accept the credentials{profile}", hint=e.hint, code="credentials-refused")
        if e.code == "NoConnection":
            return ProviderError(f"AWS in {self.region} can't be reached: {e.message}", code=e.code,
                                 operation=e.operation, sent=False,
                                 hint=f'check the network, and that "{self.region}" is a region')
        return e

    def wait(self, service: str, waiter: str, params: Mapping[str, Any], *, note: Note | None = None,
             timeout: float = 1800,
             region: str | None = None) -> dict[str, Any]:
        """Poll until botocore's waiter of that name is content; the last answer. First polls come quickly."""
        from botocore import xform_name

        waiters = self.service(service).waiters
        config = waiters.get_waiter(next(n for n in waiters.waiter_names if xform_name(n) == waiter))
        operation, began, turn = xform_name(config.operation), self.clock(), 0
        while True:
            try:
                answer = self.call(service, operation, params, region=region, poll=True)
            except ProviderError as e:
                answer = {"Error": {"Code": e.code, "Message": e.message},
                          "ResponseMetadata": {"HTTPStatusCode": e.status}}
                if not any(a.matcher_func(answer) for a in config.acceptors):
                    raise
            state = next((a.state for a in config.acceptors if a.matcher_func(answer)), "retry")
            if state == "success":
                return answer
            if state == "failure":
                raise ProviderError(f"it did not become {waiter}: {_reason(answer)}", code="WaiterFailed",
                                    operation=f"{service} {operation}")
            if self.clock() - began > timeout:
                raise ProviderError(f"not {waiter} after {timeout:.0f} s", code="WaiterTimeout",
                                    operation=f"{service} {operation}")
            if turn == 3 and note:
                note(f"waiting: {waiter.replace('_', ' ')}")
            self.sleep(min(0.1 * 2 ** turn, float(config.delay)))
            turn += 1

    def presigned(self, service: str, url: str, *, method: str = "GET", expires: int = 900) -> str:
        """The URL, signed for someone without credentials to call; ``expires`` in seconds."""
        stamp = datetime.fromtimestamp(self.clock() + self._skew, UTC).strftime("%Y%m%dT%H%M%SZ")
        return signed_url(method, url, credentials=self.settings.credentials(), region=self.region, service=service,
                          stamp=stamp,
                          expires=expires)

    def close(self) -> None:
        if self._pool:
            self._pool.close()

    def __enter__(self) -> Aws:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _reason(answer: Mapping[str, Any]) -> str:
    error = answer.get("Error")
    if error:
        return f"{error['Code']}: {error['Message']}"
    return str({k: v for k, v in answer.items() if k != "ResponseMetadata"})[:300]
