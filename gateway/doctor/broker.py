"""Checks the broker: whether it answers, and accepts our password."""

from collections.abc import Iterator

from devices import broker_url
from devices.credentials import READER
from gateway.control.client import NotHeard, connected, knock
from gateway.doctor.finding import Finding, Visit, one_line

TIMEOUT = 5.0  # seconds


def broker(visit: Visit) -> Iterator[Finding]:
    """Log in as `reader`: a login as the gateway would end the gateway's own connection."""
    settings, password = visit.settings, visit.settings.reader_password.get_secret_value()
    values = {"url": settings.mqtt, "account": READER, "seconds": round(TIMEOUT)}
    try:
        if not password:
            knock(settings, TIMEOUT)
            yield visit.finding("broker", "ok", "broker_there", **values)
            return
        broker_url.leave(connected(settings, READER, password, TIMEOUT))
    except NotHeard as error:
        yield visit.finding("broker", "bad", f"broker_{error.why}", error=one_line(error.said), **values)
    except ValueError as error:  # a bad address, or a bad file in HOIQUAN_MQTT_CA
        yield visit.finding("broker", "bad", "broker_bad", error=one_line(error))
    else:
        yield visit.finding("broker", "ok", "broker_ok", **values)
