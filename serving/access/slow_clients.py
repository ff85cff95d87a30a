"""A client that never ends the head of its request: its connection is closed, its memory bounded.

uvicorn times idle connections between requests, not a head that arrives byte by byte, and it
stores a head of any length.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.access.frame import raw_answer
from serving.problems import Problem

_HEAD_BYTES = 65_536


def patient_protocol(head_seconds: float) -> type[HttpToolsProtocol]:
    """uvicorn's protocol with `head_seconds` for each head, and at most 64 KiB of it."""

    class PatientProtocol(HttpToolsProtocol):
        """Closes the connection when a head is late or long."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._head_timer: asyncio.TimerHandle | None = None
            self._head_bytes = 0

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._begin_head()

        def data_received(self, data: bytes) -> None:
            if self._head_timer is not None:
                self._head_bytes += len(data)
            super().data_received(data)
            if self._head_timer is not None and self._head_bytes > _HEAD_BYTES:
                self._close()

        def send_400_response(self, msg: str) -> None:
            """Answer what is no HTTP, as any other problem."""
            self.transport.write(raw_answer(Problem(status=400, kind="malformed", detail=msg)))
            self.transport.close()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            if self._head_timer is None:
                self._begin_head()

        def on_headers_complete(self) -> None:
            self._end_head()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end_head()
            super().connection_lost(exc)

        def _begin_head(self) -> None:
            self._head_bytes = 0
            self._head_timer = self.loop.call_later(head_seconds, self._close)

        def _end_head(self) -> None:
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None

        def _close(self) -> None:
            self._end_head()
            if self.transport is not None and not self.transport.is_closing():
                self.transport.close()

    return PatientProtocol
