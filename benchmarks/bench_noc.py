"""The network on chip against BookSim2: the same latencies, the same saturation, many times the speed.

Three parts. *Stored*: ours against what BookSim2 measured (`noc_booksim.json`), each with its own random packets; runs
anywhere. *Replay*: BookSim2's log says which packets it sent; ours gets the same and each must take the same time.
*Speed*: cycles a processor second, side by side. The last two need NEUTRAMS_BOOKSIM (`opponent_booksim.py`).

``--record`` measures what the file lacks, for at most ``--seconds``, ``--match`` only settings of that name.
"""

import argparse
import json
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
from opponent_booksim import Setting, binary, measured, traced

from neutrams.base.files import write_atomically
from neutrams.simulator.noc import NocResult, PacketTable, simulate_packets

FILE = Path(__file__).with_name("noc_booksim.json")
COMMIT = "28f43299f1706a3160ffac721ca461d74eb6e618"
PERIOD = {4: 8000, 8: 8000, 16: 3000}
FULL_PERIOD = {4: 8000, 8: 3000, 16: 700}
"""Length of one of BookSim's periods, by side of the network, for latencies and at an offered load of 1 [cycle]. Some
stored latencies are of shorter ones, as their ``period`` says.
"""
SHARES = (0.2, 0.4, 0.6, 0.8)
"""Of the load at which the mean latency is three times that at ZERO_LOAD, where latencies are compared."""
ZERO_LOAD = 0.01
NETWORKS = [("mesh", 4, 1), ("mesh", 4, 4), ("mesh", 8, 1), ("mesh", 8, 4), ("torus", 8, 2), ("torus", 8, 4)]
NETWORKS += [("mesh", 16, 1), ("mesh", 16, 4)]
SETTINGS = [
    Setting(shape, side, vcs, buffer, flits, traffic)
    for traffic, (shape, side, vcs), flits, buffer in product(
        ("uniform", "transpose", "hotspot"), NETWORKS, (1, 5), (4, 8)
    )
]


def key(setting: Setting) -> str:
    """Return a name of the setting for the file."""
    s = setting
    return f"{s.shape}{s.side} vcs{s.vcs} buffer{s.buffer} flits{s.flits} {s.traffic}"


def bernoulli(setting: Setting, rate: float, cycles: int, seed: int = 0) -> PacketTable:
    """Packets as BookSim draws them: each node, each cycle, with probability rate / flits."""
    rng = np.random.default_rng(seed)
    created, source = np.nonzero(rng.random((cycles, setting.nodes)) < rate / setting.flits)
    if setting.traffic == "transpose":
        y, x = np.divmod(source, setting.side)
        target = x * setting.side + y
    else:
        weight = setting.hot() if setting.traffic == "hotspot" else np.ones(setting.nodes)
        target = rng.choice(setting.nodes, len(source), p=weight / weight.sum())
    path = rng.integers(0, setting.topology.paths, len(source))
    return PacketTable(
        source=source, target=target, flits=np.full(len(source), setting.flits), created=created, path=path
    )


def ours(setting: Setting, rate: float, warm: int) -> tuple[float, float]:
    """Return our mean latency [cycle] and accepted flits per node and cycle, after a period to warm up."""
    cycles = 8 * warm * (4 if rate <= ZERO_LOAD else 1)
    packets = bernoulli(setting, rate, cycles)
    result = simulate_packets(setting.topology, setting.router, packets, until=cycles + 20_000)
    counted = (packets.created >= warm) & (result.latency >= 0)
    inside = ((result.tail >= warm) & (result.tail < cycles)).sum()
    return float(result.latency[counted].mean()), float(inside) * setting.flits / (cycles - warm) / setting.nodes


def loads(setting: Setting) -> list[float]:
    """Return the loads at which latencies are compared; where saturation lies, ours says [flit / node / cycle]."""
    period = PERIOD[setting.side]
    limit = 3 * ours(setting, ZERO_LOAD, period)[0]
    low, high = 0.0, 1.0
    for _ in range(7):
        middle = (low + high) / 2
        low, high = (middle, high) if ours(setting, middle, period)[0] < limit else (low, middle)
    return [ZERO_LOAD] + [round(low * share, 3) for share in SHARES]


def record(seconds: float, match: str) -> None:
    """Measure with BookSim what is not in the file; of each setting first what it accepts at an offered load of 1."""
    stored = json.loads(FILE.read_text()) if FILE.exists() else {"booksim2_commit": COMMIT, "settings": {}}
    end = time.monotonic() + seconds
    for setting in (s for s in SETTINGS if match in key(s)):
        period = PERIOD[setting.side]
        entry = stored["settings"].setdefault(key(setting), {"period": period, "latency": []})
        if "loads" not in entry:
            entry["loads"] = loads(setting)
        while len(entry["latency"]) < len(entry["loads"]):
            if time.monotonic() > end:
                return
            if "saturation" not in entry:
                entry["saturation"] = measured(setting, 1.0, FULL_PERIOD[setting.side], kind="throughput").accepted
            else:
                load = entry["loads"][len(entry["latency"])]
                cycles = period * 4 if load <= ZERO_LOAD else period
                entry["latency"].append(measured(setting, load, cycles).latency)
            write_atomically(FILE, (json.dumps(stored, indent=1) + "\n").encode())


def compare() -> bool:
    """Print the worst deviations by setting, without any offset; return whether the goals are met."""
    stored = json.loads(FILE.read_text())["settings"]
    worst_latency, worst_full, done = 0.0, 0.0, 0
    print(f"\n{'setting, largest load compared':48}{'load':>6}{'zero load':>11}{'latency':>10}{'saturation':>12}")
    for setting in SETTINGS:
        entry = stored.get(key(setting), {"latency": []})
        if len(entry["latency"]) < len(entry.get("loads", [ZERO_LOAD])):
            continue
        pairs = zip(entry["loads"], entry["latency"], strict=True)
        errors = [ours(setting, load, entry["period"])[0] / theirs - 1 for load, theirs in pairs]
        full = ours(setting, 1.0, FULL_PERIOD[setting.side])[1] / entry["saturation"] - 1
        error = max(errors, key=abs)
        print(f"{key(setting):48}{max(entry['loads']):6.3f}{errors[0]:11.2%}{error:10.2%}{full:12.2%}", flush=True)
        worst_latency, worst_full = max(worst_latency, abs(error)), max(worst_full, abs(full))
        done += 1
    within = f"latency within {worst_latency:.2%} (goal 3 %), saturation within {worst_full:.2%} (goal 5 %)"
    print(f"{done} of {len(SETTINGS)} settings: {within}")
    return worst_latency <= 0.03 and worst_full <= 0.05


def replay() -> bool:
    """Give ours BookSim's own packets; return whether each took exactly as long."""
    exact = True
    print(f"\n{'replay of BookSim2 packet by packet':48}{'load':>6}{'packets':>9}{'different':>11}")
    for setting, rate, cycles in (
        (Setting("mesh", 4, 1, 4, 5, "uniform"), 0.3, 1000),
        (Setting("mesh", 4, 4, 8, 1, "hotspot"), 0.4, 500),
        (Setting("mesh", 8, 1, 8, 1, "transpose"), 0.1, 500),
        (Setting("mesh", 8, 4, 4, 5, "uniform"), 0.5, 400),
        (Setting("torus", 8, 2, 4, 5, "uniform"), 0.3, 500),
        (Setting("torus", 8, 4, 8, 1, "uniform"), 0.4, 200),
        (Setting("mesh", 16, 4, 8, 5, "uniform"), 0.2, 100),
    ):
        trace = traced(setting, rate, cycles)
        result = simulate_packets(setting.topology, setting.router, trace.packets)
        arrived = trace.latency >= 0
        different = int((result.latency != trace.latency)[arrived].sum())
        print(f"{key(setting):48}{rate:6.2f}{arrived.sum():9}{different:11}", flush=True)
        exact &= different == 0
    return exact


def timed(setting: Setting, packets: PacketTable) -> tuple[NocResult, float]:
    """Run ours; return the result and its processor seconds, tables included [s]."""
    begin = time.process_time()
    result = simulate_packets(setting.topology, setting.router, packets)
    return result, time.process_time() - begin


def speed() -> bool:
    """Compare cycles a processor second at 0.1 flits per node and cycle; return whether the goals are met."""
    good = True
    print(f"\n{'cycles/s at 0.1 flits/node/cycle':48}{'BookSim2':>10}{'ours':>10}{'ratio':>8}{'goal':>6}")
    for setting, period, goal in (
        (Setting("mesh", 8, 4, 8, 5, "uniform"), 4000, 20),
        (Setting("mesh", 8, 2, 4, 1, "uniform"), 4000, 20),
        (Setting("mesh", 16, 4, 8, 5, "uniform"), 700, 30),
        (Setting("mesh", 16, 2, 4, 1, "uniform"), 700, 30),
    ):
        packets = bernoulli(setting, 0.1, 12 * period)
        timed(setting, packets)
        rates = []
        for _ in range(3):  # in turn, so that other work on the machine meets both
            theirs = measured(setting, 0.1, period, kind="throughput")
            result, mine = timed(setting, packets)
            rates.append((theirs.cycles / theirs.cpu_s, result.cycles / mine))
        peer, own = (max(column) for column in zip(*rates, strict=True))
        print(f"{key(setting):48}{peer:10.0f}{own:10.0f}{own / peer:7.1f}x{goal:5}x", flush=True)
        good &= own / peer >= goal
    return good


def main() -> int:
    """Run what is asked for; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--match", default="")
    parser.add_argument("--only", choices=("stored", "replay", "speed"))
    arguments = parser.parse_args()
    if arguments.record:
        record(arguments.seconds, arguments.match)
        return 0
    parts = {"stored": compare, "replay": replay, "speed": speed}
    if binary() is None:
        print("NEUTRAMS_BOOKSIM is not set: only the stored figures are compared")
        parts = {"stored": compare}
    good = [part() for name, part in parts.items() if arguments.only in (None, name)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
