"""hoiquan: the command, and the one place where adapters are built and joined.

up ─► broker, gateway, web, simulate     as processes of their own, ended in reverse order
gateway: gateway.service over a store        web: pages over the same store, and the records
"""

import _signal  # type: ignore[import-not-found] # `signal` itself first imports others, which takes time
import sys

# Ctrl-C ends the command silently, even during the imports, until `stop_on_signals` takes over. Tests keep
# their own handler.
if sys.argv[0].rpartition("/")[2].startswith("hoiquan"):
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from devices import terminal
from devices.command_line import Late, commands, run
from devices.errors import UserError
from devices.files import mend
from devices.processes import CHILD, Child, end_with_others, leave, run_together, share_heap, stop_on_signals
from devices.terminal import announce, complain

if TYPE_CHECKING:
    from dashboards.figures import Figures
    from devices.settings import Settings


def main() -> None:
    """Run the command; an error that people can mend is one line: exit code 1 if something is away, or 2."""
    terminal.log_to_stderr()
    end_with_others()
    from gateway.stores.store import RetryLater

    try:
        run(app)
    except SystemExit as end:
        if isinstance(end.code, int) and (CHILD in os.environ or sys.argv[1:2] == ["up"]):
            leave(end.code)
        raise
    except (UserError, RetryLater, sqlite3.Error, OSError) as error:
        told = mend(error)
        complain(told, 2 if isinstance(told, UserError) else 1)


@contextmanager
def open_figures(settings: "Settings") -> "Iterator[Figures]":
    """The figures over the store of the settings."""
    from dashboards.site import opened
    from gateway.stores.opening import open_store

    with open_store(settings) as store:
        yield opened(settings, store)


def web(
    data: terminal.Data = None,
    pilot: terminal.PilotName = None,
    http_port: terminal.Port = 8080,
    bind: terminal.Bind = "127.0.0.1",
) -> None:
    """Serve only the web pages: overview, records, transparency log, open data."""
    from dashboards.pages.check import Verdict
    from dashboards.site import site
    from devices.access.registry import Registry
    from devices.installation import require_port
    from devices.probes.shelf import Shelf
    from devices.settings import Settings
    from devices.web.patience import serve
    from gateway.preview import judged
    from traceability.pages import web as records
    from traceability.secretary import form, post

    share_heap()
    settings = Settings.read(data=data, pilot=pilot)
    require_port("--http-port", bind, http_port)
    with open_figures(settings) as figures:
        place, folder = figures.pilot, settings.trace
        registry = Registry(settings.registry_url, place)
        send = post.Post(settings.mqtt, settings.mqtt_version, settings.mqtt_ca).send
        others = (
            records.router(folder, place, settings.base_url.rstrip("/"), settings.canonical),
            form.router(folder, place, registry, send, secure=settings.base_url.startswith("https:")),
        )
        shelf = Shelf(settings.probes)
        pages = site(settings, figures, lambda *one: Verdict(*judged(registry, shelf, *one)), others)
        serve(pages, bind, http_port)


def up(
    context: terminal.Called,
    data: terminal.Data = None,
    pilot: terminal.PilotName = None,
    history: terminal.History = "30d",
    speed: terminal.Speed = 1.0,
    http_port: terminal.Port = 8080,
    mqtt_port: terminal.MqttPort = 1883,
    bind: terminal.Bind = "127.0.0.1",
    host: terminal.Host = None,
    broker: terminal.WhichBroker = "auto",
    seed: terminal.Seed = 1,
    faults: terminal.Faults = "none",
    rollout: terminal.Rollout = "plan",
    scenario: terminal.ScenarioName = None,
    lang: terminal.Language = "vi",
) -> None:
    """Run everything on this machine, without Docker: broker, gateway, SQLite store, pages, simulator."""
    from devices import installation
    from devices.settings import Settings
    from gateway.brokers import house
    from gateway.control.alarms.sending import channels
    from sim import rehearsal
    from sim.commands import beside_a_store

    stop = stop_on_signals()
    if scenario is not None:
        rehearsal.up(scenario, data, terminal.options_given(context), http_port, bind, host, stop, lang)
        return
    settings = Settings.read(data=data, pilot=pilot).on_port(http_port, installation.reached_as(bind, host))
    place, _ = settings.loaded_pilot, channels(settings)  # refused here, not by each restart of a gateway
    simulator = beside_a_store(history, speed, seed, faults, rollout)
    installation.require_same(settings)
    with installation.claim(settings.data) as running:
        installation.require_ports(bind, http_port, mqtt_port)
        which, chosen = house.choose(broker, settings.data, mqtt_port)
        os.environ |= installation.environment(settings, lang) | house.environment(chosen)
        installation.tell(running, chosen | installation.places(settings, bind, http_port))
        if speed != 1.0:
            announce("up.other_time", lang, speed=speed)
        announce("up.pilot", lang, pilot=place.pilot, folder=settings.data.resolve())
        announce(f"up.{which.name}", lang, version=which.version)
        alive = settings.data / "gateway" / "alive"
        alive.unlink(missing_ok=True)
        children = [
            Child("broker", ["broker", "--port", str(mqtt_port), "--with", which.name]),
            Child("gateway", ["gateway"]),
            Child("web", ["web", "--http-port", str(http_port), "--bind", bind], waited_for=False),
            # a broker drops messages that come before the gateway's first subscription
            Child("simulator", [*simulator, "--mqtt", str(chosen["mqtt"])], alive.exists),
        ]
        run_together(
            # killed, it leaves whole what it has written, and the next start makes what is missing
            first=Child("history", [*simulator, "--history-only"], waited_for=False),
            children=children, ready=lambda: installation.taken(bind, http_port),
            say=lambda: announce("up.open", lang, url=settings.base_url, command=sys.argv[0]),
            stop=stop, lang=lang, command=main, shared=SHARED,
        )  # fmt: skip


def report() -> Callable[..., None]:
    """`hoiquan report`, over the store of the settings."""
    from dashboards.commands import report_command

    return report_command(open_figures)


def simulate() -> Callable[..., None]:
    """`hoiquan simulate`, whose past goes to the store of the settings."""
    from gateway.past import open_past
    from sim.commands import command

    return command(open_past)


SHARED = ("gateway.service", "gateway.stores.opening", "gateway.stores.sqlite", "sqlalchemy.dialects.sqlite")
COMMANDS = {
    "up": Late(lambda: up),
    "doctor": Late("gateway.launch:doctor"),
    "device": Late("gateway.probing:devices_app"),
    "trace": Late("traceability.commands:trace_app"),
    "report": Late(report),
    "quarantine": Late("gateway.commands:quarantine_app"),
    "advice": Late("gateway.actuators:advice_app"),
    "alarms": Late("gateway.alarms:alarms_app"),
    "audit": Late("gateway.audit.commands:audit_app"),
    "pilot": Late("devices.commands:pilot_app"),
    "simulate": Late(simulate),
    "gateway": Late("gateway.launch:gateway"),
    "web": Late(lambda: web),
    "dashboards": Late("dashboards.commands:dashboards_app"),
    "config": Late("devices.commands:config"),
    "ca": Late("devices.commands:ca"),
    "broker": Late("gateway.launch:broker", hidden=True),
    "accounts": Late("devices.commands:accounts", hidden=True),
    "tokens": Late("gateway.commands:tokens", hidden=True),
}
app = commands(COMMANDS)

if __name__ == "__main__":
    main()
