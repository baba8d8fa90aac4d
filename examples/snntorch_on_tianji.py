"""Train a spiking net with snnTorch on scikit-learn's digits, hand it over as NIR, and put it on TIANJI."""

from pathlib import Path
from tempfile import TemporaryDirectory

import nir
import numpy as np
import numpy.typing as npt
import snntorch
import torch
from compile_and_simulate import digits
from snntorch.export_nir import export_to_nir

import neutrams as nt

BETA = 0.9995
"""What is left of a potential after a step: TIANJI's neurons keep all of it."""


def net(hidden: int) -> torch.nn.Sequential:
    """Return a net of two spiking layers; as TIANJI's, their neurons are reset to zero."""
    torch.manual_seed(0)

    def neurons(n: int) -> torch.nn.Module:
        beta, threshold = torch.full((n,), BETA), torch.ones(n)  # NIR takes the number of neurons from these
        return snntorch.Leaky(beta=beta, threshold=threshold, reset_mechanism="zero", init_hidden=True)

    return torch.nn.Sequential(torch.nn.Linear(64, hidden), neurons(hidden), torch.nn.Linear(hidden, 10), neurons(10))


def counts(model: torch.nn.Sequential, images: torch.Tensor, steps: int) -> torch.Tensor:
    """Return how often each output fires, ``[N, 10]``, with the image as a constant input current."""
    for layer in model:
        if isinstance(layer, snntorch.Leaky):
            layer.mem = layer.init_leaky()
    return torch.stack([model(images) for _ in range(steps)]).sum(0)


def trained(hidden: int, steps: int, epochs: int, x: npt.NDArray, labels: npt.NDArray) -> torch.nn.Sequential:
    """Return the net, trained on spike counts with full-batch Adam."""
    model = net(hidden)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    images, classes = torch.tensor(x, dtype=torch.float32), torch.tensor(labels)
    for _ in range(epochs):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(counts(model, images, steps), classes).backward()
        optimizer.step()
    return model


def main(hidden: int = 128, steps: int = 20, epochs: int = 60) -> tuple[float, float]:
    x, labels = digits()
    model = trained(hidden, steps, epochs, x[:1000], labels[:1000])
    with torch.no_grad():
        own = counts(model, torch.tensor(x[1000:], dtype=torch.float32), steps).argmax(1).numpy()

    with TemporaryDirectory() as folder:
        file = Path(folder) / "digits.nir"
        nir.write(file, export_to_nir(model, torch.zeros(64)))
        network = nt.load(file, preset="snntorch", steps=steps, read="count")
    sequences = np.repeat(x[:, None].astype(np.float32), steps, axis=1)
    program = nt.compile(network, nt.load_chip("tianji"), calibration=sequences[:1000], mode="snn")
    run = nt.simulate(program, sequences[1000:], labels=labels[1000:])

    print(f"cores      {program.stats.cores}")
    print(f"accuracy   {run.accuracy:.2%} on {len(own)} digits (snnTorch {(own == labels[1000:]).mean():.2%})")
    print(f"energy     {run.energy_j:.3g} J a sample")
    print(f"latency    {run.latency_s:.3g} s")
    assert run.accuracy is not None
    return run.accuracy, float((own == labels[1000:]).mean())


if __name__ == "__main__":
    main()
