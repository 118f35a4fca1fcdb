"""`hoiquan gateway`, `hoiquan broker`: parts of `hoiquan up`, each alone; `hoiquan doctor`: is all well?"""

from typing import Annotated, Literal

import typer

from devices.installation import LOOPBACK, require_port, require_same
from devices.processes import share_heap, stop_on_signals
from devices.settings import Settings
from devices.terminal import AsJson, Data, Language, PilotName

Mqtt = Annotated[str | None, typer.Option(help="help.mqtt")]


def broker(
    port: Annotated[int, typer.Option(help="help.broker_port")] = 1883,
    kind: Annotated[
        Literal["mosquitto", "amqtt"], typer.Option("--with", help="help.which_broker")
    ] = "amqtt",
    data: Data = None,
    pilot: PilotName = None,
) -> None:
    """Run only the broker (a part of `hoiquan up`)."""
    from gateway.brokers.house import serve

    require_port("--port", LOOPBACK[0], port)
    raise SystemExit(serve(Settings.read(data=data, pilot=pilot), kind, port, stop_on_signals()))


def gateway(
    data: Data = None,
    pilot: PilotName = None,
    mqtt: Mqtt = None,
    group: Annotated[
        str | None,
        typer.Option(help="help.group"),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(help="help.instance"),
    ] = None,
) -> None:
    """Run only the gateway: MQTT → spool → checks → store, records and indicators."""
    from gateway.service import serve
    from gateway.stores.opening import open_store

    share_heap()
    settings = Settings.read(data=data, pilot=pilot, mqtt=mqtt, group=group, instance=instance)
    settings = settings.as_running()  # beside a running `hoiquan up`, this one uses its broker
    require_same(settings)
    with open_store(settings, mend=True) as store:
        if not serve(settings, store, stop_on_signals()):
            raise SystemExit(1)


def doctor(
    data: Data = None,
    pilot: PilotName = None,
    lang: Language = "vi",
    json_output: AsJson = False,
) -> None:
    """Check each part; say what is wrong and what to do. Exit code 1 if a part is bad."""
    from gateway.doctor.report import report

    raise SystemExit(
        report(lambda: Settings.read(data=data, pilot=pilot).as_running(), lang, as_json=json_output)
    )
