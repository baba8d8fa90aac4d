"""The tables of an observation: their columns, with unit and meaning. `docs/reference/observation.md` shows them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """A column of whole numbers (int64).

    Attributes:
        name: Its name.
        unit: Its unit, such as ``cycle``; ``number`` where it names a thing.
        meaning: What it holds.
    """

    name: str
    unit: str
    meaning: str


SAMPLE = Column("sample", "number", "Number of the sample, from 0.")
TICK = Column("tick", "number", "Tick of the sample, from 0; in ann mode step * L + phase.")

TABLES: dict[str, tuple[Column, ...]] = {
    "events": (
        SAMPLE,
        Column("tile", "number", "Tile."),
        Column("core", "number", "Core it is on."),
        Column("updates", "count", "Updates of the tile."),
        Column("axon_events", "count", "Axons that carried something, all updates together."),
        Column("synapse_events", "count", "Weights that were read and added."),
        Column("neuron_updates", "count", "Updates of its neurons."),
        Column("sent", "count", "Words or spikes of its neurons."),
    ),
    "spikes": (SAMPLE, TICK, Column("neuron", "number", "Neuron that fired.")),
    "potentials": (
        SAMPLE,
        TICK,
        Column("step", "number", "Step of its tile."),
        Column("neuron", "number", "A watched neuron, where its tile updated."),
        Column("potential", "LSB", "Its potential after the update."),
    ),
    "ticks": (
        SAMPLE,
        TICK,
        Column("cycles", "cycle", "Length of the tick."),
        Column("needed_cycles", "cycle", "What its work needs: more than its length where a fixed tick is too short."),
        Column("core_cycles", "cycle", "Until the last core is done."),
        Column("words", "count", "Words from core to core; one to several cores counts for each."),
        Column("flits", "flit", "Flits of these words."),
        Column("missed", "count", "Words that arrived after a fixed tick was over: late or lost."),
    ),
    "cores": (
        SAMPLE,
        TICK,
        Column("core", "number", "A core with something to do or to receive."),
        Column("rows", "count", "Rows it served."),
        Column("neurons", "count", "Neurons it updated."),
        Column("sent_words", "count", "Words it sent, as in ticks."),
        Column("received_words", "count", "Words that reached it."),
        Column("busy_cycles", "cycle", "Until it was done."),
    ),
    "links": (
        SAMPLE,
        TICK,
        Column("link_from", "number", "Router that the link leads from."),
        Column("link_to", "number", "Router that it leads to."),
        Column("flits", "flit", "Flits over it; only links in use."),
    ),
    "queues": (
        Column("router", "number", "Router; where each core has one of its own, the core's number."),
        Column("peak_flits", "flit", "Most flits in its buffers in any tick."),
    ),
    "latencies": (
        Column("cycles", "cycle", "From a word's creation to the arrival of its last flit."),
        Column("words", "count", "Words that took as long."),
    ),
}
"""File name without its ending -> columns."""
