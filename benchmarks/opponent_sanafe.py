"""The opponent of bench_sanafe: a network on SANA-FE's own Loihi architecture.

Run by a Python that has sanafe; imports nothing of neutrams. Arguments: an .npz with ``source, target, weight`` of the
synapses from layer 0 to layer 1 (a full matrix in C order where there are all), ``bias0, theta0, core0`` and the same
of layer 1 (a core is 4 * tile + core of the tile); the number of steps; how often to time the detailed mode. Prints
one JSON object. Times are of the processor, of all threads.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import sanafe

UNITS = {
    "soma_hw_name": "loihi_lif",
    "default_synapse_hw_name": "loihi_dense_synapse",
    "default_dendrite_hw_name": "loihi_dendrites",
}


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what ``call`` returns, its processor time and its wall time [s]."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = call()
    return found, time.process_time() - cpu, time.perf_counter() - wall


def build(data: Any) -> Any:
    """Return the chip, loaded."""
    arch, net = sanafe.load_loihi(), sanafe.Network()
    layers = []
    for i in range(2):
        bias, theta, core = data[f"bias{i}"], data[f"theta{i}"], data[f"core{i}"]
        layer = net.create_neuron_group(f"layer{i}", len(bias), log_spikes=True, **UNITS)
        for n, neuron in enumerate(layer.neurons):
            # it fires above its threshold; all sums are whole numbers
            values = {"threshold": float(theta[n]) - 0.5, "bias": float(bias[n]), "leak_decay": 1.0}
            neuron.set_attributes(model_attributes={**values, "reset_mode": "hard"})
            neuron.map_to_core(arch.tiles[int(core[n]) // 4].cores[int(core[n]) % 4])
        layers.append(layer)
    weights = {"weight": data["weight"].astype(float).tolist()}
    if len(data["weight"]) == len(data["bias0"]) * len(data["bias1"]):
        layers[0].connect_neurons_dense(layers[1], weights)
    else:
        pairs = list(zip(data["source"].tolist(), data["target"].tolist(), strict=True))
        layers[0].connect_neurons_sparse(layers[1], weights, pairs)
    chip = sanafe.SpikingChip(arch)
    chip.load(net)
    return chip


def main() -> None:
    """Build, run once with spikes, then time."""
    data, steps, rounds = np.load(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chip, load_s, load_wall_s = timed(lambda: build(data))
    first, detailed_s, wall_s = timed(lambda: chip.sim(steps, timing_model="detailed", spike_trace=True))
    spikes = [sorted(str(neuron) for neuron in tick) for tick in first["spike_trace"]]
    for _ in range(rounds):
        chip.reset()
        _, cpu, wall = timed(lambda: chip.sim(steps, timing_model="detailed"))
        detailed_s, wall_s = min(detailed_s, cpu), min(wall_s, wall)
    kept = ("energy", "sim_time", "packets_sent", "neurons_updated", "neurons_fired")
    print(
        json.dumps({
            "load_s": load_s, "load_wall_s": load_wall_s, "detailed_s": detailed_s, "detailed_wall_s": wall_s,
            "spikes": spikes, **{key: first[key] for key in kept},
        })
    )  # fmt: skip


main()
