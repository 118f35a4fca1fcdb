"""A server of pages as a process of its own: the program itself, started again with `--serve PORT`."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.loopback import answers, free_port
from tests.servers import until


class Server(NamedTuple):
    """A running server: its port on loopback, and the id of its process."""

    port: int
    pid: int


@contextmanager
def running(program: str, *arguments: object) -> Iterator[Server]:
    """Run `program --serve PORT ARGUMENTS…` during the block, from the moment that it listens."""
    port = free_port()
    process = subprocess.Popen([sys.executable, program, "--serve", *map(str, (port, *arguments))])
    try:
        until(lambda: answers(port), "the server listens", 120)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait(20)
