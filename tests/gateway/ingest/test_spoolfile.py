"""A spool on a full disk, at its limit, torn and damaged: earlier messages are kept."""

import sqlite3

import pytest

from gateway.ingest.message import Outcome, Refusal
from gateway.ingest.spool import Spool
from gateway.ingest.spoolfile import MB, WAL_BYTES, Room, SpoolDamaged, SpoolFull
from tests.gateway.spooled import counts, message, refuse


@pytest.fixture
def narrow(impatient, tmp_path):
    """A spool on a nearly full disk, and a function that sets how many more pages fit."""
    spool = Spool(tmp_path / "spool.sqlite")
    connection = impatient[0]

    def room(pages):
        (used,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={used + pages}")

    yield spool, room
    spool.close()


def test_a_full_disk_keeps_nothing_of_a_commit_and_all_before_it(narrow):
    spool, room = narrow
    spool.append([message(1)])
    room(2)
    with pytest.raises(SpoolFull) as full:
        spool.append([message(n, b"y" * 10_000) for n in range(2, 10)])
    assert str(full.value)
    assert counts(spool) == (1, 0, 0, 0, 1)
    assert spool.pending(9).messages == [message(1)]
    room(1000)
    spool.append([message(2)])
    assert counts(spool) == (2, 0, 0, 0, 2)


def test_a_full_disk_while_settling_leaves_the_segment(narrow):
    spool, room = narrow
    messages = [message(n, b"z" * 10_000) for n in range(5)]
    spool.append(messages)
    room(1)
    outcome = Outcome(
        stored=1, refused=[Refusal(m, "not_json", "") for m in messages[1:]], seen={"d": "s" * 50_000}
    )
    with pytest.raises(SpoolFull):
        spool.settle(spool.pending(9), outcome)
    assert counts(spool) == (5, 0, 0, 0, 5)
    assert spool.seen() == {}
    assert spool.quarantined() == []
    room(1000)
    spool.settle(spool.pending(9), outcome)
    assert counts(spool) == (5, 1, 0, 4, 0)


def test_a_spool_that_another_process_holds_is_tried_again(impatient, tmp_path):
    """`hoiquan quarantine replay` may hold it for a moment beside a running gateway."""
    spool = Spool(tmp_path / "spool.sqlite")
    other = sqlite3.connect(tmp_path / "spool.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SpoolFull):
        spool.append([message(1)])
    other.execute("ROLLBACK")
    spool.append([message(1)])
    assert counts(spool) == (1, 0, 0, 0, 1)
    other.close()
    spool.close()


# -- the limit of a spool's size


def test_a_spool_that_holds_what_it_may_takes_no_more_until_some_has_left(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite", Room(most=2 * MB))
    payload, taken = b"p" * 10_000, 0
    with pytest.raises(SpoolFull) as full:
        while True:
            spool.append([message(taken, payload)])
            taken += 1
    said = str(full.value)
    assert str(tmp_path / "spool.sqlite") in said
    assert "of the 2 MB" in said
    assert "HOIQUAN_SPOOL_MAX_MB" in said
    assert 150 < taken < 210, "close to the mark, and not over it"
    assert counts(spool) == (taken, 0, 0, 0, taken)
    size = (tmp_path / "spool.sqlite").stat().st_size
    for _ in range(20):  # settled messages make room for as many new ones, in a file that does not grow
        spool.settle(spool.pending(50), Outcome(stored=50))
        for _ in range(50):
            spool.append([message(taken, payload)])
        with pytest.raises(SpoolFull):
            spool.append([message(taken, payload)] * 8)
    assert counts(spool) == (taken + 1000, 1000, 0, 0, taken)
    assert (tmp_path / "spool.sqlite").stat().st_size <= max(size, 2 * MB + 100_000)
    spool.close()


def test_at_the_mark_all_is_settled_even_where_all_is_refused(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite", Room(most=MB))
    messages = [message(n, b"r" * 9_000) for n in range(100)]
    spool.append(messages)
    with pytest.raises(SpoolFull):
        spool.append(messages)
    with pytest.raises(SpoolFull):
        spool.append([message(n, b"r" * 200_000) for n in range(2)])
    refused = [Refusal(m, "not_json", "") for m in messages]
    spool.settle(spool.pending(1000), Outcome(refused=refused, seen={"d": "s" * 50_000}, marks=["m"]))
    assert counts(spool) == (100, 0, 0, 100, 0)
    spool.append(messages)  # taken although too large: nothing waits, so nothing could leave to make room
    assert counts(spool) == (200, 0, 0, 100, 100)
    spool.close()


def test_the_disk_keeps_free_what_it_should(tmp_path):
    """The spool must leave more of the disk free than any disk has, so it takes nothing."""
    spool = Spool(tmp_path / "spool.sqlite", Room(free=10**18))
    with pytest.raises(SpoolFull) as full:
        spool.append([message(1)])
    assert str(tmp_path / "spool.sqlite") in str(full.value)
    assert "HOIQUAN_SPOOL_FREE_MB" in str(full.value)
    assert counts(spool) == (0, 0, 0, 0, 0)
    spool.close()
    spool = Spool(tmp_path / "spool.sqlite")
    spool.append([message(n, b"f" * 10_000) for n in range(100)])
    spool.settle(spool.pending(1), Outcome(stored=100))
    spool.close()
    spool = Spool(tmp_path / "spool.sqlite", Room(free=10**18))
    # into the room that the settled messages left
    spool.append([message(n, b"f" * 10_000) for n in range(50)])
    with pytest.raises(SpoolFull):
        spool.append([message(n, b"f" * 10_000) for n in range(100)])
    spool.settle(spool.pending(1), Outcome(stored=50))
    spool.check()
    assert counts(spool) == (150, 150, 0, 0, 0)
    spool.close()


def test_the_write_ahead_log_does_not_grow_with_what_passes(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite")
    for _ in range(20):
        spool.append([message(n, b"w" * 1000) for n in range(4000)])
        spool.settle(spool.pending(1), Outcome(stored=4000))
    assert (tmp_path / "spool.sqlite-wal").stat().st_size <= WAL_BYTES
    assert (tmp_path / "spool.sqlite").stat().st_size < 20 * MB, "80 MB went through"
    spool.close()


# -- damage


def copied(path, folder):
    """File and log of a spool that is still open, as a power cut would leave them."""
    folder.mkdir()
    for end in ("", "-wal"):
        if path.with_name(path.name + end).exists():
            (folder / (path.name + end)).write_bytes(path.with_name(path.name + end).read_bytes())
    return folder / path.name


def test_a_torn_last_commit_is_left_out_and_all_before_it_kept(tmp_path):
    path = tmp_path / "spool.sqlite"
    spool = Spool(path)
    log = path.with_name("spool.sqlite-wal")
    ends = []
    for n in range(5):
        spool.append([message(n, b"t" * 9000)])
        ends.append(log.stat().st_size)
    frame = 4096 + 24
    for place, (kept, end) in enumerate(
        [
            (5, ends[4]),
            (4, ends[4] - 1),
            (4, ends[4] - frame // 2),
            (4, ends[3] + frame + 7),
            (3, ends[3] - 100),
        ]
    ):
        torn = copied(path, tmp_path / f"torn-{place}")
        with torn.with_name("spool.sqlite-wal").open("r+b") as file:
            file.truncate(end)
        again = Spool(torn, mend=True)
        assert counts(again) == (kept, 0, 0, 0, kept)
        assert again.pending(99).messages == [message(n, b"t" * 9000) for n in range(kept)]
        again.append([message(7)])
        assert not list(torn.parent.glob("*damaged*"))
        again.close()
    spool.close()


def test_of_a_damaged_file_all_is_kept_that_can_be_read(tmp_path, caplog):
    path = tmp_path / "spool.sqlite"
    spool = Spool(path)
    refuse(spool, [message(n, b"q" * 500) for n in range(20)])
    for n in range(100):
        spool.append([message(n, b"%03d" % n * 10_000)])
    spool.settle(spool.pending(10), Outcome(stored=10, seen={"d1": "one"}, marks=["m"]))
    spool.close()
    data = bytearray(path.read_bytes())
    at = data.find(b"050" * 1000) // 4096 * 4096
    data[at : at + 4096] = b"\xff" * 4096  # a bad block in the middle of a message
    at = data.find(b"060" * 1000) // 4096 * 4096
    data[at : at + 8] = b"\xff" * 8
    path.write_bytes(data)
    with pytest.raises(SpoolDamaged, match="start its gateway"):
        Spool(cut(tmp_path / "header", data))
    again = Spool(path, mend=True)
    kept = [int(m.payload[:3]) for m in again.pending(10**6).messages]
    assert len(kept) >= 88
    assert set(kept) <= set(range(10, 100))
    books = again.books()
    assert (books.received, books.stored, books.quarantined) == (120, 10, 20)
    assert books.balanced is (len(kept) == 90)
    assert len(again.quarantined()) == 20
    assert again.seen() == {"d1": "one"}
    assert again.marks() == ["m"]
    assert len(list(tmp_path.glob("spool.sqlite.damaged-*[0-9]"))) == 1
    assert "can be read" in caplog.text
    again.append([message(1)])
    again.close()
    Spool(path, mend=True).close()
    assert len(list(tmp_path.glob("spool.sqlite.damaged-*[0-9]"))) == 1, "mended once"


def cut(folder, data):
    """A file whose first page is missing."""
    folder.mkdir()
    (folder / "spool.sqlite").write_bytes(b"\xff" * 4096 + data[4096:])
    return folder / "spool.sqlite"


def test_a_file_that_is_none_is_put_aside_for_a_new_one(tmp_path):
    path = cut(tmp_path / "none", b"")
    spool = Spool(path, mend=True)
    spool.append([message(1)])
    assert counts(spool) == (1, 0, 0, 0, 1)
    spool.close()
    (aside,) = path.parent.glob("spool.sqlite.damaged-*[0-9]")
    assert aside.read_bytes() == b"\xff" * 4096


def test_a_format_that_is_none_is_a_damage(tmp_path):
    path = tmp_path / "spool.sqlite"
    Spool(path).close()
    with path.open("r+b") as file:
        file.seek(47)
        file.write(b"\xa5")
    Spool(path, mend=True).close()
    assert len(list(tmp_path.glob("spool.sqlite.damaged-*[0-9]"))) == 1


def test_a_mend_that_was_cut_off_at_its_last_step_is_finished(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite.new")
    spool.append([message(1)])
    spool.close()
    spool = Spool(tmp_path / "spool.sqlite", mend=True)
    assert counts(spool) == (1, 0, 0, 0, 1)
    spool.close()


def test_a_folder_where_none_can_be_made_is_named(tmp_path):
    (tmp_path / "spool.sqlite").mkdir()
    with pytest.raises(OSError, match=r"spool\.sqlite cannot be opened") as shut:
        Spool(tmp_path / "spool.sqlite")
    said = shut.value.sentence("vi")
    assert said.startswith("không mở được hàng đợi") and "hãy xem tệp, thư mục và quyền" in said
