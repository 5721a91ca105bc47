"""Imports an adjacency matrix of DDR (a zarr group in COO form) and a table of its reaches.

The group holds `order` (ids), `indices_0` (downstream) and `indices_1` (upstream), positions in `order`, and
`values`; an entry that is not 0 says that indices_1 drains into indices_0. Lengths and slopes stand in another file:
MERIT-Basins' columns COMID, lengthkm, slope and unitarea, as netCDF or CSV. A gauge's group counts positions in the
whole matrix: give that with --whole.
"""
import argparse
import csv
from pathlib import Path

import numpy as np

import domain_files as d

ARRAYS = ("order", "indices_0", "indices_1", "values")
IDS = ("COMID", "comid", "reach_id", "divide_id")
COLUMNS = {"length": ("length_m", "length", "Length_m", "lengthkm"), "slope": ("slope", "So"),
           "local_area": ("local_area", "unitarea", "areasqkm")}
# of columns whose name says their unit, where a netCDF variable has none and in CSV
UNITS = {"lengthkm": "km", "length_m": "m", "Length_m": "m", "length": "m", "slope": "1", "So": "1", "unitarea": "km2",
         "areasqkm": "km2",
         "local_area": "km2"}


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="import_ddr", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: tools/import_ddr merit_conus_adjacency.zarr --reaches merit_attributes.csv --output domain")
    parser.add_argument("adjacency", type=Path, help="zarr group (folder)")
    parser.add_argument("--group", metavar="NAME", help="group inside it, such as a station id")
    parser.add_argument("--whole", type=Path, metavar="ZARR", help="whole matrix that a gauge's group counts in")
    parser.add_argument("--reaches", type=Path, required=True, metavar="FILE", help="netCDF or CSV (with a head) of "
                        "lengths and slopes by id")
    parser.add_argument("--id", help=f"its column of ids (default: the first of {', '.join(IDS)})")
    parser.add_argument("--length", help=f"its column of lengths (default: first of {', '.join(COLUMNS['length'])})")
    parser.add_argument("--slope", help=f"its column of slopes (default: the first of {', '.join(COLUMNS['slope'])})")
    parser.add_argument("--local-area", help="its column of the reaches' own areas (default: the first of "
                        f"{', '.join(COLUMNS['local_area'])} "
                        "where there is one); summed downstream")
    parser.add_argument("--length-unit", choices=tuple(d.UNITS["length"]), help="unit of the lengths where neither the "
                        "file nor the name of the "
                        "column (lengthkm, length_m) says it")
    d.add_options(parser)
    return parser.parse_args(argv)


class Matrix:
    """Arrays of a zarr group in COO form; `ids` of all positions that its indices count."""

    def __init__(self, path, group):
        import zarr  # slow to load
        self.path = f"{path}/{group}" if group else str(path)
        if not Path(path).exists():
            raise d.ImportProblem(f"{path} does not exist")
        try:
            root = zarr.open_group(str(path), mode="r")
            if group and group not in root:
                names = sorted(name for name, _ in root.groups())
                raise d.ImportProblem(f"{path}: there is no group {group}; it holds "
                                      f"{', '.join(names[:d.SHOWN]) or 'no groups'}"
                                      f"{', ...' if len(names) > d.SHOWN else ''}")
            root = root[group] if group else root
            missing = [name for name in ARRAYS if name not in root]
            if missing:
                raise d.ImportProblem(f"{self.path}: there is no array {missing[0]}; a matrix in COO form with "
                                      f"{', '.join(ARRAYS)} is needed "
                                      f"(or name the group inside with --group)")
            self.order, self.below, self.above, values = (np.asarray(root[name][:]) for name in ARRAYS)
            shape, form = root.attrs.get("shape"), root.attrs.get("format", "COO")
        except (OSError, ValueError, KeyError, RuntimeError) as problem:
            raise d.ImportProblem(f"{path} is not a zarr group that can be read ({problem})") from problem
        if form != "COO" or not len(self.below) == len(self.above) == len(values):
            raise d.ImportProblem(f"{self.path}: format {form}, {len(self.below)}, {len(self.above)} and {len(values)} "
                                  "entries in indices_0, indices_1 "
                                  "and values; format COO and as many of each are needed")
        self.order = self.order.astype("i8")
        self.size = int(shape[0]) if shape is not None else len(self.order)
        linked = values != 0
        self.below, self.above = self.below[linked].astype("i8"), self.above[linked].astype("i8")
        self.unlinked = int((~linked).sum())


def topology(options, report):
    """Ids and row of the downstream reach, -1 at outlets."""
    matrix = Matrix(options.adjacency, options.group)
    names = matrix.order
    if matrix.size != len(matrix.order):
        if not options.whole:
            raise d.ImportProblem(f"{matrix.path}: the matrix has {matrix.size} rows, order {len(matrix.order)} ids, "
                                  "so its indices count in a whole "
                                  "matrix; name that with --whole")
        names = Matrix(options.whole, None).order
        if len(names) != matrix.size:
            raise d.ImportProblem(f"{options.whole}: order has {len(names)} ids, {matrix.path} counts in a matrix of "
                                  f"{matrix.size}; give the one it "
                                  "was cut from")
    for name, index in (("indices_0", matrix.below), ("indices_1", matrix.above)):
        wrong = np.flatnonzero((index < 0) | (index >= len(names)))
        if len(wrong):
            raise d.ImportProblem(f"{matrix.path}: {name} is {index[wrong[0]]} in entry {wrong[0]}; 0 to "
                                  f"{len(names) - 1} are allowed")
    ids = matrix.order
    d.check_ids(matrix.path, ids)
    report.note(matrix.unlinked, "entries of value 0", "no link")
    upstream, counts = np.unique(matrix.above, return_counts=True)
    if (counts > 1).any():
        several = upstream[counts > 1][0]
        into = ", ".join(str(names[b]) for b in matrix.below[matrix.above == several][:d.SHOWN])
        raise d.ImportProblem(f"{matrix.path}: reach {names[several]} drains into {into} ({(counts > 1).sum()} such "
                              "reaches); every reach may have one "
                              "reach downstream")
    below = np.zeros(len(ids), "i8")
    below[d.rows_of(matrix.path, ids, names[matrix.above])] = names[matrix.below]
    return ids, d.downstream_rows(matrix.path, ids, below, options.unknown_downstream, report)


class CsvTable:
    def __init__(self, path):
        self.path = path
        try:
            with open(path, newline="", encoding="utf-8-sig") as file:
                rows = list(csv.reader(file))
        except (OSError, UnicodeDecodeError) as problem:
            raise d.ImportProblem(f"{path} cannot be read ({problem})") from problem
        self.names = [name.strip() for name in rows[0]] if rows else []
        self.rows = [row for row in rows[1:] if row]
        short = [k for k, row in enumerate(rows[1:], 2) if row and len(row) != len(self.names)]
        if short or not self.rows:
            raise d.ImportProblem(f"{path}: " + (f"line {short[0]} has {len(rows[short[0] - 1])} columns, the head "
                                                 f"{len(self.names)}" if short
                                                 else "a head and at least one row are needed"))

    def column(self, name):
        k, words = self.names.index(name), []
        for number, row in enumerate(self.rows, 2):
            try:
                words.append(float(row[k]) if row[k].strip() else np.nan)
            except ValueError as problem:
                raise d.ImportProblem(f"{self.path}: {name} is '{row[k]}' in data row {number - 1}; a number is "
                                      "needed") from problem
        return np.array(words)

    def ids(self, name):
        values = self.column(name)
        bad = np.flatnonzero(~np.isfinite(values) | (values != np.round(values)))
        if len(bad):
            raise d.ImportProblem(f"{self.path}: {name} is {values[bad[0]]} in data row {bad[0] + 1}; ids are whole "
                                  "numbers")
        return values.astype("i8")

    def units(self, name):
        return None


class NetcdfTable:
    def __init__(self, path):
        self.path, self.file = path, d.open_netcdf(path)
        self.names = list(self.file.variables)

    def column(self, name):
        return np.ma.filled(np.ma.asarray(self.file[name][:], dtype="f8"), np.nan).ravel()

    def ids(self, name):
        return d.read_ids(self.file, name)

    def units(self, name):
        return getattr(self.file[name], "units", None)


def chosen(table, given, names, option):
    if given and given not in table.names:
        raise d.ImportProblem(f"{table.path}: there is no column {given}; the file holds {', '.join(table.names)}")
    for name in (given,) if given else names:
        if name in table.names:
            return name
    raise d.ImportProblem(f"{table.path}: none of {', '.join(names)} is there; name the column with {option}; the file "
                          "holds "
                          f"{', '.join(table.names)}")


def quantity(table, rows, name, kind, assumed, report):
    units = table.units(name) or assumed or UNITS.get(name)
    if not units and kind == "length":
        raise d.ImportProblem(f"{table.path}: the unit of {name} is not known; give it with --length-unit, one of "
                              f"{', '.join(d.UNITS['length'])}")
    return table.column(name)[rows] * d.factor(table.path, name, units, kind, "km2" if kind == "area" else "1", report)


def main(argv):
    options = arguments(argv)
    report = d.Report()
    ids, down = topology(options, report)
    is_csv = options.reaches.suffix.lower() in (".csv", ".txt")
    table = CsvTable(options.reaches) if is_csv else NetcdfTable(options.reaches)
    rows = d.rows_of(options.reaches, table.ids(chosen(table, options.id, IDS, "--id")), ids)
    length = quantity(table, rows, chosen(table, options.length, COLUMNS["length"], "--length"), "length",
                      options.length_unit, report)
    slope = quantity(table, rows, chosen(table, options.slope, COLUMNS["slope"], "--slope"), "slope", None, report)
    length = d.mend_lengths(options.reaches, ids, length, options, report)
    slope = d.mend_slopes(options.reaches, ids, slope, options, report)
    more = {}
    if options.local_area or any(name in table.names for name in COLUMNS["local_area"]):
        local = quantity(table, rows, chosen(table, options.local_area, COLUMNS["local_area"], "--local-area"), "area",
                         None, report)
        bad = np.flatnonzero(~(local >= 0))
        if len(bad):
            raise d.ImportProblem(f"{options.reaches}: the own area is {local[bad[0]]} at reach {ids[bad[0]]}; it must "
                                  "be 0 or positive")
        more = {"upstream_area": (d.accumulate(down, d.order_of(options.adjacency, ids, down), local), "km2"),
                "local_area": (local, "km2")}
    if options.constant_inflow is not None and not more:
        raise d.ImportProblem("--constant-inflow needs the areas: --local-area NAME")
    report.print()
    d.write_network(options.output, options.adjacency, ids, down, length, slope, report, **more)
    if options.constant_inflow is not None:
        d.write_constant_inflow(options.output, options.adjacency, ids, more["local_area"][0], options, report)


if __name__ == "__main__":
    d.run(main)
