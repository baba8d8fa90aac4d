"""Chip keys set by the user, as text: ``core.weight_bits=3``."""

from collections.abc import Mapping

from neutrams.hardware.chip import Chip
from neutrams.hardware.figure import user_entry
from neutrams.hardware.schema import Key, keys_of
from neutrams.hardware.translate import shown, unknown


def apply_overrides(raw: dict[str, object], overrides: Mapping[str, str], found: list[str]) -> None:
    """Put the values of ``overrides`` over those of ``raw``, in place; tell of each that cannot be in ``found``.

    A number becomes a figure of kind ``user`` without a band; its range is checked with all others.
    """
    keys = keys_of(Chip)
    for name, text in overrides.items():
        if name not in keys:
            found.append(unknown(name, list(keys)))
            continue
        try:
            value = _parsed(keys[name], text.strip())
        except ValueError:
            found.append(f"{name} is set to {shown(text)}, {keys[name].demand}")
            continue
        if keys[name].is_number:
            value = user_entry(name, value)
        raw[name] = value


def _parsed(key: Key, text: str) -> object:
    """Return the value ``text`` stands for.

    Raises:
        ValueError: It does not read as the key's form.
    """
    if key.form == "integer":
        return int(text)
    if key.is_number:
        return float(text)
    if key.form == "flag":
        return {"true": True, "false": False}[text] if text in {"true", "false"} else _refuse(text)
    if key.form in {"texts", "integers"}:
        parts = [part.strip().strip("\"'") for part in text.removeprefix("[").removesuffix("]").split(",")]
        kept = [part for part in parts if part]
        return [int(part) for part in kept] if key.form == "integers" else kept
    return text


def _refuse(text: str) -> object:
    raise ValueError(text)
