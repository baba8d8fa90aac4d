"""BookSim2 as an opponent of the network on chip: run it, and read from its log what it did with each packet.

The binary is named by NEUTRAMS_BOOKSIM. Build it outside the project from its public repository (it needs g++, flex and
bison): ``make`` in its ``src``. Nothing of it is kept here but numbers that it measured (`noc_booksim.json`).
"""

import os
import re
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neutrams.simulator.noc import PacketTable, RouterSpec, Topology, mesh, torus

LOGGED = "Enqueuing packet|Retiring packet|Adding VC range"


def binary() -> str | None:
    """Return the path of BookSim2, None if there is none."""
    return os.environ.get("NEUTRAMS_BOOKSIM")


@dataclass(frozen=True)
class Setting:
    """One network, one kind of traffic."""

    shape: str
    side: int
    vcs: int
    buffer: int
    flits: int
    traffic: str

    @property
    def nodes(self) -> int:
        """Nodes of the network."""
        return self.side**2

    @property
    def topology(self) -> Topology:
        """The network as ours; BookSim's torus has links twice as long as its mesh."""
        return mesh(self.side, self.side) if self.shape == "mesh" else torus(self.side, self.side, link_cycles=2)

    @property
    def router(self) -> RouterSpec:
        """Our router; its defaults are BookSim's."""
        return RouterSpec(vcs=self.vcs, buffer_flits=self.buffer)

    def hot(self) -> np.ndarray:
        """Weights of targets under hot-spot traffic: one node takes about a ninth."""
        weight = np.ones(self.nodes, dtype=int)
        weight[self.nodes // 2] += self.nodes // 8
        return weight

    def options(self, rate: float, cycles: int, seed: int) -> dict[str, object]:
        """BookSim's names for all of it; round-robin separable allocators, no warm-up left out of what is logged."""
        traffic = self.traffic
        if traffic == "hotspot":
            nodes, weights = (",".join(map(str, values)) for values in (range(self.nodes), self.hot()))
            traffic = f"hotspot({{{{{nodes}}},{{{weights}}}}})"
        return {
            "topology": self.shape, "k": self.side, "n": 2, "routing_function": "dim_order",
            "num_vcs": self.vcs, "vc_buf_size": self.buffer, "wait_for_tail_credit": 0,
            "vc_allocator": "separable_input_first", "sw_allocator": "separable_input_first",
            "traffic": traffic, "packet_size": self.flits, "injection_rate": rate, "injection_rate_uses_flits": 1,
            "seed": seed, "sim_type": "throughput", "warmup_periods": 1, "sample_period": cycles, "max_samples": 2,
        }  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """What BookSim says of a run; ``latency`` is NaN where it gave up."""

    latency: float
    accepted: float
    cycles: int
    cpu_s: float


def measured(setting: Setting, rate: float, cycles: int, *, kind: str = "latency", seed: int = 1) -> Measured:
    """Run BookSim without a log: one period of ``cycles`` to warm up, then at least three that are measured.

    Args:
        setting: Network and traffic.
        rate: Offered load [flit / node / cycle].
        cycles: Length of a period [cycle].
        kind: ``latency`` waits for all packets of the measured periods; ``throughput`` does not.
        seed: Of its random numbers.
    """
    options = {**setting.options(rate, cycles, seed), "sim_type": kind, "max_samples": 4, "latency_thres": 1e5}
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with tempfile.TemporaryDirectory() as folder:
        command = [str(binary()), _written(folder, options)]
        text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    cpu_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    overall = text[text.rfind("Overall Traffic Statistics") :]

    def last(pattern: str, where: str) -> float:
        found = re.findall(pattern + r"\s*=?\s*([\d.e+-]+)", where)
        return float(found[-1]) if found else float("nan")

    return Measured(
        latency=last("Packet latency average", overall),
        accepted=last("Accepted flit rate average", overall),
        cycles=int(last("Time taken is", text)),
        cpu_s=cpu_s,
    )


@dataclass(frozen=True)
class Trace:
    """What BookSim sent, and when it arrived: ``latency`` int64[M], -1 where it had not when the run ended."""

    packets: PacketTable
    latency: np.ndarray
    cycles: int


def traced(setting: Setting, rate: float, cycles: int, seed: int = 1) -> Trace:
    """Run BookSim for 2 * ``cycles`` cycles and return all packets with their latencies."""
    count = int(2.2 * cycles * rate / setting.flits * setting.nodes) + 10_000
    target = np.full(count, -1)
    source, created, latency, path = np.zeros(count, int), np.full(count, -1), np.full(count, -1), np.zeros(count, int)
    for words in _log(setting, rate, cycles, seed, count):
        match words:
            case [_, "|", node, "|", "Enqueuing", "packet", name, "at", "time", time]:
                source[int(name)], created[int(name)] = int(node[4:]), int(time.rstrip("."))
            case [_, "|", node, "|", "Retiring", "packet", name, _, _, wait, *_]:
                latency[int(name)] = int(wait.rstrip(","))
            case [_, _, _, _, "Adding", "VC", "range", _, "at", "output", "port", port, "for", "flit", flit, *_, to]:
                name = int(flit) // setting.flits
                target[name] = int(to.rstrip(")."))
                if setting.shape == "torus":  # ways of equal length: it threw a coin
                    path[name] |= (port == "1") + 2 * (port == "3")
    known = created >= 0
    never = known & (target < 0)  # still at its source: it has disturbed nobody
    target[never] = source[never]
    order = np.lexsort((np.arange(count)[known], created[known]))
    columns = (array[known][order] for array in (source, target, created, path))
    source, target, created, path = columns
    flits = np.full(len(source), setting.flits)
    packets = PacketTable(source=source, target=target, flits=flits, created=created, path=path)
    return Trace(packets, latency[known][order], 2 * cycles)


def _log(setting: Setting, rate: float, cycles: int, seed: int, count: int) -> Iterator[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        watch = Path(folder) / "watch"
        watch.write_text("".join(f"p{k}\n" for k in range(count)))
        options = {**setting.options(rate, cycles, seed), "watch_file": str(watch), "watch_out": "-"}
        with (
            subprocess.Popen([str(binary()), _written(folder, options)], stdout=subprocess.PIPE) as process,
            subprocess.Popen(["grep", "-E", LOGGED], stdin=process.stdout, stdout=subprocess.PIPE, text=True) as lines,
        ):
            assert lines.stdout is not None
            for line in lines.stdout:
                yield line.split()


def _written(folder: str, options: dict[str, object]) -> str:
    file = Path(folder) / "options"
    file.write_text("".join(f"{name} = {value};\n" for name, value in options.items()))
    return str(file)
