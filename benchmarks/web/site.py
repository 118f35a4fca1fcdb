"""The pages over a filled store, at the time when it was filled."""

import time

from dashboards.pages.check import Verdict
from dashboards.site import opened, site
from devices.settings import Settings
from devices.web import patience
from gateway.stores.store import Store


def show(settings: Settings, store: Store, port: int, now: int) -> None:
    """Serve the pages over a store until the process is ended; their clock begins at epoch ms `now`."""
    figures = opened(settings, store)
    begun = time.monotonic()
    figures.now = lambda: now + round(1000 * (time.monotonic() - begun))
    shown = site(settings, figures, lambda *_: Verdict(True, []), ())
    patience.serve(shown, "127.0.0.1", port)
