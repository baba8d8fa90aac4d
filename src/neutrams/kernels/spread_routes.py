"""Links of multicast trees and paths over a mesh that choose their turns by length and load."""

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel
from neutrams.kernels.routes import router

Ints = npt.NDArray[np.int64]

FAR = 1 << 40


@kernel
def step(x: int, y: int, tx: int, ty: int, y_first: bool) -> int:
    """Direction of the next link from x, y to another place: 0 right, 1 left, 2 up, 3 down; x before up."""
    if ty < y and (y_first or x == tx):
        return 3
    if x != tx:
        return 0 if tx > x else 1
    return 2


@kernel
def way_load(x: int, y: int, tx: int, ty: int, y_first: bool, box: Ints, load: Ints) -> int:
    """Largest load of the links from x, y to tx, ty, x first or y first."""
    peak = 0
    while x != tx or y != ty:
        way = step(x, y, tx, ty, y_first)
        x += (way == 0) - (way == 1)
        y += (way == 2) - (way == 3)
        peak = max(peak, load[(y - box[1]) * box[2] + x - box[0], way])
    return int(peak)


@kernel
def enter(x: int, y: int, way: int, box: Ints, crossing: int) -> int:
    """Length of the link that enters x, y in direction ``way``: 1, and ``crossing`` where it joins two chips."""
    px, py = x - (way == 0) + (way == 1), y - (way == 2) + (way == 3)
    return 1 + crossing * int(x // box[4] != px // box[4] or y // box[5] != py // box[5])


@kernel
def straight_tree(
    flow: int, root: Ints, first: Ints, end: Ints, box: Ints, split: int, stamp: Ints, turn: int, links: Ints
) -> int:
    """Overwrite ``links`` with the tree in dimension order (`routes.trace`); return how many there are."""
    ax, ay, count = root[flow, 0], root[flow, 1], 0
    for i in range(first[flow], first[flow + 1]):
        x, y = end[i, 0], end[i, 1]
        while x != ax or y != ay:
            cell = (y - box[1]) * box[2] + x - box[0]
            if stamp[cell] == turn:
                break
            stamp[cell] = turn
            way = (0 if x > ax else 1) if x != ax and (y < split <= ay or y == ay) else (2 if y > ay else 3)
            links[0, count], links[1, count], links[2, count] = x, y, way
            x += (way == 1) - (way == 0)
            y += (way == 3) - (way == 2)
            count += 1
    return count


@kernel
def grown_tree(
    flow: int,
    root: Ints,
    first: Ints,
    end: Ints,
    box: Ints,
    split: int,
    crossing: int,
    load: Ints,
    stamp: Ints,
    turn: int,
    links: Ints,
    near: Ints,
) -> int:
    """Overwrite ``links`` with a tree that grows to the nearest end, again and again; -1 where it would meet itself.

    From a router that was entered upwards it goes up only. ``near`` is int64[2, ends], overwritten.
    """
    begin, ends = first[flow], first[flow + 1] - first[flow]
    stamp[(root[flow, 1] - box[1]) * box[2] + root[flow, 0] - box[0]] = turn
    near[0, :ends] = FAR
    count, seen = 0, -1
    for _ in range(ends):
        least = -1
        for i in range(ends):
            if near[0, i] < 0:
                continue
            tx, ty = end[begin + i, 0], end[begin + i, 1]
            for j in range(seen, count):
                x = root[flow, 0] if j < 0 else links[0, j]
                y = root[flow, 1] if j < 0 else links[1, j]
                if j >= 0 and links[2, j] == 2 and (x != tx or ty < y):
                    continue
                long = abs(x - tx) + abs(y - ty)
                long += crossing * (abs(x // box[4] - tx // box[4]) + abs(y // box[5] - ty // box[5]))
                if long < near[0, i]:
                    near[0, i], near[1, i] = long, j
            if least < 0 or near[0, i] < near[0, least]:
                least = i
        seen, j = count, near[1, least]
        near[0, least] = -1
        x, y = (root[flow, 0], root[flow, 1]) if j < 0 else (links[0, j], links[1, j])
        tx, ty = end[begin + least, 0], end[begin + least, 1]
        y_first = ty < y and (
            ty < split <= y or way_load(x, y, tx, ty, True, box, load) < way_load(x, y, tx, ty, False, box, load)
        )
        while x != tx or y != ty:
            way = step(x, y, tx, ty, y_first)
            x += (way == 0) - (way == 1)
            y += (way == 2) - (way == 3)
            cell = (y - box[1]) * box[2] + x - box[0]
            if stamp[cell] == turn:
                return -1
            stamp[cell] = turn
            links[0, count], links[1, count], links[2, count] = x, y, way
            count += 1
    return count


@kernel
def spread_trees(
    root: Ints,
    first: Ints,
    end: Ints,
    box: Ints,
    split: int,
    crossing: int,
    amount: Ints,
    load: Ints,
    stamp: Ints,
    links: Ints,
    near: Ints,
    counts: Ints,
    start: Ints,
    stop: Ints,
) -> int:
    """List the links of trees, of each flow those in dimension order or grown ones; return how many there are.

    Arrays:
        root    int64[flows, 2]    x, y where a flow begins
        first   int64[flows + 1]   its ends are rows first[i]:first[i + 1] of ``end``
        end     int64[ends, 2]     x, y where it ends
        box     int64[7]           as in `routes.trace`
        amount  int64[flows]       what a flow carries
        load    int64[cells, 4]    what enters each cell to the right, left, up, down; zeros; overwritten
        stamp   int64[cells]       zeros; overwritten
        links   int64[2, 3, cells] overwritten
        near    int64[2, most]     room for the ends of a flow; overwritten
        counts  int64[flows]       overwritten with the links of each flow
        start   int64[n]           overwritten with the router each link leaves
        stop    int64[n]           overwritten with the router it enters; n holds all links in dimension order

    Rule: of the two trees the shorter, else the one whose highest load so far is less; dimension order where they are
    alike, or the other has more links. Flows by number. No tree turns from up into x, so all together are free of
    deadlock (north-last, Glass and Ni 1992, doi 10.1145/146628.140384).
    """
    done, turn = 0, 0
    for flow in range(root.shape[0]):
        turn += 1
        used = straight_tree(flow, root, first, end, box, split, stamp, turn, links[0])
        turn += 1
        other = grown_tree(flow, root, first, end, box, split, crossing, load, stamp, turn, links[1], near)
        best = 0
        if other >= 0:
            length, peak = np.int64(0), np.int64(0)
            for k in range(used):
                x, y, way = links[0, 0, k], links[0, 1, k], links[0, 2, k]
                length += enter(x, y, way, box, crossing)
                peak = max(peak, load[(y - box[1]) * box[2] + x - box[0], way])
            long, high = np.int64(0), np.int64(0)
            for k in range(other):
                x, y, way = links[1, 0, k], links[1, 1, k], links[1, 2, k]
                long += enter(x, y, way, box, crossing)
                high = max(high, load[(y - box[1]) * box[2] + x - box[0], way])
            if other <= used and (long < length or (long == length and high < peak)):
                best, used = 1, other
        for k in range(used):
            x, y, way = links[best, 0, k], links[best, 1, k], links[best, 2, k]
            load[(y - box[1]) * box[2] + x - box[0], way] += amount[flow]
            px, py = x - (way == 0) + (way == 1), y - (way == 2) + (way == 3)
            start[done] = router(px, py, box[4], box[5], box[6])
            stop[done] = router(x, y, box[4], box[5], box[6])
            done += 1
        counts[flow] = used
    return done


@kernel
def spread_paths(
    root: Ints,
    first: Ints,
    end: Ints,
    box: Ints,
    split: int,
    amount: Ints,
    load: Ints,
    counts: Ints,
    start: Ints,
    stop: Ints,
) -> int:
    """List the links of paths, one an end, x first or, downwards, y first where the highest load so far is less.

    Arrays as of `spread_trees`; start and stop hold all links in dimension order.
    """
    done = 0
    for flow in range(root.shape[0]):
        before = done
        for i in range(first[flow], first[flow + 1]):
            x, y, tx, ty = root[flow, 0], root[flow, 1], end[i, 0], end[i, 1]
            y_first = ty < y and (
                ty < split <= y or way_load(x, y, tx, ty, True, box, load) < way_load(x, y, tx, ty, False, box, load)
            )
            while x != tx or y != ty:
                start[done] = router(x, y, box[4], box[5], box[6])
                way = step(x, y, tx, ty, y_first)
                x += (way == 0) - (way == 1)
                y += (way == 2) - (way == 3)
                load[(y - box[1]) * box[2] + x - box[0], way] += amount[flow]
                stop[done] = router(x, y, box[4], box[5], box[6])
                done += 1
        counts[flow] = done - before
    return done
