"""Runs `hoiquan` as a fork of a process that has imported it, so that its start does not cost a second.

run(…) ─► a server that this test process owns ─► a process for the request ─► the command, its child
"""

import atexit
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]


def run(
    folder: Path, arguments: Sequence[str], environment: dict[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run `python -m hoiquan` to its end in `folder`, with these arguments and this environment."""
    told = ["hoiquan", *arguments]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(_server())
            request = json.dumps([str(folder), arguments, environment]).encode()
            socket.send_fds(line, [b"\n"], [out.fileno(), err.fileno()])
            line.sendall(request + b"\n")
            answers = line.makefile()
            pid = int(answers.readline())
            line.settimeout(seconds)
            try:
                code = int(answers.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(told, seconds) from None
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(told, code, *texts)


@cache
def _server() -> str:
    """The path of the server's socket; the server ends with this process."""
    folder = tempfile.TemporaryDirectory(prefix="hoiquan-forked-")
    path = f"{folder.name}/socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.forked", path],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("HOIQUAN_")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )

    def end() -> None:
        process.kill()
        process.wait()
        folder.cleanup()

    atexit.register(end)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return path


class Request(socketserver.BaseRequestHandler):
    """Runs in a process of its own, which waits for the command's process."""

    def handle(self) -> None:
        _, descriptors, _, _ = socket.recv_fds(self.request, 1, 2)
        folder, arguments, environment = json.loads(self.request.makefile().readline())
        pid = os.fork()
        if pid == 0:
            self.request.close()
            command(folder, arguments, environment, descriptors)
        self.request.sendall(b"%d\n" % pid)
        self.request.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def command(folder: str, arguments: list[str], environment: dict[str, str], written: list[int]) -> NoReturn:
    """From here on, this process is `python -m hoiquan`."""
    import hoiquan

    for number, descriptor in enumerate(written, 1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [hoiquan.__file__, *arguments]
    sys.modules["__main__"] = hoiquan
    code = 1
    try:
        hoiquan.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 -- as Python does at its end
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    parent = 0

    def service_actions(self) -> None:
        super().service_actions()
        if os.getppid() != self.parent:  # the tests were killed
            os._exit(0)


def main() -> None:
    import hoiquan

    for late in hoiquan.COMMANDS.values():
        late.load()
    with Server(sys.argv[1], Request) as server:
        server.parent = os.getppid()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
