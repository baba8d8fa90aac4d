"""Keep tables within what a chip holds: those of routers by other routes, those of cores by a lower fan-out."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.mapping.fan_out import Wiring
from neutrams.mapping.route import Links, find_links
from neutrams.mapping.router_tables import Compressed, compress_tables
from neutrams.mapping.units import Units

if TYPE_CHECKING:
    from neutrams.mapping.pipeline import Plan

T = TypeVar("T")


class TableError(CapacityError):
    """A router needs more entries than its table holds.

    Attributes:
        entries: How many it needs.
    """

    def __init__(self, what: str, *, where: str, fix: str, entries: int) -> None:
        super().__init__(what, where=where, fix=fix)
        self.entries = entries


def with_tables(plan: "Plan", cores: IntArray, links: Links) -> tuple[Links, Compressed | None]:
    """Return routes and the tables of routers for them; none where the chip's routers have none.

    Where a table is too long, routes in dimension order are taken instead: those of one sender then are parts of one
    tree, so that its flows differ at few routers.

    Args:
        plan: The mapping.
        cores: int64 ``[bundles]``, the core of each.
        links: The routes that are wanted.

    Raises:
        TableError: A table is too long by those too: names the router, what it needs, and the layer.
    """
    limit = plan.chip.noc.table_entries
    if not limit:
        return links, None
    found = compress_tables(plan.flows, plan.bundle, cores, links, plan.chip)
    if found.most > limit:
        plain = find_links(plan.flows, plan.bundle, cores, plan.chip)
        other = compress_tables(plan.flows, plan.bundle, cores, plain, plan.chip)
        if other.most < found.most:
            links, found = plain, other
    if found.most > limit:
        raise _table_too_long(plan, cores, links, found)
    return links, found


def first_that_fits(choices: Sequence[Callable[[], T]]) -> T:
    """Return what the first of these gives that fits; where none does, raise the refusal with fewest entries."""
    refusals: list[TableError] = []
    for choice in choices:
        try:
            return choice()
        except TableError as error:
            refusals.append(error)
    raise min(refusals, key=lambda error: error.entries)


def _table_too_long(plan: "Plan", cores: IntArray, links: Links, found: Compressed) -> TableError:
    full = int(found.entries.argmax())
    router, limit = int(found.router[full]), plan.chip.noc.table_entries
    flow = found.passing[1, found.passing[0] == router]
    layer, most = _largest_share(plan.flows.tile[flow], np.ones(len(flow), dtype=np.int64), plan.wiring, plan.units)
    changes = [f"set noc.table_entries to {found.most}"]
    for key, value in _eases(plan.chip):
        eased = plan.chip.with_values(noc={key: value})
        if compress_tables(plan.flows, plan.bundle, cores, links, eased).most <= limit:
            changes.append(f"set noc.{key} to {str(value).lower()}")
    return TableError(
        f"router {router} needs {found.most} entries for the {int(found.flows[full])} flows that pass it, after "
        f"compression, a table has {limit}: {found.most - limit} short; layer {layer!r} has most of the flows, {most}",
        where="mapping, tables of routers",
        fix=", or ".join(changes),
        entries=found.most,
    )


def _eases(chip: Chip) -> Iterator[tuple[str, int | bool]]:
    """Yield the keys by which tables may get shorter, with the values that do most."""
    if chip.board.topology == "mesh" and not chip.noc.default_route:
        yield "default_route", True
    if chip.noc.key_bits < 48:
        yield "key_bits", 48


def within_entries(plan: "Plan", again: Callable[[Chip], "Plan"]) -> "Plan":
    """Return the plan, or another one where a core would drive more axons than it has entries for.

    First fan-outs are lowered: a neuron leaves the rest to copies or relays of it, on cores with entries of their own.
    Then cores serve one tile only, and at last they hold fewer neurons.

    Args:
        plan: The mapping.
        again: Makes the plan anew for a chip.

    Raises:
        CapacityError: That does not do: names the core's layer, what it needs, and what would do.
    """
    limit = plan.chip.core.output_entries
    needed = _entries(plan)
    if not limit or needed.max() <= limit:
        return plan
    own = np.bincount(plan.bundle, weights=[len(tile.signals) for tile in plan.wiring.tiles]).astype(np.int64)
    least = int(needed.max())
    for core, tiles in _lower(plan.chip, int(own.max())):
        try:
            found = again(plan.chip.with_values(core={**core, "output_entries": 0}, board={"virtual_tiles": tiles}))
        except CapacityError:
            continue
        least = min(least, int(_entries(found).max()))
        if least <= limit:
            return found
    raise _entries_missing(plan, needed, least)


def _lower(chip: Chip, neurons: int) -> Iterator[tuple[dict[str, int], int]]:
    """Yield keys of smaller cores, and how many tiles a core serves.

    Fan-outs come first, for cores with so many neurons or as many as there may be; then cores with fewer neurons.
    """
    core, most = chip.core, chip.board.virtual_tiles
    for tiles in dict.fromkeys((most, 1)):
        shares = (core.output_entries // count for count in (neurons, core.neurons * tiles))
        for fan_out in dict.fromkeys((core.fan_out, *shares, 1)):
            if 1 <= fan_out <= core.fan_out and (fan_out, tiles) != (core.fan_out, most):
                yield {"fan_out": fan_out}, tiles
    for fan_out in dict.fromkeys((core.fan_out, 1)):
        fewer = core.output_entries // fan_out
        if 1 <= fewer < core.neurons:
            yield {"fan_out": fan_out, "neurons": fewer}, 1


def _entries(plan: "Plan") -> IntArray:
    """int64 ``[bundles]``: axons that the neurons of a core drive."""
    feed = plan.wiring.feed_tile
    count = np.bincount(feed[feed >= 0], minlength=len(plan.bundle))
    return np.bincount(plan.bundle, weights=count).astype(np.int64)


def _entries_missing(plan: "Plan", needed: IntArray, least: int) -> CapacityError:
    feed, limit, most = plan.wiring.feed_tile, plan.chip.core.output_entries, int(needed.max())
    count = np.bincount(feed[feed >= 0], minlength=len(plan.bundle))
    mine = np.flatnonzero(plan.bundle == needed.argmax())
    layer, share = _largest_share(mine, count[mine], plan.wiring, plan.units)
    lower = f"smaller cores need {least}" if least < most else "smaller cores or fan-outs do not fit the board"
    return CapacityError(
        f"the neurons of a core drive {most} axons, {share} of them from layer {layer!r}; a core has {limit} output "
        f"entries: {most - limit} short, and so {int((needed > limit).sum())} of {len(needed)} cores; {lower}",
        where="mapping, output entries of cores",
        fix=f"set core.output_entries to {least}",
    )


def _largest_share(tile: IntArray, amount: IntArray, wiring: Wiring, units: Units) -> tuple[str, int]:
    """Return the layer with the largest sum of ``amount`` (int64 ``[n]``, of each of these tiles), and the sum."""
    shares: dict[str, int] = {}
    for i, n in zip(tile.tolist(), amount.tolist(), strict=True):
        origin = units.units[wiring.tiles[i].units[0]].neuron.origin
        shares[origin] = shares.get(origin, 0) + n
    layer = max(shares, key=lambda name: shares[name])
    return layer, shares[layer]
