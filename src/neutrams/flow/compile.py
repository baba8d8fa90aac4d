"""Compile: transform, map, verify; with the time of each step and where everything came from."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import CapacityError
from neutrams.base.files import content_digest
from neutrams.flow.arrays import check_labels, samples_of
from neutrams.flow.magnitudes import check_magnitudes
from neutrams.flow.refine import refine
from neutrams.hardware import Chip
from neutrams.mapping import MappingStats, Pins, plan_network
from neutrams.mapping.draft import multiplex_choices
from neutrams.network import Network, ops
from neutrams.network.text import to_text
from neutrams.program import Program
from neutrams.program.verify import violations
from neutrams.transform.cost import macs_of
from neutrams.transform.ledger import LedgerRow
from neutrams.transform.options import TransformOptions
from neutrams.transform.pipeline import check_inputs, transform
from neutrams.transform.tuning.constrain import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A model made ready for a chip.

    Attributes:
        source: The float network it came from.
        network: The transformed network, in core operators.
        program: What the chip is loaded with.
        ledger: What the transformation cost, by layer and limit.
        stats: What the mapping takes.
        provenance: Versions, hashes and options.
        seconds: Wall time of each step [s]; empty when read from a file.
    """

    source: Network
    network: Network
    program: Program
    ledger: tuple[LedgerRow, ...]
    stats: MappingStats
    provenance: Mapping[str, object]
    seconds: Mapping[str, float]

    @property
    def host_ops(self) -> list[str]:
        """What runs outside the chip: ``function name`` or ``operator name`` of each node that computes."""
        return [f"{_title(node)} {node.name}" for node in _host_nodes(self.network)]

    @property
    def chip_mac_fraction(self) -> float:
        """Fraction of the source network's multiply-accumulates that run on the chip."""
        host = {node.name for node in _host_nodes(self.network)}
        taken = sum(macs for name, macs in macs_of(self.network).items() if name in host)
        return 1.0 - taken / max(sum(macs_of(self.source).values()), taken, 1)


HOST_COMPUTES = (ops.Host, ops.Activation, ops.Linear, ops.Conv, ops.Add, ops.Mul, ops.Max, ops.Pool)


def _host_nodes(network: Network) -> list[ops.Node]:
    """The nodes of a transformed network that compute in floats, before its encoders or after its decoders."""
    on_chip: set[str] = set()
    found: list[ops.Node] = []
    for node in network.nodes:
        if isinstance(node, ops.Encode) or (on_chip.intersection(node.inputs) and not isinstance(node, ops.Decode)):
            on_chip.add(node.name)
        elif isinstance(node, HOST_COMPUTES) and not _core(node):
            found.append(node)
    return found


def _core(node: ops.Node) -> bool:
    bias = getattr(node, "bias", None)
    return bias is not None and bias.dtype.kind == "i"


def _title(node: ops.Node) -> str:
    return node.function if isinstance(node, ops.Host | ops.Activation) else node.op


def compile_model(
    network: Network,
    chip: Chip,
    calibration: Mapping[str, AnyArray],
    options: TransformOptions,
    progress: Progress | None = None,
    *,
    refine_rounds: int = 0,
    multiplex: str = "auto",
    pins: Pins | None = None,
) -> Compiled:
    """Transform ``network`` for ``chip``, map it, and have the independent checker pass the program.

    Args:
        network: The model.
        chip: The chip.
        calibration: Inputs like those in use, ``[N, *shape]`` by name.
        options: How to transform and how hard to search.
        progress: Called with (units tuned, units in all).
        refine_rounds: How often to place again with what the cycle simulator finds (`neutrams.flow.refine`).
        multiplex: How many tiles a core serves: see `neutrams.mapping.map_network`.
        pins: Layers whose neurons must be on given cores: see `neutrams.mapping.pins`.

    Raises:
        NeutramsError: Whatever stands in the way, said in one message.
    """
    multiplex_choices(multiplex, chip)
    check_inputs(network, calibration, "calibration")
    check_labels(options.labels, samples_of(calibration))
    check_magnitudes(network, calibration)
    seconds: dict[str, float] = {}
    started = time.perf_counter()
    transformed = transform(network, chip, calibration, options, progress)
    seconds["transform"] = time.perf_counter() - started
    started = time.perf_counter()
    plan = plan_network(
        transformed.network, chip, transformed.activity, effort=options.effort, seed=options.seed,
        multiplex=multiplex, pins=pins,
    )  # fmt: skip
    if refine_rounds:
        mapped, rounds = refine(plan, transformed.network, calibration, refine_rounds, progress)
    else:
        mapped, rounds = plan.placed(), ()
    seconds["map"] = time.perf_counter() - started
    started = time.perf_counter()
    refuse_illegal(mapped.program)
    seconds["verify"] = time.perf_counter() - started
    provenance = provenance_of(network, chip, calibration, options)
    provenance |= {"calibration_samples": transformed.samples, "multiplex": multiplex}
    provenance |= {"pins": {layer: list(cores) for layer, cores in pins.items()}} if pins else {}
    provenance |= {"refinement": [asdict(each) for each in rounds]} if rounds else {}
    return Compiled(
        source=network, network=transformed.network, program=mapped.program, ledger=transformed.ledger,
        stats=mapped.stats, provenance=provenance, seconds=seconds,
    )  # fmt: skip


def refuse_illegal(program: Program) -> None:
    """Refuse a program that the independent checker rejects: it must not reach a user.

    Raises:
        CapacityError: Lists the violations.
    """
    found = violations(program)
    if found:
        listed = "; ".join(v.message for v in found[:5])
        raise CapacityError(
            f"the mapped program breaks {len(found)} limits of the chip: {listed}",
            where=f"verify, chip {program.chip.name!r}",
            fix="report this as a bug of neutrams with the chip file and the model",
        )


def provenance_of(
    network: Network, chip: Chip, calibration: Mapping[str, AnyArray], options: TransformOptions
) -> dict[str, object]:
    """Return versions, options and content hashes (SHA-256) of all that the result depends on. No clock."""
    data = hashlib.sha256()
    for name in sorted(calibration):
        data.update(name.encode() + str(calibration[name].dtype).encode() + calibration[name].tobytes())
    return {
        "neutrams": version("neutrams"),
        "torch": version("torch"),
        "numpy": version("numpy"),
        "model_sha256": content_digest(*to_text(network)),
        "chip_sha256": hashlib.sha256(chip.model_dump_json().encode()).hexdigest(),
        "calibration_sha256": data.hexdigest(),
        "mode": options.mode,
        "steps": options.steps,
        "effort": options.effort,
        "copies": options.copies,
        "seed": options.seed,
        "partial_sums": options.partial_sums,
        "balance": options.balance,
        "state_bits": options.state_bits,
    }
