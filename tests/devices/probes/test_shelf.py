"""Probe files: each error names file, line, field and mend; own files; which probe a profile means."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.probes.shelf import MOST_BYTES, NORMALIZED, ProbeError, Shelf, parse, plain, read

FILE = Path("/data/probes/mine.yaml")
HEAD = "id: mine\nmaker: Acme\nreadings:\n"
SOIL = HEAD + '  soil_moisture: {from: water, unit: "%"}\n'
AIR = HEAD + "  air_temperature: {from: t}\n"
MOISTURE_UNITS = "%, 1, m3/m3, [ppth]"
PATHS = (
    "Viết như a.b, a[0], a[id=3].value; tên có dấu . [ ] = , đặt trong dấu nháy đơn.",
    "Write it as a.b, a[0], a[id=3].value; a name with . [ ] = , stands in single quotes.",
)
WORDING = ("from, unit, times, plus, not, counter, join, between, clamp, below_zero",) * 2

# the file, the line, the field, and the sentence in Vietnamese and English
MISTAKES = {
    "unknown signal": (
        HEAD + "  soil_moist: {from: x}\n", 4, "readings.soil_moist",
        'không có đại lượng "soil_moist". Xem bảng đại lượng trong devices/README.md.',
        'there is no signal "soil_moist". See the table of signals in devices/README.md.'),
    "unit of another dimension": (
        HEAD + "  air_temperature: {from: t}\n  soil_moisture: {from: x, unit: mm}\n", 5,
        "readings.soil_moisture",
        f'đơn vị "mm" không đo soil_moisture. Một trong: {MOISTURE_UNITS}.',
        f'the unit "mm" does not measure soil_moisture. One of: {MOISTURE_UNITS}.'),
    "ambiguous field without unit": (
        HEAD + "  soil_moisture: {from: x}\n", 4, "readings.soil_moisture",
        ("soil_moisture cần đơn vị (unit), vì các hãng dùng nhiều đơn vị khác nhau. "
        f"Một trong: {MOISTURE_UNITS}."),
        f"soil_moisture needs its unit, for makers use several. One of: {MOISTURE_UNITS}."),
    "unknown unit": (
        HEAD + "  air_temperature:\n    from: x\n    unit: blobs\n", 6, "readings.air_temperature.unit",
        'không biết đơn vị "blobs". Viết theo UCUM, như uS/cm, mm, %.',
        'the unit "blobs" is not known. Write it as UCUM does, such as uS/cm, mm, %.'),
    "bad path": (
        HEAD + "  air_temperature:\n    from: a[\n", 5, "readings.air_temperature.from",
        f"đường dẫn sai: thiếu một số hoặc một tên trong 'a[', sau 'a['. {PATHS[0]}",
        f"the path is wrong: a number or a name is missing in 'a[' behind 'a['. {PATHS[1]}"),
    "bad path to a unit": (
        HEAD + "  air_temperature:\n    from: a\n    unit: {from: b.}\n", 6,
        "readings.air_temperature.unit.from",
        f"đường dẫn sai: thiếu một tên trong 'b.', sau 'b.'. {PATHS[0]}",
        f"the path is wrong: a name is missing in 'b.' behind 'b.'. {PATHS[1]}"),
    "unknown field": (
        HEAD + "  air_temperature: {from: x, time: 2}\n", 4, "readings.air_temperature.time",
        f"không có trường này. Có: {WORDING[0]}.",
        f"there is no such field. There are: {WORDING[1]}."),
    "unknown field of the file": (
        AIR + "modells: [a]\n", 5, "modells",
        "không có trường này. Có: id, maker, models, profiles, note, time, readings, example.",
        "there is no such field. There are: id, maker, models, profiles, note, time, readings, example."),
    "missing field": (
        "id: mine\nreadings:\n  air_temperature: {from: x}\n", 1, "maker",
        "thiếu trường này. Hãy thêm vào.", "this field is missing. Add it."),
    "counter of what is not counted": (
        HEAD + "  air_temperature: {from: x, counter: total}\n", 4, "readings.air_temperature",
        ("air_temperature không phải số cộng dồn ở đây; counter chỉ dùng cho pest_count, rainfall. "
        "Bỏ counter."),
        "air_temperature is not made of a counter; only pest_count, rainfall are. Leave counter out."),
    "times 0": (
        HEAD + "  air_temperature: {from: x, times: 0}\n", 4, "readings.air_temperature",
        "air_temperature: times phải là một số khác 0.",
        "air_temperature: times must be a number other than 0."),
    "wrong plus name": (
        HEAD + "  water_level:\n    from: x\n    unit: m\n    plus: Height of it\n", 7,
        "readings.water_level.plus",
        "giá trị sai: phải viết theo mẫu ^[a-z][a-z0-9_]{0,31}$, ví dụ height.",
        "the value is wrong: write it by the pattern ^[a-z][a-z0-9_]{0,31}$, such as height."),
    "ends the wrong way round": (
        HEAD + "  air_temperature: {from: x, between: [50, 0]}\n", 4, "readings.air_temperature.between",
        "giá trị sai: 50 > 0.", "the value is wrong: 50 > 0."),
    "clamp the wrong way round": (
        HEAD + "  leaf_wetness: {from: x, clamp: [100, 0]}\n", 4, "readings.leaf_wetness.clamp",
        "giá trị sai: 100 > 0.", "the value is wrong: 100 > 0."),
    "a number that is none": (
        HEAD + "  air_temperature: {from: x, times: .nan}\n", 4, "readings.air_temperature.times",
        "giá trị sai: phải là một số.", "the value is wrong: write a number."),
    "not measured is nothing": (
        HEAD + "  air_temperature: {from: x, not: [null]}\n", 4, "readings.air_temperature.not.0",
        "giá trị sai: phải là một số.", "the value is wrong: write a number."),
    "bad id": (
        AIR.replace("mine", "My Probe"), 1, "id",
        "giá trị sai: phải viết theo mẫu ^[a-z0-9-]{1,64}$, ví dụ tam-que.",
        "the value is wrong: write it by the pattern ^[a-z0-9-]{1,64}$, such as tam-que."),
    "a kind of counter that is none": (
        HEAD + "  rainfall: {from: x, counter: weekly}\n", 4, "readings.rainfall.counter",
        "giá trị sai: hãy ghi một trong 'total', 'daily'.",
        "the value is wrong: write one of 'total', 'daily'."),
    "an example of another signal": (
        AIR + "example:\n  - says: {t: 1}\n    means: {air_temperature: 1}\n  - says: {c: 1}\n"
        "    means: {co2: 1}\n", 9, "example.1.means.co2",
        "ví dụ nói co2, mà readings không có đại lượng này. Thêm vào readings hoặc bỏ khỏi ví dụ.",
        ("an example means co2, which is not among the readings. "
        "Add it there or leave it out of the example.")),
    "in the second document": (
        AIR + "---\n" + HEAD.replace("mine", "other") + "  happiness: {from: x}\n", 9, "readings.happiness",
        'không có đại lượng "happiness". Xem bảng đại lượng trong devices/README.md.',
        'there is no signal "happiness". See the table of signals in devices/README.md.'),
}  # fmt: skip


def fault(content: str) -> ProbeError:
    with pytest.raises(ProbeError) as error:
        list(parse(content, FILE))
    return error.value


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_names_file_line_field_and_mend(name):
    content, line, where, vi, en = MISTAKES[name]
    error = fault(content)
    assert error.sentence("vi") == f"{FILE} dòng {line}: {where}: {vi}"
    assert error.sentence("en") == f"{FILE} line {line}: {where}: {en}"


@pytest.mark.parametrize(
    ("content", "line", "where", "first"),
    [
        (AIR + "  air_temperature: {from: other}\n", 5, "readings.air_temperature", 4),
        ("id: mine\nid: yours\n", 2, "id", 1),
        (HEAD + "  air_temperature: {from: x,\n    from: y}\n", 5, "readings.air_temperature.from", 4),
        (AIR + "---\n" + AIR, 6, "id: mine", 1),
    ],
    ids=["two readings of one signal", "a second id", "a field twice", "two probes of one id"],
)
def test_what_stands_twice_is_refused_and_both_lines_are_named(content, line, where, first):
    error = fault(content)
    assert error.sentence("vi") == (
        f"{FILE} dòng {line}: {where} đã có ở dòng {first}. Giữ một: YAML chỉ lấy cái sau."
    )
    assert error.sentence("en") == (
        f"{FILE} line {line}: {where} stands in line {first} already. Keep one: YAML takes the last alone."
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("id: [\n", 2),
        ("id: mine\nmaker: 'Acme\n", 3),
        ("id: mine\nmaker: Acme\n\treadings: {}\n", 3),
        ("id: a\x00\n", 1),
        ("note: 2026-99-99\n", 1),
        ("a: *nobody\n", 1),
        ("a: !!python/object:os.system {}\n", 1),
    ],
)
def test_what_is_no_yaml_names_its_line(content, line):
    error = fault(content)
    assert re.match(rf"{FILE} dòng {line}(, cột \d+)? không phải YAML \(.+\)\.$", error.sentence("vi"))
    assert re.match(rf"{FILE} line {line}(, column \d+)? is no YAML \(.+\)\.$", error.sentence("en"))


@pytest.mark.parametrize(
    ("content", "vi", "en"),
    [
        ("id: mine\n? [a]\n: b\n", "dòng 2: một danh sách hoặc nhóm không làm tên được", "line 2: a list or"),
        ("a: &a [*a]\n", "dòng 1: có tham chiếu (* và &)", "line 1: there is a reference (* and &)"),
        ("31.5\n", "dòng 1: cả tệp: ", "line 1: file: "),
        (
            AIR.replace("from: t", "from: 'a['"),
            "thiếu một số hoặc một tên trong 'a['",
            "a number or a name is",
        ),
    ],
)
def test_what_we_refuse_ourselves_is_said_in_one_language(content, vi, en):
    error = fault(content)
    assert vi in error.sentence("vi") and en in error.sentence("en")


@pytest.mark.parametrize("content", ["---\n", "- a\n", "31.5\n", "text\n"])
def test_a_document_that_is_no_probe_is_refused(content):
    assert "mine.yaml line " in fault(content).sentence("en")


@given(
    st.text(st.sampled_from("id: mine\n{}[]&*?!-'\"#|>%@`0.:aé\x00\t"), max_size=60) | st.text(max_size=40)
)
def test_any_text_is_probes_or_a_probe_error(content):
    for put in (content, HEAD + content, AIR.replace("from: t", f"from: {content}")):
        try:
            list(parse(put, FILE))
        except ProbeError as error:
            assert str(error).startswith(f"{FILE} line ") and error.sentence("vi").startswith(f"{FILE} dòng ")


def test_a_file_may_hold_several_probes_and_none(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(AIR + "---\n" + SOIL.replace("mine", "other") + "...\n", "utf-8")
    assert [probe.id for probe in read(file)] == ["mine", "other"]
    file.write_text("# not yet\n", "utf-8")
    assert read(file) == []


def test_a_file_that_cannot_be_read_is_a_probe_error(tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "latin.yaml").write_bytes("id: mine\nmaker: Ủy".encode("utf-16"))
    for name in ("folder.yaml", "latin.yaml", "none.yaml"):
        with pytest.raises(ProbeError, match=name):
            read(tmp_path / name)


# -- own files


def written(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, "utf-8")
    # a different time for each file
    os.utime(path, ns=(0, len(list(folder.iterdir())) * 10**9 + len(content)))
    return path


def test_without_own_files_there_are_the_built_in_ones(tmp_path):
    shelf = Shelf(tmp_path / "not there")
    shelf.refresh()
    assert "dragino-lse01" in shelf.probes and "normalized" in shelf.probes
    assert shelf.troubles == ()
    assert shelf.reader("nobody") is None
    assert shelf.probes["normalized"].file == NORMALIZED


def test_own_files_come_before_the_built_in_ones(tmp_path):
    path = written(tmp_path, "a.yaml", AIR.replace("mine", "dragino-lse01"))
    shelf = Shelf(tmp_path)
    assert shelf.probes["dragino-lse01"].file == path
    assert shelf.reader("dragino-lse01").read({"t": 31, "water_SOIL": "1"}, {}).values == {
        "air_temperature": 31.0
    }
    assert "dragino-se0x-lb" in shelf.probes


def test_a_broken_own_file_is_a_trouble_and_takes_nobody_else_away(tmp_path):
    written(tmp_path, "a.yaml", AIR)
    broken = written(tmp_path, "b.yaml", SOIL.replace("mine", "other") + "---\nid: [\n")
    written(tmp_path, "c.yaml", AIR.replace("mine", "third"))
    (tmp_path / "d.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / ".#e.yaml").symlink_to("someone@somewhere")  # as an editor leaves beside an open file
    shelf = Shelf(tmp_path)
    assert {"mine", "third", "dragino-lse01"} <= set(shelf.probes)
    assert "other" not in shelf.probes, "of a broken file nothing is taken"
    assert len(shelf.troubles) == 3
    assert f"{broken} line 7" in [str(one) for one in shelf.troubles][1]
    shelf.refresh()
    assert len(shelf.troubles) == 3


WRONG_TAGS = ["!!int abc", "!!int ''", "!!float ''", "!!bool perhaps", "!!timestamp soon",
              "!!map x", "!!set [a]", "!!omap 1", "!!binary '*'", "!!python/name:os ''"]  # fmt: skip


@pytest.mark.parametrize("tagged", WRONG_TAGS)
def test_a_tag_that_its_value_does_not_fit_is_a_trouble_and_takes_no_other_file_away(tmp_path, tagged):
    written(tmp_path, "a.yaml", AIR)
    broken = written(tmp_path, "b.yaml", SOIL.replace("mine", "other") + f"note: {tagged}\n")
    written(tmp_path, "c.yaml", AIR.replace("mine", "third"))
    shelf = Shelf(tmp_path)
    assert {"mine", "third", "dragino-lse01"} <= set(shelf.probes) and "other" not in shelf.probes
    (trouble,) = shelf.troubles
    assert str(trouble).startswith(f"{broken} line ") and len(str(trouble).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (HEAD + "  air_temperature: &a {from: t}\n  co2: *a\n", 4),
        (HEAD + "  air_temperature: &a {from: t}\n  co2:\n    <<: *a\n", 4),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", 1),
    ],
    ids=["once more", "merged", "again and again"],
)
def test_a_part_that_stands_in_several_places_is_refused(content, line):
    error = fault(content)
    assert error.sentence("en").startswith(f"{FILE} line {line}: there is a reference (* and &)")


def test_an_own_file_that_is_far_too_large_is_a_trouble(tmp_path):
    path = written(tmp_path, "a.yaml", AIR + "#" * (MOST_BYTES - len(AIR)))
    assert Shelf(tmp_path).probes["mine"].file == path, "so much is just read"
    written(tmp_path, "a.yaml", AIR + "#" * (MOST_BYTES - len(AIR) + 1))
    shelf = Shelf(tmp_path)
    assert "mine" not in shelf.probes and "dragino-lse01" in shelf.probes
    (trouble,) = shelf.troubles
    assert trouble.sentence("en") == f"{path} has more than {MOST_BYTES} bytes. Split it."
    assert f"{path} lớn hơn" in trouble.sentence("vi")


def test_two_own_files_with_one_id_are_a_trouble_and_the_first_is_used(tmp_path):
    first = written(tmp_path, "a.yaml", AIR)
    second = written(tmp_path, "b.yaml", SOIL + "---\n" + AIR.replace("mine", "other"))
    shelf = Shelf(tmp_path)
    assert shelf.probes["mine"].file == first and shelf.probes["other"].file == second
    (trouble,) = shelf.troubles
    assert trouble.sentence("en") == (
        f"{second}: id mine stands in {first}, which is used. Change one of the two."
    )
    assert str(second) in trouble.sentence("vi") and str(first) in trouble.sentence("vi")
    first.unlink()
    shelf.refresh()
    assert shelf.probes["mine"].file == second and shelf.troubles == ()


# -- which probe a profile means


@pytest.mark.parametrize("name", ["LSE01", "lse01", "lse-01", "LSE 01", "lse01-114"])
def test_a_profile_is_known_whatever_case_and_marks(name):
    assert Shelf().of_profile(name) == "dragino-lse01"
    assert Shelf().of_profile(name, "dragino") == "dragino-lse01"
    assert Shelf().of_profile(name, "Milesight") is None


def test_a_name_that_several_makers_use_says_nothing_without_the_maker(tmp_path):
    for maker in ("one", "two"):
        content = AIR.replace("mine", maker).replace("Acme", maker) + "models: [soil-x]\nprofiles: [Soil X]\n"
        written(tmp_path, f"{maker}.yaml", content)
    shelf = Shelf(tmp_path)
    assert shelf.of_profile("Soil X") is None
    assert shelf.of_profile("soil-x", "One") == "one"
    assert shelf.of_profile("soil-x", "two") == "two"
    assert shelf.of_profile("nobody's") is None
    assert plain("Soil-X_1") == "soilx1" != plain("Soil-X_1+")


def test_an_own_probe_s_profile_comes_before_a_built_in_one_s(tmp_path):
    dragino = AIR.replace("Acme", "Dragino") + "models: [LSE01]\nprofiles: [em300-th]\n"
    written(tmp_path, "a.yaml", dragino)
    shelf = Shelf(tmp_path)
    assert [shelf.of_profile(name) for name in ("LSE01", "lse-01", "EM300-TH")] == ["mine"] * 3
    assert shelf.of_profile("LSE01", "dragino") == "mine"
    assert shelf.of_profile("EM300-TH", "milesight-iot") == Shelf().of_profile("EM300-TH", "milesight-iot")


def test_probes_that_fit_a_message_are_named_the_best_first():
    shelf = Shelf()
    (first, *_) = shelf.probes["dragino-lse01"].probe.example
    assert shelf.fitting(first.says)[0] == "dragino-lse01"
    assert shelf.fitting({"happiness": 3}) == []
