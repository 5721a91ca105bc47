"""Imports a network of RAPID (David et al. 2011, doi 10.1175/2011JHM1345.1): connectivity table, k and x files,
lateral inflow.

The reaches become network.nc with muskingum_k and muskingum_x, to be routed with routing.scheme: muskingum. That
scheme needs no lengths and slopes, the file format does: where they are not given, the length is the way a wave of 1
km/h makes in k (RAPID's own first guess of k is length over 1 km/h) and the slope 0.001.
"""
import argparse
from pathlib import Path

import numpy as np

import domain_files as d
import import_inflow as inflow_files

CELERITY = 1000 / 3600  # m/s: RAPID's files "kfac" are lengths over this
SLOPE = 1e-3
INFLOW = ("m3_riv", "Qext")  # RAPID (m3 a step) and RAPID2 (m3 s-1)
IDS = ("rivid", "COMID", "reach_id")


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="import_rapid", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: tools/import_rapid rapid_connect.csv --k k.csv --x x.csv --inflow m3_riv.nc --output domain")
    parser.add_argument("connectivity", type=Path, help="table without a head: id, downstream id, number of upstream "
                        "reaches, their ids "
                        "(from the third column on optional)")
    parser.add_argument("--k", type=Path, required=True, help="file of k in seconds, one value a line")
    parser.add_argument("--x", type=Path, required=True, help="file of x, one value a line")
    parser.add_argument("--basin-ids", type=Path, help="file of the ids to take over (riv_bas_id), one a line; k and x "
                        "are then in its order, "
                        "else in that of the connectivity table")
    parser.add_argument("--upstream-lists", choices=("check", "ignore"), default="check",
                        help="whether the upstream ids must agree with the downstream ids (default: %(default)s)")
    parser.add_argument("--length", metavar="METRES|FILE", help="lengths: one for all, or one a line as k (default: "
                        "see above)")
    parser.add_argument("--slope", metavar="NUMBER|FILE", help="slopes: one for all, or one a line as k (default: see "
                        "above)")
    parser.add_argument("--inflow", type=Path, nargs="+", metavar="FILE", help="netCDF files of lateral inflow in "
                        "order of time; in m3 a "
                        "step or m3 s-1, as the units say")
    parser.add_argument("--inflow-variable", help=f"its variable (default: the first of {', '.join(INFLOW)})")
    parser.add_argument("--inflow-id", help=f"variable of its ids (default: the first of {', '.join(IDS)})")
    parser.add_argument("--time", default="time", help="variable of its times (%(default)s)")
    d.add_network_options(parser)
    inflow_files.add_options(parser)
    return parser.parse_args(argv)


def read_table(path):
    """Ids, downstream ids and pairs (upstream, reach) of the connectivity table; pairs are None where it lists none."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise d.ImportProblem(f"{path} cannot be read ({problem})") from problem
    ids, down, pairs, listed = [], [], [], False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = [int(word) for word in line.strip().rstrip(",").split(",")]
            reach, below = values[:2]
        except ValueError as problem:
            raise d.ImportProblem(f"{path}: line {number} is '{line.strip()[:60]}'; it must hold whole numbers with "
                                  "commas between them: id, "
                                  "downstream id, number of upstream reaches, their ids") from problem
        ids.append(reach)
        down.append(below)
        if len(values) > 2:
            listed = True
            upstream = [u for u in values[3:] if u > 0]
            if values[2] != len(upstream):
                raise d.ImportProblem(f"{path}: line {number}: reach {reach} has {values[2]} upstream reaches by its "
                                      "third column, but "
                                      f"{len(upstream)} ids follow")
            pairs += [(u, reach) for u in upstream]
    if not ids:
        raise d.ImportProblem(f"{path} holds no reach")
    return np.array(ids), np.array(down), np.array(pairs, "i8").reshape(-1, 2) if listed else None


def check_upstream(path, ids, down, pairs):
    """The upstream lists say the same as the downstream ids."""
    advice = "correct one of them, or follow the downstream ids with --upstream-lists ignore"
    lost = np.flatnonzero(~np.isin(pairs[:, 0], ids))
    if len(lost):
        u, reach = pairs[lost[0]]
        raise d.ImportProblem(f"{path}: reach {reach} lists {u} as upstream, which has no row ({len(lost)} cases); {advice}")
    rows = d.rows_of(path, ids, pairs[:, 0])
    other = np.flatnonzero(down[rows] != pairs[:, 1])
    if len(other):
        u, reach = pairs[other[0]]
        raise d.ImportProblem(f"{path}: reach {reach} lists {u} as upstream, but {u} drains into "
                              f"{down[rows[other[0]]]} ({len(other)} cases); {advice}")
    inside = np.isin(down, ids)
    if inside.sum() != len(pairs):
        known = set(map(tuple, pairs.tolist()))
        u, reach = next((int(a), int(b)) for a, b in zip(ids[inside], down[inside]) if (int(a), int(b)) not in known)
        raise d.ImportProblem(f"{path}: {u} drains into {reach}, which does not list it as upstream "
                              f"({inside.sum() - len(pairs)} cases); {advice}")


def per_reach(path, count, what, order_file):
    values = d.read_numbers(path, what)
    if len(values) != count:
        raise d.ImportProblem(f"{path}: {len(values)} values of {what}, but {order_file} has {count} reaches; one "
                              "value a line in its order "
                              "is needed")
    return values


def number_or_file(text, count, what, order_file, report):
    """One value for all (counted as made) or a file of values."""
    try:
        value = float(text)
    except ValueError:
        return per_reach(Path(text), count, what, order_file)
    report.add(f"{what}s given for all", count, f"{value:g}")
    return np.full(count, value)


def checked(path, ids, values, what, allowed, good):
    bad = np.flatnonzero(~(good & np.isfinite(values)))
    if len(bad):
        raise d.ImportProblem(f"{path}: {what} is {values[bad[0]]} at reach {ids[bad[0]]} ({len(bad)} reaches); "
                              f"{allowed}")
    return values


def main(argv):
    options = arguments(argv)
    report = d.Report()
    ids, below, pairs = read_table(options.connectivity)
    d.check_ids(options.connectivity, ids)
    if pairs is not None and options.upstream_lists == "check":
        check_upstream(options.connectivity, ids, below, pairs)
    order_file = options.connectivity
    if options.basin_ids:
        order_file = options.basin_ids
        chosen = d.read_numbers(order_file, "id").astype("i8")
        d.check_ids(order_file, chosen)
        below = below[d.rows_of(options.connectivity, ids, chosen)]
        left = np.isin(below, ids) & ~np.isin(below, chosen)
        report.note(len(ids) - len(chosen), "reaches of the table not in the basin", "left out")
        report.note(left.sum(), "reaches that drain out of the basin", "made outlets")
        ids, below = chosen, np.where(left, 0, below)
    down = d.downstream_rows(options.connectivity, ids, below, options.unknown_downstream, report)
    k = per_reach(options.k, len(ids), "k", order_file)
    x = per_reach(options.x, len(ids), "x", order_file)
    checked(options.k, ids, k, "k", "it must be above 0 (seconds)", k > 0)
    checked(options.x, ids, x, "x", "it must lie in 0 to 0.5", (x >= 0) & (x <= 0.5))
    if options.length:
        length = number_or_file(options.length, len(ids), "length", order_file, report)
    else:
        length = k * CELERITY
        report.add("lengths made from k", len(ids), "k times 1 km/h; scheme muskingum does not use them")
    if not options.slope:
        report.add("slopes made", len(ids), f"{SLOPE:g}; scheme muskingum does not use them")
    slope = number_or_file(options.slope, len(ids), "slope", order_file,
                           report) if options.slope else np.full(len(ids), SLOPE)
    length = d.mend_lengths(options.connectivity, ids, length, options, report)
    slope = d.mend_slopes(options.connectivity, ids, slope, options, report)
    d.write_network(options.output, options.connectivity, ids, down, length, slope, report, muskingum_k=(k, "s"),
                    muskingum_x=(x, "1"))
    if options.inflow:
        import_inflow(options, ids, report)
    report.print()


def import_inflow(options, ids, report):
    with d.open_netcdf(options.inflow[0]) as file:
        name = options.inflow_variable or d.first_present(file, INFLOW, "--inflow-variable")
        id_name = options.inflow_id or d.first_present(file, IDS, "--inflow-id")
    inflow = inflow_files.Inflow(options.inflow, [name], id_name, ids, options.time, options, report)
    inflow_files.write(inflow, options, options.inflow[0], ids, report)


if __name__ == "__main__":
    d.run(main)
