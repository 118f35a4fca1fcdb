"""The decoder on status and diary messages, and on the kinds that a device's model may send."""

import json

import pytest

from devices.contract.payloads import PayloadError
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message
from tests.gateway.senders import DEVICES, GOOD, NOTEBOOK, NOW, PLAYED, REAL, decoder, said

# -- status and diary


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"online",
        b"{}",
        b"[]",
        b"null",
        b'{"state":1}',
        b'{"state":[]}',
        b'{"state":"ONLINE"}',
        b'["state"]',
        b"\xff",
        b"[" * 16_000,
        b'{"state":' + b"9" * 4000 + b"}",
    ],
)
def test_a_bad_status_is_refused(payload):
    assert decoder().decode([said(payload, kind="status")]).refused[0].reason == "bad_status"


def test_a_status_may_be_retained():
    decoded = decoder().decode([said({"state": "offline"}, kind="status", retained=True)])
    assert [(state.device, state.online) for state in decoded.states] == [(REAL, False)]


@pytest.mark.parametrize(
    ("payload", "reason", "field"),
    [
        (b"", "bad_result", "JSON"),
        (b"done", "bad_result", "JSON"),
        (b"[]", "bad_result", "JSON"),
        (b"null", "bad_result", "JSON"),
        (b"\xff", "bad_result", "JSON"),
        (b"[" * 16_000, "bad_result", "JSON"),
        (b"{}", "bad_result", "id"),
        (b'{"ok":true}', "bad_result", "id"),
        (b'{"id":"c"}', "bad_result", "ok"),
        (b'{"id":7,"ok":true}', "bad_result", "id"),
        (b'{"id":"c","ok":1}', "bad_result", "ok"),
        (b'{"id":"c","ok":"true"}', "bad_result", "ok"),
        (b'{"id":"c","ok":null}', "bad_result", "ok"),
        (b'{"id":"c","ok":false,"error":5}', "bad_result", "error"),
        (b'{"id":"c","ok":false,"error":"no\\u0000"}', "bad_result", "error"),
        (b'{"id":"c\\u0000","ok":true}', "bad_result", "id"),
        (b'{"id":"c\\ud800","ok":true}', "bad_result", "JSON"),
        (json.dumps({"id": "c" * 65, "ok": True}).encode(), "bad_result", "id"),
        (json.dumps({"id": "c", "ok": False, "error": "x" * 1001}).encode(), "bad_result", "error"),
        (json.dumps({"id": "c", "ok": False, "error": "x" * 20_000}).encode(), "too_large", "20037"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused_and_the_next_is_taken(payload, reason, field):
    good = {"id": "c-1", "ok": False, "error": "no water"}
    decoded = decoder().decode([said(payload, kind="result"), said(good, kind="result")])
    refusal = decoded.refused[0]
    assert (refusal.reason, refusal.field) == (reason, field)
    (one,) = decoded.answers
    assert (one.device, one.place, one.time, one.answer.model_dump()) == (REAL, 1, NOW, good)
    for lang in ("vi", "en"):
        assert field in PayloadError(reason, field).sentence(lang)


HARVEST = {
    "id": "h1",
    "ts": "2026-11-20T03:00:00Z",
    "plot": "a",
    "crop": "mango",
    "event": "harvest",
    "quantity_kg": 120.5,
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity_kg": "120"}, "bad_diary"),
        ({"quantity_kg": -1}, "bad_diary"),
        ({"quantity_kg": True}, "bad_diary"),
        ({"event": "feast"}, "bad_diary"),
        ({"event": None}, "bad_diary"),
        ({"id": "H 1"}, "bad_diary"),
        ({"id": "h1\n"}, "bad_diary"),
        ({"ts": "2026-11-20T03:00:00"}, "bad_diary"),
        ({"phone": "0900000000"}, "bad_diary"),
        ({"by": ""}, "bad_diary"),
        ({"plot": "x" * 100_000}, "too_large"),
    ],
)
def test_a_bad_diary_event_is_refused(change, reason):
    events = [HARVEST | change, HARVEST]
    decoded = decoder().decode([said(event, NOTEBOOK, kind="diary") for event in events])
    assert decoded.refused[0].reason == reason
    assert [written.event.id for written in decoded.diary] == ["h1"]
    assert decoded.diary[0].device is NOTEBOOK


@pytest.mark.parametrize(
    "payload", [b"", b"[" * 16_000, b"\xff", b"\x00", b"null", b'{"quantity_kg":NaN,"event":"harvest"}']
)
def test_a_diary_that_is_no_event_is_refused(payload):
    decoded = decoder().decode([said(payload, NOTEBOOK, kind="diary")])
    assert decoded.refused[0].reason in ("diary_not_json", "bad_diary")


def test_what_is_no_json_is_told_what_its_topic_takes():
    spoken = [
        said(b"", NOTEBOOK, kind="diary"),
        said(b"", kind="result"),
        said(b"", kind="status"),
        said(b""),
        Message("application/1/device/a81758fffe0401ab/event/up", b"\x0a\x10\x00", NOW),
        Message("application/1/device/a81758fffe0401ab/event/log", b"\x0a\x10\x00", NOW),
    ]
    heard = Decoder("p", DEVICES.get, by_eui=lambda _: REAL)
    takes = ["harvest", '"ok":true', '"state":"online"', '"values"', "json=true", "json=true"]
    refused = heard.decode(spoken).refused
    assert len(refused) == len(takes)
    for place, refusal in refused.items():
        for lang in ("vi", "en"):
            sentence = PayloadError(refusal.reason, refusal.field).sentence(lang)
            assert [one for one in set(takes) if one in sentence] == [takes[place]]


# -- a device sends only the kinds of message that its model allows


@pytest.mark.parametrize("device", [REAL, PLAYED], ids=["real", "simulated"])
@pytest.mark.parametrize("kind", ["diary", "command"])
def test_a_probe_keeps_no_diary(device, kind):
    decoded = decoder().decode([said(HARVEST, device, kind=kind), said(HARVEST, NOTEBOOK, kind="diary")])
    assert (decoded.refused[0].reason, decoded.refused[0].field) == ("wrong_model", "soil-probe")
    assert [written.device for written in decoded.diary] == [NOTEBOOK]
    for lang in ("vi", "en"):
        error = PayloadError(decoded.refused[0].reason, decoded.refused[0].field)
        assert "hoiquan device enroll --model diary" in error.sentence(lang)


def test_a_diary_sends_no_telemetry_and_may_say_that_it_is_there():
    made = Decoder("p", DEVICES.get, by_eui={"0102030405060708": NOTEBOOK}.get)
    uplink = Message("application/1/device/0102030405060708/event/up", b"{}", NOW)
    decoded = made.decode([said(GOOD, NOTEBOOK), uplink, said({"state": "online"}, NOTEBOOK, kind="status")])
    assert {at: refusal.reason for at, refusal in decoded.refused.items()} == {
        0: "diary_measures",
        1: "diary_measures",
    }
    assert (decoded.readings, decoded.states) == ([], []), "nobody misses a diary that is silent"
