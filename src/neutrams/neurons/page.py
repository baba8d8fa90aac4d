"""The page of neuron models, from the models.

``python -m neutrams.neurons.page > docs/reference/neurons.md`` writes it.
"""

import sys

from neutrams.neurons.expression import WIDTHS
from neutrams.neurons.find import models
from neutrams.neurons.model import NeuronModel

_WIDTHS = ", ".join(f"`{width}`" for width in WIDTHS)

HEAD = """# Neuron models

Made by `python -m neutrams.neurons.page`; do not edit.

A chip names its models under `neuron.models` (see [chip files](chip-file.md)). Every neuron computes in exact integers:
`acc` is the exact sum over its axons, `clamp` saturates to the width of the register, `>>` is an arithmetic shift that
rounds towards minus infinity, `trunc` rounds towards zero. Where a step has several parts they happen in the order
written; a spike is 1, else the output is 0. Widths are chip keys under `neuron` (the accumulator's: `core`); a chip
has a model only where it has its registers. A refractory period of R steps: the R steps after a spike are silent, the
potential stands still and what comes in is lost, but a synaptic current runs on. A refractory width of 0 bits means
that there is none; a network whose neurons rest longer than their register holds is refused.

Integrate-and-fire models without decay (`if_soft`, `if_hard`) run in the event-driven engine and carry rates
(`--mode snn` of trained ANNs); the others run tile by tile, compiled too. A graded output is an integer: it leaves
through an output port, and other neurons read it only on chips with `signal.graded_bits`.

| model | mode | output | states |
|---|---|---|---|
"""

EXAMPLE = """name = "adaptive_lif"
source = "Bellec et al. (2018), arXiv:1803.09574, adaptive threshold; here in integers, with decay by shifts"
output = "spike"
step = [
    "v = clamp(v - (v >> decay_shift) + acc + leak, potential_bits)",
    "spike = v >= threshold + a",
    "v = where(spike, clamp(v - threshold, potential_bits), v)",
    "a = clamp(a - (a >> slow_shift) + where(spike, rise, 0), synaptic_bits)",
]

[parameters]
leak = { meaning = "added to v every step [LSB of the potential]", width = "leak_bits" }
threshold = { meaning = "fires at or above, with a [LSB of the potential]", width = "threshold_bits", least = 1 }
rise = { meaning = "what a spike adds to a [LSB of the potential]", width = "threshold_bits", least = 0 }
decay_shift = { meaning = "v loses v >> k a step [bit]", width = "decay_shift_bits" }
slow_shift = { meaning = "a loses a >> k a step [bit]", width = "decay_shift_bits" }
initial = { meaning = "v before the first step [LSB of the potential]", width = "potential_bits" }

[states]
v = { width = "potential_bits", initial = "initial" }
a = { width = "synaptic_bits" }
"""

TAIL = f"""
## Models of your own

A chip file may name a TOML file among its models: `models = ["requantize", "./adaptive_lif.toml"]`, or on the command
line `--set neuron.models=./adaptive_lif.toml`. Its text then travels with the chip, and so with every compiled program;
the model is known as `user:adaptive_lif`. It runs by its equations, uncompiled, in snn mode.

```toml
{EXAMPLE}```

- `step` holds equations `name = expression`, computed one after another with the values set so far. `acc` is the sum
  over the axons; a state that no equation sets stays as it is. `output` is the name given: 0 or 1, or a state (a graded
  output).
- Expressions are integers, names, `+ - *`, `<< >>` (towards minus infinity), one comparison (1 or 0), `and or not`,
  `min(a, b)`, `max(a, b)`, `abs(x)`, `where(condition, then, otherwise)`, `clamp(x, low, high)` and
  `clamp(x, width)` for the range of a register. The name of a width is its number of bits: {_WIDTHS}.
- No code is run: whatever else stands there is refused.
- Where the file is loaded, the largest values of every sum are worked out for the chip's widths (with |acc| below
  2^53): what might leave 64 bits, a state that might leave its register, or an output that might be neither 0 nor 1 is
  refused with the values it may reach.
- A table `[relay]` with a value for every parameter says how a neuron repeats every spike in its step (tried on all
  spike trains of 6 steps); without it, mapping copies neurons where they must reach more axons.
"""


def page() -> str:
    """Return the page in Markdown."""
    found = sorted(models().values(), key=lambda model: model.name)
    rows = [f"| [`{m.name}`](#{m.name}) | {m.mode} | {_output(m)} | {_states(m)} |" for m in found]
    return HEAD + "\n".join(rows) + "\n" + "".join(_section(model) for model in found) + TAIL


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
