"""Mosquitto as the broker of `hoiquan up`, where it is installed, with accounts of the data folder's own.

    registry ─► passwords, rules (devices.access.mosquitto) ─► mosquitto ─► SIGHUP whenever they change
                                 queues in DATA/broker ◄──┤
                       its log, and whom its rules denied ◄┘ (denied.py)

It keeps what it acknowledged: a sender that hangs up, a gateway that is away or killed lose nothing. Killed
itself it may lose what came within the last second, for it writes its queues once a second.
"""

import ctypes
import logging
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from devices.access.mosquitto import rules_beside

log = logging.getLogger(__name__)
FOLDER = "broker"  # of the data folder
LOG, DENIED = "mosquitto.log", "denied.log"
OLDEST = (2, 0)  # the first whose password file takes our hashes
ELSEWHERE = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")  # not on everybody's PATH
# What deploy/mosquitto/mosquitto.conf sets too, for the reasons that stand there.
LIMITS = """\
allow_anonymous false
persistence true
autosave_on_changes false
autosave_interval 1
persistent_client_expiration 14d
max_inflight_messages 5000
max_queued_messages 1000000
max_queued_bytes 268435456
memory_limit 1073741824
queue_qos0_messages false
max_packet_size 65536
log_dest topic
log_dest stderr
log_type error
log_type warning
log_type notice
# Whom its rules deny it says nowhere else. About five lines a message, which cost broker and reader 15 µs
# each (measured with 2.0.11: 19,000 messages a second instead of 38,000 on two busy cores).
log_type debug
"""
_DENIED = b"Denied PUBLISH "
_DEBUG = (b"Received ", b"Sending ", b"\t", b"No will ", b"Will message ", _DENIED)  # how such lines begin
_MOST_DENIED = 1_000_000  # bytes; then the file begins again
LOOK_EVERY = 0.25  # seconds between two looks at the accounts
GRACE = 3.0  # seconds in which it has to end
_PR_SET_PDEATHSIG = 1  # prctl(2), Linux
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def binary() -> tuple[str, str] | None:
    """Where Mosquitto is on this machine, and its version; None where there is none that will do."""
    path = shutil.which("mosquitto") or shutil.which("mosquitto", path=os.pathsep.join(ELSEWHERE))
    if path is None:
        return None
    try:
        # a session of its own: Ctrl-C while it answers would make it one that is not here
        answer = subprocess.run(  # noqa: S603
            [path, "-h"], capture_output=True, text=True, timeout=10, check=False, start_new_session=True
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"version (\d+)\.(\d+)\S*", answer.stdout + answer.stderr)
    if version is None or (int(version[1]), int(version[2])) < OLDEST:
        return None
    return path, version[0].removeprefix("version ")


def passwords(data: Path) -> Path:
    """Its password file in a data folder."""
    return data.absolute() / FOLDER / "passwords"


def denied(data: Path) -> Path:
    """The lines of its log that say whom its rules turned away, in a data folder."""
    return data.absolute() / FOLDER / DENIED


def configured(data: Path, bind: str, port: int) -> Path:
    """Write its configuration: one listener, and all that it keeps in the data folder."""
    accounts = passwords(data)
    folder = accounts.parent
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f"listener {port} {bind}",
        "use_username_as_clientid true",
        f"password_file {accounts}",
        f"acl_file {rules_beside(accounts)}",
        f"persistence_location {folder}/",
        # started by root it would become another user, who may not read our files
        f"user {pwd.getpwuid(os.getuid()).pw_name}",
    ]
    config = folder / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n" + LIMITS, "utf-8")
    return config


def serve(path: str, config: Path, watched: Sequence[Path], stop: threading.Event) -> int:
    """Run Mosquitto until `stop` is set or it ends by itself; its exit code, 0 when it was told to end."""
    with ExitStack() as ends:
        # unbuffered: what a full disk did not take is gone, and not tried again at the end
        logs = [ends.enter_context((config.parent / name).open("wb", 0)) for name in (LOG, DENIED)]
        return _serve(path, config, watched, stop, *logs)


def _serve(
    path: str, config: Path, watched: Sequence[Path], stop: threading.Event,
    kept: IO[bytes], turned_away: IO[bytes],
) -> int:  # fmt: skip
    process = subprocess.Popen(  # noqa: S603 -- found above
        [path, "-c", str(config)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        preexec_fn=_ends_with_its_parent,  # noqa: PLW1509 -- one call into the kernel, loaded before
    )  # fmt: skip
    assert process.stderr is not None
    last: deque[str] = deque(maxlen=2)
    listener = threading.Thread(target=_sort, args=(process.stderr, kept, turned_away, last), daemon=True)
    listener.start()
    seen = _stamps(watched)
    try:
        while not stop.wait(LOOK_EVERY):
            if process.poll() is not None:
                listener.join(GRACE)
                log.error("Mosquitto ended by itself (%d): %s", process.returncode, "; ".join(last))
                return process.returncode or 1
            now = _stamps(watched)
            if now != seen:
                process.send_signal(signal.SIGHUP)
            seen = now
    finally:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listener.join(GRACE)
    return 0


def _sort(lines: Iterable[bytes], kept: IO[bytes], turned_away: IO[bytes], last: deque[str]) -> None:
    """Keep what Mosquitto says in its log, but of the debug lines only those that deny, in a file of their
    own; both are unbuffered. Ends with it.
    """
    for line in lines:
        _, _, words = line.partition(b": ")
        with suppress(OSError):  # a full disk: it must be read on, or it stands still
            if not words.startswith(_DEBUG):
                last.append(line.decode("utf-8", "replace").rstrip())
                kept.write(line)
            elif words.startswith(_DENIED):
                if turned_away.tell() > _MOST_DENIED:
                    turned_away.seek(0)
                    turned_away.truncate()
                turned_away.write(line)


def _stamps(watched: Sequence[Path]) -> list[tuple[int, int, int]]:
    """What changes when a file is replaced, or longer."""
    return [(stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in (path.stat() for path in watched)]


def _ends_with_its_parent() -> None:
    """Ask the kernel to end it when this process is killed: it would go on without anybody to tell it of
    new accounts. Where there is no such call it stays, and the next start finds its port taken.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
