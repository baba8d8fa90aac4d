"""What a user may ask of the transformation."""

from dataclasses import dataclass

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import SpecError
from neutrams.hardware import Chip
from neutrams.network import Network
from neutrams.network.spiking import has_spiking
from neutrams.neurons import NeuronModel, find_model

CALIBRATION_SAMPLES = (1024, 2048, 4096, 8192)
"""Most calibration samples used, by effort."""

BALANCES = ("percentile", "max", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformOptions:
    """Options of the transformation.

    Attributes:
        mode: ``ann`` or ``snn``.
        steps: T, steps a sample in snn mode; 1 in ann mode.
        effort: 0 to 3, amount of work.
        seed: Of whatever is random.
        partial_sums: ``auto``, ``signed`` (where the chip has signed signals), ``offset`` (not under reset to zero)
            or ``pair`` (two neurons).
        copies: Most neurons that carry a channel of a hidden layer, in snn mode or where weights or signals have few
            bits, and where the next layer's fan-in leaves room; what takes no tile more is done in any case.
        balance: Where thresholds of rates come from in snn mode: a ``percentile`` of values (99.9), their ``max``, or
            the share of the percentile that leaves each unit the least ``error``.
        state_bits: What the states of loops are held in: 8, or as the chip's signals are, or 16, twice that, in two
            signals each, with products by binary digits.
        labels: Class of each calibration sample ``[N]``, for accuracies in the ledger; never used to tune.

    Raises:
        SpecError: An option is outside its range.
    """

    mode: str = "ann"
    steps: int = 1
    effort: int = 1
    seed: int = 0
    partial_sums: str = "auto"
    copies: int = 1
    balance: str = "percentile"
    state_bits: int = 8
    labels: AnyArray | None = None

    def __post_init__(self) -> None:
        _check(self.mode in ("ann", "snn"), f"mode is {self.mode!r}", "mode", "take ann or snn")
        _check(0 <= self.effort <= 3, f"effort is {self.effort}", "effort", "take 0, 1, 2 or 3")
        _check(1 <= self.copies <= 16, f"copies is {self.copies}", "copies", "take 1 to 16, 2 is usual")
        _check(0 <= self.seed < 1 << 32, f"seed is {self.seed}", "seed", f"take a number from 0 to {(1 << 32) - 1}")
        _check(
            self.partial_sums in ("auto", "signed", "offset", "pair"),
            f"partial_sums is {self.partial_sums!r}",
            "partial_sums",
            "take auto, signed, offset or pair",
        )
        _check(self.balance in BALANCES, f"balance is {self.balance!r}", "balance", "take percentile, max or error")
        _check(self.state_bits in (8, 16), f"state_bits is {self.state_bits}", "state_bits", "take 8 or 16")
        if self.mode == "ann":
            _check(self.steps == 1, f"steps is {self.steps} in ann mode", "steps", "leave it at 1, or take mode snn")
        else:
            _check(1 <= self.steps <= 4096, f"steps is {self.steps}", "steps", "take 1 to 4096, 32 is usual")


def default_steps(mode: str, network: Network) -> int:
    """Return T where the user names none: 64 for rates in snn mode, else 1 (spiking networks have their own)."""
    return 64 if mode == "snn" and not has_spiking(network) else 1


def _check(holds: bool, what: str, key: str, fix: str) -> None:
    if not holds:
        raise SpecError(what, where=f"option {key}", fix=fix)


def neuron_model(chip: Chip, mode: str) -> NeuronModel:
    """Return the chip's neuron model for ``mode``; the first listed where it has several.

    Raises:
        SpecError: The chip has none.
    """
    for name in chip.neuron.models:
        model = find_model(name, f"chip {chip.name!r}, neuron.models", chip.neuron.definitions)
        if model.mode == mode:
            return model
    raise SpecError(
        f"chip {chip.name!r} has no neuron model of mode {mode} (it has {', '.join(chip.neuron.models)})",
        where="option mode",
        fix="choose the mode the chip has, or a chip with an integrate-and-fire model",
    )


def rate_reset(model: NeuronModel) -> str:
    """Return the reset by which ``model`` carries rates: ``zero`` or ``subtract``.

    Raises:
        SpecError: Its rule is another; rate coding has no recipe for it.
    """
    if model.reset is None:
        raise SpecError(
            f"there is no rate coding for the neuron model {model.name!r}",
            where="option mode",
            fix="set neuron.models to an integrate-and-fire model first, or take mode ann",
        )
    return model.reset


def partial_code(chip: Chip, options: TransformOptions) -> str:
    """Return how partial sums travel: ``signed``, ``offset`` or ``pair``; ``auto`` takes the fewest neurons that work.

    Raises:
        SpecError: The chip or mode does not have the one asked for.
    """
    signed = chip.signal.partial_sums == "signed" and options.mode == "ann"
    soft = options.mode == "snn" and rate_reset(neuron_model(chip, "snn")) == "subtract"
    wanted = options.partial_sums
    if wanted == "auto":
        return "signed" if signed else ("offset" if options.mode == "ann" or soft else "pair")
    _check(
        wanted != "signed" or signed,
        f"signed is not possible on chip {chip.name!r} in mode {options.mode}",
        "partial_sums",
        "take auto, or set signal.partial_sums=signed in ann mode",
    )
    _check(
        wanted != "offset" or options.mode == "ann" or soft,
        "an offset does not survive reset to zero",
        "partial_sums",
        "take pair or auto, or reset by subtraction (neuron.models=if_soft)",
    )
    return wanted
