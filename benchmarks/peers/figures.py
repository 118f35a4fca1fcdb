"""All figures of one run of `benchmarks/gateway.py`: its tables show them, and `--json` writes them."""

import os
import platform
from dataclasses import asdict, dataclass, field

from benchmarks.peers.drain import Drained
from benchmarks.peers.limits import Limit
from benchmarks.peers.live import LiveRun


@dataclass(frozen=True)
class NotMeasured:
    """A row without a figure, and the reason."""

    missing: str

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass
class Row:
    """What was measured of one gateway. `rates` (messages per second) and `cpus` (CPU µs a message) are
    those of all its drains in turn, and `drain` is the best; `bad` has a drain for each kind of bad message.
    """

    drain: Drained | NotMeasured | None = None
    rates: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    killed: Drained | NotMeasured | None = None
    bad: dict[str, Drained | NotMeasured] = field(default_factory=dict)

    def add(self, got: Drained | NotMeasured) -> None:
        """Note one more drain."""
        if isinstance(got, NotMeasured):
            self.drain = self.drain or got
            return
        self.rates.append(got.rate)
        self.cpus.append(got.cpu_us)
        if not isinstance(self.drain, Drained) or self.drain.rate < got.rate:
            self.drain = got

    def as_dict(self) -> dict[str, object]:
        parts = {"drain": self.drain, "killed": self.killed} | {
            f"bad {kind}": got for kind, got in self.bad.items()
        }
        row = {name: part.as_dict() for name, part in parts.items() if part is not None}
        return row | {"rates": self.rates, "cpus": self.cpus}


@dataclass
class Machine:
    """Where the run took place. `load`, `load_after`: the load average of a minute, before and after the run;
    `together`: how many times the work of one core all cores do together.
    """

    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    python: str = field(default_factory=platform.python_version)
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    load_after: float = 0.0
    together: float = 0.0


@dataclass
class Figures:
    """The figures of a run. `messages`: how many waited in the broker for each drain; `missing`: the gateways
    that cannot run here.
    """

    messages: int
    machine: Machine = field(default_factory=Machine)
    limits: dict[str, Limit | NotMeasured] = field(default_factory=dict)
    gateways: dict[str, Row | NotMeasured] = field(default_factory=dict)
    live: dict[str, LiveRun | NotMeasured] = field(default_factory=dict)

    def row(self, name: str) -> Row:
        """The row of a gateway, or an empty one if it cannot run here."""
        row = self.gateways.get(name)
        return row if isinstance(row, Row) else Row()

    def as_dict(self) -> dict[str, object]:
        return {
            "machine": asdict(self.machine),
            "messages": self.messages,
            "limits": {name: limit.as_dict() for name, limit in self.limits.items()},
            "gateways": {name: row.as_dict() for name, row in self.gateways.items()},
            "live": {name: run.as_dict() for name, run in self.live.items()},
        }
