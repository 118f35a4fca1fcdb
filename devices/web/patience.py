"""Limits how long a connection may take: a client that sends or reads slowly, or not at all, is cut off.

connection, or first byte of a request ─► head ─► body ─► answer ─► uvicorn's own limit until the next request
                                          20 s    5 min    2 min

uvicorn has no limit for a request or an answer that does not end. deploy/proxy has limits of its own.
"""

import asyncio
import sys

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from devices.processes import spare_the_collector

HEAD, BODY, ANSWER = range(3)
# seconds: a photograph of 12 MB on a phone's line takes minutes, a report of ten years some seconds
LIMITS = (20.0, 300.0, 120.0)
# Seconds for which a thread that computes keeps Python from the others. With Python's default of 0.005, every
# look into a store waits that long while another page is read and drawn: the pages of 14,000 devices took
# half as long again in benchmarks/growth.py.
SWITCH = 0.0005


def serve(app: FastAPI, bind: str, port: int) -> None:
    """Serve an application until a signal ends it; the requests that are under way then have a second."""
    sys.setswitchinterval(SWITCH)
    spare_the_collector()
    uvicorn.run(app, host=bind, port=port, http=Patient, log_level="warning", timeout_graceful_shutdown=1)


class Patient(H11Protocol):
    """HTTP by h11 that cuts a connection off if one of the three stages lasts longer than its limit."""

    limits = LIMITS
    _timer: asyncio.TimerHandle | None = None
    _stage = HEAD

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected; its request is to come."""
        super().connection_made(transport)
        self._begin(HEAD)

    def data_received(self, data: bytes) -> None:
        """Part of a request has come."""
        if self._timer is None:
            self._begin(HEAD)
        super().data_received(data)
        stage = {h11.IDLE: HEAD, h11.SEND_BODY: BODY}.get(self.conn.their_state, ANSWER)
        if self._timer is not None and stage > self._stage:
            self._begin(stage)

    def on_response_complete(self) -> None:
        """The answer is written; its limit goes on until the client has read it."""
        if not self.transport.get_write_buffer_size():
            self._end()
        self._stage = HEAD
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended, whoever ended it."""
        self._end()
        super().connection_lost(exc)

    def _begin(self, stage: int) -> None:
        self._end()
        self._stage = stage
        self._timer = self.loop.call_later(self.limits[stage], self.transport.abort)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
