"""The links that multicast trees and paths take over a mesh, in dimension order."""

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel

Ints = npt.NDArray[np.int64]


@kernel
def router(x: int, y: int, columns: int, rows: int, side: int) -> int:
    """Number of the router at x, y: chip by chip, each of ``columns`` x ``rows``, ``side`` chips in a row."""
    chip = y // rows * side + x // columns
    return (chip * rows + y % rows) * columns + x % columns


@kernel
def trace(
    root: Ints,
    first: Ints,
    end: Ints,
    box: Ints,
    amount: npt.NDArray[np.float64],
    tree: bool,
    stamp: Ints,
    load: npt.NDArray[np.float64],
    counts: Ints,
    start: Ints,
    stop: Ints,
) -> int:
    """List the links of flows, or only count them and add their loads up; return how many there are.

    Arrays:
        root    int64[flows, 2]    x, y where a flow begins
        first   int64[flows + 1]   its ends are rows first[i]:first[i + 1] of ``end``
        end     int64[ends, 2]     x, y where it ends
        box     int64[7]           x, y, width, height of a box that holds all; columns and rows of a chip, chips a row
        amount  float64[flows]     what a flow carries
        stamp   int64[cells]       -1; overwritten with the last flow that entered each cell of the box
        load    float64[cells, 4]  what goes into each cell from left, right, below, above; added to (once a link)
        counts  int64[flows, 3]    columns 0 and 1: overwritten with the links of a flow, and how many of them join two
                                   chips; column 2: the row of the board from which on flows go y first to rows below it
        start   int64[n]           overwritten with the number of the router each link leaves; not where n = 0
        stop    int64[n]           overwritten with the number of the router it enters

    Rule: x before y, but y before x from a row >= counts[i, 2] to one below it; in a tree every link once; the links
    that an end adds in their order. The caller has checked that all coordinates lie in the box.
    """
    done = 0
    left, bottom, width, columns, rows, side = box[0], box[1], box[2], box[4], box[5], box[6]
    record = start.shape[0] > 0
    for flow in range(root.shape[0]):
        ax, ay, split = root[flow, 0], root[flow, 1], counts[flow, 2]
        before, crossed = done, 0
        for i in range(first[flow], first[flow + 1]):
            x, y = end[i, 0], end[i, 1]
            begin = done
            while x != ax or y != ay:
                cell = (y - bottom) * width + x - left
                if tree and stamp[cell] == flow:
                    break
                stamp[cell] = flow
                y_first = y < split <= ay
                px, py = x, y
                if (x != ax and y_first) or y == ay:
                    px += 1 if ax > x else -1
                else:
                    py += 1 if ay > y else -1
                way = (0 if px < x else 1) if px != x else (2 if py < y else 3)
                load[cell, way] += amount[flow]
                crossed += x // columns != px // columns or y // rows != py // rows
                if record:
                    start[done] = router(px, py, columns, rows, side)
                    stop[done] = router(x, y, columns, rows, side)
                done += 1
                x, y = px, py
            low, high = begin, done - 1
            while record and low < high:
                start[low], start[high] = start[high], start[low]
                stop[low], stop[high] = stop[high], stop[low]
                low, high = low + 1, high - 1
        counts[flow, 0], counts[flow, 1] = done - before, crossed
    return done
