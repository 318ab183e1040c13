"""The conversation that a push is, begun before it is known what there is to send.

Rules: a remote takes its time to list what it has. It is asked at once, and listened to when the
wishes have been worked out; nothing is said to it before. One that nothing came of is hung up on.

Source: tapesremotes(7), "How it connects".
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Self

from tapegit.remote.connection import RECEIVE, connect_to, rewrite_url
from tapegit.remote.conversation import Receive
from tapegit.remote.git_push import HttpReceive, connect_http
from tapegit.remote.urls import HTTP
from tapegit.repository.layout import TMP_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.remote.connection import Surroundings
    from tapegit.remote.urls import RemoteUrl
    from tapegit.repository.repository import Repository


@contextmanager
def connect_to_push(
    repository: Repository, url: RemoteUrl, surroundings: Surroundings
) -> Iterator[Receive | HttpReceive]:
    """Open the conversation that a push is; it has to be listened to first.

    Raises:
        RemoteError: The remote cannot be reached.
        StorageError: There is no room for what is sent.
        UserError: It is a bundle.
    """
    url = rewrite_url(url, surroundings, RECEIVE)
    if url.transport == HTTP:
        with connect_http(url, repository.root / TMP_NAME, surroundings) as receive:
            yield receive
    else:
        with connect_to(url, RECEIVE, surroundings) as connection:
            yield Receive(connection, url.root)


class PushLine:
    """Conversations with a remote, the first of which begins on entering the context.

    Attributes:
        url: Where it is.
        surroundings: What connections are made with.
    """

    def __init__(self, repository: Repository, url: RemoteUrl, surroundings: Surroundings) -> None:
        self.url = url
        self.surroundings = surroundings
        self._connect = partial(connect_to_push, repository, url, surroundings)
        self._opened = ExitStack()
        self._begun: Receive | HttpReceive | None = None

    def __enter__(self) -> Self:
        self._begun = self._opened.enter_context(self._connect())
        return self

    def __exit__(self, *_: object) -> None:
        if self._begun is not None:
            self._begun.give_up()
        self._opened.close()

    @contextmanager
    def talk(self) -> Iterator[Receive | HttpReceive]:
        """Take the conversation that has begun; the next one is begun anew. Errors as of it."""
        begun, self._begun = self._begun, None
        if begun is None:
            with self._connect() as receive:
                yield receive
        else:
            with self._opened.pop_all():
                yield begun
