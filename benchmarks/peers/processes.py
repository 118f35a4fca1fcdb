"""A program under measurement: started in its own folder, watched through /proc, ended by its pid."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")


class Missing(Exception):
    """A row cannot be measured on this machine; the sentence says what is needed."""


class Running:
    """One process with its children. Its output goes to `{name}.log` in `folder`."""

    def __init__(self, command: list[str], folder: Path, name: str, **settings: str) -> None:
        self.log = folder / f"{name}.log"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HOIQUAN_")}
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=kept | settings,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid

    def ended(self) -> bool:
        return self._process.poll() is not None

    def tail(self) -> str:
        """The end of its output."""
        return self.log.read_text("utf-8", "replace")[-1500:]

    def cpu(self) -> float:
        """CPU seconds so far, children included."""
        return sum(cpu(pid) for pid in [self.pid, *children(self.pid)])

    def peak_mb(self) -> float:
        """Peak resident memory, children included."""
        return sum(status_kb(pid, "VmHWM") for pid in [self.pid, *children(self.pid)]) / 1024

    def resident_mb(self) -> float:
        return sum(status_kb(pid, "VmRSS") for pid in [self.pid, *children(self.pid)]) / 1024

    def stop(self, number: int = signal.SIGTERM, seconds: float = 20) -> None:
        """Send the signal, wait, and kill what remains, children included."""
        below = children(self.pid)
        if not self.ended():
            self._process.send_signal(number)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pid in below:
            with suppress(ProcessLookupError):  # it may have ended with its parent, or be ending
                os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.stop(signal.SIGKILL)


def cpu(pid: int) -> float:
    """CPU seconds of one process and of the children it has waited for."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS  # utime, stime, cutime, cstime


def machine_cpu() -> float:
    """CPU seconds of all processes: user, nice, system, interrupts."""
    fields = Path("/proc/stat").read_text().split()
    return sum(int(fields[place]) for place in (1, 2, 3, 6, 7)) / _TICKS


def shares(before: dict[str, float], after: dict[str, float], seconds: float) -> dict[str, float]:
    """The share of a core that each part used; `machine` becomes `others`, the programs outside the run."""
    used = {part: (after[part] - before[part]) / seconds for part in before}
    everybody = used.pop("machine")
    return used | {"others": max(0.0, everybody - sum(used.values()))}


def children(pid: int) -> list[int]:
    """The ids of all processes below `pid`."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = stat.read_text().partition(" ")
            parents[int(number)] = int(rest.rpartition(")")[2].split()[1])
        except OSError:
            continue
    pids = [pid]
    for above in pids:  # the list grows during the loop
        pids += [child for child, parent in parents.items() if parent == above]
    return pids[1:]


def named(name: str, above: int | None = None) -> list[int]:
    """The processes of this name below `above`, or below this one: servers that a benchmark started."""
    return [pid for pid in children(above or os.getpid()) if _comm(pid) == name]


def find(name: str, says: str) -> str:
    """The path of a program. Raises Missing, with `says` for what the row then waits for."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/go/bin:/usr/sbin")
    if path is None:
        raise Missing(f"{name} is not installed: {says}")
    return path


def cache(name: str) -> Path:
    """A folder that outlives the run, for programs that take minutes to install."""
    base = os.environ.get("HOIQUAN_BENCH_CACHE", str(Path.home() / ".cache" / "hoiquan-bench"))
    folder = Path(base) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def install(command: list[str], folder: Path, what: str, **settings: str) -> None:
    """Run an installer to its end; its output goes to install.log in `folder`. Raises Missing."""
    print(f"{what}: installing into {folder} (once; some minutes) …", flush=True)
    log = folder / "install.log"
    with log.open("wb") as out:
        done = subprocess.run(
            command, cwd=folder, env=os.environ | settings, stdout=out, stderr=out, timeout=1800, check=False
        )
    if done.returncode:
        last = " ".join(log.read_text("utf-8", "replace").split()[-30:])
        raise Missing(f"{what} cannot be installed ({' '.join(command[:2])} failed; {log}): {last}")
    print(f"{what}: installed", flush=True)


def status_kb(pid: int, field: str) -> int:
    """A figure of /proc/PID/status in KB, such as VmRSS or VmHWM; 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)


def _comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
