"""A port that forwards everything to a broker, and notes who sent and acknowledged what.

    client ─ PUBLISH ─► tap ─► broker     up.sent: by clients       up.acked: by the broker
    client ◄─ PUBLISH ─ tap ◄─ broker     down.sent: by the broker  down.acked: by clients

A message counts as acknowledged once its PUBACK reaches the tap: by then its receiver has made its promise.
"""

import asyncio
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import NamedTuple

from devices.contract.packets import PUBACK, PUBLISH, REFUSED, frame, read_publish
from tests.loopback import free_port

CONNECT, MQTT_5 = 0x10, 5
READ = 65_536  # bytes


class Message(NamedTuple):
    """A message. No two messages of a run have the same topic and payload, except `status`."""

    topic: str
    payload: bytes


class Direction:
    """QoS 1 messages of one direction: when each was first sent and first acknowledged (monotonic s).

    `began` is when the connection began that acknowledged the message: the tap may read the PUBACK of a
    broker that was just killed a moment later.
    """

    def __init__(self) -> None:
        self.sent: dict[Message, float] = {}
        self.acked: dict[Message, float] = {}
        self.began: dict[Message, float] = {}


class Tap:
    """Listens on `port`, in a thread of its own, and forwards to `broker`, another port of this machine."""

    def __init__(self, broker: int) -> None:
        self.port, self._broker = free_port(), broker
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self.up, self.down = Direction(), Direction()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        listening = asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self._server = self._loop.run_until_complete(listening)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cut every connection and stop listening."""

        def end() -> None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            self._loop.call_later(0.1, self._loop.stop)

        self._loop.call_soon_threadsafe(end)
        self._thread.join()
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = asyncio.current_task()
        assert own is not None
        self._tasks.add(own)
        writers = [writer]
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._broker)
            writers.append(back)
            one = _Connection(self.up, self.down)
            await _first(
                one.carry(reader, back, one.up, one.down), one.carry(there, writer, one.down, one.up)
            )
        except (OSError, asyncio.CancelledError):
            pass  # the broker is away, or one end has closed the connection
        finally:
            self._tasks.discard(own)
            for each in writers:
                each.close()


class _Side:
    """Messages, by packet number, that one end of a connection sent and the other did not acknowledge."""

    def __init__(self, messages: Direction) -> None:
        self.messages = messages
        self.open: dict[int, Message] = {}


class _Connection:
    """A client's connection, from its CONNECT on."""

    def __init__(self, up: Direction, down: Direction) -> None:
        self.up, self.down = _Side(up), _Side(down)
        self._began = time.monotonic()
        self._properties = False  # whether packets have properties, as in MQTT 5

    async def carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sender: _Side, receiver: _Side
    ) -> None:
        """Forward what one end sends until it ends. Notes are taken before the other end can know."""
        unread = b""
        with suppress(ConnectionError):
            while data := await reader.read(READ):
                unread = self._note(unread + data, sender, receiver)
                writer.write(data)
                await writer.drain()

    def _note(self, data: bytes, sender: _Side, receiver: _Side) -> bytes:
        """Note all complete packets; returns the incomplete rest."""
        at = 0
        while (part := frame(data, at)) is not None and part[1] <= len(data):
            begin, end = part
            assert begin >= 0, "no MQTT"
            self._packet(data[at], data[begin:end], sender, receiver)
            at = end
        return data[at:]

    def _packet(self, head: int, body: bytes, sender: _Side, receiver: _Side) -> None:
        kind = head & 0xF0
        if kind == CONNECT:
            self._properties = body[2 + body[1]] == MQTT_5
        elif kind == PUBLISH:
            packet = read_publish(head, body, self._properties)
            if packet is not None and packet.qos:
                message = Message(packet.topic, packet.payload)
                sender.open[packet.mid] = message
                sender.messages.sent.setdefault(message, time.monotonic())
        elif kind == PUBACK:
            acked = receiver.open.pop(body[0] << 8 | body[1], None)
            if acked is not None and (len(body) < 3 or body[2] < REFUSED):
                receiver.messages.acked.setdefault(acked, time.monotonic())
                receiver.messages.began.setdefault(acked, self._began)


async def _first(*ways: Coroutine[None, None, None]) -> None:
    """Wait for the first of the coroutines to end, and cancel the others."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
