"""A node's measurements over a span of time, as columns."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.physics.streams import Array, Index

Mask = npt.NDArray[np.bool_]

NO_CLOCK = -1  # stands for a message without a timestamp


class Span(NamedTuple):
    """A node's measurements over a span of time: `times` (epoch ms), and `values` by signal.

    `claims` are the node's own timestamps (NO_CLOCK: none). `arrives` and `again` are the epoch ms at which a
    message comes, and comes a second time (0: it does not). The three are None if there are no faults.
    """

    times: Index
    values: dict[str, Array]
    claims: Index | None = None
    arrives: Index | None = None
    again: Index | None = None

    def where(self, mask: Mask) -> "Span":
        """Return the rows chosen by `mask`; for a node with faults."""
        assert self.claims is not None and self.arrives is not None and self.again is not None
        values = {name: column[mask] for name, column in self.values.items()}
        return Span(self.times[mask], values, self.claims[mask], self.arrives[mask], self.again[mask])
