"""Makes the calls of rows: their parameters, retries, waiters, tags and code."""
from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from ...core.provider import Note
from ...errors import ProviderError, Throttled
from .columns import Call
from .retry import matches
from .table import AwsResource, fill
from .uploads import Asset, Uploads

if TYPE_CHECKING:
    from .browse.calls import Mails, Peek, Sql
    from .client import Aws

__all__ = ["Verbs", "quiet", "urn_tag"]

_POLL_SECONDS, _POLLS = 20.0, 180
"""The longest pause between two polls; all of them are about an hour."""
READING = ("get_", "list_", "describe_", "head_")
"""First words of calls that change nothing."""


def urn_tag(urn: str) -> str:
    """The urn as a tag's value: at most 256 characters, a longer one ends in its hash."""
    return urn if len(urn) <= 256 else f"{urn[:223]}-{hashlib.sha256(urn.encode()).hexdigest()[:32]}"


def quiet(text: str) -> None:
    """A note that nobody reads."""


class Verbs:
    """``aws`` is the client, or opens it. ``tags`` go onto everything that takes them, beside ``sst:app``,
    ``sst:stage``, ``sst:urn`` and ``sst:lineage``.

    ``address`` maps a host or URL of a kind to where it is reached (itself on AWS, a loopback address on stage
    ``local``). ``asset`` gives the file of a build artefact; ``asset_bucket`` the bucket for those that are too large
    for a call, or shared.
    ``guard`` raises once we no longer hold the stage's lock: it is asked before each call is sent, also
    before each repetition. ``local``: it is the cloud of stage ``local``. ``peek``, ``sql`` and ``mails``: look into
    its queues, databases and what SES sent. ``root``: the folder of the project.
    """

    def __init__(self, aws: Aws | Callable[[], Aws], *, app: str, stage: str, lineage: str,
                 tags: Mapping[str, str] | None = None,
                 address: Callable[[str, str], str] = lambda kind, value: value,
                 asset: Asset | None = None,
                 asset_bucket: Callable[[], str] | None = None,
                 guard: Callable[[], None] | None = None, local: bool = False, peek: Peek | None = None,
                 sql: Sql | None = None, mails: Mails | None = None, root: Path | None = None) -> None:
        self._open = aws if callable(aws) else lambda: aws
        self.app, self.stage, self.lineage = app, stage, lineage
        self.own_tags = dict(tags or {})
        self.address, self.guard, self.local, self.peek, self.sql = address, guard, local, peek, sql
        self.mails = mails
        self.root = root or Path()
        self.uploads = Uploads(self._open, asset, asset_bucket, f"assets/{app}/{stage}")
        self._turns: dict[tuple[str, str, str], Lock] = {}

    @property
    def aws(self) -> Aws:
        """The client; opened with the first call, so that a plan needs no credentials."""
        return self._open()

    def send(self, kind: type[AwsResource], c: Call, variables: Mapping[str, Any], request: Mapping[str, Any],
             note: Note, *, poll: bool = False) -> dict[str, Any]:
        """Make one call of a row: the wired properties plus the call's own parameters."""
        import jmespath

        params = _params(c, request, variables)
        try:
            with self._turn(kind, c, variables):
                if not c.op.startswith(READING):
                    c, params = kind.merge(self, c, params, variables)
                answer = self.aws.call(kind.service, c.op, params, region=variables.get("region_asked"), note=note,
                                       retry=c.retry, patience=c.patience, idempotent=c.idempotent,
                                       token=variables.get("token") or "", poll=poll, guard=self.guard)
        except ProviderError as e:
            if not matches(e, c.benign_codes):
                raise
            return {}
        for failed in answer.get("FailedEntries", ()):     # a refusal inside a success
            raise ProviderError(failed.get("ErrorMessage", ""), code=failed.get("ErrorCode", ""),
                                operation=f"{kind.service} {c.op}",
                                request_id=answer["ResponseMetadata"].get("RequestId", ""), status=400)
        if c.wait and not (c.settled and jmespath.search(c.settled, answer)):
            self.wait(kind, c, {**variables, **kind.outputs(self, answer, variables)}, note)
        if c.until:
            self._settle(kind, c, {**variables, **kind.outputs(self, answer, variables)}, note)
        return answer

    def _settle(self, kind: type[AwsResource], c: Call, variables: Mapping[str, Any], note: Note) -> None:
        """Poll until what a call asked for is carried out. Right after a change nothing may show of it, so two answers
        in a row have to say so."""
        import jmespath

        assert kind.read
        known, calm = {**variables, "id": str(fill(kind.identifier, variables)), "settling": True}, 0
        for turn in range(_POLLS):
            seen = self.ask(kind, kind.read, known)
            if seen is None and c is kind.delete:
                return
            if seen and kind.failed and (why := jmespath.search(kind.failed, seen)):
                raise ProviderError(f"it can't be used: {why}", code="WaiterFailed",
                                    operation=f"{kind.service} {c.op}")
            calm = calm + 1 if seen and c is not kind.delete and jmespath.search(c.until, seen) else 0
            if calm == (1 if c is kind.create else 2):
                return
            if turn == 5:
                note("waiting until it is carried out")
            self.aws.sleep(min(0.1 * 1.3 ** turn, _POLL_SECONDS))
        raise ProviderError("it is still not carried out", code="WaiterTimeout", operation=f"{kind.service} {c.op}",
                            hint=c.stuck)

    def _turn(self, kind: type[AwsResource], c: Call, variables: Mapping[str, Any]) -> AbstractContextManager[Any]:
        """A lock while what the call changes takes one change at a time."""
        if not kind.one_at_a_time or c.op.startswith(READING):
            return nullcontext()
        name = str(fill(kind.one_at_a_time, variables)).rpartition(":")[2]      # of a name or an ARN
        return self._turns.setdefault((kind.service, str(variables["region"]), name), Lock())

    def wait(self, kind: type[AwsResource], c: Call, variables: Mapping[str, Any], note: Note) -> None:
        """Run the waiter of a call, if it has one."""
        if c.wait:
            self.aws.wait(kind.service, c.wait, fill(c.wait_on, variables), region=variables.get("region_asked"),
                          note=note)

    def ask(self, kind: type[AwsResource], c: Call, variables: Mapping[str, Any]) -> dict[str, Any] | None:
        """The response of a call, or None if the resource does not exist."""
        import jmespath

        try:
            answer = self._whole(kind, c, variables, self.send(kind, c, variables, {}, quiet))
        except ProviderError as e:
            if isinstance(e, Throttled) or e.code not in kind.not_found_codes:
                raise
            return None
        if c is kind.read:
            answer = dict(kind.normalize(answer, variables))
            if (kind.item and not answer) or (kind.exists_if and not jmespath.search(kind.exists_if, answer)):
                return None
        return answer

    def _whole(self, kind: type[AwsResource], c: Call, variables: Mapping[str, Any],
               answer: dict[str, Any]) -> dict[str, Any]:
        """All pages of a list."""
        if not c.op.startswith(READING) or "1" in c.params.values():     # one is asked for
            return answer
        service, page = self.aws.service(kind.service), answer
        while following := service.next_page(c.op, page):
            page = self.send(kind, replace(c, params={**c.params, **following}), variables, {}, quiet)
            service.extend(c.op, answer, page)
        return answer

    def code(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """A function's code as Lambda takes it: in the call, or through S3 if it is large."""
        return self.uploads.code(inputs)

    def tags(self, urn: str, inputs: Mapping[str, Any]) -> dict[str, str]:
        """All tags of a resource: the app's, its own, and those by which it is found again."""
        return {**self.own_tags, **(inputs.get("tags") or {}), "sst:app": self.app, "sst:stage": self.stage,
                "sst:urn": urn_tag(urn), "sst:lineage": self.lineage}

    def variables(self, kind: type[AwsResource], values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
        """What ``$name`` stands for in the calls of a row."""
        region = values.get("region")
        made = {"account": self.aws.account(), "lineage": self.lineage,
                "partition": self.aws.partition(region), "region_asked": region,
                **dict.fromkeys(kind.props), **values, "region": region or self.aws.region, **more}
        return {**made, **{k: compute(made) for k, compute in kind.computed.items()}}


def _params(c: Call, request: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    return _merged(request, fill(c.params, variables))


def _merged(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    both = {k: _merged(a[k], b[k]) for k in a.keys() & b.keys() if isinstance(a[k], Mapping)
            and isinstance(b[k], Mapping)}
    return {**a, **b, **both}
