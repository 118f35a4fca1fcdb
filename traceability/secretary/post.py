"""Sends one diary event to the broker under its writer's own account, as the writer's device would."""

from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from devices import broker_url
from devices.contract.reading import Device
from devices.contract.topics import Topic

PATIENCE = 10.0  # seconds for the broker to accept the connection, and to acknowledge the message


class NotSent(RuntimeError):
    """The broker did not acknowledge the event. Sending it again is safe: it counts once."""


class Post:
    """Connection settings of one broker: `url`, MQTT `version` and `ca` as the gateway has them."""

    def __init__(self, url: str, version: int, ca: Path | None = None) -> None:
        self._broker = broker_url.parse(url)
        self._version = MQTTProtocolVersion(version)
        self._tls = broker_url.trust(ca) if self._broker.tls else None

    def send(self, device: Device, password: str, payload: bytes) -> None:
        """Publish the event; returns when the broker has acknowledged it. Raises NotSent."""
        topic = str(Topic(device.pilot, device.community, device.device, "diary"))
        client = Client(CallbackAPIVersion.VERSION2, client_id=device.device, protocol=self._version)
        client.username_pw_set(device.device, password)
        client.connect_timeout = PATIENCE
        if self._tls is not None:
            client.tls_set_context(self._tls)
        try:
            client.connect(self._broker.host, self._broker.port)
            client.loop_start()
            sent = client.publish(topic, payload, qos=1)
            sent.wait_for_publish(PATIENCE)
            if not sent.is_published():
                raise NotSent("the broker did not acknowledge the event")
        except (OSError, ValueError, RuntimeError) as error:
            raise error if isinstance(error, NotSent) else NotSent(f"no way to the broker: {error}") from None
        finally:
            broker_url.leave(client)
