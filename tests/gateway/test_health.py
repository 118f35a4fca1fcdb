"""What a gateway says of itself when several of its loops meet one trouble."""

import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest

from devices.access.database import RegistryAway
from devices.salvage import why
from gateway.health import Health
from gateway.ingest.faults import Faults
from gateway.ingest.spool import Spool
from gateway.ingest.spoolfile import Room, SpoolFull
from gateway.instance import files, trouble
from gateway.stores.store import RetryLater


@pytest.fixture
def full(tmp_path):
    """SQLite's own error of a full file."""
    with closing(sqlite3.connect(tmp_path / "full.sqlite", isolation_level=None)) as db:
        db.execute("PRAGMA max_page_count=1")
        with pytest.raises(sqlite3.OperationalError) as failed:
            db.execute("CREATE TABLE one(a)")
    return why(failed.value)


def said(tmp_path, *pipeline, answers=None, room=None):
    """The gateway's own words, with troubles of the pipeline's loops and of the answers to commands."""
    own = files(tmp_path, "gateway-1")
    with closing(Spool(own.spool, room or Room())) as spool:
        receiver = SimpleNamespace(beat=lambda: None, trouble=None, silence=0.0)
        loops, answered = SimpleNamespace(troubles=list(pipeline)), SimpleNamespace(trouble=answers)
        health = Health(own, receiver, spool, loops, (answered,), Faults())
        health.look()
    return trouble(own, "en")


def test_a_full_disk_is_named_once_whatever_could_not_be_written(tmp_path, full, caplog):
    disk = SpoolFull("spool.disk", path="/data/spool", free=3, keep=200)
    spool, store = (
        SpoolFull("spool.unwritable", path="/data/spool", why=full),
        RetryLater("store.file", why=full),
    )
    assert said(tmp_path, disk, store, answers=spool) == str(disk)
    assert said(tmp_path, store, spool, answers=disk) == str(store)
    assert said(tmp_path, answers=spool) == str(spool)
    assert said(tmp_path, disk, answers=RegistryAway("enrol.away", error=full)) == str(disk)
    assert caplog.text == ""
    alone = said(tmp_path, answers=spool, room=Room(free=2**60))  # the look at the spool finds it, too
    assert alone.count("HOIQUAN_SPOOL_FREE_MB") == 1 and str(spool) not in alone
    assert "the spool takes nothing: the disk of the spool /" in caplog.text, "public pages do not name it"


def test_other_troubles_are_all_named_and_each_once(tmp_path, full):
    away, other = RegistryAway("enrol.away", error="no route"), RetryLater("store.silent", error="refused")
    assert said(tmp_path, other, away, answers=away) == f"{other}; {away}"
    busy = SpoolFull("spool.unwritable", path="/data/spool", why="locked")
    assert said(tmp_path, busy, RetryLater("store.file", why=full)).startswith(str(busy) + "; ")
