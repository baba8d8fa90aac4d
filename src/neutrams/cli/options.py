"""Options that several commands have, and what their texts mean."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neutrams.base.errors import InputError, SpecError

if TYPE_CHECKING:
    from neutrams.base.arrays import AnyArray
    from neutrams.network import Network

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Labels = Annotated[str | None, typer.Option(metavar="KEY", help="Key of the class ids; 'labels' where it is there.")]
Shapes = Annotated[
    list[str] | None,
    typer.Option(
        "--input-shape", metavar="NAME=1,3,48,192", help="Fix the open axes of an input, batch first; may be repeated."
    ),
]
Nir = Annotated[
    list[str] | None,
    typer.Option(
        "--nir", metavar="KEY=VALUE", help="What a NIR file leaves open, such as preset=snntorch; may be repeated."
    ),
]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a chip key; may be repeated.")
]
ProgramFile = Annotated[Path, typer.Argument(metavar="P.neu", help="A compiled program.")]


def overrides_of(given: list[str]) -> dict[str, str]:
    """Return the chip keys that texts like ``core.weight_bits=3`` set, with their values.

    Raises:
        SpecError: A text is of another form.
    """
    return pairs_of(given, "--set", "KEY=VALUE", "core.weight_bits=3")


def pairs_of(given: list[str], option: str, form: str, example: str) -> dict[str, str]:
    """Return what texts with a sign of equality name, left → right.

    Raises:
        SpecError: A text is of another form.
    """
    pairs: dict[str, str] = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise SpecError(f"{text!r} is not {form}", where=f"option {option}", fix=f"write e.g. {option} {example}")
        pairs[key.strip()] = value.strip()
    return pairs


def pins_of(given: list[str]) -> dict[str, tuple[int, ...]]:
    """Return the cores that texts like ``fc1=0,3`` name for a layer.

    Raises:
        SpecError: A text is of another form, or a layer is named twice.
    """
    pins: dict[str, tuple[int, ...]] = {}
    for text in given:
        layer, sign, cores = text.rpartition("=")
        numbers = [number.strip() for number in cores.split(",")]
        if not sign or layer in pins or not all(n.isascii() and n.isdigit() and len(n) < 9 for n in numbers):
            what = "names a layer for the second time" if layer in pins else "is not LAYER=CORE,CORE"
            raise SpecError(f"{text!r} {what}", where="option --pin", fix="write e.g. --pin fc1=0,3, each layer once")
        pins[layer] = tuple(map(int, numbers))
    return pins


def format_options(model: Path, given: list[str]) -> dict[str, object]:
    """Return the import options that texts like ``steps=50`` set.

    Raises:
        SpecError: A text is of another form, or there is no such option.
    """
    pairs = pairs_of(given, "--nir", "KEY=VALUE", "preset=snntorch")
    if not pairs:
        return {}
    from neutrams.importers.nir_options import parsed_options

    if model.suffix.lower() != ".nir":
        raise SpecError("--nir is for NIR files", where=str(model), fix="leave it out")
    return parsed_options(pairs)


def arrays_of(path: Path, network: "Network", key: str | None) -> tuple[dict[str, "AnyArray"], "AnyArray | None"]:
    """Return the inputs of a file by the network's names, and its class ids where it has them.

    Raises:
        InputError: The file is damaged, or has no array of a name that is asked for.
    """
    from neutrams.flow import load_arrays, named_inputs

    arrays = load_arrays(path)
    if key is not None and key not in arrays:
        raise InputError(
            f"it has no array {key!r}, it has {', '.join(sorted(arrays)) or 'none'}",
            where=str(path),
            fix="give --labels one of these names, or leave it out",
        )
    names = {node.name for node in network.inputs}
    classes = None if key is None and "labels" in names else arrays.get(key or "labels")
    return named_inputs(arrays, network.inputs, key), classes
