"""The one settings object: environment variables HOIQUAN_*, shown by `hoiquan config`.

A variable that ends in _FILE names a file that holds the value (Docker secrets). An empty variable counts as
one that is not set: an empty path would be the current folder.
"""

import json
import os
import re
from contextlib import suppress
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from devices import credentials
from devices.contract import invalid
from devices.credentials import FIRST_INSTANCE
from devices.files import mend, replace, words
from devices.pilots.pilot import Pilot, PilotError, load
from devices.pilots.written import SCENARIO, located
from devices.texts import Lang, Misuse

RUNNING = "running.json"  # in a data folder: what the running `hoiquan up` has chosen
LAST = "last-run.json"  # in a data folder: the ADDRESSES of the last `hoiquan up`
ADDRESSES = frozenset({"mqtt", "base_url"})  # of its broker, and of its pages for people
PILOT = "pilot"  # in a data folder: the pilot that `hoiquan up` ran there
CANONICAL = "https://hoiquan.example"  # nobody's domain (RFC 2606), until the user sets one
# of the pages; a name with diacritics has its ASCII form (xn--…) here, as HTTP headers allow no other
ADDRESS = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")


class Settings(BaseSettings):
    """Settings that every command shares; command-line options override them. What each of them is says the
    catalogue's `config.*`.
    """

    model_config = SettingsConfigDict(env_prefix="HOIQUAN_", env_ignore_empty=True, extra="ignore")

    pilot: str = "dong-thap"
    data: Path = Path("data")
    mqtt: str = "mqtt://127.0.0.1:1883"
    public_mqtt: str = ""
    mqtt_ca: Path | None = None
    mqtt_version: int = Field(5, ge=4, le=5)
    gateway_password: SecretStr = SecretStr("")
    reader_password: SecretStr = SecretStr("")
    operator_password: SecretStr = SecretStr("")
    simulator_secret: SecretStr = SecretStr("")
    registry: SecretStr = SecretStr("")
    influx_url: str = ""
    influx_token: SecretStr = SecretStr("")
    influx_org: str = "hoiquan"
    influx_bucket: str = "hoiquan"
    base_url: str = "http://localhost:8080"
    canonical: str = Field(CANONICAL, pattern=r"^https?://[a-z0-9-]+(\.[a-z0-9-]+)+$")
    trusted_hosts: str = ""
    log_origin: str = "localhost/hoiquan"
    mosquitto_passwords: Path | None = None
    mosquitto_denied: Path | None = None
    chirpstack_password: SecretStr = SecretStr("")
    instance: str = FIRST_INSTANCE
    group: str = Field("", pattern="^[a-z0-9-]{0,64}$")
    spool_max_mb: int = Field(4096, ge=1)
    spool_free_mb: int = Field(256, ge=0)
    quarantine_days: int = Field(90, ge=1)
    quarantine_max_mb: int = Field(256, ge=1)
    metrics_port: int = Field(0, ge=0, le=65535)
    metrics_bind: str = "127.0.0.1"
    web_url: str = ""
    alert_email: str = ""
    alert_webhook: SecretStr = SecretStr("")
    alert_sender: str = ""
    smtp: SecretStr = SecretStr("")
    lang: Lang = "vi"

    @classmethod
    def read(cls, **overrides: Any) -> "Settings":
        """Settings from the environment; an override of None leaves the environment's value. Raises
        Misuse.
        """
        files = {
            name: _content(variable)
            for name in cls.model_fields
            if os.environ.get(variable := f"HOIQUAN_{name.upper()}_FILE")
        }
        chosen = {name: value for name, value in overrides.items() if value is not None}
        try:
            settings = cls(**{**files, **chosen})
        except ValidationError as error:
            one = error.errors(include_url=False)[0]
            name = f"HOIQUAN_{'_'.join(map(str, one['loc'])).upper()}"
            raise Misuse("setting.wrong", name=name, given=one["input"], why=invalid.why(one)) from None
        if not ADDRESS.fullmatch(settings.base_url):
            raise Misuse("setting.base_url", address=settings.base_url)
        if settings.data.exists() and not settings.data.is_dir():
            raise Misuse("setting.data_is_file", path=settings.data)
        if settings.mosquitto_passwords and not settings.gateway_password.get_secret_value():
            raise Misuse("setting.no_gateway_password")
        return settings._with_kept_pilot(chosen.get("pilot"))

    def _with_kept_pilot(self, chosen: str | None) -> "Settings":
        """These settings with the pilot that the data folder is for, if nobody named one. A rehearsal's
        folder is for the rehearsal's pilot alone, whatever the environment says: Misuse is raised if another
        was `chosen`.
        """
        if (self.data / SCENARIO).exists():
            from devices.pilots.scenario import held  # imported late: few folders hold a rehearsal

            play = held(self.data)
            if play is None or chosen == play.pilot:
                return self
            if chosen is None:
                return self.model_copy(update={"pilot": play.pilot})
            with suppress(PilotError):  # the file may have been moved; the user who names it knows where to
                if load(play.pilot).pilot != self.loaded_pilot.pilot:
                    raise Misuse("setting.another_pilot", folder=self.data, pilot=play.pilot, asked=chosen)
        elif (kept := self.kept_pilot()) is not None and "pilot" not in self.model_fields_set:
            return self.model_copy(update={"pilot": kept})
        return self

    def kept_pilot(self) -> str | None:
        """The pilot that `hoiquan up` last ran on the data folder; None if it never did."""
        kept = self.data / PILOT
        return words(kept).strip() if kept.exists() else None

    def keep_pilot(self) -> None:
        """Record in the data folder which pilot it is for, for commands that come when nothing runs."""
        replace(self.data / PILOT, located(self.pilot) + "\n")

    def again(self, name: str) -> str:
        """The current content of a setting's file (HOIQUAN_…_FILE); "" if none is named or readable."""
        variable = f"HOIQUAN_{name.upper()}_FILE"
        try:
            return _content(variable) if os.environ.get(variable) else ""
        except Misuse:
            return ""

    def on_port(self, port: int, host: str = "localhost") -> "Settings":
        """These settings with the address of pages on a port of this machine, unless an address was set.
        Raises Misuse for a `host` that no address can name.
        """
        if "base_url" in self.model_fields_set:
            return self
        if not ADDRESS.fullmatch(http_address(host, 80)):
            raise Misuse("setting.host", host=host, machine=_machine_form(host) or "xn--…")
        return self.model_copy(update={"base_url": http_address(host, port)})

    def as_running(self) -> "Settings":
        """These settings with what a running `hoiquan up` on the same folder has chosen."""
        chosen = _written(self.data / RUNNING)
        if chosen is None:
            return self
        kept = credentials.kept_in(self.data)
        mine = {
            name.removeprefix("HOIQUAN_").lower(): SecretStr(kept.get(name, ""))
            for name in credentials.SECRETS
        }
        for name in ("mosquitto_passwords", "mosquitto_denied"):
            if chosen.get(name):
                chosen[name] = Path(chosen[name])
        named = self.model_fields_set
        return self.model_copy(update={n: value for n, value in {**chosen, **mine}.items() if n not in named})

    def as_last_run(self) -> "Settings":
        """These settings with the addresses of broker and pages in the last `hoiquan up` on the same folder,
        where neither a setting nor a running one tells them: for what is used once it runs again.
        """
        last, named = _written(self.data / LAST) or {}, self.model_fields_set
        known = {name: last[name] for name in ADDRESSES & last.keys() if name not in named}
        return self.model_copy(update=known)

    @cached_property
    def loaded_pilot(self) -> Pilot:
        """The pilot file. Raises PilotError."""
        return load(self.pilot)

    @property
    def pages(self) -> str:
        """The pages' address for a person: the public one, else that of the `hoiquan up` that runs here."""
        running = "" if "base_url" in self.model_fields_set else self.web_url
        return (running or self.base_url).rstrip("/")

    @property
    def ca(self) -> Path:
        """Folder of the CA of the broker's certificate."""
        return self.data / "ca"

    @property
    def trace(self) -> Path:
        """Folder of diary, records and transparency log."""
        return self.data / "trace"

    @property
    def probes(self) -> Path:
        """Folder of the user's own probe files."""
        return self.data / "probes"

    @property
    def registry_url(self) -> str:
        return self.registry.get_secret_value() or str(self.data / "registry.sqlite")


def _written(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None if there is none, or it cannot be read."""
    try:
        said = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def http_address(host: str, port: int) -> str:
    """The address of pages on a host (a name or an IP address); an IPv6 address is put in brackets."""
    with suppress(ValueError):
        host = f"[{host}]" if ip_address(host).version == 6 else host
    return f"http://{host}:{port}"


def _machine_form(host: str) -> str:
    """The ASCII form (xn--…) of a host name with diacritics; "" if it has neither."""
    try:
        return "" if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return ""


def _content(variable: str) -> str:
    path = os.environ[variable]
    try:
        return words(Path(path)).strip()
    except (OSError, ValueError) as error:
        raise Misuse("setting.unread", variable=variable, path=path, why=mend(error)) from None
