"""The newest values of a large store, kept in a file for the next start.

    start ─► take: the file's values ─► Newest: the points since ─► all values, a minute later
    all values read ─► keep: the file

For fourteen thousand devices InfluxDB takes four seconds for all values. Without the file, each start would
make people wait for them, and each page of a place would ask for its own meanwhile.
"""

import hashlib
import logging
from pathlib import Path

from pydantic_core import from_json, to_json

from devices.clock import HOUR_MS
from devices.errors import CONTENT
from devices.files import mend, replace
from gateway.stores.newest import Newest

log = logging.getLogger(__name__)
FORMAT = 1
OLDEST_MS = HOUR_MS  # of a file that is used: the points since an older one are too many to be read quickly


class NewestFile:
    """The file of one Newest. `source` names the store that the values are from: values from another one are
    not used. A file that is missing, damaged or old is ignored, and one that cannot be written is logged.
    """

    def __init__(self, path: Path, source: str, newest: Newest) -> None:
        # hashed, since an address may hold a password, and the file is no secret
        self._path, self._source = path, hashlib.sha256(source.encode()).hexdigest()
        self._newest = newest
        self._failed = False

    def take(self, at: int) -> None:
        """Start from the file's values if they are from the hour before epoch ms `at`."""
        try:
            kept = from_json(self._path.read_bytes())
            if [kept["format"], kept["source"]] != [FORMAT, self._source]:
                return
            if not 0 <= at - kept["looked"] <= OLDEST_MS:
                return
            series = {
                tuple((str(name), str(value)) for name, value in tags): {
                    str(name): (int(time), value) for name, (time, value) in fields.items()
                }
                for tags, fields in kept["series"]
            }
            self._newest.resume(series, int(kept["looked"]))
        except FileNotFoundError:
            return
        except (OSError, *CONTENT) as error:
            log.info("the newest values in %s are not used: %s", self._path, error)

    def keep(self) -> None:
        """Write the file if all values were read since the last time."""
        unsaved = self._newest.unsaved()
        if unsaved is None:
            return
        series, looked = unsaved
        kept = {"format": FORMAT, "source": self._source, "looked": looked, "series": [*series.items()]}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace(self._path, to_json(kept))
            self._failed = False
        except OSError as error:  # a full disk: the pages go on
            if not self._failed:
                log.warning("the newest values are not kept for the next start: %s", mend(error))
            self._failed = True
