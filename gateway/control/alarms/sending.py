"""How a message reaches people: a webhook, a mail. What cannot be sent raises OSError, and is tried again."""

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
LONGEST_SUBJECT = 400  # characters: of many silent devices it is full of names
OF_THIS = frozenset({400, 413, 415, 422})  # of 4xx (RFC 9110) those about what is sent, not about where to
PERMANENT = 500  # and above: the same mail will be refused again (RFC 5321, 4.2.1)
PORTS = {"smtp": 587, "smtps": 465}


class _NoOtherWay(HTTPRedirectHandler):
    """An answer that points elsewhere is no success: what follows it is a GET, without the message."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Webhook:
    """JSON with the names that Grafana's webhook gives: title, message, status, alerts. An account of the
    address (https://user:password@…) signs in by HTTP Basic.
    """

    name = "webhook"

    def __init__(self, url: str) -> None:
        url = url.strip()
        at = _split(url)
        if at is None or at.scheme not in ("http", "https") or not at.hostname or not _spelt(url):
            raise Misuse("alerts.no_webhook")
        self._headers = {"Content-Type": "application/json", "User-Agent": "hoiquan"}
        if at.username is not None:  # left in the address it is taken for host and port, and shown in errors
            account = f"{unquote(at.username)}:{unquote(at.password or '')}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(account).decode()}"
            url = urlunsplit(at._replace(netloc=at.netloc.rpartition("@")[2]))
        self._url = url
        self._opener = build_opener(_NoOtherWay)

    def send(self, message: Message) -> None:
        """POST; what is no answer of 200 to 299 raises OSError, one that is about this message Refused."""
        body = json.dumps(_plain(message), ensure_ascii=False).encode()
        asked = Request(self._url, body, self._headers)  # noqa: S310 -- http and https alone, see above
        try:
            with self._opener.open(asked, timeout=TIMEOUT):
                pass
        except HTTPError as error:
            if error.code in OF_THIS:
                raise Refused(f"the message is refused: {error}") from error
            raise
        except HTTPException as error:
            raise OSError(f"no answer of HTTP: {error!r}") from error


def _split(address: str) -> SplitResult | None:
    """The parts of an address, None where it is none: the error would print what may be a secret of it."""
    try:
        at = urlsplit(address)
        (at.hostname or "").encode("idna")  # as looking it up does: an empty part, or one too long, is none
        return at if at.port is None or at.port else None
    except ValueError:
        return None


def _spelt(address: str) -> bool:
    """Whether it is of the characters that an address may have (RFC 3986); all others are %-encoded."""
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
    """To `addresses`, through a server: smtp://user:password@host:587 (STARTTLS) or smtps://… (TLS)."""

    name = "email"

    def __init__(self, server: str, addresses: Sequence[str], sender: str) -> None:
        at = _split(server)
        # behind the host there would be the rest of a password with one of / ? # in it
        rest = at is not None and (at.path.strip("/") or at.query or at.fragment)
        if at is None or at.scheme not in PORTS or not at.hostname or rest:
            raise Misuse("alerts.no_smtp")
        self._tls, self._host, self._port = at.scheme == "smtps", at.hostname, at.port or PORTS[at.scheme]
        self._account = (unquote(at.username), unquote(at.password or "")) if at.username else None
        if self._account and not "".join(self._account).isascii():  # smtplib sends no others
            raise Misuse("alerts.smtp_ascii")
        self._addresses = [_address(one, "HOIQUAN_ALERT_EMAIL") for one in addresses]
        own = f"hoiquan@{at.hostname.encode('idna').decode()}"
        self._sender = _address(sender, "HOIQUAN_ALERT_SENDER") if sender else own

    def send(self, message: Message) -> None:
        """One mail to all; a password goes over TLS alone, and a server that offers none raises OSError."""
        mail = MIMEText(message.text, "plain", "utf-8")
        # Header, as EmailMessage loses blanks where it breaks a line of Vietnamese (Python 3.11)
        mail["Subject"] = Header(message.title[:LONGEST_SUBJECT], "utf-8")  # type: ignore[assignment]
        mail["From"], mail["To"] = self._sender, ", ".join(self._addresses)
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=self._host)
        mail["Auto-Submitted"] = "auto-generated"  # so that nobody's out-of-office answers (RFC 3834)
        with closing(self._server()) as server:
            self._sign_in(server)
            try:
                refused = server.send_message(mail)
            except smtplib.SMTPRecipientsRefused as error:  # its text holds their addresses
                raise OSError(f"the mail server refuses all {len(error.recipients)} addresses") from None
            except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
                if error.smtp_code < PERMANENT:
                    raise
                raise Refused(f"the mail is refused: {error}") from error
            with suppress(OSError):  # it has the mail: how it says goodbye is no reason to send it again
                server.quit()
        if refused:  # the others have it, and would have it again
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
    """One address as a mail has it: a name with marks is encoded. Raises Misuse for what is none, or two."""
    found = getaddresses([written])
    if len(found) != 1 or "@" not in found[0][1] or not _spelt(found[0][1]):
        raise Misuse("alerts.no_address", setting=setting, address=written)
    return formataddr(found[0])


def _context() -> ssl.SSLContext:
    """The system's CAs are asked whose server it is: smtplib by itself asks nobody."""
    return ssl.create_default_context()


def channels(settings: Settings) -> list[Channel]:
    """Those that the settings name. Raises Misuse for one that cannot work."""
    made: list[Channel] = []
    if webhook := settings.alert_webhook.get_secret_value():
        made.append(Webhook(webhook))
    if addresses := [one.strip() for one in settings.alert_email.split(";") if one.strip()]:
        made.append(Mail(settings.smtp.get_secret_value(), addresses, settings.alert_sender))
    return made
