"""A table written to a Parquet file piece by piece, in row groups of one size, so that memory stays bounded."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.files import refused
from neutrams.simulator.observe.schema import Column

ROWS = 1 << 16
"""Rows of a row group [count]."""


class TableFile:
    """A table on its way into a file."""

    def __init__(self, path: Path, columns: Sequence[Column], metadata: Mapping[str, str]) -> None:
        fields = [pa.field(c.name, pa.int64(), False, {"unit": c.unit, "meaning": c.meaning}) for c in columns]
        self._path, self._schema = path, pa.schema(fields, dict(metadata))
        self._parts: list[IntArray] = []
        self._rows = 0
        with refused(path):
            self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def add(self, *columns: AnyArray | int) -> None:
        """Append rows: arrays of one length, or numbers that hold for all of them."""
        rows = np.stack(np.broadcast_arrays(*map(np.atleast_1d, columns))).astype(np.int64)
        self._parts.append(rows)
        self._rows += rows.shape[1]
        if self._rows >= ROWS:
            self._write(self._rows - self._rows % ROWS)

    def _write(self, count: int) -> None:
        """Write the first so many rows, keep the rest."""
        rows = np.concatenate([*self._parts, np.zeros((len(self._schema), 0), dtype=np.int64)], axis=1)
        with refused(self._path):
            for first in range(0, count, ROWS):
                group = [pa.array(column) for column in rows[:, first : min(first + ROWS, count)]]
                self._writer.write_table(pa.table(group, schema=self._schema), row_group_size=ROWS)
        self._parts, self._rows = [rows[:, count:]], rows.shape[1] - count

    def close(self) -> None:
        """Write what is left and end the file; may be called again."""
        if self._writer.is_open:
            if self._rows:
                self._write(self._rows)
            with refused(self._path):
                self._writer.close()

    def abandon(self) -> None:
        """Let go of the file without caring what becomes of it."""
        if self._writer.is_open:
            self._writer.close()
