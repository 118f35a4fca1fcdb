"""What a device says right now, heard by the account `reader`: nothing is taken from the gateway."""

import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices import broker_url
from devices.settings import Settings
from devices.texts import Mendable

PATIENCE = 10.0  # seconds that the broker has to answer
KEEPALIVE = 30


class NotHeard(Mendable, OSError):
    """The broker cannot be listened to; the sentence says why and what would do."""


def connected(
    settings: Settings, account: str, password: str
) -> tuple[Client, "queue.SimpleQueue[MQTTMessage]"]:
    """A client of one of the broker's accounts, connected, and what it hears. Raises NotHeard."""
    where = broker_url.parse(settings.mqtt)
    if not password:
        variable = f"HOIQUAN_{account.upper()}_PASSWORD"
        raise NotHeard("listen.no_password", account=account, variable=variable)
    version = MQTTProtocolVersion(settings.mqtt_version)
    client = Client(CallbackAPIVersion.VERSION2, account, protocol=version, reconnect_on_failure=False)
    client.username_pw_set(account, password)
    if where.tls:
        client.tls_set_context(broker_url.trust(settings.mqtt_ca))
    heard: queue.SimpleQueue[MQTTMessage] = queue.SimpleQueue()
    answered = threading.Event()
    answer: list[ReasonCode] = []

    def on_connect(
        _: Client, __: Any, ___: ConnectFlags, reason: ReasonCode, ____: Properties | None
    ) -> None:
        answer.append(reason)
        answered.set()

    def on_disconnect(_: Client, __: Any, ___: DisconnectFlags, reason: ReasonCode, ____: Any) -> None:
        answered.set()

    client.on_connect, client.on_disconnect = on_connect, on_disconnect
    client.on_message = lambda _, __, message: heard.put(message)
    try:
        client.connect(where.host, where.port, keepalive=KEEPALIVE)
    except ssl.SSLError as error:
        raise NotHeard("listen.other_ca", where=where, error=error) from None
    except OSError as error:
        raise NotHeard("listen.away", where=where, error=error) from None
    client.loop_start()
    answered.wait(PATIENCE)
    if not answer or answer[0].is_failure:
        client.loop_stop()
        if not answer:
            raise NotHeard("listen.silent", where=where)
        raise NotHeard("listen.not_let_in", where=where, account=account, said=answer[0])
    return client, heard


@contextmanager
def listening(settings: Settings, *topics: str) -> Iterator["queue.SimpleQueue[MQTTMessage]"]:
    """What is published on `topics` while the block runs. Raises NotHeard."""
    client, heard = connected(settings, "reader", settings.reader_password.get_secret_value())
    try:
        client.subscribe([(topic, 0) for topic in topics])
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()
