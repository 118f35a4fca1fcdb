"""Own probe files that are changed while a gateway runs."""

from devices.probes.shelf import Shelf
from tests.devices.probes.test_shelf import AIR, SOIL, written


def test_refresh_sees_new_changed_and_gone_files(tmp_path):
    shelf = Shelf(tmp_path / "probes")
    assert "mine" not in shelf.probes
    (tmp_path / "probes").mkdir()
    path = written(tmp_path / "probes", "mine.yaml", AIR)
    assert "mine" not in shelf.probes, "only when it is asked to look"
    shelf.refresh()
    assert shelf.reader("mine").read({"t": 31}, {}).values == {"air_temperature": 31.0}
    written(tmp_path / "probes", "mine.yaml", AIR.replace("from: t", "from: tem"))
    shelf.refresh()
    assert shelf.reader("mine").read({"t": 31, "tem": 32}, {}).values == {"air_temperature": 32.0}
    path.write_text("id: [", "utf-8")
    shelf.refresh()
    assert len(shelf.troubles) == 1
    path.unlink()
    shelf.refresh()
    assert shelf.troubles == ()


def test_a_half_saved_own_file_leaves_what_it_said_when_it_was_whole(tmp_path, caplog):
    whole = AIR + "---\n" + SOIL.replace("mine", "other")
    written(tmp_path, "a.yaml", whole)
    shelf = Shelf(tmp_path)
    assert {"mine", "other"} <= set(shelf.probes)
    for half in (whole[: len(AIR) + 12], whole[:-9], ""):
        written(tmp_path, "a.yaml", half)
        shelf.refresh()
        assert {"mine", "other"} <= set(shelf.probes) and len(shelf.troubles) == bool(half)
        assert shelf.reader("mine").read({"t": 31}, {}).values == {"air_temperature": 31.0}
        assert "a.yaml" in caplog.text and "goes on" in caplog.text
        caplog.clear()
    written(tmp_path, "a.yaml", AIR.replace("from: t", "from: tem"))
    shelf.refresh()
    assert shelf.reader("mine").read({"tem": 32}, {}).values == {"air_temperature": 32.0}
    assert "other" not in shelf.probes and shelf.troubles == () and caplog.text == ""
    (tmp_path / "a.yaml").unlink()
    shelf.refresh()
    assert "mine" not in shelf.probes, "to take it away is to remove the file"
