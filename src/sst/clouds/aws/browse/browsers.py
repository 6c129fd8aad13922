"""The browser of each kind of resource."""
from __future__ import annotations

from collections.abc import Callable, Mapping

from ....core.browse import Browser
from ....core.model import State
from .bucket import BucketBrowser
from .bus import BusBrowser
from .calls import Calls
from .queue import QueueBrowser
from .schedule import ScheduleBrowser
from .table import TableBrowser
from .topic import TopicBrowser

__all__ = ["BROWSERS"]

BROWSERS: Mapping[str, Callable[[Calls, State], Browser]] = {
    "aws.s3.Bucket": BucketBrowser, "aws.dynamodb.Table": TableBrowser, "aws.sqs.Queue": QueueBrowser,
    "aws.sns.Topic": TopicBrowser, "aws.events.EventBus": BusBrowser, "aws.scheduler.Schedule": ScheduleBrowser}
