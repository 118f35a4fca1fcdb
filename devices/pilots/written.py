"""YAML files that people write: pilots and scenarios. An error names file, field, cause and mend."""

from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from devices.paths import mend

M = TypeVar("M", bound=BaseModel)


class FileError(ValueError):
    """The file cannot be used; the sentence names file, field, cause and mend."""


def read(name: str, folder: Path, model: type[M]) -> M:
    """The file called `name`: a YAML file of `folder` without its ending, or a path. Raises FileError."""
    if not name.endswith((".yaml", ".yml")) and ("/" in name or Path(name).is_file()):
        raise FileError(f"{name}: a {model.__name__.lower()} file's name must end in .yaml")
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    try:
        return model.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except FileNotFoundError:
        there = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
        raise FileError(f"no {model.__name__.lower()} file {path}; there are: {there}") from None
    except OSError as error:
        raise FileError(mend(error)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        errors = error.errors(include_url=False)
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise FileError(f"{path}: {_explain(errors[0], model)}{more}") from None


def _explain(error: ErrorDetails, model: type[BaseModel]) -> str:
    """Field, what is wrong, what would be right."""
    where = ".".join(str(part) for part in error["loc"]) or "file"
    if error["type"] == "extra_forbidden":
        *parents, name = error["loc"]
        fields = _fields(model, parents)
        near = get_close_matches(str(name), fields, 1)
        return f"{where}: there is no such field; " + (
            f"do you mean {near[0]}?" if near else f"write one of {', '.join(fields)}"
        )
    if error["type"] == "missing":
        return f"{where}: is missing; add it"
    message = error["msg"].removeprefix("Value error, ")
    given = error["input"]
    shown = f"{given!r} is not right: " if isinstance(given, str | int | float | bool) else ""
    return f"{where}: {shown}{message[:1].lower()}{message[1:]}"


def _fields(model: Any, path: list[int | str]) -> list[str]:
    """Names that the model at `path` knows."""
    for part in path:
        if isinstance(part, str) and isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(part)
            model = field.annotation if field is not None else None
        while get_origin(model) is not None:  # the element of a list, the model of an optional
            inner = [arg for arg in get_args(model) if arg is not type(None) and arg is not Ellipsis]
            model = inner[-1] if get_origin(model) in (tuple, list, dict, Union, UnionType) else inner[0]
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
