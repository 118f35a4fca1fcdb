"""The watch over a store, with a real webhook and mail server: what is told, remembered, written down."""

import base64
import email
import json
import logging
from email import policy
from itertools import count as counting
from itertools import islice

import pytest

from devices.access.database import RegistryAway
from devices.clock import HOUR_MS, MINUTE_MS
from devices.pilots.pilot import load
from devices.settings import Settings
from devices.texts import Misuse
from gateway.control.alarms.message import Message
from gateway.control.alarms.sending import Mail, Webhook, channels
from gateway.control.alarms.states import Notice
from gateway.control.alarms.watch import Watch, remembered
from gateway.stores.points import Point, tags
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RetryLater
from tests.gateway.control.alarms.parties import mail_server, webhook
from tests.gateway.control.alarms.test_numbers import NOW, books, gauge

PILOT = load("dong-thap")
PLACE = "Hội quán Tâm Quê, phường Cao Lãnh"

SIMULATED = "(thiết bị mô phỏng)"


class Fitful(SqliteStore):
    """A store that does not answer for as long as `away` is."""

    away = False

    def latest(self, *of):
        if self.away:
            raise RetryLater("no answer")
        return super().latest(*of)


@pytest.fixture
def store(tmp_path):
    made = Fitful(tmp_path / "store.sqlite")
    yield made
    made.close()


@pytest.fixture
def told():
    with webhook() as (url, posted):
        yield Webhook(url), posted


def watch(store, folder, *ways, **more):
    return Watch(store, PILOT, folder / "alarms", channels=ways, site="https://example.test", **more)


def minutes(watching, store, first, number, **values):
    """Look once a minute, with a reading at Tâm Quê each time where there are `values`; the next minute."""
    for minute in range(first, first + number):
        at = NOW + minute * MINUTE_MS
        if not store.away:
            store.write([books(at), *([gauge("tam-que", at, **values)] if values else [])])
        watching.try_look(at)
    return first + number


def titles(posted):
    return [one["title"] for one in posted]


def now_shown(store, at):
    return {
        latest.tags["quantity"]: {name: value for name, (_, value) in latest.fields.items()}
        for latest in store.latest("alarm_now", {"pilot": "dong-thap"}, at - HOUR_MS)
    }


def test_what_begins_rises_and_ends_is_told_by_a_webhook_and_shown(tmp_path, store, told):
    way, posted = told
    watching = watch(store, tmp_path, way)
    after = minutes(watching, store, 0, 10, salinity=0.9)
    shown = now_shown(store, NOW)["salinity"]
    assert shown["state"] == "firing" and shown["level"] == "I" and not shown["severe"]
    assert shown["text"] == f"Độ mặn vượt mức I (0,69 g/L): 0,90 g/L {SIMULATED}"
    assert shown["text_en"] == "Salinity over level I (0.69 g/L): 0.90 g/L (simulated device)"
    assert (shown["since"], shown["looked"]) == (NOW, NOW + 9 * MINUTE_MS)
    after = minutes(watching, store, after, 10, salinity=4.4)
    after = minutes(watching, store, after, 70, salinity=0.2)  # the hour of 4.4 goes by
    assert titles(posted) == [
        f"Độ mặn vượt mức I (0,69 g/L): 0,90 g/L {SIMULATED} – {PLACE}.",
        f"Độ mặn vượt mức III (4 g/L): 4,40 g/L {SIMULATED} – {PLACE}.",
        f"ĐÃ HẾT: Độ mặn vượt mức III (4 g/L): 0,20 g/L {SIMULATED} – {PLACE}.",
    ]
    assert [one["status"] for one in posted] == ["firing", "firing", "resolved"]
    assert "đóng cống" in posted[0]["message"]
    assert "Xem: https://example.test/place/tam-que\n" in posted[0]["message"]
    assert "cống" not in posted[2]["message"]
    (one,) = posted[1]["alerts"]
    assert one["labels"]["place"] == "tam-que" and one["value"] == 4.4
    assert now_shown(store, NOW + after * MINUTE_MS)["salinity"]["state"] == "over"


def test_a_store_that_is_away_is_one_message_and_nothing_of_the_field_ends(tmp_path, store, told):
    way, posted = told
    watching = watch(store, tmp_path, way)
    after = minutes(watching, store, 0, 3, salinity=1.5)
    store.away = True
    after = minutes(watching, store, after, 30)
    store.away = False
    after = minutes(watching, store, after, 10, salinity=1.5)
    assert titles(posted) == [
        f"Độ mặn vượt mức II (1,2 g/L): 1,50 g/L {SIMULATED} – {PLACE}.",
        "Kho số liệu không trả lời.",
        "ĐÃ HẾT: Kho số liệu không trả lời.",
    ]


def test_a_watch_that_begins_again_goes_on_and_tells_nothing_twice(tmp_path, store, told):
    way, posted = told
    after = minutes(watch(store, tmp_path, way), store, 0, 3, salinity=1.5)
    after = minutes(watch(store, tmp_path, way), store, after, 30, salinity=1.5)
    assert len(posted) == 1
    after = minutes(watch(store, tmp_path, way), store, after + 100, 30, salinity=0.2)
    assert titles(posted)[1:] == [f"ĐÃ HẾT: Độ mặn vượt mức II (1,2 g/L): 0,20 g/L {SIMULATED} – {PLACE}."]
    minutes(watch(store, tmp_path, way), store, after, 30, salinity=0.2)
    assert len(posted) == 2


def test_where_nothing_at_all_is_found_any_more_nobody_knows(tmp_path, store, told):
    """Neither an all-clear, nor an alarm for ever: the last gauge of the rule has been silent for a week."""
    way, posted = told
    watching = watch(store, tmp_path, way)
    minutes(watching, store, 0, 3, salinity=1.5)
    week = 8 * 24 * 60
    minutes(watching, store, week, 3)
    assert "HẾT" not in " ".join(titles(posted)) and "KHÔNG RÕ" not in " ".join(titles(posted))
    minutes(watching, store, week + 24 * 60, 6)
    ended = [title for title in titles(posted) if "KHÔNG RÕ" in title]
    assert len(ended) == 1 and PLACE in ended[0]
    before = len(posted)
    minutes(watching, store, week + 3 * 24 * 60, 6)
    assert len(posted) == before and "ĐÃ HẾT: Độ mặn" not in " ".join(titles(posted))


def test_who_could_not_be_told_is_told_how_it_is_once_he_can_be(tmp_path, store, told, caplog):
    way, posted = told
    posted.refuse = True
    watching = watch(store, tmp_path, way)
    with caplog.at_level(logging.WARNING):
        after = minutes(watching, store, 0, 3, salinity=0.9)
        after = minutes(watching, store, after, 10, salinity=4.4)
    assert len([one for one in caplog.messages if "cannot be sent by webhook" in one]) == 1
    posted.refuse = False
    posted.clear()
    minutes(watching, store, after, 3, salinity=4.4)
    assert titles(posted) == [f"Độ mặn vượt mức III (4 g/L): 4,40 g/L {SIMULATED} – {PLACE}."]


def test_an_end_that_could_not_be_told_is_told_though_it_nearly_began_again(tmp_path, store, told):
    way, posted = told
    watching = watch(store, tmp_path, way)
    moments = counting(NOW, MINUTE_MS)

    def silent(hours, number):
        for at in islice(moments, number):
            where = tags(pilot="dong-thap", community="tam-que", device="tam-que-canal-gauge-01")
            store.write([books(at), Point("device", where, {"silent_minutes": 60 * hours}, at)])
            watching.try_look(at)

    silent(4.0, 20)
    posted.refuse = True
    silent(0.0, 5)
    silent(4.0, 5)  # too short to fire
    posted.refuse = False
    posted.clear()
    silent(4.0, 2)
    assert titles(posted) == []
    silent(0.0, 5)
    (title,) = titles(posted)
    assert title.startswith("ĐÃ HẾT: Thiết bị im lặng quá 3 giờ: 0,0 giờ – ")
    assert remembered(tmp_path / "alarms").alarms == []


def test_a_webhook_that_points_elsewhere_has_not_taken_the_message(tmp_path, store, told, caplog):
    way, posted = told
    posted.elsewhere = "/new"
    watching = watch(store, tmp_path, way)
    minutes(watching, store, 0, 3, salinity=1.5)
    assert len(posted) == 3 and "cannot be sent by webhook" in caplog.text and "301" in caplog.text
    posted.elsewhere = ""
    minutes(watching, store, 3, 3, salinity=1.5)
    assert len(posted) == 4


def test_what_still_fires_is_told_again_after_half_a_day(tmp_path, store, told):
    way, posted = told
    watching = watch(store, tmp_path, way)
    for minute in range(0, 13 * 60, 10):
        minutes(watching, store, minute, 1, salinity=1.5)
    assert titles(posted) == [f"Độ mặn vượt mức II (1,2 g/L): 1,50 g/L {SIMULATED} – {PLACE}."] * 2


def test_what_could_not_be_written_down_is_shown_and_written_at_the_next_look(tmp_path, store, told, caplog):
    way, posted = told
    (tmp_path / "alarms").mkdir()  # as a full disk does: nothing can be put there
    watching = watch(store, tmp_path, way)
    after = minutes(watching, store, 0, 3, salinity=1.5)
    assert "cannot be written down" in caplog.text
    assert now_shown(store, NOW)["salinity"]["state"] == "firing"
    (tmp_path / "alarms").rmdir()
    after = minutes(watching, store, after, 1, salinity=1.5)
    minutes(watch(store, tmp_path, way), store, after, 3, salinity=1.5)
    assert len(posted) == 1, "nobody is told twice"


def test_names_of_silent_devices_are_asked_for_once_a_look_and_a_registry_that_is_away_stops_nothing(
    tmp_path, store, told
):
    way, posted = told
    asked = []

    def devices():
        asked.append(True)
        if len(asked) > 16:
            raise RegistryAway("enrol.away", error="gone")
        return list(PILOT.fleet.values())

    watching = watch(store, tmp_path, way, devices=devices)
    for minute in range(20):
        at = NOW + minute * MINUTE_MS
        store.write([books(at), *(
            Point("device", tags(pilot="dong-thap", community=one.community, device=one.device),
                  {"silent_minutes": 250.0}, at)
            for one in list(PILOT.fleet.values())[:30]
        )])  # fmt: skip
        watching.try_look(at)
    assert len(asked) == 20 and posted and all("“" not in title for title in titles(posted))


@pytest.mark.parametrize("damage", [b"", b"{", b'{"alarms": [{"rule": 3}]}', b"\xff\x00"])
def test_a_damaged_memory_is_said_and_alarms_begin_anew(tmp_path, store, told, damage, caplog):
    way, posted = told
    minutes(watch(store, tmp_path, way), store, 0, 3, salinity=1.5)
    (tmp_path / "alarms").write_bytes(damage)
    minutes(watch(store, tmp_path, way), store, 3, 3, salinity=1.5)
    assert len(posted) == 2 and "alarms begin anew" in caplog.text


def test_a_rule_that_the_pilot_file_does_not_have_any_more_is_forgotten(tmp_path, store, told):
    way, posted = told
    minutes(watch(store, tmp_path, way), store, 0, 3, salinity=1.5)
    kept = json.loads((tmp_path / "alarms").read_text("utf-8"))
    (tmp_path / "alarms").write_text(json.dumps(kept).replace("salinity-3", "salinity-9"), "utf-8")
    minutes(watch(store, tmp_path, way), store, 120, 8, salinity=0.2)
    assert len(posted) == 1
    assert remembered(tmp_path / "alarms").alarms == []


def test_a_mail_has_subject_text_and_addresses(tmp_path, store):
    with mail_server() as (url, mails):
        way = Mail(url, ["a@example.test", "b@example.test"], "hoiquan@example.test")
        minutes(watch(store, tmp_path, way, lang="en"), store, 0, 3, salinity=1.5)
    (raw,) = mails
    mail = email.message_from_bytes(raw, policy=policy.default)
    assert mail["Subject"] == f"Salinity over level II (1.2 g/L): 1.50 g/L (simulated device) – {PLACE}."
    assert mail["To"] == "a@example.test, b@example.test"
    assert "close the intake sluice" in mail.get_content()


def test_a_long_subject_keeps_its_words(tmp_path, store):
    with mail_server() as (url, mails):
        minutes(watch(store, tmp_path, Mail(url, ["a@example.test"], "")), store, 0, 3, salinity=1.5)
    mail = email.message_from_bytes(mails[0], policy=policy.default)
    assert mail["Subject"] == f"Độ mặn vượt mức II (1,2 g/L): 1,50 g/L {SIMULATED} – {PLACE}."
    assert mail["Date"] and mail["Message-ID"]


def test_names_with_marks_keep_their_addresses_and_one_who_is_refused_is_said(tmp_path, store, caplog):
    with mail_server() as (url, mails):
        to = ["Cán bộ xã <a@example.test>", "gone@example.test"]
        minutes(watch(store, tmp_path, Mail(url, to, "Hội quán <b@example.test>")), store, 0, 3, salinity=1.5)
    (raw,) = mails
    mail = email.message_from_bytes(raw, policy=policy.default)
    (sender,), (first, _) = mail["From"].addresses, mail["To"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Hội quán", "b@example.test")
    assert (first.display_name, first.addr_spec) == ("Cán bộ xã", "a@example.test")
    assert "refuses 1 of 2 addresses" in caplog.text and "gone@" not in caplog.text


def test_a_mail_that_was_taken_is_not_sent_again_whatever_the_goodbye_is(tmp_path, store):
    with mail_server(goodbye="421 too many") as (url, mails):
        minutes(watch(store, tmp_path, Mail(url, ["a@example.test"], "")), store, 0, 5, salinity=1.5)
    assert len(mails) == 1


def test_a_password_is_sent_to_no_server_without_tls(tmp_path, store, caplog):
    with mail_server() as (url, mails):
        way = Mail(url.replace("//", "//user:secret@"), ["a@example.test"], "")
        minutes(watch(store, tmp_path, way), store, 0, 3, salinity=1.5)
    assert mails == [] and "offers no TLS" in caplog.text and "secret" not in caplog.text


@pytest.mark.parametrize(
    "given", [{"alert_webhook": "ftp://example.test"}, {"alert_webhook": "https:///s3cret"},
              {"alert_webhook": "https://[s3cret"}, {"alert_webhook": "https://example.test:s3cret/"},
              {"alert_webhook": "https://example.test/s3 cret"}, {"alert_webhook": "https://example.test/s3crét"},
              {"alert_webhook": "https://s3cret..example.test/"},
              {"alert_webhook": f"https://s3cret{'t' * 70}.example.test/"},
              {"alert_email": "a@example.test"},
              {"alert_email": "an.nguyễn@example.test", "smtp": "smtp://example.test"},
              {"alert_email": "an", "smtp": "smtp://example.test"},
              {"alert_email": "a@example.test, b@example.test", "smtp": "smtp://example.test"},
              {"alert_email": "a@example.test", "smtp": "smtp://example.test", "alert_sender": "hội quán"},
              {"alert_email": "a@example.test", "smtp": "smtp://me:s3crét@example.test"},
              {"alert_email": "a@example.test", "smtp": "mail.example.test"},
              {"alert_email": "a@example.test", "smtp": "smtp://me:s3cret/x@example.test:587"},
              {"alert_email": "a@example.test", "smtp": "smtp://me:1/s3cret@example.test:587"},
              {"alert_email": "a@example.test", "smtp": "smtp://me:2#s3cret@example.test:587"},
              {"alert_email": "a@example.test", "smtp": "smtp://me:3?s3cret@example.test:587"},
              {"alert_email": "a@example.test", "smtp": "smtp://example.test:99999"}],
)  # fmt: skip
def test_a_way_that_cannot_work_is_refused_before_anything_runs_and_its_secret_is_kept(given):
    with pytest.raises(Misuse, match="HOIQUAN_") as refused:
        channels(Settings(**given))
    assert "s3cr" not in str(refused.value)


def test_nobody_is_told_where_nothing_is_set():
    assert channels(Settings()) == channels(Settings(alert_email=" ; ")) == []


def test_a_webhook_s_account_signs_in_and_stands_in_no_error(tmp_path, store, caplog):
    with webhook() as (url, posted):
        way = Webhook(url.replace("//", "//me:s3cret%40@"))
        minutes(watch(store, tmp_path, way), store, 0, 3, salinity=1.5)
        assert posted.account == "Basic " + base64.b64encode(b"me:s3cret@").decode() and len(posted) == 1
    for address in ("http://me:s3cret@127.0.0.1/", "http://s3cret@127.0.0.1:1/"):
        with pytest.raises(OSError) as failed:
            Webhook(address).send(Message("t", "t", Notice("q", "", (), over=False)))
        assert "s3cret" not in str(failed.value)
