"""The log's public keys over time: which key signed trees of which sizes.

The key list has one line a key, the newest last: `name+keyid+key first last since`. `first` and `last` are
tree sizes and not times, because a checkpoint carries no time that can be trusted. `last` is `-` for the key
in use. `since` is the day on which the key came into use; only people read it. A line with nothing but a key
trusts that key for every size.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from devices import files
from traceability.tlog.log import Log
from traceability.tlog.note import NoteError, Signer, Verifier


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key, the tree sizes it signed (`first` and `last` included), and its first day (YYYY-MM-DD or "")."""

    verifier: Verifier
    first: int = 0
    last: int | None = None
    since: str = ""

    def signed(self, size: int) -> bool:
        return self.first <= size and (self.last is None or size <= self.last)

    @property
    def line(self) -> str:
        last = "-" if self.last is None else self.last
        return f"{self.verifier.vkey} {self.first} {last} {self.since or '-'}\n"


def parse(text: str) -> tuple[LogKey, ...]:
    """Parse a key list, or a file with a single key. Raises NoteError."""
    keys = []
    for line in text.splitlines():
        fields = line.split()
        if not fields or line.startswith("#"):
            continue
        verifier = Verifier.parse(fields[0])
        if len(fields) == 1:
            keys.append(LogKey(verifier))
            continue
        try:
            first, last, since = fields[1:]
            keys.append(LogKey(verifier, int(first), None if last == "-" else int(last), since))
        except ValueError:
            raise NoteError(f"a line of the key list is not `key first last since`: {line[-60:]!r}") from None
    if not keys:
        raise NoteError("there is no key in the key file")
    return tuple(keys)


def write(keys: Sequence[LogKey]) -> str:
    """Format these keys as a key list."""
    return "".join(key.line for key in keys)


def note_current(path: Path, verifier: Verifier, size: int, today: date) -> None:
    """Make `verifier`, signing from `size` on, the last key of the list at `path`, unless it is already."""
    listed = list(parse(path.read_text("utf-8"))) if path.exists() else []
    if listed and listed[-1].verifier == verifier:
        return
    if listed:
        listed[-1] = replace(listed[-1], last=size)
    listed.append(LogKey(verifier, size if listed else 0, None, today.isoformat()))
    files.replace(path, write(listed))


def show(folder: Path, verifier: Verifier) -> None:
    """Write the key in use to `log.vkey`, unless it stands there: a full disk keeps nobody from starting."""
    path, content = folder / "log.vkey", f"{verifier.vkey}\n".encode()
    if not path.exists() or path.read_bytes() != content:
        files.replace(path, content)


def rotate(folder: Path, origin: str, today: date) -> LogKey:
    """Give the log below `folder` a new key and delete the old private key. Returns the new key.

        new key file ─► head signed by both ─► the new file replaces log.key ─► key list

    Each step may be repeated after a crash. Raises LogBusy while another process writes the log.
    """
    private, coming = folder / "log.key", folder / "log.key.next"
    if not private.exists():
        raise NoteError(f"there is no {private} to replace; the gateway makes one when it starts")
    old = Signer.from_file(private, origin)
    with Log.open(folder / "log", old, origin) as log:
        new = Signer.from_file(coming, origin)
        log.hand_over(new)
        coming.replace(private)
        files.sync_directory(folder)
        show(folder, new.verifier)
        note_current(folder / "log.keys", new.verifier, log.size, today)
    return parse((folder / "log.keys").read_text("utf-8"))[-1]
