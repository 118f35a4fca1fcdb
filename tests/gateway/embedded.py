"""The embedded broker in this process."""

import asyncio
import threading
from contextlib import contextmanager
from dataclasses import asdict

from amqtt.contexts import BrokerConfig, ListenerConfig

from devices.access.registry import Registry
from devices.pilots.pilot import load
from gateway.brokers.access import Access
from gateway.brokers.embedded import LocalBroker
from tests.loopback import free_port


@contextmanager
def amqtt(folder):
    """Yields its port. The broker is the only task of a thread's event loop."""
    Registry(folder / "registry.sqlite", load("dong-thap"))
    plain = asdict(Access("dong-thap", str(folder / "registry.sqlite"), "pw", "x", "x", "x", "x"))
    port, ready, loop = free_port(), threading.Event(), asyncio.new_event_loop()

    async def run():
        nonlocal stop
        broker = LocalBroker(
            BrokerConfig(
                listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")},
                plugins={"gateway.brokers.access.Accounts": plain, "gateway.brokers.access.Rules": plain},
            )
        )
        stop = asyncio.Event()
        await broker.start()
        ready.set()
        await stop.wait()
        await broker.shutdown()

    stop: asyncio.Event
    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(30)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()
