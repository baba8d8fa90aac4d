"""Shapes of inputs, as a user writes them."""

from collections.abc import Sequence

from neutrams.base.errors import InputError


def parse_input_shapes(texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the shapes that texts like ``image=1,3,48,192`` give, by name of the input.

    Raises:
        InputError: A text is of another form, or a name is given twice.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts:
        name, found, sizes = text.rpartition("=")
        parts = [part.strip() for part in sizes.split(",")]
        if not found or not name or name in shapes or not all(part.isdecimal() and int(part) > 0 for part in parts):
            raise InputError(
                "this is not a name with a shape, or the name is given twice",
                where=f"--input-shape {text}",
                fix="write NAME=1,3,48,192: the input's name and its full shape, batch axis first",
            )
        shapes[name] = tuple(int(part) for part in parts)
    return shapes
