"""Mosquitto's file of sessions and queues, which a full disk may cut off.

Mosquitto before 2.1 does not notice when the last block of the file does not fit on the disk: the cut file
replaces the whole one (`fflush` in persist__backup, persist_write.c of 2.0.22). It does not start with a file
that ends within a record, so here that record is taken off. What stands before it is used: messages first,
then each session with its queue.

    magic, 15 bytes │ checksum, version │ records: kind, length (4 bytes each, big endian), content
"""

import logging
import os
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)
FILE = "mosquitto.db"
MAGIC = b"\x00\xb5\x00mosquitto db"
VERSIONS = (5, 6)  # with the record heads above; 2.0 writes 6
_HEAD = 8  # bytes of a record's kind and length


def mend(path: Path) -> None:
    """Take off the record within which the file ends, if it ends within one. A file that is damaged otherwise
    stays as it is: Mosquitto says what it does not understand. Raises OSError.
    """
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return
    with file:
        size = os.fstat(file.fileno()).st_size
        whole = _whole(file, size)
        if 0 < size == whole:
            return
        log.error(
            "%s was cut off, as happens on a full disk: %d of its %d bytes are used. Messages that the "
            "broker held may be lost; `hoiquan doctor` counts those of devices that number theirs",
            path, whole, size,
        )  # fmt: skip
        file.truncate(whole)


def _whole(file: BinaryIO, size: int) -> int:
    """How many bytes of the file stand before the record within which it ends."""
    begin = len(MAGIC) + 8
    head = file.read(begin)
    if len(head) < begin:
        return 0 if head.startswith(MAGIC[: len(head)]) else size
    if not head.startswith(MAGIC) or int.from_bytes(head[-4:], "big") not in VERSIONS:
        return size
    place = begin
    while len(record := file.read(_HEAD)) == _HEAD:
        end = place + _HEAD + int.from_bytes(record[4:], "big")
        if end > size:
            break
        place = file.seek(end)
    return place
