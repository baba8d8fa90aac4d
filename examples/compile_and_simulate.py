"""Train a small PyTorch net on scikit-learn's digits, put it on TIANJI, and run it on digits it has not seen."""

from itertools import pairwise

import numpy.typing as npt
import torch
from sklearn.datasets import load_digits

import neutrams as nt


def digits() -> tuple[npt.NDArray, npt.NDArray]:
    """Return 1,797 images float64 ``[N, 64]``, 0 to 1, and their classes int64 ``[N]``; the first 1,000 train."""
    data = load_digits()
    return data.data / 16.0, data.target


def trained(hidden: tuple[int, ...], x: npt.NDArray, labels: npt.NDArray, epochs: int) -> torch.nn.Module:
    """Return a dense ReLU net, trained with full-batch Adam."""
    torch.manual_seed(0)
    sizes = [64, *hidden]
    layers: list[torch.nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    images, classes = torch.tensor(x, dtype=torch.float32), torch.tensor(labels)
    for _ in range(epochs):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(images), classes).backward()
        optimizer.step()
    return net


def main(hidden: tuple[int, ...] = (128,), epochs: int = 60, page: str | None = None) -> float | None:
    x, labels = digits()
    net = trained(hidden, x[:1000], labels[:1000], epochs)

    network = nt.from_torch(net, torch.zeros(1, 64))
    chip = nt.load_chip("tianji")
    program = nt.compile(network, chip, calibration=x[:1000])
    run = nt.simulate(program, x[1000:], labels=labels[1000:])

    print(f"cores      {program.stats.cores}")
    print(f"accuracy   {run.accuracy:.2%} (float {run.evaluated.float_accuracy:.2%})")
    print(f"energy     {run.energy_j:.3g} J a sample")
    print(f"latency    {run.latency_s:.3g} s")
    if page is not None:
        run.report(page)
    return run.accuracy


if __name__ == "__main__":
    main()
