"""How the transparency log grows, on this machine: `python benchmarks/log.py [LEAVES]` (1,000,000).

The benchmark appends leaves of 32 bytes as sealing does: some hundreds at once, with one signed and synced
checkpoint, whose syncs the disk limits. Another reader then reads inclusion proofs of random leaves from the
files, as the pages do. Memory is measured after each tenth of the leaves.
"""

import hashlib
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of
from benchmarks.peers.processes import status_kb
from traceability.tlog.log import Log
from traceability.tlog.merkle import leaf_hash, verify_inclusion
from traceability.tlog.note import Signer
from traceability.tlog.tiles import LogReader

BATCH = 200  # leaves per append: `gateway.past.LOTS`
PROOFS = 2000
ORIGIN = "localhost/benchmark"


def leaf(number: int) -> bytes:
    return hashlib.sha256(number.to_bytes(8, "big")).digest()


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("leaves", nargs="?", type=int, default=1_000_000, help="number of leaves (1000000)")
    leaves = parser.parse_args().leaves
    table = Table("what", "measured", "asked for")
    memory = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        signer = Signer.from_file(folder / "log.key", ORIGIN)
        with Log.open(folder / "log", signer, ORIGIN) as log:
            began = time.perf_counter()
            for first in range(0, leaves, BATCH):
                log.append([leaf(number) for number in range(first, min(first + BATCH, leaves))])
                if first * 10 // leaves != (first + BATCH) * 10 // leaves:
                    memory.append(status_kb(os.getpid(), "VmRSS") / 1024)
            seconds = time.perf_counter() - began
        table.add_row(f"{leaves:,} leaves appended, {BATCH} at once", f"{leaves / seconds:,.0f}/s", "2,000/s")
        table.add_row("memory after a tenth, and at the end", f"{memory[0]:.0f}, {memory[-1]:.0f} MB", "flat")
        reader, times = LogReader(folder / "log"), []
        root = reader.root
        for number in random.Random(1).sample(range(leaves), min(PROOFS, leaves)):
            began = time.perf_counter()
            proof = reader.inclusion_proof(number)
            times.append(time.perf_counter() - began)
            verify_inclusion(leaf_hash(leaf(number)), number, leaves, proof, root)
        slow = statistics.quantiles(times, n=100)[-1]
        middle = statistics.median(times)
        table.add_row(
            "an inclusion proof: middle, 99th of 100", f"{middle * 1e3:.2f}, {slow * 1e3:.2f} ms", "5 ms"
        )
        began = time.perf_counter()
        Log.open(folder / "log", signer, ORIGIN).close()
        table.add_row("opened again, every tile recomputed", f"{time.perf_counter() - began:.1f} s", "")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
