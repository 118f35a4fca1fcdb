"""Sends messages to people by webhook and mail. A failure raises OSError, and the message is tried again."""

import base64
import json
import logging
import smtplib
import ssl
from collections.abc import Sequence
from contextlib import closing, suppress
from email.header import Header
from email.mime.text import MIMEText
from email.utils import formataddr, formatdate, getaddresses, make_msgid
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from devices.clock import moment_of
from devices.settings import Settings
from devices.texts import Misuse
from gateway.control.alarms.message import MOST_NAMED, Channel, Message, Refused

log = logging.getLogger(__name__)
TIMEOUT = 10.0  # seconds for each step with a server
LONGEST_SUBJECT = 400  # characters; with many silent devices it is full of names
# the 4xx codes (RFC 9110) that are about the content, not about the address
OF_THIS = frozenset({400, 413, 415, 422})
PERMANENT = 500  # from this code on the same mail will be refused again (RFC 5321, 4.2.1)
PORTS = {"smtp": 587, "smtps": 465}


class _NoOtherWay(HTTPRedirectHandler):
    """Treats a redirect as a failure: following it would send a GET without the message."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Webhook:
    """Posts JSON with the field names of Grafana's webhook: title, message, status, alerts. An account in the
    address (https://user:password@…) signs in by HTTP Basic.
    """

    name = "webhook"

    def __init__(self, url: str) -> None:
        url = url.strip()
        at = _split(url)
        if at is None or at.scheme not in ("http", "https") or not at.hostname or not _spelt(url):
            raise Misuse("alerts.no_webhook")
        self._headers = {"Content-Type": "application/json", "User-Agent": "hoiquan"}
        # left in the address, it would be taken for host and port, and shown in errors
        if at.username is not None:
            account = f"{unquote(at.username)}:{unquote(at.password or '')}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(account).decode()}"
            url = urlunsplit(at._replace(netloc=at.netloc.rpartition("@")[2]))
        self._url = url
        self._opener = build_opener(_NoOtherWay)

    def send(self, message: Message) -> None:
        """POST the message. An answer other than 200 to 299 raises OSError; if about the content, Refused."""
        body = json.dumps(_plain(message), ensure_ascii=False).encode()
        request = Request(self._url, body, self._headers)  # noqa: S310 -- http and https alone, see above
        try:
            with self._opener.open(request, timeout=TIMEOUT):
                pass
        except HTTPError as error:
            if error.code in OF_THIS:
                raise Refused(f"the message is refused: {error}") from error
            raise
        except HTTPException as error:
            raise OSError(f"no answer of HTTP: {error!r}") from error


def _split(address: str) -> SplitResult | None:
    """Return the parts of an address, or None if it is invalid: the error's text could print a secret."""
    try:
        at = urlsplit(address)
        (at.hostname or "").encode("idna")  # as a lookup does: raises for an empty or too long part
        return at if at.port is None or at.port else None
    except ValueError:
        return None


def _spelt(address: str) -> bool:
    """Return whether it has only characters allowed in an address (RFC 3986); others must be %-encoded."""
    return address.isascii() and address.isprintable() and " " not in address


def _plain(message: Message) -> dict[str, Any]:
    notice = message.notice
    status = "resolved" if notice.over else "firing"
    return {
        "receiver": "hoiquan",
        "status": status,
        "title": message.title,
        "message": message.text,
        "groupLabels": {"quantity": notice.quantity, "place": notice.place},
        "alerts": [
            {
                "status": status,
                "labels": {"rule": one.rule, "quantity": notice.quantity, "place": one.key.place,
                           "device": one.key.device},
                "outcome": one.outcome,
                "value": one.value,
                "startsAt": moment_of(one.began).isoformat(),
            }
            for one in notice.alarms[:MOST_NAMED]
        ],
        "truncatedAlerts": max(0, len(notice.alarms) - MOST_NAMED),
    }  # fmt: skip


class Mail:
    """Mails `addresses` through a server: smtp://user:password@host:587 (STARTTLS) or smtps://… (TLS)."""

    name = "email"

    def __init__(self, server: str, addresses: Sequence[str], sender: str) -> None:
        at = _split(server)
        # a password with / ? or # in it leaves its rest behind the host
        rest = at is not None and (at.path.strip("/") or at.query or at.fragment)
        if at is None or at.scheme not in PORTS or not at.hostname or rest:
            raise Misuse("alerts.no_smtp")
        self._tls, self._host, self._port = at.scheme == "smtps", at.hostname, at.port or PORTS[at.scheme]
        self._account = (unquote(at.username), unquote(at.password or "")) if at.username else None
        if self._account and not "".join(self._account).isascii():  # smtplib sends ASCII only
            raise Misuse("alerts.smtp_ascii")
        self._addresses = [_address(one, "HOIQUAN_ALERT_EMAIL") for one in addresses]
        own = f"hoiquan@{at.hostname.encode('idna').decode()}"
        self._sender = _address(sender, "HOIQUAN_ALERT_SENDER") if sender else own

    def send(self, message: Message) -> None:
        """Send one mail to all. A password goes over TLS only; a server that offers none raises OSError."""
        mail = MIMEText(message.text, "plain", "utf-8")
        # Header, because EmailMessage loses blanks where it breaks a line of Vietnamese (Python 3.11)
        mail["Subject"] = Header(message.title[:LONGEST_SUBJECT], "utf-8")  # type: ignore[assignment]
        mail["From"], mail["To"] = self._sender, ", ".join(self._addresses)
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=self._host)
        mail["Auto-Submitted"] = "auto-generated"  # so that no out-of-office reply comes back (RFC 3834)
        with closing(self._server()) as server:
            self._sign_in(server)
            try:
                refused = server.send_message(mail)
            except smtplib.SMTPRecipientsRefused as error:  # the error's text would show the addresses
                raise OSError(f"the mail server refuses all {len(error.recipients)} addresses") from None
            except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
                if error.smtp_code < PERMANENT:
                    raise
                raise Refused(f"the mail is refused: {error}") from error
            with suppress(OSError):  # it has the mail; an error while quitting is no reason to send it again
                server.quit()
        if refused:  # the other addresses have the mail and must not get it again
            log.warning("the mail server refuses %d of %d addresses", len(refused), len(self._addresses))

    def _server(self) -> smtplib.SMTP:
        if self._tls:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=TIMEOUT, context=_context())
        return smtplib.SMTP(self._host, self._port, timeout=TIMEOUT)

    def _sign_in(self, server: smtplib.SMTP) -> None:
        server.ehlo()
        if not self._tls and server.has_extn("starttls"):
            server.starttls(context=_context())
            server.ehlo()
        elif not self._tls and self._account:
            raise OSError(f"{self._host} offers no TLS, so no password is sent to it")
        if self._account:
            server.login(*self._account)


def _address(written: str, setting: str) -> str:
    """Return an address as mail headers have it, with names encoded. Raises Misuse if not exactly one."""
    parsed = getaddresses([written])
    if len(parsed) != 1 or "@" not in parsed[0][1] or not _spelt(parsed[0][1]):
        raise Misuse("alerts.no_address", setting=setting, address=written)
    return formataddr(parsed[0])


def _context() -> ssl.SSLContext:
    """Verify the server by the system's CAs; smtplib by itself verifies nothing."""
    return ssl.create_default_context()


def channels(settings: Settings) -> list[Channel]:
    """Return the channels that the settings name. Raises Misuse for one that cannot work."""
    result: list[Channel] = []
    if webhook := settings.alert_webhook.get_secret_value():
        result.append(Webhook(webhook))
    if addresses := [one.strip() for one in settings.alert_email.split(";") if one.strip()]:
        result.append(Mail(settings.smtp.get_secret_value(), addresses, settings.alert_sender))
    return result
