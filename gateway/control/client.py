"""Our own accounts at the broker. The readers hear what a device says right now: the gateway loses nothing.

An account has one connection (on our brokers its name is the client id): who is there already is let go. So
whoever listens has a reader of his own.
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

PATIENCE = 10.0  # seconds that the broker has to answer
Why = Literal["password", "nobody", "certificate", "tls", "silent", "refused"]


class NotHeard(Mendable, OSError):
    """The broker cannot be listened to; the sentence says why and what would do. `said`: what was met."""

    def __init__(self, why: Why, *, where: BrokerAddress, said: object = "", **more: object) -> None:
        super().__init__(f"listen.{why}", where=where, said=said, **more)
        self.why, self.said = why, str(said)


def reached(settings: Settings, patience: float = PATIENCE) -> None:
    """Whether somebody is there, and shows a certificate of our CA where the address asks for one. Raises
    NotHeard.
    """
    where = broker_url.parse(settings.mqtt)
    trust = broker_url.trust(settings.mqtt_ca) if where.tls else None
    with _told(where), socket.create_connection((where.host, where.port), patience) as plain:
        if trust is not None:
            trust.wrap_socket(plain, server_hostname=where.host).close()


def connected(
    settings: Settings, account: str, password: str, patience: float = PATIENCE, *, again: bool = False
) -> tuple[Client, "queue.SimpleQueue[MQTTMessage]"]:
    """A client of one of the broker's accounts, connected, and what it hears. `again`: it connects again when
    the connection is lost, be it before anything was said: another of the account's may have come. Raises
    NotHeard.
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
    heard: queue.SimpleQueue[MQTTMessage] = queue.SimpleQueue()
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
    client.on_message = lambda _, __, message: heard.put(message)
    with _told(where):
        # TLS has as long as that in paho
        client.connect(where.host, where.port, keepalive=max(1, round(patience)))
    client.loop_start()
    answered.wait(patience)
    if not answer or answer[0].is_failure:
        client.disconnect()
        client.loop_stop()
        if not answer:
            raise NotHeard("silent", where=where, said="no CONNACK")
        raise NotHeard("refused", where=where, said=answer[0], account=account)
    return client, heard


@contextmanager
def _told(where: BrokerAddress) -> Iterator[None]:
    """What a first connection meets, as NotHeard."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise NotHeard("certificate", where=where, said=error.verify_message) from None
    except TimeoutError as error:
        raise NotHeard("silent", where=where, said=error) from None
    except OSError as error:
        # whoever does not speak TLS may hang up on it
        if where.tls and isinstance(error, ssl.SSLError | ConnectionResetError):
            raise NotHeard("tls", where=where, said=error) from None
        raise NotHeard("nobody", where=where, said=error) from None


@contextmanager
def listening(settings: Settings, *topics: str) -> Iterator["queue.SimpleQueue[MQTTMessage]"]:
    """What is published on `topics` while the block runs, from its beginning on. Raises NotHeard."""
    wanted = [(topic, 0) for topic in topics]
    password = settings.reader_password.get_secret_value()
    with _reader(settings.data) as account:
        try:
            client, heard = connected(settings, account, password, again=True)
        except NotHeard as error:
            if error.why != "refused":
                raise
            # a broker to which somebody else gives the accounts
            client, heard = connected(settings, READER, password, again=True)

        def again(*_: Any) -> None:
            client.subscribe(wanted)

        granted = threading.Event()
        client.on_connect = again  # from another folder somebody may have taken its place
        client.on_subscribe = lambda *_: granted.set()
        try:
            client.subscribe(wanted)
            if not granted.wait(PATIENCE):
                raise NotHeard("silent", where=broker_url.parse(settings.mqtt), said="no SUBACK")
            yield heard
        finally:
            client.disconnect()
            client.loop_stop()


@contextmanager
def _reader(data: Path) -> Iterator[str]:
    """The name of a reader that nobody else of this data folder is while the block runs; any, where there is
    no folder to agree in, or they are all taken.
    """
    others = reader_accounts()[1:]
    with ExitStack() as held:
        for name in others:
            with suppress(OSError):
                lock = held.enter_context((data / "gateway" / f"{name}.lock").open("a"))
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
        else:
            name = secrets.choice(others)
        yield name
