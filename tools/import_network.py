"""Imports river networks of gridded models (index of the downstream cell) and of mizuRoute (ids) into domain files."""
import argparse
from pathlib import Path

import numpy as np

import domain_files as d

# Usual names of mizuRoute's network files (Mizukami et al. 2016, doi 10.5194/gmd-9-2223-2016).
MIZUROUTE = {"id": ("segId", "seg_id", "reachID"), "downstream": ("downSegId", "tosegment", "Tosegment"),
             "length": ("length", "Length", "seg_length"), "slope": ("slope", "Slope", "seg_slope")}


def arguments(argv, form):
    parser = argparse.ArgumentParser(
        prog=f"import_{form}", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: tools/import_grid grid.nc --length river_length --slope river_slope --zero-length median --output domain"
        if form == "grid" else "example: tools/import_mizuroute network.nc --output domain")
    parser.add_argument("network", type=Path, help="netCDF file, one record per cell or segment")
    if form == "grid":
        parser.add_argument("--down-index", default="down_index", help="0-based record of the downstream cell; negative, or the "
                            "cell itself: outlet (%(default)s)")
        parser.add_argument("--id", help="variable of ids (default: record + 1)")
        parser.add_argument("--length", default="length", help="variable (%(default)s)")
        parser.add_argument("--slope", default="slope", help="variable (%(default)s)")
    else:
        for key, names in MIZUROUTE.items():
            parser.add_argument(f"--{key}", help=f"variable (default: the first of {', '.join(names)})")
    parser.add_argument("--upstream-area", help="variable of the drainage area with the reach, if there is one")
    parser.add_argument("--local-area", help="variable of the reach's own area, if there is one; summed downstream")
    parser.add_argument("--n", help="variable of Manning's n; gives parameters.nc with --width")
    parser.add_argument("--width", type=float, default=20.0, metavar="P", help="p of parameters.nc, with q = 0.5 (%(default)s)")
    d.add_options(parser)
    options = parser.parse_args(argv)
    if options.constant_inflow is not None and not (options.upstream_area or options.local_area):
        raise d.ImportProblem("--constant-inflow needs the areas: --local-area NAME or --upstream-area NAME")
    return options


def grid_topology(file, options, report):
    index = d.read_ids(file, options.down_index)
    rows = np.arange(len(index))
    ids = d.read_ids(file, options.id) if options.id else rows + 1
    d.check_ids(options.network, ids)
    outside = np.flatnonzero(index >= len(index))
    if len(outside):
        raise d.ImportProblem(f"{options.network}: {options.down_index} is {index[outside[0]]} in record {outside[0]}; there are "
                              f"{len(index)} records, 0 to {len(index) - 1} are allowed and negative for an outlet")
    outlet = (index < 0) | (index == rows)
    downstream = np.where(outlet, 0, ids[np.where(outlet, 0, index)])
    return ids, d.downstream_rows(options.network, ids, downstream, options.unknown_downstream, report)


def segment_topology(file, options, report):
    name = {key: getattr(options, key) or d.first_present(file, names, f"--{key}") for key, names in MIZUROUTE.items()}
    options.length, options.slope = name["length"], name["slope"]
    ids = d.read_ids(file, name["id"])
    d.check_ids(options.network, ids)
    return ids, d.downstream_rows(options.network, ids, d.read_ids(file, name["downstream"]), options.unknown_downstream, report)


def areas(file, options, ids, down, report):
    """Own and drainage area [km2], None where unknown. The own area of a cell is what its upstream cells do not drain."""
    if options.local_area:
        local = d.read_quantity(file, options.local_area, "area", "km2", report)
        return local, d.accumulate(down, d.order_of(options.network, ids, down), local)
    if not options.upstream_area:
        return None, None
    drained = d.read_quantity(file, options.upstream_area, "area", "km2", report)
    local = drained - np.bincount(down[down >= 0], weights=drained[down >= 0], minlength=len(down))
    report.note((local < 0).sum(), "own areas below 0", "set to 0")
    return np.maximum(local, 0), drained


def main(argv, form):
    options = arguments(argv, form)
    report = d.Report()
    with d.open_netcdf(options.network) as file:
        ids, down = (grid_topology if form == "grid" else segment_topology)(file, options, report)
        length = d.mend_lengths(options.network, ids, d.read_quantity(file, options.length, "length", "m", report), options, report)
        slope = d.mend_slopes(options.network, ids, d.read_quantity(file, options.slope, "slope", "1", report), options, report)
        local, drained = areas(file, options, ids, down, report)
        roughness = d.read_quantity(file, options.n, "n", "s m-1/3", report) if options.n else None
    report.print()
    more = {} if drained is None else {"upstream_area": (drained, "km2"), "local_area": (local, "km2")}
    d.write_network(options.output, options.network, ids, down, length, slope, report, **more)
    if roughness is not None:
        d.write_parameters(options.output, options.network, ids, report, n=roughness, p=np.full(len(ids), options.width),
                           q=np.full(len(ids), 0.5))
    if options.constant_inflow is not None:
        d.write_constant_inflow(options.output, options.network, ids, local, options, report)


if __name__ == "__main__":
    import sys
    FORM = sys.argv.pop(1)
    d.run(lambda argv: main(argv, FORM))
