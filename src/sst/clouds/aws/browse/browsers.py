"""The browser of each kind of resource."""
from __future__ import annotations

from collections.abc import Mapping

from .bucket import BucketBrowser
from .bus import BusBrowser
from .database import ClusterBrowser, DatabaseBrowser
from .mail import MailBrowser
from .queue import QueueBrowser
from .resource import ResourceBrowser
from .schedule import ScheduleBrowser
from .table import TableBrowser
from .topic import TopicBrowser

__all__ = ["BROWSERS"]

_ALL: tuple[type[ResourceBrowser], ...] = (BucketBrowser, TableBrowser, QueueBrowser, TopicBrowser, BusBrowser,
                                           ScheduleBrowser, MailBrowser, DatabaseBrowser, ClusterBrowser)
BROWSERS: Mapping[str, type[ResourceBrowser]] = {browser.type: browser for browser in _ALL}
