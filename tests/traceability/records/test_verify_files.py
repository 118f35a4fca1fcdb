"""What a person may choose to check: files that are missing, not ours, spoilt, or all that a page offers."""

import re
from pathlib import Path

import pytest

from devices.texts import text
from tests.system.running import done, hoiquan
from tests.traceability.records.test_verify_story import Farm, farm, verify

assert farm  # a fixture


@pytest.mark.parametrize("missing", ["record", "proof", "key", "later", "photo", "witnesses", "nothing"])
def test_a_missing_file_is_not_taken_for_a_false_proof(farm: Farm, missing: str) -> None:
    """Exit code 2 is no judgement; a script may read 1 as "this record is false"."""
    record = farm.export(farm.harvest(1))
    more = {name: (f"--{name}", "none") for name in ("later", "photo", "witnesses")}
    match missing:
        case "record":
            record.unlink()
        case "proof":
            record.with_suffix(".tlog-proof").unlink()
        case "key":
            for name in ("log.vkey", "log.keys"):
                record.with_name(name).unlink()
    code, out, err = verify(record, *more.get(missing, ()))
    if missing == "nothing":
        assert (code, err) == (0, [])
    else:
        assert (code, out) == (2, []) and len(err) == 1
        assert not err[0].startswith(text("verify.bad", "en"))


def test_the_help_tells_the_exit_codes(tmp_path: Path) -> None:
    for command in (["trace", "verify"], ["trace", "epcis"], []):
        told = " ".join(done(hoiquan(tmp_path, *command, "--help")).split())
        assert re.search(r"Exit code\b.*?\b0\b", told) and " 1 " in told and " 2 " in told
