"""Mosquitto as the broker of `hoiquan up`, where it is installed, with accounts of the data folder's own.

    registry ─► passwords, rules (devices.access.mosquitto) ─► mosquitto, SIGHUP whenever they change
                                 queues in DATA/broker ◄──┤
                      its log, and its rules' denials  ◄──┘ (denied.py)

It keeps what it has acknowledged: nothing is lost if a sender hangs up, or a gateway is away or killed. If
Mosquitto itself is killed, the last second may be lost, since it writes its queues once a second.
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
from gateway.brokers import saved

log = logging.getLogger(__name__)
FOLDER = "broker"  # in the data folder
LOG, DENIED = "mosquitto.log", "denied.log"
OLDEST = (2, 0)  # the first version whose password file takes our hashes
ELSEWHERE = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")  # not on everybody's PATH
# deploy/mosquitto/mosquitto.conf sets the same, and gives the reasons.
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
_DEBUG = (b"Received ", b"Sending ", b"\t", b"No will ", b"Will message ", _DENIED)  # how debug lines begin
_MOST_DENIED = 1_000_000  # bytes; then the file of denials begins again
LOOK_EVERY = 0.25  # seconds between two looks at the accounts
GRACE = 3.0  # seconds that Mosquitto has to end
_PR_SET_PDEATHSIG = 1  # prctl(2), Linux
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def binary() -> tuple[str, str] | None:
    """Mosquitto's path on this machine, and its version; None if there is none that can be used."""
    path = shutil.which("mosquitto") or shutil.which("mosquitto", path=os.pathsep.join(ELSEWHERE))
    if path is None:
        return None
    try:
        # in a session of its own: else Ctrl-C meanwhile would end it, and make Mosquitto look missing
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
    """Mosquitto's password file in a data folder."""
    return data.absolute() / FOLDER / "passwords"


def denied(data: Path) -> Path:
    """The file, in a data folder, with the log's lines on whom the rules turned away."""
    return data.absolute() / FOLDER / DENIED


def configured(data: Path, bind: str, port: int) -> Path:
    """Write Mosquitto's configuration: one listener, and all its files in the data folder."""
    accounts = passwords(data)
    folder = accounts.parent
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f"listener {port} {bind}",
        "use_username_as_clientid true",
        f"password_file {accounts}",
        f"acl_file {rules_beside(accounts)}",
        f"persistence_location {folder}/",
        # started by root, Mosquitto would become another user, who may not read our files
        f"user {pwd.getpwuid(os.getuid()).pw_name}",
    ]
    config = folder / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n" + LIMITS, "utf-8")
    return config


def serve(path: str, config: Path, watched: Sequence[Path], stop: threading.Event) -> int:
    """Run Mosquitto until `stop` is set (returns 0) or it ends by itself (returns its exit code, or 1)."""
    saved.mend(config.with_name(saved.FILE))
    with ExitStack() as ends:
        # unbuffered: a line that a full disk did not take is lost, and not tried again at the end
        logs = [ends.enter_context((config.parent / name).open("wb", 0)) for name in (LOG, DENIED)]
        return _serve(path, config, watched, stop, *logs)


def _serve(
    path: str, config: Path, watched: Sequence[Path], stop: threading.Event,
    messages: IO[bytes], denials: IO[bytes],
) -> int:  # fmt: skip
    process = subprocess.Popen(  # noqa: S603 -- found above
        [path, "-c", str(config)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
        preexec_fn=_ends_with_its_parent,  # noqa: PLW1509 -- one call into the kernel, loaded before
    )  # fmt: skip
    assert process.stderr is not None
    last: deque[str] = deque(maxlen=2)
    listener = threading.Thread(target=_sort, args=(process.stderr, messages, denials, last), daemon=True)
    listener.start()
    stamps = _stamps(watched)
    try:
        while not stop.wait(LOOK_EVERY):
            if process.poll() is not None:
                listener.join(GRACE)
                log.error("Mosquitto ended by itself (%d): %s", process.returncode, "; ".join(last))
                return process.returncode or 1
            now = _stamps(watched)
            if now != stamps:
                process.send_signal(signal.SIGHUP)
            stamps = now
    finally:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listener.join(GRACE)
    return 0


def _sort(lines: Iterable[bytes], messages: IO[bytes], denials: IO[bytes], last: deque[str]) -> None:
    """Write Mosquitto's lines to its log. Of the debug lines keep only the denials, in a file of their own.
    Both files are unbuffered. Ends when Mosquitto ends.
    """
    for line in lines:
        _, _, words = line.partition(b": ")
        with suppress(OSError):  # a full disk: go on reading, or Mosquitto stands still
            if not words.startswith(_DEBUG):
                last.append(line.decode("utf-8", "replace").rstrip())
                messages.write(line)
            elif words.startswith(_DENIED):
                if denials.tell() > _MOST_DENIED:
                    denials.seek(0)
                    denials.truncate()
                denials.write(line)


def _stamps(watched: Sequence[Path]) -> list[tuple[int, int, int]]:
    """Marks of the files that change when a file is replaced or grows."""
    return [(stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in (path.stat() for path in watched)]


def _ends_with_its_parent() -> None:
    """Ask the kernel to end Mosquitto when this process is killed: it would go on, and nobody would tell it
    of new accounts. Where there is no such call Mosquitto goes on, and the next start finds its port taken.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
