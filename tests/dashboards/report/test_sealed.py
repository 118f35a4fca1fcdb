"""`hoiquan report --seal`: which file is kept for the log."""

from dashboards.commands import sealed
from devices.settings import Settings
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
