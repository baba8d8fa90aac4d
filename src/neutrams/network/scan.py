"""The tokens of the text form: names, JSON literals, references to arrays; written and read."""

import json
import re
from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import AnyArray

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
LITERAL = json.JSONDecoder()
SHOWN = 30


def quoted(name: str) -> str:
    """Return ``name`` as it is where it is a plain word, otherwise as a JSON string."""
    return name if PLAIN.fullmatch(name) else json.dumps(name)


def written(value: object) -> str:
    """Return a JSON literal; floats keep every bit, a NumPy scalar is written as its Python value."""
    return json.dumps(value.item() if isinstance(value, np.generic) else value)


class Scanner:
    """A place in one line of text. Every method raises ValueError where the text is not what it wants."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def done(self) -> bool:
        """Return whether the line is used up."""
        return self.at == len(self.text)

    def take(self, token: str) -> bool:
        """Step over ``token`` if it comes next; return whether it did."""
        found = self.text.startswith(token, self.at)
        self.at += len(token) if found else 0
        return found

    def expect(self, token: str) -> None:
        """Step over ``token``."""
        if not self.take(token):
            raise self._wrong(repr(token))

    def name(self) -> str:
        """Read a plain word or a JSON string."""
        word = PLAIN.match(self.text, self.at)
        if word:
            self.at = word.end()
            return word[0]
        value = self._literal() if self.text.startswith('"', self.at) else None
        if not isinstance(value, str):
            raise self._wrong("a name")
        return value

    def value(self, arrays: Mapping[str, AnyArray]) -> object:
        """Read a reference to an array, a mapping of values, or a JSON literal; lists become tuples."""
        if self.take("@"):
            name = self.name()
            if name not in arrays:
                raise ValueError(f"there is no array {name!r} beside the text")
            return arrays[name]
        if self.take("{"):
            return self._mapping(arrays)
        value = self._literal()
        return tuple(value) if isinstance(value, list) else value

    def _mapping(self, arrays: Mapping[str, AnyArray]) -> dict[str, object]:
        items: dict[str, object] = {}
        while not self.take("}"):
            if items:
                self.expect(", ")
            key = self._literal()
            if not isinstance(key, str) or key in items:
                raise self._wrong("a new key in double quotes")
            self.expect(": ")
            items[key] = self.value(arrays)
        return items

    def _literal(self) -> object:
        try:
            value, self.at = LITERAL.raw_decode(self.text, self.at)
        except json.JSONDecodeError:
            raise self._wrong("a JSON literal") from None
        return value

    def _wrong(self, wanted: str) -> ValueError:
        found = self.text[self.at : self.at + SHOWN]
        return ValueError(f"column {self.at + 1} wants {wanted}, found is {found!r}")
