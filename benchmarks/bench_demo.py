"""The demo over three training seeds: points lost on 1,000 digits, each beside its limit (issue 2).

Usage: python benchmarks/bench_demo.py [--split validation|test]

``validation`` trains on 3,000 of the 4,000 training digits and measures on the other 1,000; ``test`` measures on the
1,000 held-out digits, to be run once, at closing. Exits with 1 where a mean exceeds its limit.
"""

import argparse
import sys

import numpy as np

from neutrams.flow.datasets import digits
from neutrams.flow.demo import TARGETS, run_target, train_digits

LIMITS = (0.1, 0.7, 0.3, 0.3)


def main() -> None:
    """Train, compile and simulate for seeds 0, 1, 2; print the mean loss of each target."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    train, test = digits()
    if parser.parse_args().split == "validation":
        train, test = train.part(0, 3000), train.part(3000, 4000)
    lost: list[list[float]] = [[] for _ in TARGETS]
    exact = []
    for seed in range(3):
        network = train_digits(train, seed)
        for k, target in enumerate(TARGETS):
            result = run_target(target, network, train, test).evaluated
            assert result.accuracy is not None
            assert result.float_accuracy is not None
            lost[k].append(100 * (result.float_accuracy - result.accuracy))
        exact.append(result.float_accuracy)
    print(f"{len(test.labels)} digits, seeds 0, 1, 2, float {', '.join(f'{a:.1%}' for a in exact)}")
    print("| target | lost [points] by seed | mean | limit |\n|---|---|---|---|")
    for target, limit, points in zip(TARGETS, LIMITS, lost, strict=True):
        print(f"| {target.title} | {', '.join(f'{p:.1f}' for p in points)} | {np.mean(points):.2f} | {limit} |")
    if any(np.mean(points) > limit for limit, points in zip(LIMITS, lost, strict=True)):
        sys.exit(1)


if __name__ == "__main__":
    main()
