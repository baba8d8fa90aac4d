"""What keys a chip file has, of which form, with which values: read off the specs, so there is no second list."""

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from neutrams.hardware.figure import Figure

Form = Literal["integer", "real", "figure", "text", "choice", "flag", "texts", "integers"]

FORMS: Mapping[object, Form] = types.MappingProxyType(
    {
        int: "integer",
        float: "real",
        Figure: "figure",
        Figure | None: "figure",
        str: "text",
        bool: "flag",
        tuple[str, ...]: "texts",
        tuple[int, ...]: "integers",
    }
)

WORDS: Mapping[Form, str] = types.MappingProxyType(
    {
        "integer": "an integer",
        "real": "a number",
        "figure": "a number",
        "text": "a text",
        "choice": "a text",
        "flag": "true or false",
        "texts": "a list of texts",
        "integers": "a list of integers",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a chip file.

    Attributes:
        name: Its dotted name, ``core.axons``.
        form: What it holds; ``integer``, ``real`` and ``figure`` are numbers with unit and source.
        allowed: The allowed values in words; empty where the form says all.
        required: Whether a file must have it.
        default: Its value where a file does not have it; None for a figure that then counts nothing.
    """

    name: str
    form: Form
    allowed: str
    required: bool
    default: object = None

    @property
    def is_number(self) -> bool:
        """Whether a chip file gives it as a table with value, unit, kind and source."""
        return self.form in {"integer", "real", "figure"}

    @property
    def demand(self) -> str:
        """What the key wants, in words: ``allowed is an integer, 1 to 15``."""
        return f"allowed is {WORDS[self.form]}" + (f", {self.allowed}" if self.allowed else "")


@cache
def keys_of(model: type[BaseModel]) -> Mapping[str, Key]:
    """Return every key of a chip file by dotted name, in file order; ``figures`` is no key but their record."""
    found: dict[str, Key] = {}
    for section, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            for name, inner_field in inner.model_fields.items():
                found[f"{section}.{name}"] = _key(f"{section}.{name}", inner_field)
        elif section != "figures":
            found[section] = _key(section, field)
    return types.MappingProxyType(found)


def near(name: str, names: typing.Iterable[str]) -> str:
    """Return the names most like ``name`` in words, or the empty string where none is near."""
    names = list(names)
    by_end = [n for n in names if n.rpartition(".")[2] == name.rpartition(".")[2]]
    close = list(dict.fromkeys([*by_end, *get_close_matches(name, names, n=3, cutoff=0.7)]))[:3]
    return f"did you mean {' or '.join(close)}?" if close else ""


def _key(name: str, field: FieldInfo) -> Key:
    literal = typing.get_origin(field.annotation) is Literal
    form: Form = "choice" if literal else FORMS[field.annotation]
    allowed = ", ".join(map(str, typing.get_args(field.annotation))) if literal else _range(field)
    default = None if field.is_required() else field.default
    return Key(name=name, form=form, allowed=allowed, required=field.is_required(), default=default)


def _range(field: FieldInfo) -> str:
    low = next((m.ge for m in field.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in field.metadata if hasattr(m, "le")), None)
    if low is None:
        return ""
    return f"{low} and above" if high is None else f"{low} to {high}"
