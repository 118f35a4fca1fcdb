"""The spool: every message is on disk before the gateway acknowledges it to the broker.

One SQLite file (WAL, synchronous=FULL) holds the messages not yet delivered, the quarantine, the books and
the memory of each device. Messages are kept in segments, one row for a whole group commit: that costs one
insert, one fsync and one delete for thousands of messages. Answers to commands have a table of their own:
they go elsewhere, and neither they nor the readings wait for the other. A segment is deleted in the same
transaction that books its messages, files the refused ones and saves the devices' memories. A kill at any
moment thus leaves books that balance: received = stored + duplicate + quarantined + spooled.

The spool's size is bounded (`spoolfile.Room`): at the limit `append` refuses, so that nothing more is
acknowledged, while `settle` still works and makes room. `spoolfile` opens the file, and mends a damaged one.
"""

import logging
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from devices.access.acts import account
from devices.clock import now_ms
from devices.contract.payloads import MAX_BYTES
from devices.contract.topics import is_result
from gateway.ingest.message import (
    Books,
    Message,
    Outcome,
    Quarantined,
    Refusal,
    Replay,
    Segment,
    pack,
    unpack,
)
from gateway.ingest.spoolfile import QUARANTINE_BYTES, File, Room, open_file, open_to_read

log = logging.getLogger(__name__)
NAMED = 20  # messages of one replay whose ids are written down
NEWEST = 100  # refused messages of a topic among which a repetition is looked for
MARKS = 8192  # marks that are kept: more than a broker may have in flight (`receive.IN_FLIGHT`)

ROW_BYTES = 100  # about what a refused message takes on disk beside topic and payload
# Bytes of commits that are also kept in memory, so that a prompt delivery need not read them from disk. When
# deliveries fall behind and this is full, newer commits are not added: the oldest are delivered first.
AT_HAND_BYTES = 2**20
_SIZE = f"{ROW_BYTES}+length(CAST(topic AS BLOB))+length(payload)"


class Spool:
    """One gateway's spool. Safe to use from several threads; one process at a time writes messages."""

    def __init__(self, path: Path, room: Room | None = None, *, mend: bool = False) -> None:
        """Open or create the file; `mend` as in `spoolfile.open_file`."""
        self._set_up(File(path, open_file(path, mend=mend), room or Room()))
        with self._file.transaction() as db:
            db.execute(
                f"INSERT OR IGNORE INTO book SELECT ?, coalesce(sum({_SIZE}),0) FROM quarantine",
                (QUARANTINE_BYTES,),
            )

    @classmethod
    def to_read(cls, path: Path) -> Self:
        """Open read-only, beside a running gateway: methods that write raise sqlite3's error."""
        spool = cls.__new__(cls)
        spool._set_up(File(path, open_to_read(path), Room()))
        return spool

    def _set_up(self, file: File) -> None:
        self._file = file
        self._db = file.db
        self._lock = file.lock
        self._at_hand: dict[int, tuple[Sequence[Message], int]] = {}  # by commit: messages, and their bytes
        self._at_hand_bytes = 0  # of all of them
        self._last_pending = 0  # the newest commit that `pending` gave: nobody asks for it again

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def append(self, messages: Sequence[Message]) -> None:
        """Keep `messages`, in order, answers to commands apart; on return they survive a power cut. Raises
        SpoolFull, which names the file, the figure and the remedy, before the disk is full.
        """
        answers = [message for message in messages if is_result(message.topic)]
        rest = [message for message in messages if not is_result(message.topic)] if answers else messages
        body, apart = b"".join(pack(rest)), b"".join(pack(answers))
        with self._file.transaction():
            self._file.require(len(body) + len(apart))
            number = self._insert("segment", rest, body)
            self._insert("answer", answers, apart)
            self._book(received=len(messages))
        with self._lock:  # committed: the copy in memory is the same as on disk
            if number > self._last_pending and self._at_hand_bytes + len(body) <= AT_HAND_BYTES:
                self._at_hand[number] = rest, len(body)
                self._at_hand_bytes += len(body)

    def pending(self, limit: int, after: int = 0) -> Segment | None:
        """The oldest messages, in whole commits, until there are `limit` or more of them. `after`: only of
        the commits after that one.
        """
        ids: list[int] = []
        messages: list[Message] = []
        with self._lock:
            for (number,) in self._db.execute("SELECT id FROM segment WHERE id>? ORDER BY id", (after,)):
                ids.append(number)
                at_hand, size = self._at_hand.pop(number, ((), 0))
                self._at_hand_bytes -= size
                messages += at_hand or self._read(number)
                if len(messages) >= limit:
                    break
            self._last_pending = max(self._last_pending, *ids[-1:], 0)
        return Segment(tuple(ids), messages) if ids else None

    def answers(self) -> Segment | None:
        """The answers to commands of the oldest commit that has any."""
        with self._lock:
            row = self._db.execute("SELECT id FROM answer ORDER BY id LIMIT 1").fetchone()
            return None if row is None else Segment(row, self._read(row[0], "answer"), "answer")

    def settle(self, segment: Segment, outcome: Outcome) -> None:
        """End a segment: delete it, book its messages, file the refused ones, save the devices' memories, and
        append the answers to commands that it handed on. All or nothing.
        """
        with self._file.transaction() as db:
            # delete first: the freed pages take the new rows, so that this works on a full disk as well
            gone = [(number,) for number in segment.ids]
            db.executemany(f"DELETE FROM {segment.table} WHERE id=?", gone)
            self._insert("answer", outcome.handed, b"".join(pack(outcome.handed)))
            self._quarantine(outcome.refused)
            db.executemany(
                "INSERT INTO seen VALUES(?,?) ON CONFLICT DO UPDATE SET state=excluded.state",
                outcome.seen.items(),
            )
            if outcome.marks:
                db.executemany("INSERT INTO mark(mark) VALUES(?)", [(mark,) for mark in outcome.marks])
                db.execute("DELETE FROM mark WHERE id <= (SELECT max(id) FROM mark) - ?", (MARKS,))
            self._book(stored=outcome.stored, duplicate=outcome.duplicate, quarantined=len(outcome.refused))

    def filed(self, refused: Mapping[int, Refusal]) -> list[int]:
        """Which of these retained messages need not be filed: the quarantine has the same one, refused for
        the same reason, among the newest of its topic. A broker repeats a retained message at every
        subscription.
        """
        with self._lock:
            return [
                place
                for place, (message, reason, _) in refused.items()
                if message.retained
                and self._db.execute(
                    "SELECT 1 FROM (SELECT payload, size, reason FROM quarantine WHERE topic=? "
                    "ORDER BY id DESC LIMIT ?) WHERE payload=? AND size=? AND reason=?",
                    (message.topic[:1000], NEWEST, message.payload[:MAX_BYTES], len(message.payload), reason),
                ).fetchone()
            ]

    def set_aside(self, refused: Sequence[Refusal]) -> None:
        """Quarantine messages that were booked as stored and cannot be handled after all. The books take them
        out of `stored`, or count them as received now (a diary event that came through another spool). A
        message that is in the quarantine for the same reason already is not filed again. Raises SpoolFull.
        """
        with self._file.transaction() as db:
            new = [
                one
                for one in refused
                if db.execute(
                    "SELECT 1 FROM quarantine WHERE topic=? AND payload=? AND reason=? AND replayed IS NULL",
                    (one.message.topic, one.message.payload, one.reason),
                ).fetchone()
                is None
            ]
            self._quarantine(new)
            row = db.execute("SELECT value FROM book WHERE name='stored'").fetchone()
            ours = min(len(new), row[0] if row else 0)
            self._book(received=len(new) - ours, stored=-ours, quarantined=len(new))

    def check(self) -> None:
        """Check that the spool takes messages now: write a count and sync it. Raises SpoolFull."""
        with self._file.transaction():
            self._file.require(4 * MAX_BYTES)  # room for some messages
            self._book(checks=1)

    def used(self) -> int:
        """Bytes in use, including the quarantine."""
        with self._lock:
            return self._file.used()

    def seen(self) -> dict[str, str]:
        """The memory of each device, as last settled."""
        with self._lock:
            return dict(self._db.execute("SELECT device, state FROM seen"))

    def marks(self) -> list[str]:
        """The newest marks of messages without number and time, oldest first, as last settled."""
        with self._lock:
            return [mark for (mark,) in self._db.execute("SELECT mark FROM mark ORDER BY id")]

    def books(self) -> Books:
        """The books, read in one transaction."""
        with self._lock:
            self._db.execute("BEGIN")  # a consistent snapshot that does not block writers
            try:
                count: Mapping[str, int] = dict(self._db.execute("SELECT name, value FROM book"))
                # a file of an earlier version, opened read-only, has only one of these tables
                tables = self._db.execute("SELECT name FROM sqlite_master WHERE name IN ('segment','answer')")
                waiting = " UNION ALL ".join(f"SELECT messages, arrived FROM {name}" for (name,) in tables)
                spooled, oldest = self._db.execute(
                    f"SELECT coalesce(sum(messages),0), min(arrived) FROM ({waiting})"
                ).fetchone()
            finally:
                self._db.execute("COMMIT")
        return Books(
            count.get("received", 0),
            count.get("stored", 0),
            count.get("duplicate", 0),
            count.get("quarantined", 0),
            spooled,
            oldest,
            count.get("forgotten", 0),
        )

    def quarantined(self, limit: int = 100, before: int = 2**62) -> list[Quarantined]:
        """Refused messages, newest first, with ids below `before`."""
        with self._lock:
            rows = self._db.execute(
                "SELECT id, arrived, topic, payload, size, reason, field, replayed FROM quarantine "
                "WHERE id < ? ORDER BY id DESC LIMIT ?",
                (before, limit),
            ).fetchall()
        return [Quarantined(*row) for row in rows]

    def release(self, ids: Iterable[int]) -> int:
        """Put refused messages back to be tried again; returns how many. One transaction moves them from
        `quarantined` to `spooled` in the books and records who did it. A message whose payload was cut to fit
        stays in the quarantine.
        """
        released: list[int] = []
        with self._file.transaction() as db:
            for number in ids:
                row = db.execute(
                    "SELECT topic, payload, arrived FROM quarantine "
                    "WHERE id=? AND replayed IS NULL AND size=length(payload)",
                    (number,),
                ).fetchone()
                if row is None:
                    continue
                topic, payload, arrived = row
                message = Message(topic, payload, arrived, replayed=True)
                table = "answer" if is_result(message.topic) else "segment"
                self._insert(table, [message], b"".join(pack([message])))
                db.execute("UPDATE quarantine SET replayed=? WHERE id=?", (now_ms(), number))
                self._book(quarantined=-1)
                released.append(number)
            if released:
                db.execute(
                    "INSERT INTO replay SELECT max(?, coalesce(max(time), 0) + 1), ?, ?, ? FROM replay",
                    (now_ms(), account(), ", ".join(map(str, released[:NAMED])), len(released)),
                )
        return len(released)

    def replays(self, since: int) -> list[Replay]:
        """The replays since epoch ms `since`, the oldest first."""
        with self._lock:
            if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name='replay'").fetchone():
                return []  # a file of an earlier version, opened read-only
            rows = self._db.execute(
                "SELECT time, who, ids, messages FROM replay WHERE time>=? ORDER BY time", (since,)
            ).fetchall()
        return [Replay(*row) for row in rows]

    def reasons(self, since: int) -> dict[tuple[str, str], int]:
        """How many messages that arrived since epoch ms `since` were refused, by reason and field, the
        most frequent first. Looks at the newest 10,000.
        """
        with self._lock:
            rows = self._db.execute(
                "SELECT reason, field, count(*) FROM "
                "(SELECT reason, field, arrived FROM quarantine ORDER BY id DESC LIMIT 10000) "
                "WHERE arrived >= ? GROUP BY reason, field ORDER BY count(*) DESC",
                (since,),
            ).fetchall()
        return {(reason, field): number for reason, field, number in rows}

    def forget(self, before: int, most: int, limit: int = 500) -> int:
        """Delete the oldest refused messages: those that arrived before epoch ms `before`, and those that
        exceed `most` bytes; at most `limit` of them. Returns how many. The books go on counting them as
        quarantined, and also count those that were never released as forgotten.
        """
        with self._file.transaction() as db:
            (held,) = db.execute("SELECT value FROM book WHERE name=?", (QUARANTINE_BYTES,)).fetchone()
            gone: list[tuple[int]] = []
            size = unreleased = 0
            rows = db.execute(
                f"SELECT id, arrived, {_SIZE}, replayed IS NULL FROM quarantine ORDER BY id LIMIT ?", (limit,)
            ).fetchall()
            for number, arrived, bytes_, waiting in rows:
                if arrived >= before and held - size <= most:
                    break
                gone.append((number,))
                size += bytes_
                unreleased += waiting
            db.executemany("DELETE FROM quarantine WHERE id=?", gone)
            self._book(forgotten=unreleased, **{QUARANTINE_BYTES: -size})
        return len(gone)

    def _insert(self, table: str, messages: Sequence[Message], body: bytes) -> int:
        """Insert a row of messages, if there are any; returns its id, or 0."""
        if not messages:
            return 0
        row = len(messages), messages[0].arrival, body
        cursor = self._db.execute(f"INSERT INTO {table}(messages, arrived, body) VALUES(?,?,?)", row)
        return cursor.lastrowid or 0

    def _read(self, number: int, table: str = "segment") -> list[Message]:
        arrived, size, body = self._db.execute(
            f"SELECT arrived, messages, body FROM {table} WHERE id=?", (number,)
        ).fetchone()
        messages: list[Message] = []
        try:
            messages += unpack(body)
        except (struct.error, ValueError, TypeError) as error:
            log.error("commit %d of the spool is damaged (%s): what is left of it is refused", number, error)  # noqa: TRY400
        # pad to the number that was booked, so that the books balance
        lost = (Message("damaged", bytes(body or b""), arrived) for _ in range(size - len(messages)))
        return [*messages, *lost]

    def _quarantine(self, refused: Iterable[Refusal]) -> None:
        rows = [
            (m.arrival, m.topic[:1000], m.payload[:MAX_BYTES], len(m.payload), reason, field)
            for m, reason, field in refused
        ]
        self._db.executemany(
            "INSERT INTO quarantine(arrived, topic, payload, size, reason, field) VALUES(?,?,?,?,?,?)", rows
        )
        self._book(**{QUARANTINE_BYTES: sum(ROW_BYTES + len(row[1].encode()) + len(row[2]) for row in rows)})

    def _book(self, **counts: int) -> None:
        self._db.executemany(
            "INSERT INTO book VALUES(?,?) ON CONFLICT DO UPDATE SET value=value+excluded.value",
            [(name, count) for name, count in counts.items() if count],
        )
