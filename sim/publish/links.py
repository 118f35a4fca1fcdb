"""The connections of a whole fleet: each device has its own client id, password, will, window and memory."""

import json
import logging
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from devices import broker_url
from devices.contract import packets
from devices.contract.orders import CARRIED
from devices.contract.reading import Device
from devices.contract.topics import Topic, TopicError, parse
from devices.credentials import simulated_password
from devices.texts import Misuse
from sim.publish.link import Link
from sim.publish.loop import Loop
from sim.publish.session import Message, Session

log = logging.getLogger(__name__)
OFFLINE = json.dumps({"state": "offline"}).encode()
KEEPALIVE = 60  # s; the broker waits half as long again before it publishes the will (3.1.2.10)
SPARE = 64  # open files that a process needs besides its connections
BATCH = 512  # messages after which the sockets are served even if nobody waits
Obey = Callable[[str, bytes], None]


class Links:
    """All links. They work only while somebody calls `serve`. Not thread-safe, except for `waiting`."""

    def __init__(
        self, url: str, secret: str, devices: Sequence[Device], *,
        scenario: bool, obey: Obey | None = None, ca: Path | None = None, jitter: float = 0.0,
        paced: bool = False,
    ) -> None:  # fmt: skip
        """`url` is the broker's. `ca` is the CA of an mqtts:// certificate, None for the system's.
        `scenario`: the nodes play another time than now. `obey` gets a device and a command's payload.
        `jitter`: as in Loop. `paced`: simulated time goes only as fast as the broker takes messages, so that
        its outage fills nobody's memory. Raises Misuse if this process may not open a connection for each
        device.
        """
        broker = broker_url.parse(url)
        # shared, because each context would read the system's certificates again
        tls = broker_url.trust(ca) if broker.tls else None
        allow_files(len(devices))
        self._secret, self._obey = secret, obey
        self._online = json.dumps({"state": "online"} | ({"scenario": True} if scenario else {})).encode()
        self._loop = Loop(broker, tls, jitter, self._hear, paced)
        self._links: dict[str, Link] = {}  # device → link
        self._cuts = Counter[str]()  # device → how many things keep it away now, whether it has a link or not
        self._since = 0  # messages since the sockets were last served

    def open(self, device: Device) -> Link:
        """Return the device's link. A new one is connected by `serve`, once nothing keeps it away."""
        name = device.device
        link = self._links.get(name)
        if link is None:
            status = _topic(device, "status")
            password = simulated_password(self._secret, name)
            obeys = self._obey is not None and device.model in CARRIED
            commands = _topic(device, "command") if obeys else None
            connect = packets.connect(name, password, KEEPALIVE, (status, OFFLINE))
            link = Link(name, Session(connect, Message(status, self._online, True), commands))
            self._links[name] = link
            link.held = self._cuts[name] > 0
            self._loop.begin(link)
        return link

    def publish(self, device: Device, kind: str, payload: bytes) -> None:
        """Send on a topic of the contract if there is a link, else keep it as long as the memory has room."""
        self.publish_on(device, _topic(device, kind), payload)

    def publish_on(self, device: Device, topic: str, payload: bytes) -> None:
        """The same on any topic."""
        self._send(self.open(device), Message(topic, payload))
        self._since += 1
        if self._since >= BATCH and not self._loop.serving:
            self.serve(0)

    @property
    def waiting(self) -> int:
        """The number of messages that the broker has not acknowledged."""
        return self._loop.waiting

    @property
    def full(self) -> bool:
        """Whether the nodes send more than the broker takes: call `serve` until they do not."""
        return self._loop.full

    def serve(self, seconds: float) -> None:
        """Serve all links for one round, which waits up to `seconds` for something to do."""
        self._since = 0
        self._loop.serve(seconds)

    def cut(self, devices: Iterable[Device]) -> None:
        """Drop their connections at once, as when a mast fails. Each `cut` needs a `restore`: a stolen device
        does not come back with its mast.
        """
        for device in devices:
            self._cuts[device.device] += 1
            if link := self._links.get(device.device):
                self._loop.hold(link)

    def restore(self, devices: Iterable[Device]) -> None:
        """Let devices come back that nothing else keeps away, at once or within the jitter."""
        for device in devices:
            self._cuts[device.device] -= 1
            link = self._links.get(device.device)
            if link is not None and not self._cuts[device.device]:
                self._loop.release(link)

    def close(self, patience: float) -> bool:
        """End every link, with `offline` after everything sent before. Returns whether the broker
        acknowledged all within `patience` s. Links that are away have that long to come back, even during a
        storm.
        """
        deadline = time.monotonic() + patience
        links = self._links.values()
        for link in links:
            if link.connected or link.opening or link.session.waiting:
                self._loop.release(link)
                self._send(link, Message(link.session.greeting.topic, OFFLINE, True))
            else:  # its will has told the broker, so it need not come back
                self._loop.hold(link)
        while any(link.session.waiting and not link.refused for link in links):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                break
            self.serve(remaining)
        if self.waiting:
            log.warning("the end: %d messages that the broker has not acknowledged", self.waiting)
        for link in links:
            self._loop.end(link)
        self._loop.close()
        return not self.waiting

    def _send(self, link: Link, message: Message) -> None:
        if link.session.publish(message):
            self._loop.queued(link)
            return
        link.lost += 1
        if link.lost == 1:
            log.error("%s: its memory is full, the newest messages are lost", link.name)

    def _hear(self, link: Link, message: packets.Publish) -> None:
        # a retained command is old, whenever it comes
        if self._obey is None or message.retain:
            return
        try:
            self._obey(parse(message.topic).device, message.payload)
        except TopicError:
            log.warning("%s: not a command's topic: %s", link.name, message.topic)


def allow_files(connections: int) -> None:
    """Let this process open a file for each connection, as far as the system permits. Raises Misuse."""
    wanted = connections + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise Misuse("simulated.files", devices=connections, wanted=wanted, allowed=hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _topic(device: Device, kind: str) -> str:
    return str(Topic(device.pilot, device.community, device.device, kind))
