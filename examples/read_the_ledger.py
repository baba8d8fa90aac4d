"""Give a net too few bits and too little fan-in, and read off the loss ledger which limit costs what."""

import torch
from compile_and_simulate import digits, trained

import neutrams as nt
from neutrams.transform.ledger import LedgerRow


def main(hidden: tuple[int, ...] = (128,), epochs: int = 60) -> LedgerRow:
    x, labels = digits()
    network = nt.from_torch(trained(hidden, x[:1000], labels[:1000], epochs), torch.zeros(1, 64))
    chip = nt.load_chip("tianji", {"core.weight_bits": "2", "core.axons": "32"})
    program = nt.compile(network, chip, calibration=x[:1000], labels=labels[:1000])

    print(f"{'unit':12} {'constraint':12} {'outputs change':>14} {'agreement':>9} {'accuracy':>9}")
    for row in program.ledger:
        print(f"{row.unit:12} {row.constraint:12} {row.output_error:14.2%} {row.agreement:9.2%} {row.accuracy:9.2%}")
    limits = [row for row in program.ledger if row.constraint not in ("inherited", "all")]
    worst = max(limits, key=lambda row: row.output_error)
    print(f"most costly: {worst.constraint} in {worst.unit}")
    return worst


if __name__ == "__main__":
    main()
