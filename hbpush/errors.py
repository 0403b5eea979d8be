"""What can go wrong, by name.

Every error of the project is one of these; an error of a library is translated where it enters.
``hbpush.web.answers`` is the one place that turns them into HTTP statuses.
"""

from __future__ import annotations


class HbpushError(Exception):
    """The root. Its text is one line that may be shown to a user."""


class ConfigError(HbpushError):
    """A configuration that cannot be served. ``path`` is the place in the file (``locations[2].polling``), or empty."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path


class ProtocolError(HbpushError):
    """Bytes of a peer that break its protocol: all that a codec may raise. ``status_hint`` is an HTTP status."""

    def __init__(self, message: str, status_hint: int = 400) -> None:
        super().__init__(message)
        self.status_hint = status_hint


class ChannelError(HbpushError):
    """The channel is not in a state that allows the request."""


class ChannelNotFound(ChannelError):
    """There is no such channel."""


class ChannelExists(ChannelError):
    """The channel is there already."""


class ChannelGone(ChannelError):
    """The channel was deleted while the request waited."""


class StoreError(HbpushError):
    """The store did not do what it was asked to."""


class StoreUnavailable(StoreError):
    """The store's backend cannot be reached, or did not answer: what became of the request is not known."""


class StoreFull(StoreError):
    """A bound of the store is reached, and nothing could be dropped for this request."""


class MessageTooLarge(StoreError):
    """The message alone is larger than the store lets one channel be."""
