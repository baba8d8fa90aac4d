"""Chip files: TOML in, a valid `Chip` out, or one message that names every problem."""

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from neutrams.base.errors import NeutramsError, SpecError
from neutrams.base.files import read_bytes
from neutrams.hardware.chip import Chip
from neutrams.hardware.overrides import apply_overrides
from neutrams.hardware.schema import Key, keys_of, near
from neutrams.hardware.translate import one_message, problems, shown, unknown
from neutrams.neurons.defined import define

Raw = dict[str, object]
"""Values by dotted key: a table with value, unit, kind and source for a number, plain for all else."""


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names of the chips that come with neutrams, sorted."""
    folder = resources.files("neutrams.hardware") / "chips"
    return tuple(sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")))


def load_chip(name_or_path: str | Path, overrides: Mapping[str, str] | None = None) -> Chip:
    """Read a chip file.

    Args:
        name_or_path: Name of a preset (`preset_names`), or the path of a TOML file. Files of neuron models that it
            names lie relative to its folder; those that ``overrides`` name, relative to the current one.
        overrides: Values by dotted key, as text: ``{"core.weight_bits": "3"}``. A number so set loses its band and
            becomes the user's (kind ``user``); lists are written with commas.

    Raises:
        SpecError: There is no such chip, or the file or an override is wrong: names file, keys, values and ranges.
        InputError: The file cannot be read.
    """
    where, data = _read(name_or_path)
    found: list[str] = []
    raw = _flatten(_parse(data, where), found)
    _take_definitions(raw, Path(where).parent, found)
    apply_overrides(raw, overrides or {}, found)
    _take_definitions(raw, Path(), found)
    chip = _build(raw, found)
    if chip is None:
        raise SpecError(
            one_message(list(dict.fromkeys(found))),
            where=f"chip {where}",
            fix="correct each of these; `neutrams chips tianji` shows a valid file",
        )
    return chip


def _read(name_or_path: str | Path) -> tuple[str, bytes]:
    name = str(name_or_path)
    preset = name.lower()
    if preset in preset_names():
        return preset, (resources.files("neutrams.hardware") / "chips" / f"{preset}.toml").read_bytes()
    try:
        there = Path(name).exists()
    except (OSError, ValueError):  # too long, or a zero byte in it
        there = False
    if not there:
        hint = near(name, preset_names())
        raise SpecError(
            f"there is no chip of this name and no such file{f' ({hint})' if hint else ''}",
            where=f"chip {shown(name)}",
            fix=f"take one of {', '.join(preset_names())}, or give the path of a chip file",
        )
    return name, read_bytes(Path(name), "chip file")


def _parse(data: bytes, where: str) -> dict[str, object]:
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # bad UTF-8, bad TOML, an integer too long to read
        raise SpecError(
            f"not a TOML file ({error})", where=f"chip {where}", fix="repair that place, or take an undamaged copy"
        ) from error


def _flatten(tree: Mapping[str, object], found: list[str]) -> Raw:
    """Return the values of known keys by dotted name; tell of all others."""
    keys = keys_of(Chip)
    sections = {key.partition(".")[0] for key in keys if "." in key}
    raw: Raw = {}
    for outer, value in tree.items():
        if outer in sections and isinstance(value, dict):
            raw.update({f"{outer}.{inner}": entry for inner, entry in value.items()})
        elif outer in sections:
            found.append(f"{outer} is {shown(value)}, allowed is a table [{outer}]")
        else:
            raw[outer] = value
    for name in [name for name in raw if name not in keys]:
        found.append(unknown(name, list(keys)))
        del raw[name]
    return raw


def _take_definitions(raw: Raw, folder: Path, found: list[str]) -> None:
    """Put the texts of the files that ``neuron.models`` names into ``neuron.definitions``, and the models' names there.

    Args:
        raw: Values by dotted key, changed in place.
        folder: Where the files' paths begin.
        found: Problems are told here.
    """
    names = raw.get("neuron.models")
    files = (
        [name for name in names if isinstance(name, str) and name.endswith(".toml")] if isinstance(names, list) else []
    )
    for name in files:
        assert isinstance(names, list)
        try:
            text = read_bytes(folder / name, "neuron model").decode("utf-8")
            model = define(text).model
        except NeutramsError as error:
            found.append(f"neuron.models names {name!r}: {error.what}")
        except ValueError as error:  # bad UTF-8, a zero byte in the path
            found.append(f"neuron.models names {name!r}: it is no text file ({error})")
        else:
            names[names.index(name)] = model.name
            given = raw.setdefault("neuron.definitions", [])
            if isinstance(given, list) and text not in given:
                given.append(text)
            continue
        names.remove(name)


def _build(raw: Raw, found: list[str]) -> Chip | None:
    """Return the chip; None, and the reasons in ``found``, where it is not valid."""
    data: dict[str, dict[str, object]] = {name.partition(".")[0]: {} for name in raw if "." in name}
    top: Raw = {}
    figures: Raw = {}
    good = [key for name, key in keys_of(Chip).items() if name in raw and _has_form(key, raw[name], found)]
    bad = set(raw) - {key.name for key in good}
    for key in good:
        value = raw[key.name]
        section, _, inner = key.name.partition(".")
        if not inner:
            top[section] = value
            continue
        if key.form in {"integer", "real"}:
            assert isinstance(value, dict)
            figures[key.name] = value
            value = value["value"]
        data[section][inner] = tuple(value) if isinstance(value, list) else value
    try:
        chip = Chip.model_validate({**top, **data, "figures": figures})
    except ValidationError as error:
        known_bad = {f"{name} is missing" for name in bad}
        found += [text for text in problems(error, Chip) if text not in known_bad]
        return None
    return None if found else chip


def _has_form(key: Key, value: object, found: list[str]) -> bool:
    """Check type and shape of an entry before its value; tell where they are wrong."""
    if key.is_number:
        if not isinstance(value, dict):
            found.append(f"{key.name} is {shown(value)}, a number is a table {{ value, unit, kind, source }}")
            return False
        if "value" not in value:
            found.append(f"{key.name}.value is missing")
            return False
        number = value["value"]
        right = type(number) is int or (type(number) is float and key.form != "integer")
        right = right and abs(number) < math.inf and not (type(number) is int and abs(number) >= 1 << 63)
        value = number
    elif key.form in {"texts", "integers"}:
        item = str if key.form == "texts" else int
        right = isinstance(value, list) and all(type(entry) is item for entry in value)
    else:
        right = type(value) is (bool if key.form == "flag" else str)
    if not right:
        found.append(f"{key.name} is {shown(value)}, {key.demand}")
    return right
