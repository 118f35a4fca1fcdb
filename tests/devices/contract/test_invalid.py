"""pydantic's errors in the catalogue's words: every reason to refuse a pilot, a scenario or a setting has a
sentence, and every pattern an example to copy.
"""

import re

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from devices.contract import invalid
from devices.pilots.pilot import Pilot
from devices.pilots.scenario import Scenario
from devices.probes.probe import Probe
from devices.settings import Settings
from devices.texts import Mendable, Misuse


def patterns(schema: object) -> set[str]:
    """All patterns that a model requires of its texts."""
    if isinstance(schema, dict):
        own = {schema["pattern"]} if isinstance(schema.get("pattern"), str) else set()
        return own.union(*map(patterns, schema.values()))
    if isinstance(schema, list | tuple):
        return set[str]().union(*map(patterns, schema))
    return set()


@pytest.mark.parametrize("model", [Pilot, Scenario, Settings, Probe])
def test_every_pattern_has_an_example_that_fits(model: type[BaseModel]) -> None:
    for pattern in patterns(model.__pydantic_core_schema__):
        assert re.search(pattern, invalid.EXAMPLES[pattern]), pattern


@pytest.mark.parametrize(
    ("kind", "given", "vietnamese", "english"),
    [
        (dict[str, int], 3, "phải là các trường", "write fields"),
        (tuple[str, ...], 3, "phải là một danh sách", "write a list"),
        (tuple[str, str], ["a", "b", "c"], "nhiều nhất 2 mục", "at most 2"),
        (str, 5, "phải là chữ", "write text"),
        (bool, "perhaps", "true hoặc false", "true or false"),
        (int, 1.5, "số nguyên", "integer"),
        (float, "x", "phải là một số", "a number"),
    ],
)
def test_a_type_of_pydantic_s_has_a_sentence(
    kind: type, given: object, vietnamese: str, english: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(given)
    why = invalid.why(refused.value.errors()[0])
    assert isinstance(why, Mendable)
    assert vietnamese in why.sentence("vi") and english in why.sentence("en")


def test_what_has_none_is_pydantic_s_english() -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(complex).validate_python("x")
    assert invalid.why(refused.value.errors()[0]).startswith("input should be a valid python complex")


def test_a_setting_is_named_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOIQUAN_QUARANTINE_DAYS", "none")
    with pytest.raises(Misuse) as refused:
        Settings.read()
    said = refused.value.sentence("vi")
    assert said == "HOIQUAN_QUARANTINE_DAYS='none' không đúng: phải là một số nguyên"
