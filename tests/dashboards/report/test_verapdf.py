"""The report is PDF/A-2b and PDF/UA-1 according to veraPDF (Maven `org.verapdf:validation-model` 1.28.2),
which is fetched where `HOIQUAN_TEST_VERAPDF=1` asks for it.

typst refuses to write a file that is not; veraPDF has found every file of these tests to be both.
"""

from pathlib import Path

import pytest

from dashboards.report.paper import pdf
from tests.dashboards.report.filled import filled, report
from tests.fetched import asked, java, run
from tests.traceability.pages.test_label import BASE, LABEL
from traceability.pages import label

JAVA = """
import java.io.FileInputStream;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.flavours.PDFAFlavour;
public class Judge {
  public static void main(String[] files) throws Exception {
    VeraGreenfieldFoundryProvider.initialise();
    var foundry = Foundries.defaultInstance();
    for (var file : files) for (var flavour : new PDFAFlavour[] {PDFAFlavour.PDFA_2_B, PDFAFlavour.PDFUA_1}) {
      try (var parser = foundry.createParser(new FileInputStream(file), flavour)) {
        var result = foundry.createValidator(flavour, false).validate(parser);
        System.out.println(flavour + " " + result.isCompliant() + " " + result.getTotalAssertions());
      }
    }
  }
}
"""


@pytest.fixture(scope="module")
def judge() -> list[str | Path]:
    """The command, to which files are appended."""
    asked("HOIQUAN_TEST_VERAPDF", "veraPDF")
    return java("verapdf", "Judge", JAVA, "org.verapdf:validation-model:1.28.2")


def test_reports_and_labels_are_what_they_say(judge: list[str | Path], tmp_path: Path) -> None:
    store = filled(tmp_path / "store.sqlite")
    address = f"{BASE}/report/{'0' * 16}"
    files = (
        {f"labels-{paper}": label.pdf([LABEL] * 24, BASE, paper) for paper in label.PAPERS}
        | {
            f"report-{lang}-{years}": pdf(report(store, lang=lang, years=years))
            for lang in ("vi", "en")
            for years in (1, 3, 5)
        }
        | {"sealed": pdf(report(store), address, label.svg(address).decode())}
    )
    store.close()
    for name, data in files.items():
        (tmp_path / f"{name}.pdf").write_bytes(data)
    lines = run(*judge, *(tmp_path / f"{name}.pdf" for name in files)).splitlines()
    said = [line.split() for line in lines if line.startswith(("2b ", "ua1 "))]
    assert len(said) == 2 * len(files)
    assert all(good == "true" and int(checks) > 1000 for _, good, checks in said), said
