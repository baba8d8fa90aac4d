"""Put nets with sigmoid, tanh and SiLU on TIANJI as it is, which approximates them by ReLU, and with look-up tables."""

import numpy as np
import torch
from compile_and_simulate import digits
from torch import nn

import neutrams as nt

FUNCTIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "SiLU": nn.SiLU}
TABLES = {"no tables": {}, "8-bit tables": {"neuron.table_bits": "8"}, "10-bit tables": {"neuron.table_bits": "10"}}
"""Chip → its keys that differ from TIANJI's."""

Row = tuple[str, str, float, float, int, int]


def trained(function: type[nn.Module], hidden: int, epochs: int) -> nn.Module:
    """Return a net of two hidden layers, trained on the first 1,000 digits."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, hidden), function(), nn.Linear(hidden, hidden), function(), nn.Linear(hidden, 10))
    x, labels = (torch.tensor(part[:1000]) for part in digits())
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(epochs):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x.float()), labels).backward()
        optimizer.step()
    return net


def main(hidden: int = 60, epochs: int = 60) -> list[Row]:
    x, _ = digits()
    rows: list[Row] = []
    print(f"{'function':9} {'chip':13} {'error':>7} {'agreement':>9} {'neurons':>7} {'cores':>5}")
    for name, function in FUNCTIONS.items():
        net = trained(function, hidden, epochs)
        network = nt.from_torch(net, torch.zeros(1, 64))
        wanted = net(torch.tensor(x[1000:]).float()).detach().numpy()
        for chip, keys in TABLES.items():
            program = nt.compile(network, nt.load_chip("tianji", keys), calibration=x[:1000])
            run = nt.simulate(program, x[1000:])
            (given,) = run.outputs.values()
            error = float(np.sqrt(np.mean((given - wanted) ** 2) / np.mean(wanted**2)))
            rows.append((name, chip, error, run.evaluated.agreement, program.stats.neurons, program.stats.cores))
            print("{:9} {:13} {:7.2%} {:9.2%} {:7} {:5}".format(*rows[-1]))
    return rows


if __name__ == "__main__":
    main()
