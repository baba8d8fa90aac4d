"""Put one net on TIANJI, on variants of it, and on PRIME: cores, energy, and how often the float net's answer stays."""

import torch
from compile_and_simulate import digits, trained

import neutrams as nt

CHIPS = (
    ("TIANJI, ANN", "tianji", {}, "ann"),
    ("TIANJI with signed partial sums, ANN", "tianji", {"signal.partial_sums": "signed"}, "ann"),
    ("TIANJI, reset to zero, SNN", "tianji", {}, "snn"),
    ("TIANJI with reset by subtraction, SNN", "tianji", {"neuron.models": "requantize,if_soft"}, "snn"),
    ("PRIME, ANN", "prime", {}, "ann"),
)
"""Title, chip, keys that differ, mode."""


def main(
    hidden: tuple[int, ...] = (300, 100), epochs: int = 40, samples: int = 797, steps: int = 32
) -> list[tuple[str, int, float, float]]:
    x, labels = digits()
    network = nt.from_torch(trained(hidden, x[:1000], labels[:1000], epochs), torch.zeros(1, 64))
    rows = []
    print(f"{'chip':38} {'cores':>5} {'energy':>10} {'agreement':>9}")
    for title, name, keys, mode in CHIPS:
        window = steps if mode == "snn" else 1
        program = nt.compile(network, nt.load_chip(name, keys), calibration=x[:1000], mode=mode, steps=window)
        run = nt.simulate(program, x[1000 : 1000 + samples])
        rows.append((title, program.stats.cores, run.energy_j, run.evaluated.agreement))
        print(f"{title:38} {rows[-1][1]:5} {rows[-1][2]:8.2e} J {rows[-1][3]:9.2%}")
    return rows


if __name__ == "__main__":
    main()
