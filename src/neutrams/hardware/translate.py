"""Problems of a chip file in the user's words: pydantic's errors, told with key, value and allowed range."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError

from neutrams.hardware.schema import Key, keys_of, near

LONGEST_SHOWN = 60


def shown(value: object) -> str:
    """Return a value as a message shows it: short, and safe for integers of any size."""
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return "an integer of more than 63 bits"
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 4]} ..."


def unknown(name: str, names: Sequence[str]) -> str:
    """Say that ``name`` is no key, and which ones are near."""
    hint = near(name, names)
    return f"{name} is not a key of a chip" + (f" ({hint})" if hint else "")


def one_message(found: Sequence[str]) -> str:
    """Join problems into the *what* of one error."""
    if len(found) == 1:
        return found[0]
    return f"{len(found)} problems: " + "; ".join(found)


def problems(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return each problem of a failed validation as ``key is value, allowed is ...``, in file order, each once."""
    keys = keys_of(model)
    found: list[str] = []
    for detail in error.errors(include_url=False):
        steps = [str(step) for step in detail["loc"] if step != "figures"]
        if steps[-1:] in (["int"], ["float"]):  # a number's value, tried as either
            steps = steps[:-2]
        name, inside = _split(steps, keys)
        if detail["type"] == "value_error":
            text = str(detail["ctx"]["error"])
            found += [f"{name}: {text}"] if name else text.split("\n")
        elif detail["type"] == "missing":
            found.append(f"{'.'.join([name, *inside])} is missing")
        elif detail["type"] == "extra_forbidden" and not (inside and name in keys):
            found.append(unknown(".".join([name, *inside]), list(keys)))
        elif name in keys and not inside:
            found.append(f"{name} is {shown(detail['input'])}, {keys[name].demand}")
        else:
            said = detail["msg"].replace("Input should", "it should").replace("Extra inputs", "extra entries")
            found.append(f"{'.'.join([name, *inside])} is {shown(detail['input'])}: {said}")
    return list(dict.fromkeys(found))


def _split(steps: Sequence[str], keys: Mapping[str, Key]) -> tuple[str, list[str]]:
    """Cut a path into (key, rest): ``core, axons`` or ``core.axons`` is the key, ``unit`` the rest."""
    for end in (1, 2):
        name = ".".join(steps[:end])
        if name in keys:
            return name, list(steps[end:])
    return ".".join(steps), []
