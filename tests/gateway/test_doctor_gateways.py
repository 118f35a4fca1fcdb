"""`hoiquan doctor` where a second gateway was tried, alone and beside a `hoiquan up`."""

import json
import os
import time
from contextlib import closing
from pathlib import Path

from typer.testing import CliRunner

import hoiquan
from devices.installation import tell
from devices.settings import RUNNING
from gateway.ingest.message import Message, Outcome, Refusal
from gateway.ingest.spool import Spool
from gateway.instance import claimed, files
from tests.gateway.test_doctor import bare
from tests.servers import mosquitto, until
from tests.system.running import Running, command

assert bare  # a fixture of each test: no server at the default ports

DAY = 86_400


def told(folder, instance):
    """The doctor's finding about the running of that gateway."""
    shown = CliRunner().invoke(hoiquan.app, ["doctor", "--data", str(folder), "--json", "--lang", "en"])
    found = [one for one in json.loads(shown.stdout) if one["part"] == "gateway"]
    (mine,) = [one for one in found if instance in one["sentence"]]
    return mine


def idle(spool, seconds):
    """Date the spool's files as if nothing had been written for so many seconds."""
    then = time.time() - seconds
    for path in (spool, Path(f"{spool}-wal")):
        if path.exists():
            os.utime(path, (then, then))


def test_a_gateway_that_was_tried_once_is_no_fault_for_ever(tmp_path):
    first, second = (files(tmp_path, name) for name in ("gateway-1", "gateway-2"))
    Spool(first.spool).close()
    with closing(Spool(second.spool)) as spool:
        refused = Message("t", b"x", 1)
        spool.append([refused])
        spool.settle(spool.pending(9), Outcome(refused=[Refusal(refused, "not_json", "")]))
    with claimed(first.lock, "gateway-1"):
        assert told(tmp_path, "gateway-2")["level"] == "bad", "it may be on its way back"
        idle(second.spool, 2 * DAY)
        left = told(tmp_path, "gateway-2")
        assert left["level"] == "warning" and "more than a day" in left["sentence"]
        assert str(second.spool) in left["mend"] and "refused" in left["mend"]
        with closing(Spool(second.spool)) as spool:
            spool.append([Message("t", b"y", 1)])
        idle(second.spool, 2 * DAY)
        assert told(tmp_path, "gateway-2")["level"] == "bad", "a message waits in it"
        second.spool.write_bytes(b"\xff" * 8192)
        idle(second.spool, 2 * DAY)
        assert told(tmp_path, "gateway-2")["level"] == "bad", "nobody knows what waits in it"
        second.spool.unlink()
        assert len(list(tmp_path.glob("gateway/spool*.sqlite"))) == 1
    idle(first.spool, 2 * DAY)
    assert told(tmp_path, "gateway-1")["level"] == "bad", "nobody else watches"


def test_a_gateway_beside_an_installation_is_at_its_broker(tmp_path, monkeypatch):
    monkeypatch.delenv("HOIQUAN_MQTT")
    with mosquitto("allow_anonymous true") as broker:
        data = tmp_path / "data"
        data.mkdir()
        tell(data / RUNNING, {"mqtt": broker.url})
        words = ("gateway", "--data", str(data), "--instance", "gateway-2")
        second = Running(tmp_path / "gateway.log", command(*words), HOIQUAN_SPOOL_FREE_MB="1")
        try:
            until(lambda: second.ended() or files(data, "gateway-2").alive.exists(), "it is well")
            assert not second.ended(), second.text()
        finally:
            second.stop()
