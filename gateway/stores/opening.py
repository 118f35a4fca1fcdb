"""Opens the store: InfluxDB where HOIQUAN_INFLUX_URL names one, else a file of the data folder."""

from collections.abc import Iterator
from contextlib import contextmanager

from devices.settings import Settings
from gateway.stores.store import Store

FILE = "store.sqlite"  # in the data folder


@contextmanager
def open_store(settings: Settings, *, mend: bool = False) -> Iterator[Store]:
    """The store that the settings name, until the end of the block. `mend`: see `storefile.StoreFile`."""
    store: Store
    if settings.influx_url:
        from gateway.stores.influx import InfluxStore

        token = settings.influx_token.get_secret_value()
        store = InfluxStore(
            settings.influx_url, token, settings.influx_org, settings.influx_bucket,
            lambda: settings.again("influx_token") or token,
        )  # fmt: skip
    else:
        from gateway.stores.sqlite import SqliteStore

        store = SqliteStore(settings.data / FILE, mend=mend)
    try:
        yield store
    finally:
        store.close()
