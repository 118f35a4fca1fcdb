"""Sending messages by a real webhook and mail server; which channels are refused at the start."""

import base64
import email
from email import policy

import pytest

from devices.settings import Settings
from devices.texts import Misuse
from gateway.control.alarms.message import Message
from gateway.control.alarms.sending import Mail, Webhook, channels
from gateway.control.alarms.states import Notice
from tests.gateway.control.alarms.parties import mail_server, webhook
from tests.gateway.control.alarms.test_watch import PLACE, SIMULATED, minutes, store, watch

__all__ = ["store"]  # the fixture


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


def test_a_webhook_s_account_signs_in_and_stands_in_no_error(tmp_path, store):
    with webhook() as (url, posted):
        way = Webhook(url.replace("//", "//me:s3cret%40@"))
        minutes(watch(store, tmp_path, way), store, 0, 3, salinity=1.5)
        assert posted.account == "Basic " + base64.b64encode(b"me:s3cret@").decode() and len(posted) == 1
    for address in ("http://me:s3cret@127.0.0.1/", "http://s3cret@127.0.0.1:1/"):
        with pytest.raises(OSError) as failed:
            Webhook(address).send(Message("t", "t", Notice("q", "", (), over=False)))
        assert "s3cret" not in str(failed.value)
