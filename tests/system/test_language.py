"""Commands print in one language, on a narrow terminal and on a wide one; ids are never cut."""

import json
import re
import sqlite3
from contextlib import closing

import pytest

from devices import credentials
from devices.access.registry import Registry
from devices.pilots.pilot import load
from devices.texts import LANGS, text
from gateway.control.ledger import Entry, Ledger
from gateway.ingest.message import Message, Outcome, Refusal
from gateway.ingest.spool import Spool
from gateway.instance import files
from tests.system.running import done, hoiquan, one_line
from tests.traceability.conftest import Grower, harvest, write
from traceability.sealing.seal import Sealer, lots

WIDTHS = ("80", "200")
LONG = "n" * 64
LOT = "L" * 20
TOPIC = f"hoiquan/v1/dong-thap/{'c' * 64}/{LONG}/telemetry"
MOMENT = r"(?:\d\d/\d\d/\d{4}|\d{1,2} [A-Z][a-z]{2} \d{4}) \d\d:\d\d(:\d\d)? \+07"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An installation that is not running, with ids of the greatest length."""
    made = tmp_path_factory.mktemp("language")
    data, pilot = made / "data", load("dong-thap")
    credentials.environment(data)
    registry = Registry(data / "registry.sqlite", pilot)
    for device in (LONG, "my-esp32", "leaver"):
        registry.enroll("tam-que", "soil-probe", device)
    registry.revoke("leaver")
    ledger = Ledger(data / "registry.sqlite")
    ledger.sent(Entry("1", LONG, "pump", 0.5, "ông Tư", 1795845904000, 1795847704000))
    ledger.answered("1", LONG, False, "no water", 1795845905000)
    with closing(Spool(files(data, "gateway-1").spool)) as spool:
        spool.append([Message(TOPIC, b"soil_moisture=31.5", 1795845904000)])
        pending = spool.pending(9)
        spool.settle(pending, Outcome(refused=[Refusal(one, "not_json", "") for one in pending.messages]))
    sealer = Sealer(data / "trace", pilot, Grower(), "http://localhost:8080", "localhost/hoiquan")
    who = pilot.fleet["tam-que-diary-01"]
    write(sealer, who, harvest(1))
    write(sealer, who, harvest(2, kilograms=900_000))
    sealer.close()
    with closing(sqlite3.connect(data / "trace" / "trace.sqlite", isolation_level=None)) as db:
        db.execute("UPDATE lot SET lot = ? WHERE refused != ''", (LOT,))
    return made


def said(folder, lang, *arguments, how="--lang", **settings):
    if how == "--lang":
        return done(hoiquan(folder, *arguments, "--lang", lang, **settings))
    return done(hoiquan(folder, *arguments, HOIQUAN_LANG=lang, **settings))


def stands(whole, output):
    """Whether `whole` stands in one line of the output, uncut, so that it can be copied."""
    return re.search(rf"(?<![\w/-]){re.escape(whole)}(?![\w/-])", output) is not None


@pytest.mark.parametrize("how", ["--lang", "HOIQUAN_LANG"])
@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("arguments", "keys", "whole"),
    [
        (("device", "list"), ("device.device", "device.enrolled"), (LONG, "my-esp32", "leaver")),
        (("device", "commands"), ("order.device", "order.sent"), (LONG, "pump")),
        (("quarantine", "list"), ("quarantine.topic", "quarantine.arrived"), (TOPIC, "1")),
        (("trace", "list"), ("lots.lot", "lots.harvested"), (LOT,)),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else None,
)
def test_a_table_is_in_one_language_and_cuts_no_id(folder, arguments, keys, whole, lang, columns, how):
    output = said(folder, lang, *arguments, how=how, COLUMNS=columns)
    words = " ".join(output.split())
    for key in keys:
        assert text(key, lang) in words
        other = text(key, "en" if lang == "vi" else "vi")
        assert other not in words
    for one in whole:
        assert stands(one, output), one
    assert "…" not in output
    if columns == "200" or "│" not in output:
        assert re.search(MOMENT, words)
    else:
        assert "+07" in words


@pytest.mark.parametrize("columns", WIDTHS)
def test_every_lot_can_be_copied_with_its_gtin(folder, columns):
    output = said(folder, "vi", "trace", "list", COLUMNS=columns)
    rows = lots(folder / "data" / "trace")
    assert len(rows) == 2
    for row in rows:
        assert any(stands(row["gtin"], line) and stands(row["lot"], line) for line in output.splitlines())
        assert row["community"] == "tam-que" and "Tâm Quê" in output
        assert (text("lots.simulated", "vi") in output) == row["simulated"]
    assert text("lot.yield_cap", "vi").split()[0] in output


def test_the_option_wins_over_the_variable_and_config_shows_it(folder):
    output = done(hoiquan(folder, "device", "list", "--lang", "vi", HOIQUAN_LANG="en"))
    assert text("device.enrolled", "vi") in output
    assert "HOIQUAN_LANG=en\n" in done(hoiquan(folder, "config", HOIQUAN_LANG="en"))
    assert "HOIQUAN_LANG=vi\n" in done(hoiquan(folder, "config"))
    assert "HOIQUAN_LANG" in one_line(hoiquan(folder, "config", HOIQUAN_LANG="fr"), 2)
    refused = hoiquan(folder, "device", "list", HOIQUAN_LANG="fr")
    assert refused.returncode == 2 and "HOIQUAN_LANG" in refused.stderr


@pytest.mark.parametrize("lang", LANGS)
def test_sentences_are_in_that_language(folder, lang):
    node = f"sentence-{lang}"
    one = ("--community", "tam-que", "--model", "soil-probe", "--id", node)
    output = said(folder, lang, "device", "enroll", *one, how="variable")
    assert output.startswith(text("ticket.host", lang)) and text("ticket.password", lang) in output
    output = said(folder, lang, "device", "rotate", node)
    assert text("ticket.topic", lang) in output
    assert text("device.is_revoked", lang, device=node) in said(folder, lang, "device", "revoke", node)
    assert text("order.automatic_off", lang) in said(folder, lang, "advice", "off", how="variable")
    assert text("order.automatic_on", lang) in said(folder, lang, "advice", "on")
    roll = folder / f"roll-{lang}.csv"
    roll.write_text(f"id,community,model\nmany-{lang},tam-que,soil-probe\n")
    output = said(folder, lang, "device", "enroll-many", roll.name, "--report", f"report-{lang}.csv")
    assert output.strip() == text(
        "device.enrolled_many", lang, enrolled=1, refused=0, report=f"report-{lang}.csv"
    )
    output = said(folder, lang, "trace", "verifier", "--out", f"{lang}.html", how="variable")
    assert output.strip() == text("lots.verifier", lang, out=f"{lang}.html")
    assert f'lang="{lang}"' in (folder / f"{lang}.html").read_text("utf-8")
    (row,) = [row for row in lots(folder / "data" / "trace") if not row["refused"]]
    output = said(folder, lang, "trace", "export", row["gtin"], row["lot"], "--out", f"out-{lang}")
    assert output.strip() == text("lots.exported", lang, out=f"out-{lang}", parts=row["lot"])


def test_a_check_speaks_both_languages_until_one_is_chosen(folder):
    (folder / "message.json").write_text('{"values":{"soil_moisture":31.5}}')
    both = {lang: text("check.taken", lang) for lang in LANGS}
    output = done(hoiquan(folder, "device", "check", "message.json"))
    assert all(sentence in output for sentence in both.values())
    output = done(hoiquan(folder, "device", "check", "message.json", HOIQUAN_LANG="en"))
    assert both["en"] in output and both["vi"] not in output
    output = done(hoiquan(folder, "device", "check", "message.json", "--lang", "both", HOIQUAN_LANG="en"))
    assert all(sentence in output for sentence in both.values())


NOBODY = ("--model", "soil-probe", "--id", "nobody")
GTIN = "08936000000011"
REFUSED = {
    "revoke": (("device", "revoke", "nobody"), "enrol.none", {"device": "nobody"}),
    "show": (("device", "show", "nobody"), "enrol.none", {"device": "nobody"}),
    "enroll": (
        ("device", "enroll", "--community", "tam-que", "--plot", "Thửa 1", *NOBODY),
        "enrol.plot",
        {"plot": "Thửa 1"},
    ),
    "check": (("device", "check", "none.json"), "path.none", {"path": "none.json"}),
    "command": (("device", "command", "nobody", "pump", "on"), "enrol.none", {"device": "nobody"}),
    "report": (("report", "--out", "report.txt"), "path.report", {"path": "report.txt"}),
    "lot": (("trace", "show", GTIN, "NONE"), "lots.no_record", {"lot": "NONE"}),
    "gtin": (("trace", "label", "1", "NONE", "--out", "label.pdf"), "page.bad_gtin", {}),
    "quarantine": (("quarantine", "show", "99"), "quarantine.no_message", {"number": 99}),
    "simulate": (("simulate",), "simulated.nowhere", {}),
    "pilot": (("pilot", "check", "none.txt"), "file.no_pilot", None),
    "no installation": (
        ("device", "list", "--data", "none"),
        "path.not_installed",
        {"folder": "./none"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_said_in_that_language(folder, name, lang):
    arguments, key, values = REFUSED[name]
    line = one_line(hoiquan(folder, *arguments, HOIQUAN_LANG=lang), 2)
    if values is None:  # the sentence lists what there is
        assert line.startswith(f"hoiquan: {text(key, lang, path='…', there='').partition('…')[0]}")
    else:
        assert line == f"hoiquan: {text(key, lang, **values)}"


def test_the_option_decides_how_an_error_is_said(folder):
    for lang in LANGS:
        line = one_line(hoiquan(folder, "device", "revoke", "nobody", "--lang", lang, HOIQUAN_LANG="vi"), 2)
        assert line == f"hoiquan: {text('enrol.none', lang, device='nobody')}"
    # this command's error is in both languages
    line = one_line(hoiquan(folder, "device", "check", "none.json"), 2)
    both = (text("path.none", lang, path="none.json") for lang in LANGS)
    assert line == f"hoiquan: {' · '.join(both)}"


@pytest.mark.parametrize(
    "arguments", [("device", "list"), ("device", "commands"), ("quarantine", "list"), ("trace", "list")]
)
def test_json_is_the_same_in_every_language(folder, arguments):
    outputs = [said(folder, lang, *arguments, "--json", COLUMNS="80") for lang in LANGS]
    assert outputs[0] == outputs[1]
    assert json.loads(outputs[0])
