"""The loop that drives all links with one selector, one heap of moments, and no threads.

serve: what is due ─► new connections ─► send ─► wait for sockets ─► receive ─► send
"""

import heapq
import itertools
import logging
import selectors
import ssl
import time
from collections import deque
from collections.abc import Callable

from devices.broker_url import BrokerAddress
from devices.contract.packets import Publish
from sim.physics.streams import chance
from sim.publish.address import Addresses
from sim.publish.link import Link, Stage
from sim.publish.session import Broken, Refused

log = logging.getLogger(__name__)
QUIET = 45.0  # s without sending after which a node pings, and then waits for an answer
PATIENCE = 30.0  # s for a connection to be made
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # s before the next attempt, doubled by each failure
# Connections being made at a time. With more than the broker's queue holds (listen(2): Mosquitto asks for
# 100) the kernel drops some, and each of those tries again a second later.
OPENING = 100
BACKLOG = 20  # messages waiting at one connected node that count as more than the broker takes


class Loop:
    """Drives links to `broker`. `hear` gets what the links hear.

    Links that lost their connection come back within `jitter` s, each at its own moment. `paced`: the fleet
    is also `full` while messages wait at a node that is away unintentionally.
    """

    def __init__(
        self, broker: BrokerAddress, tls: ssl.SSLContext | None, jitter: float,
        hear: Callable[[Link, Publish], None], paced: bool,
    ) -> None:  # fmt: skip
        self._broker, self._tls, self._jitter, self._hear = broker, tls, jitter, hear
        self._paced = paced
        self._addresses = Addresses(broker)
        self._selector = selectors.DefaultSelector()
        self._numbers = itertools.count()
        self._moments: list[tuple[float, int, Link]] = []
        self._wanted = deque[Link]()  # to be connected
        self._unsent: dict[Link, None] = {}  # with something to send, in order
        self._slow: set[Link] = set()
        self._opening = 0
        self._outage_logged = False
        self.serving = False
        self.waiting = 0  # messages that the broker has not acknowledged

    @property
    def full(self) -> bool:
        """Whether a node sends more than the broker takes."""
        return bool(self._slow)

    def begin(self, link: Link) -> None:
        """Connect a link as soon as there is room."""
        self._wanted.append(link)

    def queued(self, link: Link) -> None:
        """Note that a link's session has one more message."""
        self.waiting += 1
        if link.connected:
            self._unsent[link] = None
        elif not self._paced or link.held or link.refused:
            return
        if link.session.backlog > BACKLOG:
            self._slow.add(link)

    def serve(self, seconds: float) -> None:
        """Work for one round, waiting up to `seconds` for something to do."""
        self.serving = True
        try:
            self._keep_time()
            self._connect()
            self._flush()
            if self._moments:
                seconds = min(seconds, max(0.0, self._moments[0][0] - time.monotonic()))
            for key, _ in self._selector.select(seconds):
                self._work(key.data)
            self._flush()
        finally:
            self.serving = False

    def hold(self, link: Link) -> None:
        """Drop a link's connection at once, and keep it down until `release`."""
        link.held = True
        self._drop(link)

    def release(self, link: Link) -> None:
        """Let a link connect again, at once or at its own moment within the jitter."""
        if link.held:
            link.held = False
            self._at(link, time.monotonic() + self._apart(link))

    def end(self, link: Link) -> None:
        """End a link for good."""
        self._forget(link)
        link.leave()

    def close(self) -> None:
        """Close the selector, after all links have ended."""
        self._selector.close()

    def _keep_time(self) -> None:
        """Do what is due: begin an attempt, end one that takes too long, ping, or end a silent link."""
        now = time.monotonic()
        while self._moments and self._moments[0][0] <= now:
            at, _, link = heapq.heappop(self._moments)
            if link.due != at:
                continue  # its moment has changed since
            if link.stage is Stage.AWAY:
                self._wanted.append(link)
            elif link.opening:
                self._fail(link, TimeoutError("it does not answer"))
            elif link.session.pinged:
                self._lose(link)
            elif now - link.sent < QUIET:
                self._at(link, link.sent + QUIET)
            else:
                link.session.ping()
                self._unsent[link] = None
                self._at(link, now + QUIET)

    def _connect(self) -> None:
        while self._wanted and self._opening < OPENING:
            link = self._wanted.popleft()
            if link.held or link.sock is not None:
                continue
            try:
                link.reach(self._addresses.first())
            except OSError as error:
                self._addresses.failed(link.address)  # for example an address in a network without a route
                link.drop()
                self._pause(link, error)
                continue
            self._opening += 1
            link.watched = selectors.EVENT_WRITE
            self._selector.register(link.number, link.watched, link)
            self._at(link, time.monotonic() + PATIENCE)

    def _flush(self) -> None:
        now = time.monotonic()
        unsent, self._unsent = self._unsent, {}
        for link in unsent:
            if link.sock is not None and not link.writes:
                self._send(link, now)

    def _send(self, link: Link, now: float) -> None:
        try:
            link.send()
        except OSError:
            self._lose(link)
            return
        link.sent = now
        self._watch(link)

    def _work(self, link: Link) -> None:
        """Handle an event of a link's socket."""
        session, opening = link.session, link.opening
        before = session.waiting
        try:
            messages = self._go_on(link)
        except Refused as reason:
            self._refuse(link, reason)
            return
        except (OSError, Broken) as error:
            if opening:
                self._fail(link, error)
            else:
                self._lose(link)
            return
        finally:
            self.waiting += session.waiting - before
        if opening and link.connected:
            self._opened(link)
        if session.backlog < BACKLOG:
            self._slow.discard(link)
        for message in messages:
            self._hear(link, message)
        if session.out:
            self._send(link, time.monotonic())
        else:
            link.writes = link.writes and link.stage is Stage.SHAKING
            self._watch(link)

    def _go_on(self, link: Link) -> list[Publish]:
        """Do what the socket allows. Raises OSError, Refused, Broken."""
        if link.stage in (Stage.REACHING, Stage.SHAKING):
            link.advance(self._tls, self._broker.host)
            return []
        messages = link.receive()
        if link.session.deaf:
            link.session.deaf = False
            log.error("%s: the broker refuses its subscription, so it hears no commands", link.name)
        return messages

    def _opened(self, link: Link) -> None:
        self._opening -= 1
        self._addresses.reached()
        if not (self._opening or self._wanted):  # everybody is back, so the next outage is logged again
            self._outage_logged = False
        link.failures, link.refused = 0, False
        self._at(link, time.monotonic() + QUIET)

    def _refuse(self, link: Link, reason: Refused) -> None:
        if not link.refused:
            link.refused = True
            log.error("%s: the broker refuses the connection: %s", link.name, reason)
        self._drop(link)
        self._pause(link, None)

    def _fail(self, link: Link, error: Exception) -> None:
        """Handle a failed attempt."""
        self._addresses.failed(link.address)
        self._drop(link)
        self._pause(link, error)

    def _lose(self, link: Link) -> None:
        """Handle the loss of a connection."""
        self._drop(link)
        self._pause(link, None)

    def _pause(self, link: Link, why: Exception | None) -> None:
        if why is not None and not self._outage_logged:
            self._outage_logged = True  # once an outage, not for each of 10,000 nodes
            log.warning("no way to the broker at %s yet: %s", self._broker, why)
        pause = min(FIRST_PAUSE * 2**link.failures, LONGEST_PAUSE)
        link.failures += link.failures < LONGEST_PAUSE
        self._at(link, time.monotonic() + pause + self._apart(link))

    def _drop(self, link: Link) -> None:
        self._forget(link)
        link.drop()
        link.due = None

    def _forget(self, link: Link) -> None:
        if link.sock is not None:
            self._opening -= link.opening
            self._selector.unregister(link.number)
        self._unsent.pop(link, None)
        self._slow.discard(link)

    def _watch(self, link: Link) -> None:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if link.writes else 0)
        if wanted != link.watched and link.sock is not None:
            link.watched = wanted
            self._selector.modify(link.number, wanted, link)

    def _at(self, link: Link, moment: float) -> None:
        link.due = moment
        heapq.heappush(self._moments, (moment, next(self._numbers), link))

    def _apart(self, link: Link) -> float:
        """Return seconds of jitter, different for each node and each time."""
        if not self._jitter:
            return 0.0
        luck = chance(next(self._numbers), link.name, "jitter")
        return self._jitter * int.from_bytes(luck[:4], "big") / 2**32
