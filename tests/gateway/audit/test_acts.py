"""`hoiquan audit list` lists every act of an installation once, with who did it; the board lists the same."""

import json
import os
import pwd
from contextlib import closing

import pytest
from typer.testing import CliRunner

import hoiquan
from devices.access.registry import Registry
from devices.clock import now_ms
from devices.pilots.pilot import load
from devices.settings import Settings
from devices.texts import LANGS, Misuse, text
from gateway.audit.acts import SEALED, WHAT, WHERE, Acts
from gateway.clerk.clerk import Clerk
from gateway.control.ledger import Entry, Ledger
from gateway.ingest.message import Books, Message, Outcome, Refusal
from gateway.ingest.spool import Spool
from gateway.instance import files
from gateway.stores.sqlite import SqliteStore
from tests.traceability.conftest import Grower, harvest, write
from traceability.sealing.seal import Sealer

PILOT = load("dong-thap")
ME = pwd.getpwuid(os.getuid()).pw_name
WRITER = "tam-que-diary-01"


@pytest.fixture
def data(tmp_path):
    """The folder of an installation with acts of every kind and failed attempts; a gate and a lot of it."""

    def run(*words, code=0):
        done = CliRunner().invoke(hoiquan.app, [*words, "--data", str(tmp_path), "--lang", "en"])
        assert done.exit_code == code, (words, done.output, done.exception)

    with closing(Spool(files(tmp_path, "gateway-2").spool)) as spool:
        messages = [Message("hoiquan/v1/p/c/d/telemetry", b"payload %d" % n, 1000 + n) for n in range(3)]
        spool.append(messages)
        spool.settle(spool.pending(9), Outcome(refused=[Refusal(m, "not_json", "") for m in messages]))
    run("device", "enroll", "--community", "tam-que", "--model", "soil-probe", "--id", "my-probe")
    run("device", "enroll", "--community", "tam-que", "--model", "soil-probe", "--id", "my-probe", code=1)
    run("device", "rotate", "my-probe")
    run("device", "revoke", "my-probe")
    run("device", "revoke", "my-probe", code=1)
    for state in ("off", "off", "on", "on"):  # a repeated state changes nothing and is no act
        run("advice", state)
    run("quarantine", "replay", "1", "3", "--instance", "gateway-2")
    run("quarantine", "replay", "1", "--instance", "gateway-2")
    gate = next(one.device for one in PILOT.fleet.values() if one.model == "canal-gauge")
    run("device", "command", gate, "pump", "on", code=1)  # a gate has no pump
    ledger = Ledger(tmp_path / "registry.sqlite")
    ledger.sent(Entry("c-1", gate, "sluice", 0.0, f"An ({ME})", 4_000_000_000_000, 4_000_001_800_000))
    ledger.sent(Entry("c-2", gate, "sluice", 1.0, "advice", 4_000_000_000_001, 4_000_001_800_000))
    ledger.sent(Entry("c-3", "of-another-pilot", "sluice", 1.0, ME, 4_000_000_000_002, 4_000_001_800_000))
    sealer = Sealer(tmp_path / "trace", PILOT, Grower(), "https://example.org", "example.org/log")
    sealed = write(sealer, PILOT.fleet[WRITER], harvest())
    sealer.close()
    return tmp_path, gate, sealed.key.lot


def listed(data, *words):
    done = CliRunner().invoke(hoiquan.app, ["audit", "list", "--json", *words, "--data", str(data)])
    assert done.exit_code == 0, done.output
    return [(one["what"], one["who"], one["object"], one["where"], one["note"])
            for one in json.loads(done.stdout)]  # fmt: skip


def test_every_act_is_listed_once_with_who_did_it(data):
    folder, gate, lot = data
    assert listed(folder) == [
        ("enrolled", ME, "my-probe", "terminal", ""),
        ("rotated", ME, "my-probe", "terminal", ""),
        ("revoked", ME, "my-probe", "terminal", ""),
        ("advice_off", ME, "", "terminal", ""),
        ("advice_on", ME, "", "terminal", ""),
        ("replayed", ME, "", "terminal", "1, 3"),
        ("sealed", WRITER, lot, "diary", ""),
        ("commanded", f"An ({ME})", gate, "terminal", "sluice 0, 30 min"),
        ("commanded", "advice", gate, "itself", "sluice 1, 30 min"),
    ]
    assert [one[0] for one in listed(folder, "--what", "revoked")] == ["revoked"]
    assert [one[0] for one in listed(folder, "--limit", "1")] == ["commanded"]
    assert [one[0] for one in listed(folder, "--since", "2090-01-01")] == ["commanded"] * 2
    wrong = CliRunner().invoke(hoiquan.app, ["audit", "list", "--what", "x", "--data", str(folder)])
    assert isinstance(wrong.exception, Misuse) and "revoked" in str(wrong.exception)


@pytest.mark.parametrize("lang", LANGS)
def test_people_read_words(data, lang):
    said = CliRunner().invoke(hoiquan.app, ["audit", "list", "--data", str(data[0]), "--lang", lang])
    for what in ("enrolled", "commanded", "sealed", "advice", "is_simulated"):
        assert text(f"audit.{what}", lang).split()[0] in said.stdout
    for word in (*WHAT, *WHERE, *SEALED.values()):
        assert text(f"audit.{word}", lang)


def test_the_board_has_the_same(data):
    folder = data[0]
    settings = Settings(data=folder)
    acts = Acts(settings, Registry(settings.registry_url, PILOT))
    with closing(SqliteStore(folder / "store.sqlite")) as store:
        clerk = Clerk(store, PILOT, "g", lambda: Books(0, 0, 0, 0, 0, None), list, list, acts=acts.points)
        for _ in range(2):  # the second run writes the latest acts again
            clerk.write_acts(now_ms())
        in_store = store.series("audit", {"pilot": "dong-thap"}, 0, 2**42, 99)
    points = {(one.time, dict(one.tags)["what"], one.fields["who"], one.fields["object"]) for one in in_store}
    assert points == {(one.time, one.what, one.who, one.object) for one in acts.since(0)}
    assert len(in_store) == len(points) == 9


def test_orders_of_a_device_that_another_pilot_has_now_stay_and_are_not_the_other_s(tmp_path):
    path, places = tmp_path / "registry.sqlite", (PILOT, load("quang-tri"))
    ledger, enrolled = Ledger(path), []
    for pilot in places:
        registry = Registry(path, pilot)
        registry.enroll(pilot.communities[0].id, "pump-controller", "my-pump")
        (one,) = (span for span in registry.spans() if span.device.device == "my-pump")
        enrolled.append(one.enrolled)
        ledger.sent(Entry(pilot.pilot, "my-pump", "pump", 1.0, pilot.pilot, one.enrolled, one.enrolled + 1))
        while now_ms() == one.enrolled:
            pass
        registry.revoke("my-pump")
    assert enrolled[0] < enrolled[1]
    for pilot in places:
        acts = Acts(Settings(data=tmp_path), Registry(path, pilot)).since(0)
        assert [one.who for one in acts if one.what == "commanded"] == [pilot.pilot]
