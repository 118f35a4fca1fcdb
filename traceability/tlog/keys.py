"""The log's public keys over time: which key signed trees of which sizes.

A line a key, the newest last: `name+keyid+key first last since`. `first` and `last` are sizes of the tree,
for a checkpoint has no time that could be believed; `last` is `-` for the key in use, and `since` is the day
on which it began, for people. A line with nothing but the key trusts it for every size.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from devices.files import sync_directory, write_all
from traceability.tlog.log import Log
from traceability.tlog.note import NoteError, Signer, Verifier


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key, the sizes of the trees it signed, both included, and the day it began (YYYY-MM-DD or "")."""

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
    """The keys of a list, or of a file with one key alone. Raises NoteError."""
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
    """The list of these keys."""
    return "".join(key.line for key in keys)


def note_current(path: Path, verifier: Verifier, size: int, today: date) -> None:
    """Make the list at `path` end in the key that signs from `size` on; nothing if it does already."""
    listed = list(parse(path.read_text("utf-8"))) if path.exists() else []
    if listed and listed[-1].verifier == verifier:
        return
    if listed:
        listed[-1] = replace(listed[-1], last=size)
    listed.append(LogKey(verifier, size if listed else 0, None, today.isoformat()))
    write_all({path: write(listed).encode()})


def rotate(folder: Path, origin: str, today: date) -> LogKey:
    """Give the log below `folder` a new key, and forget the old private one. Returns the new key.

        new key file ─► head signed by both ─► it becomes log.key ─► list

    Each step may be repeated after a crash. Raises LogBusy while the log is written.
    """
    private, coming = folder / "log.key", folder / "log.key.next"
    if not private.exists():
        raise NoteError(f"there is no {private} to replace; the gateway makes one when it starts")
    old = Signer.from_file(private, origin)
    with Log.open(folder / "log", old, origin) as log:
        new = Signer.from_file(coming, origin)
        log.hand_over(new)
        coming.replace(private)
        sync_directory(folder)
        (folder / "log.vkey").write_text(new.verifier.vkey + "\n", "utf-8")
        note_current(folder / "log.keys", new.verifier, log.size, today)
    return parse((folder / "log.keys").read_text("utf-8"))[-1]
