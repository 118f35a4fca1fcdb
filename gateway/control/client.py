"""Connections to the broker under our own accounts.

A reader account hears what devices send now, and takes nothing from the gateway. An account has one
connection (on our brokers its name is the client id), and a new connection ends the one before. So every
listener uses a reader account of its own.
"""

import fcntl
import queue
import secrets
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from devices import broker_url
from devices.broker_url import BrokerAddress
from devices.credentials import READER, reader_accounts
from devices.settings import Settings
from devices.texts import Mendable

PATIENCE = 10.0  # seconds to wait for an answer of the broker
Why = Literal["password", "nobody", "certificate", "tls", "silent", "refused"]


class NotHeard(Mendable, OSError):
    """The broker cannot be listened to. The sentence says why and what to do; `said` is the error met."""

    def __init__(self, why: Why, *, where: BrokerAddress, said: object = "", **more: object) -> None:
        super().__init__(f"listen.{why}", where=where, said=said, **more)
        self.why, self.said = why, said


def knock(settings: Settings, patience: float) -> None:
    """Check that a server answers, and with TLS that we trust its certificate. Raises NotHeard."""
    where = broker_url.parse(settings.mqtt)
    trust = broker_url.trust(settings.mqtt_ca) if where.tls else None
    with _as_not_heard(where), socket.create_connection((where.host, where.port), patience) as plain:
        if trust is not None:
            trust.wrap_socket(plain, server_hostname=where.host).close()


def connected(
    settings: Settings, account: str, password: str, patience: float = PATIENCE, *, again: bool = False
) -> Client:
    """Connect as one of the broker's accounts.

    With `again` it reconnects whenever the connection is lost, even before the broker's first answer: another
    client of the account may have taken its place. Raises NotHeard.
    """
    where = broker_url.parse(settings.mqtt)
    if not password:
        whose, _, _ = account.partition("-")
        raise NotHeard("password", where=where, account=whose, variable=f"HOIQUAN_{whose.upper()}_PASSWORD")
    version = MQTTProtocolVersion(settings.mqtt_version)
    client = Client(CallbackAPIVersion.VERSION2, account, protocol=version, reconnect_on_failure=again)
    client.username_pw_set(account, password)
    client.connect_timeout = patience
    if where.tls:
        client.tls_set_context(broker_url.trust(settings.mqtt_ca))
    answered = threading.Event()
    answer: list[ReasonCode] = []

    def on_connect(
        _: Client, __: Any, ___: ConnectFlags, reason: ReasonCode, ____: Properties | None
    ) -> None:
        answer.append(reason)
        answered.set()

    def on_disconnect(_: Client, __: Any, ___: DisconnectFlags, reason: ReasonCode, ____: Any) -> None:
        if not again:
            answered.set()

    client.on_connect, client.on_disconnect = on_connect, on_disconnect
    with _as_not_heard(where):
        # paho uses the keepalive as the timeout of the TLS handshake, too
        client.connect(where.host, where.port, keepalive=max(1, round(patience)))
    client.loop_start()
    answered.wait(patience)
    if not answer or answer[0].is_failure:
        broker_url.leave(client)
        if not answer:
            raise NotHeard("silent", where=where, said=Mendable("listen.no_packet", packet="CONNACK"))
        raise NotHeard("refused", where=where, said=answer[0], account=account)
    return client


@contextmanager
def _as_not_heard(where: BrokerAddress) -> Iterator[None]:
    """Turn the errors of a first connection into NotHeard."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise NotHeard("certificate", where=where, said=error.verify_message) from None
    except TimeoutError as error:
        raise NotHeard("silent", where=where, said=error) from None
    except OSError as error:
        # a server without TLS may close the connection
        if where.tls and isinstance(error, ssl.SSLError | ConnectionResetError):
            raise NotHeard("tls", where=where, said=error) from None
        raise NotHeard("nobody", where=where, said=error) from None


@contextmanager
def listening(settings: Settings, *topics: str) -> Iterator["queue.SimpleQueue[MQTTMessage]"]:
    """Yield a queue of what is published on `topics` while the block runs. Raises NotHeard."""
    wanted = [(topic, 0) for topic in topics]
    password = settings.reader_password.get_secret_value()
    with _reader(settings.data) as account:
        try:
            client = connected(settings, account, password, again=True)
        except NotHeard as error:
            if error.why != "refused":
                raise
            # this broker's accounts are managed by somebody else
            client = connected(settings, READER, password, again=True)
        messages: queue.SimpleQueue[MQTTMessage] = queue.SimpleQueue()
        client.on_message = lambda _, __, message: messages.put(message)

        def again(*_: Any) -> None:
            client.subscribe(wanted)

        granted = threading.Event()
        client.on_connect = again  # a listener of another data folder may have taken the connection
        client.on_subscribe = lambda *_: granted.set()
        try:
            client.subscribe(wanted)
            if not granted.wait(PATIENCE):
                none = Mendable("listen.no_packet", packet="SUBACK")
                raise NotHeard("silent", where=broker_url.parse(settings.mqtt), said=none)
            yield messages
        finally:
            broker_url.leave(client)


@contextmanager
def _reader(data: Path) -> Iterator[str]:
    """Yield the name of a reader account that no other listener of this data folder uses during the block.

    It is a random one if the folder has no place for lock files, or if all accounts are in use.
    """
    others = reader_accounts()[1:]
    with ExitStack() as locks:
        for name in others:
            with suppress(OSError):
                lock = locks.enter_context((data / "gateway" / f"{name}.lock").open("a"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
        else:
            name = secrets.choice(others)
        yield name
