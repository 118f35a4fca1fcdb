"""`hoiquan report --seal`: which file is kept for the log."""

import re

import pytest

from dashboards.commands import sealed
from devices.settings import Settings
from devices.texts import Misuse
from tests.dashboards.report.filled import filled, report


def test_the_same_report_is_kept_once_for_each_address_of_the_pages(tmp_path):
    store = filled(tmp_path / "store.sqlite")
    made = report(store)
    store.close()
    tried, again, known = (
        sealed(Settings(data=tmp_path, base_url=site), made)
        for site in ("http://localhost:8080", "http://localhost:8080/", "https://hoiquan.example")
    )
    assert tried == again and tried[1].startswith("http://localhost:8080/report/")
    assert known[1].startswith("https://hoiquan.example/report/") and known[0] != tried[0], (
        "its QR code leads to the pages as they are reached now"
    )
    assert len(list((tmp_path / "trace" / "reports").glob("*.pdf"))) == 2


def test_a_file_that_was_changed_is_not_handed_out_as_the_sealed_report(tmp_path):
    store = filled(tmp_path / "store.sqlite")
    made, settings = report(store), Settings(data=tmp_path)
    store.close()
    before = sealed(settings, made)
    (file,) = (tmp_path / "trace" / "reports").iterdir()
    file.write_bytes(b"%PDF-1.7 forged")
    with pytest.raises(Misuse, match=re.escape(str(file))):
        sealed(settings, made)
    assert file.read_bytes() == b"%PDF-1.7 forged", "who is to find out what was done to it has it"
    file.unlink()
    assert sealed(settings, made) == before, "made anew it is the same, and so is what the log holds"
