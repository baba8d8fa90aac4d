"""The page of neuron models, from the models.

``python -m neutrams.neurons.page > docs/reference/neurons.md`` writes it.
"""

import sys

from neutrams.neurons.model import NeuronModel, models

HEAD = """# Neuron models

Made by `python -m neutrams.neurons.page`; do not edit.

A chip names its models under `neuron.models` (see [chip files](chip-file.md)). Every neuron computes in exact integers:
`acc` is the exact sum over its axons, `clamp` saturates to the width of the register, `>>` is an arithmetic shift that
rounds towards minus infinity, `trunc` rounds towards zero. Where a step has several parts they happen in the order
written; a spike is 1, else the output is 0. Widths are chip keys under `neuron` (the accumulator's: `core`); a chip
has a model only where it has its registers. A refractory period of R steps: the R steps after a spike are silent, the
potential stands still and what comes in is lost, but a synaptic current runs on. A refractory width of 0 bits means
that there is none.

Integrate-and-fire models without decay (`if_soft`, `if_hard`) run in the event-driven engine and carry rates
(`--mode snn` of trained ANNs); the others run tile by tile, compiled too. A graded output is an integer: it leaves
through an output port, and other neurons read it only on chips with `signal.graded_bits`.

| model | mode | output | states |
|---|---|---|---|
"""


def page() -> str:
    """Return the page in Markdown."""
    found = sorted(models().values(), key=lambda model: model.name)
    rows = [f"| [`{m.name}`](#{m.name}) | {m.mode} | {_output(m)} | {_states(m)} |" for m in found]
    return HEAD + "\n".join(rows) + "\n" + "".join(_section(model) for model in found)


def _output(model: NeuronModel) -> str:
    words = {"spike": "spike", "level": "integer `low` to `high`"}
    return words.get(model.output, f"graded: {model.output}")


def _states(model: NeuronModel) -> str:
    return ", ".join(f"{s.name} (`{s.width}`)" for s in model.states) or "none"


def _section(model: NeuronModel) -> str:
    lines = ["", f"## `{model.name}`", "", f"    {model.equation}", "", f"Source: {model.source}.", ""]
    lines += ["| parameter | meaning | width | least |", "|---|---|---|---|"]
    for p in model.parameters:
        least = "" if p.least is None else str(p.least)
        lines.append(f"| `{p.name}` | {p.meaning} | `{p.width}` | {least} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
