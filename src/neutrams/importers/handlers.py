"""The table of an importer's operators: each module of handlers adds its own by decorating functions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

C = TypeVar("C")
V = TypeVar("V")
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Handler(Generic[C, V, K]):
    """How an operator is imported.

    Attributes:
        convert: Emits nodes and returns the value of the first output.
        constants: Inputs that must be constant.
    """

    convert: Callable[[C], V]
    constants: tuple[K, ...] = ()


@dataclass(frozen=True, slots=True)
class Handlers(Generic[C, V, K]):
    """Handlers by operator name."""

    by_name: dict[str, Handler[C, V, K]] = field(default_factory=dict)

    def operator(self, *names: str, constants: tuple[K, ...] = ()) -> Callable[[Callable[[C], V]], Callable[[C], V]]:
        """Register a function as the handler of the operators ``names``; inputs ``constants`` must be constant."""

        def register(convert: Callable[[C], V]) -> Callable[[C], V]:
            self.by_name.update(dict.fromkeys(names, Handler(convert, constants)))
            return convert

        return register
