"""YAML files that people write: pilots and scenarios. An error names file, field, cause and mend."""

from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, Self, TypeVar, Union, cast, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from devices.contract import invalid
from devices.files import mend
from devices.texts import Misuse, catalogue, parsed

M = TypeVar("M", bound=BaseModel)
SCENARIO = "scenario.json"  # in a data folder: the scenario whose rehearsal it holds


class Written(BaseModel):
    """A part of such a file: it refuses unknown keys, and does not change later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Defended(Written):
    """A part whose values an officer has to defend: it has a source, or says what is assumed."""

    source: str | None = None
    assumption: str | None = None

    @model_validator(mode="after")
    def _defended(self) -> Self:
        if not (self.source or self.assumption):
            raise Misuse("pilot.undefended")
        return self


class FileError(Misuse):
    """The file cannot be used; the sentence names file, field, cause and mend."""


def located(name: str) -> str:
    """The name of a file as it works from any folder: a path becomes absolute."""
    return str(Path(name).absolute()) if name.endswith((".yaml", ".yml")) else name


def read(name: str, folder: Path, model: type[M]) -> M:
    """The file called `name`: a YAML file of `folder` without its ending, or a path. Raises FileError."""
    kind = model.__name__.lower()
    if not name.endswith((".yaml", ".yml")) and ("/" in name or Path(name).is_file()):
        raise FileError(f"file.{kind}_ending", name=name)
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    try:
        return cast(M, _validated(path.read_text("utf-8"), model))
    except FileNotFoundError:
        names = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
        raise FileError(f"file.no_{kind}", path=path, there=names) from None
    except OSError as error:
        raise mend(error, FileError) from None
    except UnicodeDecodeError:
        raise FileError("path.no_text", path=path) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        if isinstance(error, yaml.MarkedYAMLError) and error.problem and mark is not None:
            at = {"line": mark.line + 1, "column": mark.column + 1}
            raise FileError("file.no_yaml_at", path=path, **at, error=error.problem) from None
        raise FileError("file.no_yaml", path=path, error=" ".join(str(error).split())) from None
    except ValidationError as error:
        # a default that needs a wrong field could not be made; that is no second mistake
        every = error.errors(include_url=False)
        errors = [one for one in every if one["type"] != "default_factory_not_called"]
        key = "file.wrong_and_more" if len(errors) > 1 else "file.wrong"
        raise FileError(key, path=path, why=_explain(errors[0], model), more=len(errors) - 1) from None


@lru_cache(maxsize=2)  # the parts of `hoiquan up` are forked from a parent that has made their pilot
def _validated(content: str, model: type[BaseModel]) -> BaseModel:
    return model.model_validate(parsed(content))


def _explain(error: ErrorDetails, model: type[BaseModel]) -> Misuse:
    """A sentence of the field, what is wrong, and what would be right."""
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        *parents, name = error["loc"]
        fields = _fields(model, parents)
        near = get_close_matches(str(name), fields, 1)
        if near:
            return Misuse("file.near_field", where=where, near=near[0])
        return Misuse("file.no_field", where=where, fields=", ".join(fields))
    if error["type"] == "missing":
        key = f"file.missing_{error['loc'][-1]}"  # for some parts the catalogue says what belongs there
        return Misuse(key if key in catalogue() else "file.missing_field", where=where)
    value, why = error["input"], invalid.why(error)
    if not where:  # the file as a whole is wrong; the sentence names the field
        return Misuse("file.of_itself", why=why)
    if isinstance(value, str | int | float | bool):
        return Misuse("file.wrong_value", where=where, given=repr(value), why=why)  # as the file writes it
    return Misuse("file.wrong_field", where=where, why=why)


def _fields(model: Any, path: list[int | str]) -> list[str]:
    """The names of the fields of the model at `path`."""
    for part in path:
        if isinstance(part, str) and isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(part)
            model = field.annotation if field is not None else None
        while get_origin(model) is not None:  # the element of a list, the model of an optional
            inner = [arg for arg in get_args(model) if arg is not type(None) and arg is not Ellipsis]
            model = inner[-1] if get_origin(model) in (tuple, list, dict, Union, UnionType) else inner[0]
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
