"""Reorders the files of a domain so that the rows of a rank lie together, and rechunks the lateral inflow.

Rows follow a walk up the rivers: tree after tree, the largest first; in a tree every subtree is one run of rows that
ends with its lowest reach, the largest tributary first. The program cuts networks into runs of just this walk, and
each rank reads what lies between the first and the last row of its share: so ordered, ranks read their own part only
and pass little on. Values are copied bit by bit, packed ones too; the discharge of a reach does not depend on the
order of rows. Files are read in blocks: --memory-mib bounds what is held of the inflow at once, beside about 120
bytes a reach.
"""
import argparse
from pathlib import Path

import numpy as np

import domain_files as d

# Names under which row numbers stand in some data sets: they would point at the wrong rows.
ROW_NUMBERS = ("downstream_index", "reach_index")
CHUNKS = {"time-major": (24, 16384), "reach-major": (720, 512)}  # steps, reaches


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="prepare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: tools/prepare --network d/network.nc --attributes d/attributes.nc --lateral-inflow "
        "d/lateral_inflow.nc "
               "--observations d/observations.nc --output prepared")
    parser.add_argument("--network", type=Path, required=True, help="network.nc")
    parser.add_argument("--attributes", type=Path, help="attributes.nc")
    parser.add_argument("--lateral-inflow", type=Path, help="lateral_inflow.nc")
    parser.add_argument("--observations", type=Path, help="observations.nc; gauges follow the order of their reaches")
    parser.add_argument("--parameters", type=Path, help="parameters.nc (params.source)")
    parser.add_argument("--output", type=Path, required=True, help="folder of the new files, which keep these names; "
                        "made where it is missing")
    parser.add_argument("--keep-order", action="store_true", help="leave the rows as the network has them (to rechunk "
                        "only)")
    parser.add_argument("--layout", choices=("same", *CHUNKS), default="same", help="order of the inflow's dimensions: "
                        "(time, reach), quick to read "
                        "for a window of all reaches, or (reach, time), quick for few reaches (default: as it is)")
    parser.add_argument("--chunk-steps", type=int, metavar="N", help="steps of a chunk of the inflow (default: 24 "
                        "time-major, 720 reach-major)")
    parser.add_argument("--chunk-reaches", type=int, metavar="N", help="reaches of a chunk (default: 16384 time-major, "
                        "512 reach-major)")
    parser.add_argument("--compression", type=int, choices=range(10), default=1, metavar="0..9",
                        help="zlib level of the inflow (%(default)s)")
    parser.add_argument("--memory-mib", type=float, default=256, help="memory for blocks of the inflow (%(default)s)")
    options = parser.parse_args(argv)
    for name in ("chunk_steps", "chunk_reaches"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            raise d.ImportProblem(f"--{name.replace('_', '-')} is {getattr(options, name)}; it must be at least 1")
    if not options.memory_mib > 0:
        raise d.ImportProblem(f"--memory-mib is {options.memory_mib:g}; it must be above 0")
    here = options.output.resolve()
    for path in (options.network, options.attributes, options.lateral_inflow, options.observations, options.parameters):
        if path and path.resolve().parent == here:
            raise d.ImportProblem(f"--output is the folder of {path}, which would be overwritten; give another folder")
    return options


# --- the order of rows


def subtree_sizes(path, ids, down):
    """Reaches of every subtree, and levels between a reach and its outlet."""
    d.order_of(path, ids, down)  # a circle is an error
    depth, below = (down >= 0).astype("i8"), down.copy()
    while (below >= 0).any():  # twice as far in every round
        inside = below >= 0
        depth[inside] += depth[below[inside]]
        below[inside] = below[below[inside]]
    sizes, by_depth = np.ones(len(down), "i8"), np.argsort(depth, kind="stable")
    ends = np.cumsum(np.bincount(depth))
    for level in range(len(ends) - 1, 0, -1):
        rows = by_depth[ends[level - 1]:ends[level]]
        np.add.at(sizes, down[rows], sizes[rows])
    return sizes


def walk(path, ids, down):
    """Rows in the new order: post-order, the largest tree and the largest tributary first, ties by id."""
    sizes = subtree_sizes(path, ids, down)
    siblings = np.lexsort((ids, -sizes, down))  # groups of one downstream reach; all outlets are one group
    before = np.cumsum(sizes[siblings]) - sizes[siblings]
    starts = np.flatnonzero(np.r_[True, np.diff(down[siblings]) != 0])
    before -= np.repeat(before[starts], np.diff(np.r_[starts, len(ids)]))
    first, below = np.empty(len(ids), "i8"), down.copy()
    first[siblings] = before  # rows in front of a subtree, counted from the start of the one below
    while (below >= 0).any():
        inside = below >= 0
        first[inside] += first[below[inside]]
        below[inside] = below[below[inside]]
    order = np.empty(len(ids), "i8")
    order[first + sizes - 1] = np.arange(len(ids))
    return order


# --- copying


def copy_head(source, target, skip=()):
    """Dimensions and attributes; netCDF's own hidden ones stay behind."""
    target.setncatts({name: source.getncattr(name) for name in source.ncattrs()})
    for name, dimension in source.dimensions.items():
        if name not in skip:
            target.createDimension(name, None if dimension.isunlimited() else len(dimension))


def define(target, v, dimensions, **storage):
    """A variable like `v`; raw values will be copied, so nothing is scaled or masked."""
    fill = getattr(v, "_FillValue", None)
    if v.dtype is str:
        storage = {}
    made = target.createVariable(v.name, v.dtype, dimensions, fill_value=fill, **storage)
    made.setncatts({name: v.getncattr(name) for name in v.ncattrs() if name != "_FillValue"})
    made.set_auto_maskandscale(False)
    made.set_auto_chartostring(False)
    return made


def raw(file):
    file.set_auto_maskandscale(False)
    file.set_auto_chartostring(False)
    return file


def copy_rows(path, out, rows_of_file, report, streamed=None):
    """Copies a file with the rows of one dimension in a new order. `rows_of_file(file)` gives dimension and rows;
    `streamed` copies large variables itself and says whether it did."""
    partial = out.with_name(out.name + ".partial")
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with raw(d.open_netcdf(path)) as file, d.netCDF4.Dataset(partial, "w") as target:
            dimension, rows = rows_of_file(file)
            copy_head(file, target, (dimension,))
            target.createDimension(dimension, len(rows))
            for v in file.variables.values():
                if v.name in ROW_NUMBERS:
                    report.add(f"{path.name}: {v.name}", 1, "left out: row numbers of the old order")
                elif not (streamed and streamed(v, target, dimension, rows)):
                    made = define(target, v, v.dimensions, compression="zlib", complevel=1)
                    values = v[...] if v.ndim else v.getValue()
                    if dimension in v.dimensions:
                        values = np.take(values, rows, v.dimensions.index(dimension))
                    made[...] = values
            target.prepared = "rows follow a walk up the rivers: every subtree is one run of rows, the largest first"
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    print(f"wrote {out}")


def by_reach(path, ids, report):
    """For files with one row a reach: where the rows of `ids` are."""
    def rows_of_file(file):
        held = d.read_ids(file, "reach_id")
        rows = d.rows_of(path, held, ids)
        report.note(len(held) - len(rows), f"{path.name}: reaches that the network lacks", "left out")
        return file["reach_id"].dimensions[0], rows
    return rows_of_file


def by_gauge(ids):
    """For observations: gauges in the order of their reaches (ties as they stand)."""
    def rows_of_file(file):
        reaches = d.read_ids(file, "reach_id")
        return file["reach_id"].dimensions[0], np.argsort(d.rows_of("network.nc", ids, reaches), kind="stable")
    return rows_of_file


class InflowCopy:
    """Copies variables (time, reach) or (reach, time) block by block into the chosen layout and chunks."""

    def __init__(self, options, report):
        self.options, self.report = options, report

    def __call__(self, v, target, dimension, rows):
        if v.ndim != 2 or dimension not in v.dimensions:
            return False
        [time] = [name for name in v.dimensions if name != dimension]
        reach_axis = v.dimensions.index(dimension)
        steps = v.shape[1 - reach_axis]
        layout = self.options.layout if self.options.layout != "same" else ("time-major" if reach_axis == 1
                                                                            else "reach-major")
        chunk = min(self.options.chunk_steps or CHUNKS[layout][0], max(1, steps)), min(self.options.chunk_reaches
                                                                                       or CHUNKS[layout][1], len(rows))
        time_first = layout == "time-major"
        made = define(target, v, (time, dimension) if time_first else (dimension, time), chunksizes=chunk if time_first
                      else chunk[::-1],
                      **({"compression": "zlib", "complevel": self.options.compression, "shuffle": True}
                         if self.options.compression else {}))
        self.copy(v, made, rows, reach_axis, time_first, steps, chunk)
        return True

    def copy(self, v, made, rows, reach_axis, time_first, steps, chunk):
        """Every chunk is written once: blocks of whole chunks, filled from as many steps of the old file as fit."""
        held = v.shape[reach_axis]
        values = self.options.memory_mib * 2 ** 20 / v.dtype.itemsize
        at_once = max(1, int(values / 4 / held))  # steps read together
        block_reaches = min(len(rows), max(1, int(values / 2 / chunk[0] / chunk[1])) * chunk[1])
        block_steps = chunk[0]
        if block_reaches == len(rows):
            block_steps *= max(1, int(values / 2 / len(rows) / chunk[0]))
        passes = -(-len(rows) // block_reaches)
        self.report.add(f"{v.name}: chunks of {chunk[0]} steps, {chunk[1]} reaches", -(-steps // chunk[0]) *
                        -(-len(rows) // chunk[1]),
                        f"the old file is read {passes} times" if passes > 1 else "")
        for first in range(0, steps, block_steps):
            last = min(steps, first + block_steps)
            for begin in range(0, len(rows), block_reaches):
                wanted = rows[begin:begin + block_reaches]
                block = np.empty((last - first, len(wanted)), v.dtype)
                for start in range(first, last, at_once):
                    end = min(last, start + at_once)
                    read = v[start:end] if reach_axis == 1 else v[:, start:end].T
                    block[start - first:end - first] = read[:, wanted]
                if time_first:
                    made[first:last, begin:begin + len(wanted)] = block
                else:
                    made[begin:begin + len(wanted), first:last] = block.T


def main(argv):
    options = arguments(argv)
    report = d.Report()
    with d.open_netcdf(options.network) as file:
        ids, below = d.read_ids(file, "reach_id"), d.read_ids(file, "downstream_id")
    d.check_ids(options.network, ids)
    down = d.downstream_rows(options.network, ids, below, "error", report)
    if not options.keep_order:
        ids = ids[walk(options.network, ids, down)]
    del below, down
    for path, name in ((options.network, "network.nc"), (options.attributes, "attributes.nc"), (options.parameters,
                                                                                                "parameters.nc")):
        if path:
            copy_rows(path, options.output / name, by_reach(path, ids, report), report)
    if options.observations:
        copy_rows(options.observations, options.output / "observations.nc", by_gauge(ids), report)
    if options.lateral_inflow:
        copy_rows(options.lateral_inflow, options.output / "lateral_inflow.nc", by_reach(options.lateral_inflow, ids,
                                                                                         report), report,
                  InflowCopy(options, report))
    report.print()


if __name__ == "__main__":
    d.run(main)
