"""How a unit reads a tensor: as a core node gives it, or encoded where it first reads what the host gives."""

import numpy as np

from neutrams.evaluate.signals import encode_signal
from neutrams.transform.facts import is_joined_with_signals
from neutrams.transform.tuning.build import Build
from neutrams.transform.tuning.loss import record_input
from neutrams.transform.tuning.signal import Signal


def read(build: Build, name: str) -> str:
    """Return the core node that gives tensor ``name``, encoding it if the host gives it."""
    if name in build.signals:
        return name
    encoded = f"{name} encoded"
    if encoded not in build.signals:
        values = build.values[name]
        encoder = build.fitter.encode(encoded, name, values, is_joined_with_signals(build.source, name))
        span = build.steps if encoder.code == "spread" else 1
        channels = values.shape[1]
        build.signals[encoded] = Signal.of(
            encode_signal(encoder, values, build.steps),
            np.full(channels, encoder.scale * span), np.full(channels, encoder.zero), build.steps,
        )  # fmt: skip
        build.activity[encoded] = build.signals[encoded].sent(build.chip.signal.skip_zero)
        record_input(build, name, build.signals[encoded])
        build.nodes.append(encoder)
    return encoded
