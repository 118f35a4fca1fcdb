"""The real servers that tests run against, started on ports and in folders of their own.

    with mosquitto("allow_anonymous true") as broker:   Mosquitto
    with influx() as server:                            InfluxDB 1.6 behind nginx, as if it were 2.x

Each ends only the processes that it started, by their ids. If a program is missing, the test is skipped, and
the end of the test run names the test (`conftest.py`).
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.loopback import answers, free_port
from tests.programs import program

PATIENCE = 60.0  # seconds in which a server comes up even on the busiest machine


def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait for `condition`, in short steps; fails after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {patience:g} s"
        time.sleep(0.01)


class Process:
    """One server process and its log."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self._name = name
        self._command = command
        self._log = folder / f"{name}.log"
        self._running: subprocess.Popen[bytes] | None = None

    def start(self, ready: Callable[[], object]) -> None:
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

        def up() -> object:
            assert self._running is not None
            assert self._running.poll() is None, f"{self._name} ended:\n{self.log()[-2000:]}"
            return ready()

        until(up, f"{self._name} comes up")

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._running is None:
            return
        with suppress(ProcessLookupError):
            self._running.send_signal(signal.SIGCONT)  # a stopped process would not get the next signal
            self._running.send_signal(number)
        try:
            self._running.wait(10)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()
        self._running = None

    def send(self, number: signal.Signals) -> None:
        assert self._running is not None
        self._running.send_signal(number)

    def worked(self) -> float:
        """Seconds of CPU time that the process has used, threads that have ended included (Linux)."""
        assert self._running is not None
        return time.clock_gettime(~self._running.pid << 3 | 2)  # the id that clock_getcpuclockid(3) gives

    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")


class Mosquitto:
    """A running Mosquitto. `folder` holds its configuration, and whatever a test puts beside it."""

    def __init__(self, lines: tuple[str, ...], folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self.url = f"mqtt://127.0.0.1:{self.port}"
        path = folder / "mosquitto.conf"
        # started as root, Mosquitto would become another user, who may not read our folder
        user = ["user root"] if os.geteuid() == 0 else []
        listener = f"listener {self.port} 127.0.0.1"
        path.write_text("\n".join([*user, listener, *lines, ""]).replace("{folder}", str(folder)), "utf-8")
        self._process = Process("mosquitto", self._command(path), folder)

    def start(self) -> None:
        self._process.start(self._listens)

    def stop(self) -> None:
        self._process.end()

    def kill(self) -> None:
        """Kill the broker, as a power cut would."""
        self._process.end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop the process: the broker says nothing more, but no connection ends."""
        self._process.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send(signal.SIGCONT)

    def reload(self) -> None:
        """Send SIGHUP: the broker reads passwords and rules again."""
        self._process.send(signal.SIGHUP)

    def log(self) -> str:
        return self._process.log()

    def _command(self, configuration: Path) -> list[str]:
        return [program("mosquitto"), "-c", str(configuration)]

    def _listens(self) -> bool:
        return answers(self.port)


@contextmanager
def mosquitto(*lines: str) -> Iterator[Mosquitto]:
    """Mosquitto with these configuration lines, in which `{folder}` is its folder."""
    with _folder("mosquitto") as folder:
        broker = Mosquitto(lines, folder)
        try:
            broker.start()
            yield broker
        finally:
            broker.stop()


_INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "tsi1"
  query-log-enabled = false
[http]
  bind-address = "127.0.0.1:{engine}"
  log-enabled = false
[monitor]
  store-enabled = false
"""
_NGINX = """
{user}master_process off; daemon off; pid {folder}/nginx.pid; error_log stderr;
events {{}}
http {{
  access_log off; client_max_body_size {largest};
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  map $arg_precision $p {{ default $arg_precision; ns n; us u; "" n; }}
  map $http_authorization $denied {{ default 1; "Token {token}" 0; "Bearer {token}" 0; }}
  server {{
    listen 127.0.0.1:{port};
    default_type application/json;
    location = /health {{ return 200 '{{"name":"influxdb","status":"pass","version":"1.6"}}'; }}
    location = /ping {{ return 204; }}
    location = /api/v2/write {{
      if ($denied) {{ return 401 '{{"code":"unauthorized","message":"unauthorized access"}}'; }}
      rewrite ^ /write?db=$arg_bucket&precision=$p? break;
      proxy_pass http://127.0.0.1:{engine};
    }}
    location = /query {{
      if ($denied) {{ return 401 '{{"code":"unauthorized","message":"unauthorized access"}}'; }}
      proxy_pass http://127.0.0.1:{engine};
    }}
    location / {{ return 404 '{{"code":"not found","message":"no such path here"}}'; }}
  }}
}}
"""


class Influx:
    """A running InfluxDB: `url`, `token` and `org` as its client wants them. Every bucket is a database."""

    org = "hoiquan"

    def __init__(self, folder: Path) -> None:
        influxd, nginx = program("influxd"), program("nginx")
        self.folder = folder
        self.token = "a-token-of-the-tests"
        self._engine_port, self._port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._buckets = 0
        (folder / "influx.conf").write_text(_INFLUX.format(folder=folder, engine=self._engine_port), "utf-8")
        self._configure()
        self._engine = Process("influxd", [influxd, "-config", str(folder / "influx.conf")], folder)
        self._front = Process(
            "nginx",
            [nginx, "-p", str(folder), "-e", str(folder / "nginx.err"), "-c", str(folder / "nginx.conf")],
            folder,
        )

    def start(self) -> None:
        self.start_engine()
        self.start_front()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.stop_front()
        self.stop_engine(number)

    def start_front(self) -> None:
        self._front.start(lambda: answers(self._port))

    def stop_front(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._front.end(number)

    def start_engine(self) -> None:
        self._engine.start(self._engine_answers)

    def stop_engine(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the engine; the proxy stays and answers 502."""
        self._engine.end(number)

    def pause(self) -> None:
        """Stop the engine's process: it takes requests but does not answer them until `go_on`."""
        self._engine.send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._engine.send(signal.SIGCONT)

    def accept(self, token: str) -> None:
        """Make the proxy admit this token and no other."""
        self._front_with(token=token)

    def worked(self) -> float:
        """Seconds of CPU time that the engine has used: the cost of a query, even on a shared machine."""
        return self._engine.worked()

    def bucket(self) -> str:
        """A new, empty bucket."""
        self._buckets += 1
        name = f"bucket{self._buckets}"
        self.ask(f'CREATE DATABASE "{name}"')
        return name

    def ask(self, query: str, bucket: str = "") -> list[dict[str, object]]:
        """The result of an InfluxQL statement, sent straight to the engine, without the client under test."""
        body = urlencode({"db": bucket, "q": query, "epoch": "ms"}).encode()
        with urlopen(f"http://127.0.0.1:{self._engine_port}/query", body, timeout=10) as answer:
            (result,) = json.load(answer)["results"]
        assert "error" not in result, (query, result)
        series: list[dict[str, object]] = result.get("series", [])
        return series

    @contextmanager
    def down(self) -> Iterator[None]:
        """Nobody listens inside the block; afterwards, what was stored is there again."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def behind_a_dead_engine(self) -> Iterator[None]:
        """The proxy answers 502 inside the block."""
        self.stop_engine()
        try:
            yield
        finally:
            self.start_engine()

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Connections are accepted but never answered inside the block."""
        self.pause()
        try:
            yield
        finally:
            self.go_on()

    @contextmanager
    def revoked(self) -> Iterator[None]:
        """The proxy refuses the token inside the block."""
        self.accept("another")
        try:
            yield
        finally:
            self.accept(self.token)

    @contextmanager
    def narrow(self, largest: str) -> Iterator[None]:
        """The proxy refuses requests larger than `largest`, such as "8k", with 413."""
        self._front_with(largest=largest)
        try:
            yield
        finally:
            self._front_with()

    def _configure(self, token: str | None = None, largest: str = "64m") -> None:
        text = _NGINX.format(
            user="user root; " if os.geteuid() == 0 else "",
            folder=self.folder,
            largest=largest,
            token=token or self.token,
            port=self._port,
            engine=self._engine_port,
        )
        (self.folder / "nginx.conf").write_text(text, "utf-8")

    def _front_with(self, token: str | None = None, largest: str = "64m") -> None:
        """Start the proxy anew: after a mere reload, the old one would answer for a moment longer."""
        self.stop_front()
        self._configure(token, largest)
        self.start_front()

    def _engine_answers(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self._engine_port}/ping", timeout=1) as answer:
                return bool(answer.status == 204)
        except OSError:
            return False


@contextmanager
def influx() -> Iterator[Influx]:
    """InfluxDB 1.6 behind nginx, which maps the write path of 2.x and checks the token."""
    with _folder("influx") as folder:
        server = Influx(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop(signal.SIGKILL)  # its folder is deleted too, so there is nothing to finish


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"hoiquan-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
