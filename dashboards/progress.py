"""How the targets stand: read once for the overview and for the open data.

store ─► Progress ─► Kept ─► lately ─┬─► pages/overview.py
                                     └─► opendata: indicators
"""

from dataclasses import dataclass

from dashboards.figures import Figures, Indicator, Standing
from dashboards.kept import Kept


@dataclass(frozen=True, eq=False)  # hashed by identity, so that caches can key what they derive on it
class Progress:
    """As of epoch ms `at`: how the targets stand, who counts, and the gateways' books."""

    at: int
    indicators: list[Indicator]
    standing: dict[str, Standing]
    books: dict[str, int]

    @classmethod
    def read(cls, figures: Figures) -> "Progress":
        """Read it as of now. Raises RetryLater."""
        now = figures.now()
        indicators = figures.indicators(now)
        return cls(now, indicators, figures.standing(now, indicators), figures.books(now))


def kept(figures: Figures) -> Kept[Progress]:
    """The progress, read in the background for all who show it."""
    return Kept(lambda: Progress.read(figures))


def lately(figures: Figures, progress: Kept[Progress]) -> Progress:
    """The progress that was read in the background. It is read here where there is none yet (nobody waits for
    the first), and where nothing was counted by then (the first count is shown at once). Raises RetryLater.
    """
    known = progress.known()
    return known if known is not None and known.indicators else Progress.read(figures)
