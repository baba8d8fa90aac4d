"""The observer that writes tables: each into a file of its own, all of them whole or none."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.folders import whole_folder
from neutrams.program import Program
from neutrams.program.store import program_digest
from neutrams.simulator.cycle import Beat
from neutrams.simulator.moment import Moment
from neutrams.simulator.observe.schema import TABLES
from neutrams.simulator.observe.table import TableFile
from neutrams.simulator.result import Activity, Run

FILES = tuple(f"{name}.parquet" for name in TABLES)

BELOW = ("ticks", "cores", "links", "queues", "latencies")
"""Tables of level ``cycle`` only."""


@contextmanager
def observing(program: Program, folder: Path, level: str, neurons: IntArray) -> Iterator["Recorder"]:
    """Give an observer for a run of ``program``; the folder is there when the block ends without an error.

    Args:
        program: The program, as it will run.
        folder: Where to write; if it exists it may hold nothing but an earlier observation, which is replaced.
        level: Of the run.
        neurons: int64 ``[watched]``, whose potentials to write (`neutrams.simulator.observe.watched_neurons`).

    Raises:
        InputError: The folder cannot be written.
    """
    with whole_folder(folder, FILES) as made:
        recorder = Recorder(program, made, level, neurons)
        try:
            yield recorder
            recorder.close()
        finally:
            recorder.abandon()


class Recorder:
    """Writes what it sees (`neutrams.simulator.observer.Observer`)."""

    def __init__(self, program: Program, folder: Path, level: str, neurons: IntArray) -> None:
        self._program, self._neurons = program, neurons
        self._tile = np.searchsorted(program.tiles.neurons, neurons, side="right") - 1
        names = ["events", *(["spikes"] if program.mode == "snn" else []), *(["potentials"] if len(neurons) else [])]
        names += BELOW if level == "cycle" else []
        about = {
            "neutrams.program_sha256": program_digest(program),
            "neutrams.chip": program.chip.name,
            "neutrams.mode": program.mode,
            "neutrams.level": level,
        }
        self._files = {name: TableFile(folder / f"{name}.parquet", TABLES[name], about) for name in names}

    @property
    def neurons(self) -> IntArray:
        """int64 ``[watched]``, the neurons whose potentials are written."""
        return self._neurons

    def see(self, sample: int, moment: Moment) -> None:
        """Write the spikes of a tick, and the potentials of watched neurons whose tiles updated."""
        if "spikes" in self._files:
            self._files["spikes"].add(sample, moment.tick, moment.fired)
        if "potentials" in self._files:
            step = (moment.tick - self._program.tiles.start[self._tile]) // self._program.ticks_per_step
            due = np.isin(self._tile, moment.tiles)
            self._files["potentials"].add(sample, moment.tick, step[due], self._neurons[due], moment.potential[due])

    def hear(self, sample: int, tick: int, beat: Beat) -> None:
        """Write what cores and links did in a tick."""
        words, missed = len(beat.words), int(np.count_nonzero(beat.missed))
        flits = int(beat.words.flits.sum())
        self._files["ticks"].add(sample, tick, beat.cycles, beat.needed, beat.core_cycles, words, flits, missed)
        self._files["cores"].add(sample, tick, *self._cores(beat))
        used = beat.delivery.flits > 0
        links, which = np.unique(beat.delivery.links[used], axis=0, return_inverse=True)
        self._files["links"].add(sample, tick, *links.T, np.bincount(which, beat.delivery.flits[used], len(links)))

    def _cores(self, beat: Beat) -> tuple[IntArray, ...]:
        """Return the columns of the table of cores from ``core`` on."""
        tiles, words, due = self._program.tiles, beat.words, beat.due
        cores = np.union1d(beat.cores.core, words.target)
        n = len(cores)
        home = np.searchsorted(cores, tiles.core[due.tile])
        busy = np.zeros(n, dtype=np.int64)
        busy[np.searchsorted(cores, beat.cores.core)] = beat.cores.done
        return (
            cores,
            np.bincount(home, due.rows, n).astype(np.int64),
            np.bincount(home, np.diff(tiles.neurons)[due.tile], n).astype(np.int64),
            np.bincount(np.searchsorted(cores, words.source), minlength=n),
            np.bincount(np.searchsorted(cores, words.target), minlength=n),
            busy,
        )

    def end_sample(self, sample: int, events: Activity) -> None:
        """Write the events of a sample, tile by tile."""
        tiles = self._program.tiles
        total = np.concatenate([[0], np.cumsum(events.sent)])
        self._files["events"].add(
            sample,
            np.arange(len(tiles)),
            tiles.core,
            events.tile_updates,
            events.axon_events,
            events.synapse_events,
            events.neuron_updates,
            total[tiles.neurons[1:]] - total[tiles.neurons[:-1]],
        )

    def end(self, run: Run) -> None:
        """Write what level ``cycle`` counted over all ticks."""
        if run.cycles is not None:
            peaks = sorted(run.cycles.peak_flits.items())
            self._files["queues"].add(*np.array(peaks, dtype=np.int64).reshape(-1, 2).T)
            taken = np.flatnonzero(run.cycles.latency)
            self._files["latencies"].add(taken, run.cycles.latency[taken])

    def close(self) -> None:
        """End the files."""
        for file in self._files.values():
            file.close()

    def abandon(self) -> None:
        """Let go of files that are not ended."""
        for file in self._files.values():
            with suppress(Exception):
                file.abandon()
