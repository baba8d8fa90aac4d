"""The opponent of bench_snn_speed: the same network without limits in SpikingJelly, or, without it, in plain PyTorch.

Run by a Python that has torch and, if possible, spikingjelly; imports nothing of neutrams. Arguments: an .npz with
``w0, b0, w1, b1, …`` (layers ``[out, in]``), ``calibration``, ``x``, ``labels``; the number of steps. Prints one JSON
object. Only the loop over steps and samples is timed, at the fastest of three batch sizes.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

BATCHES = (250, 1000, 2500)


def ann(data: Mapping[str, Any]) -> nn.Sequential:
    """The float network."""
    count = sum(name.startswith("w") for name in data)
    layers: list[nn.Module] = []
    for i in range(count):
        weights = torch.tensor(data[f"w{i}"], dtype=torch.float32)
        linear = nn.Linear(weights.shape[1], weights.shape[0])
        linear.weight.data, linear.bias.data = weights, torch.tensor(data[f"b{i}"], dtype=torch.float32)
        layers += [linear, nn.ReLU()] if i + 1 < count else [linear]
    return nn.Sequential(*layers).eval()


def spikingjelly_net(model: nn.Sequential, calibration: torch.Tensor) -> tuple[nn.Module, Callable[[], None]]:
    """Their own conversion at the 99.9th percentile, soft reset; and how to reset it."""
    from spikingjelly.activation_based import ann2snn, functional

    loader = [(calibration, torch.zeros(len(calibration)))]
    if hasattr(ann2snn, "RateCodingRecipe"):  # 2.0 and later
        converter = ann2snn.Converter(recipe=ann2snn.RateCodingRecipe(dataloader=loader, mode="99.9%"))
        net = converter.convert(model) if hasattr(converter, "convert") else converter(model)
    else:
        net = ann2snn.Converter(dataloader=loader, mode="99.9%")(model)
    return net.eval(), lambda: functional.reset_net(net)


class IntegrateFire(nn.Module):
    """Soft reset at theta; gives theta where it fires."""

    def __init__(self, theta: float) -> None:
        super().__init__()
        self.theta, self.v = theta, torch.zeros(())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Advance one step."""
        self.v = self.v + x
        spikes = (self.v >= self.theta).float() * self.theta
        self.v = self.v - spikes
        return spikes


def plain_net(model: nn.Sequential, calibration: torch.Tensor) -> tuple[nn.Module, Callable[[], None]]:
    """The same conversion written out."""
    layers: list[nn.Module] = []
    x = calibration
    for layer in model:
        x = layer(x)
        layers.append(IntegrateFire(float(np.percentile(x.numpy(), 99.9))) if isinstance(layer, nn.ReLU) else layer)

    def reset() -> None:
        for layer in layers:
            if isinstance(layer, IntegrateFire):
                layer.v = torch.zeros(())

    return nn.Sequential(*layers), reset


@torch.no_grad()
def main(file: str, steps: int) -> None:
    """Convert, run, time, print."""
    with np.load(file, allow_pickle=False) as arrays:
        data = dict(arrays)
    model, calibration = ann(data), torch.tensor(data["calibration"], dtype=torch.float32)
    try:
        net, reset = spikingjelly_net(model, calibration)
        what = "SpikingJelly"
    except ImportError as error:
        net, reset = plain_net(model, calibration)
        what = f"plain PyTorch loop, equivalent to SpikingJelly (which is absent: {error})"
    x = torch.tensor(data["x"], dtype=torch.float32)
    runs = []
    for batch in BATCHES:
        wall, cpu = time.perf_counter(), time.process_time()
        classes = []
        for part in x.split(batch):
            reset()
            classes.append(sum(net(part) for _ in range(steps)).argmax(1))
        runs.append((time.process_time() - cpu, time.perf_counter() - wall, batch, torch.cat(classes).numpy()))
    cpu, wall, batch, given = min(runs, key=lambda run: run[0])
    accuracy = float((given == data["labels"]).mean())
    status = Path("/proc/self/status").read_text().splitlines()  # ru_maxrss would begin with the parent's
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
    print(
        json.dumps({"what": what, "cpu_s": cpu, "wall_s": wall, "accuracy": accuracy, "peak_b": peak, "batch": batch})
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
