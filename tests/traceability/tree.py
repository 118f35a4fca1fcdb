"""A log in a folder, its entries, and the bytes that its files must contain."""

from pathlib import Path

from traceability.tlog.log import Log
from traceability.tlog.merkle import leaf_hash, root, root_of_hashes
from traceability.tlog.note import Signer, open_note
from traceability.tlog.proof import Checkpoint
from traceability.tlog.tiles import tile_path

ORIGIN = "hoiquan.example/log"
SIGNER = Signer.from_seed(ORIGIN, bytes(range(32)))
VERIFIER = SIGNER.verifier


def opened(directory: Path) -> Log:
    return Log.open(directory, SIGNER, ORIGIN)


def lots(start: int, stop: int) -> list[bytes]:
    return [f"lot {number}".encode() * (number % 5) for number in range(start, stop)]


def check(directory: Path, entries: list[bytes]) -> None:
    """Check the files without this project's reader, by RFC 6962 and C2SP tlog-tiles alone."""
    text, _ = open_note((directory / "checkpoint").read_bytes(), [VERIFIER])
    head = Checkpoint.parse(text)
    assert (head.origin, head.size, head.root) == (ORIGIN, len(entries), root(entries))
    for number in range(-(-len(entries) // 256)):
        chunk = entries[number * 256 : (number + 1) * 256]
        bundle = b"".join(len(entry).to_bytes(2, "big") + entry for entry in chunk)
        assert (directory / tile_path("entries", number, len(chunk))).read_bytes() == bundle
    hashes = [leaf_hash(entry) for entry in entries]
    level = 0
    while hashes:
        for number in range(-(-len(hashes) // 256)):
            tile = hashes[number * 256 : (number + 1) * 256]
            assert (directory / tile_path(level, number, len(tile))).read_bytes() == b"".join(tile)
        full = len(hashes) // 256
        hashes = [root_of_hashes(hashes[n * 256 : (n + 1) * 256]) for n in range(full)]
        level += 1


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]
