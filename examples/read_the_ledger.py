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

    print(f"{'unit':12} {'constraint':12} {'error':>9} {'agreement':>9} {'accuracy':>9}")
    for row in program.ledger:
        whole = "" if row.agreement is None else f"{row.agreement:9.2%} {row.accuracy:9.2%}"
        print(f"{row.unit:12} {row.constraint:12} {row.relative_error:9.2e} {whole}")
    worst = max((r for r in program.ledger if r.constraint != "all"), key=lambda r: r.relative_error)
    print(f"most costly: {worst.constraint} in {worst.unit}")
    return worst


if __name__ == "__main__":
    main()
