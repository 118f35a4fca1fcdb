"""`hoiquan up --scenario NAME`: plays a scenario into a folder of its own, and shows the pages over it.

    simulate --scenario NAME --store ─► played ─► web, until it is stopped
        └─ interrupted: the next start plays it again; what is made twice is stored once

It has no broker and no gateway: it plays another time than now, and shows its last moment.
"""

import os
import threading
from collections.abc import Collection
from pathlib import Path

from devices import installation
from devices.pilots import scenario as scenarios
from devices.processes import Child, run_together
from devices.settings import Settings
from devices.terminal import announce
from devices.texts import Misuse

FOLDER = "rehearsals"  # in the data folder, unless another folder is given
# options that the scenario decides, or that a rehearsal does not need
OWN = ("--pilot", "--history", "--speed", "--seed", "--faults", "--rollout", "--mqtt-port", "--broker")
PLAYED = "played"  # marks a rehearsal's folder whose scenario was played to its end


def up(
    name: str, data: Path | None, options: Collection[str], http_port: int, bind: str, host: str | None,
    stop: threading.Event, lang: str,
) -> None:  # fmt: skip
    """Play the scenario unless it was played, and show it until `stop`. `options`: those that were given."""
    if wrong := [option for option in OWN if option in options]:
        raise Misuse("up.own_options", options=", ".join(wrong))
    play = scenarios.load(name)
    folder = data if data is not None else Settings.read().data / FOLDER / Path(name).stem
    settings = Settings.read(data=folder, pilot=play.pilot)
    settings = settings.on_port(http_port, installation.reached_as(bind, host))
    play.require(settings.loaded_pilot)
    with installation.claim(folder) as running:
        installation.require_port("--http-port", bind, http_port)
        resumed = scenarios.held(folder) is not None
        if resumed:
            scenarios.hold(folder, play)  # the page shows the present text of the file
        os.environ |= installation.environment(settings, lang)
        installation.tell(running, installation.places(settings, bind, http_port))
        title = play.name.get(lang)
        announce("up.plays", lang, name=title, start=play.start, until=play.until, folder=folder)
        run_together(
            first=None
            if resumed and (folder / PLAYED).exists()
            else Child("scenario", ["simulate", "--scenario", name, "--store"], waited_for=False),
            children=[Child("web", ["web", "--http-port", str(http_port), "--bind", bind], waited_for=False)],
            ready=lambda: installation.taken(bind, http_port),
            say=lambda: announce("up.rehearses", lang, url=settings.base_url, name=title),
            stop=stop,
            lang=lang,
        )
