"""Domain files (docs/file_formats.md, format 1) as the importers write them: checks, mending that is counted, units."""
import sys
from pathlib import Path

import netCDF4
import numpy as np

# unit as written in files -> factor to the unit that domain files use
UNITS = {
    "length": {"m": 1.0, "meter": 1.0, "meters": 1.0, "metre": 1.0, "metres": 1.0, "km": 1000.0, "kilometers": 1000.0},
    "slope": {"1": 1.0, "-": 1.0, "m/m": 1.0, "m m-1": 1.0, "mm-1": 1.0, "percent": 0.01, "%": 0.01, "m/km": 1e-3},
    "area": {"km2": 1.0, "km^2": 1.0, "km**2": 1.0, "m2": 1e-6, "m^2": 1e-6, "m**2": 1e-6, "ha": 0.01},
    "n": {"s m-1/3": 1.0, "s/m^(1/3)": 1.0, "1": 1.0, "-": 1.0},
}
SHOWN = 5


class ImportProblem(Exception):
    """One line: file, variable, value, what is allowed, what to do."""


class Report:
    """What an importer did to the data: printed as a table and stored in the file."""

    def __init__(self):
        self.rows = []

    def add(self, what, count, done=""):
        self.rows.append((what, int(count), done))

    def note(self, count, what, done):
        """As add, but only where something was changed."""
        if count:
            self.add(what, count, done)

    def text(self):
        return "; ".join(f"{what}: {count}" + (f" ({done})" if done else "") for what, count, done in self.rows)

    def print(self):
        width = max((len(what) for what, _, _ in self.rows), default=0)
        for what, count, done in self.rows:
            print(f"  {what:<{width}} {count:>10}  {done}".rstrip())


def run(main):
    """Calls main(arguments) of a tool; a problem is one line on stderr and exit status 1."""
    try:
        main(sys.argv[1:])
    except ImportProblem as problem:
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(1)


# --- reading


def open_netcdf(path):
    if not Path(path).exists():
        raise ImportProblem(f"{path} does not exist")
    try:
        return netCDF4.Dataset(path)
    except OSError as problem:
        raise ImportProblem(f"{path} is not a netCDF file that can be read ({problem})") from problem


def variable(file, name):
    if name not in file.variables:
        raise ImportProblem(f"{file.filepath()}: there is no variable {name}; the file holds {', '.join(file.variables)}")
    return file[name]


def first_present(file, names, option):
    """The first of several usual names that the file has."""
    for name in names:
        if name in file.variables:
            return name
    raise ImportProblem(f"{file.filepath()}: none of {', '.join(names)} is there; name the variable with {option}; the file "
                        f"holds {', '.join(file.variables)}")


def factor(path, name, units, quantity, assumed, report):
    """Factor to the domain's unit; a file that names no unit gets `assumed`, which is counted."""
    allowed = UNITS[quantity]
    if units is None or str(units).strip() == "":
        report.add(f"{name}: no units in the file", 1, f"taken as {assumed}")
        return allowed[assumed]
    if str(units).strip() not in allowed:
        raise ImportProblem(f"{path}: variable {name} has units '{units}'; allowed for {quantity}: {', '.join(allowed)}")
    return allowed[str(units).strip()]


def read_quantity(file, name, quantity, assumed, report):
    """Values in the domain's unit, NaN where missing."""
    v = variable(file, name)
    values = np.ma.filled(np.ma.asarray(v[:], dtype="f8"), np.nan).ravel()
    return values * factor(file.filepath(), name, getattr(v, "units", None), quantity, assumed, report)


def read_ids(file, name):
    """Whole numbers; missing ones become 0."""
    values = np.ma.asarray(variable(file, name)[:]).ravel()
    as_float = np.ma.filled(values.astype("f8"), 0)
    if not np.array_equal(as_float, np.round(as_float)):
        raise ImportProblem(f"{file.filepath()}: variable {name} holds numbers that are not whole; ids must be whole numbers")
    return np.ma.filled(values, 0).astype("i8")


def read_numbers(path, what):
    """Numbers of a text file, one a line (empty lines are left out); a comma may end a line."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise ImportProblem(f"{path} cannot be read ({problem}); it must be text with one {what} a line") from problem
    values = []
    for number, line in enumerate(lines, 1):
        word = line.strip().rstrip(",").strip()
        if not word:
            continue
        try:
            values.append(float(word))
        except ValueError as problem:
            raise ImportProblem(f"{path}: line {number} is '{line.strip()}'; it must be one {what}, a number") from problem
    return np.array(values)


def rows_of(path, held, wanted):
    """Row in `held` of every wanted id; one that is missing is an error."""
    order = np.argsort(held, kind="stable")
    rows = order[np.searchsorted(held, wanted, sorter=order).clip(0, len(held) - 1)] if len(held) else np.zeros(len(wanted), int)
    lost = np.flatnonzero(held[rows] != wanted) if len(held) else np.arange(len(wanted))
    if len(lost):
        shown = ", ".join(str(wanted[k]) for k in lost[:SHOWN])
        raise ImportProblem(f"{path}: {len(lost)} of {len(wanted)} reaches have no row there: {shown}"
                            f"{', ...' if len(lost) > SHOWN else ''}; every reach of the network needs one")
    return rows


# --- topology


def check_ids(path, ids):
    zero = np.flatnonzero(ids == 0)
    if len(zero):
        raise ImportProblem(f"{path}: the reach of row {zero[0]} has the id 0 or none; 0 means outlet, give it another id")
    known, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise ImportProblem(f"{path}: the id {known[counts > 1][0]} stands {counts[counts > 1][0]} times; ids must be unique")


def downstream_rows(path, ids, downstream_id, unknown, report):
    """Row of the downstream reach, -1 at outlets. `unknown`: error, or outlet (counted)."""
    order = np.argsort(ids, kind="stable")
    rows = order[np.searchsorted(ids, downstream_id, sorter=order).clip(0, len(ids) - 1)]
    found = ids[rows] == downstream_id
    outlet = ~found & ((downstream_id == 0) | (downstream_id < 0))
    lost = np.flatnonzero(~found & ~outlet)
    if len(lost) and unknown == "error":
        shown = ", ".join(f"{downstream_id[k]} (of reach {ids[k]})" for k in lost[:SHOWN])
        raise ImportProblem(f"{path}: {len(lost)} downstream ids are in no row: {shown}{', ...' if len(lost) > SHOWN else ''}; "
                            "correct them, or make these reaches outlets with --unknown-downstream outlet")
    report.note(len(lost), "downstream ids in no row", "made outlets")
    down = np.where(found, rows, -1)
    order_of(path, ids, down)
    report.add("reaches", len(ids))
    report.add("outlets", (down < 0).sum())
    return down


def order_of(path, ids, down):
    """Rows so that every reach stands before its downstream reach; a cycle is an error that names its reaches."""
    waiting = np.bincount(down[down >= 0], minlength=len(down))
    front, parts = np.flatnonzero(waiting == 0), []
    while len(front):
        parts.append(front)
        below = down[front]
        below = below[below >= 0]
        np.subtract.at(waiting, below, 1)
        front = np.unique(below)
        front = front[waiting[front] == 0]
    order = np.concatenate(parts) if parts else np.zeros(0, int)
    if len(order) < len(down):
        left = np.ones(len(down), bool)
        left[order] = False
        cycle = [int(np.flatnonzero(left)[0])]
        while down[cycle[-1]] not in cycle:
            cycle.append(int(down[cycle[-1]]))
        cycle = cycle[cycle.index(down[cycle[-1]]):]
        shown = " -> ".join(str(ids[k]) for k in cycle[:SHOWN] + ([] if len(cycle) > SHOWN else cycle[:1]))
        raise ImportProblem(f"{path}: the reaches {shown}{' -> ...' if len(cycle) > SHOWN else ''} drain in a circle; every tree "
                            "needs one outlet")
    return order


def accumulate(down, order, local):
    """Sum over a reach and everything upstream."""
    total = np.array(local, "f8")
    for r in order.tolist():
        if down[r] >= 0:
            total[down[r]] += total[r]
    return total


# --- lengths and slopes


def mend_lengths(path, ids, length, options, report):
    """Lengths that are 0 or missing get options.zero_length (m, or the median of the others); negative ones are an error."""
    negative = np.flatnonzero(length < 0)
    if len(negative):
        raise ImportProblem(f"{path}: length is {length[negative[0]]} at reach {ids[negative[0]]}; lengths cannot be negative")
    bad = ~(length > 0) | ~np.isfinite(length)
    if not bad.any():
        return length
    if options.zero_length is None:
        raise ImportProblem(f"{path}: length is 0 or missing at {bad.sum()} reaches, the first is {ids[np.flatnonzero(bad)[0]]}; "
                            "say what to use there with --zero-length METRES or --zero-length median")
    if options.zero_length == "median" and bad.all():
        raise ImportProblem(f"{path}: no reach has a length, so there is no median; use --zero-length METRES")
    use = float(np.median(length[~bad])) if options.zero_length == "median" else float(options.zero_length)
    report.add("lengths 0 or missing", bad.sum(), f"set to {use:g} m")
    return np.where(bad, use, length)


def mend_slopes(path, ids, slope, options, report):
    """Slopes below slope_min (0, negative, missing) are raised, above slope_max lowered; both counted."""
    missing = ~np.isfinite(slope)
    report.note(missing.sum(), "slopes missing", f"set to {options.slope_min:g}")
    report.note((slope < 0).sum(), "slopes negative", f"set to {options.slope_min:g}")
    report.note((slope == 0).sum(), "slopes 0", f"set to {options.slope_min:g}")
    report.note(((slope > 0) & (slope < options.slope_min)).sum(), "slopes too small", f"raised to {options.slope_min:g}")
    report.note((slope > options.slope_max).sum(), "slopes too large", f"lowered to {options.slope_max:g}")
    return np.clip(np.where(missing, options.slope_min, slope), options.slope_min, options.slope_max)


def zero_length_option(text):
    if text == "median":
        return text
    value = float(text)
    if not value > 0:
        raise ValueError
    return value


def add_options(parser):
    """Options that the importers of a network without inflow have."""
    add_network_options(parser)
    parser.add_argument("--constant-inflow", type=float, metavar="MM_PER_DAY",
                        help="also make a lateral_inflow.nc: this runoff everywhere, times the reach's own area")
    parser.add_argument("--inflow-days", type=int, default=2, help="days of --constant-inflow, from 2000-01-01 (%(default)s)")


def add_network_options(parser):
    """Options that every importer has."""
    parser.add_argument("--output", type=Path, required=True, help="folder of the domain files; made where it is missing")
    parser.add_argument("--unknown-downstream", choices=("error", "outlet"), default="error",
                        help="what a downstream id means that is in no row (default: error)")
    parser.add_argument("--zero-length", type=zero_length_option, metavar="METRES|median",
                        help="length of reaches whose length is 0 or missing (default: they are an error)")
    parser.add_argument("--slope-min", type=float, default=1e-5, help="lower slopes, 0 and missing ones are set to this (%(default)s)")
    parser.add_argument("--slope-max", type=float, default=1.0, help="higher slopes are set to this (%(default)s)")


# --- writing


def create(path, title, source, report):
    path.parent.mkdir(parents=True, exist_ok=True)
    file = netCDF4.Dataset(path, "w")
    file.setncatts({"Conventions": "CF-1.8", "title": title, "source": str(source), "import_report": report.text()})
    return file


def put(file, name, values, units=None, dimensions=("reach",), **attributes):
    values = np.asarray(values)
    v = file.createVariable(name, values.dtype, dimensions, compression="zlib", complevel=1)
    if units:
        v.units = units
    v.setncatts(attributes)
    v[...] = values


def write_network(folder, source, ids, down, length, slope, report, **more):
    """network.nc; `more`: name = (values, units) of further variables of the reaches."""
    with create(folder / "network.nc", "River network", source, report) as file:
        file.createDimension("reach", len(ids))
        put(file, "reach_id", ids)
        put(file, "downstream_id", np.where(down < 0, 0, ids[down]), comment="0 = outlet")
        put(file, "length", length, "m")
        put(file, "slope", slope, "1")
        for name, (values, units) in more.items():
            put(file, name, values, units)
    print(f"wrote {folder / 'network.nc'}")


def write_parameters(folder, source, ids, report, **parameters):
    """parameters.nc, to be given as params.source; n, p, q."""
    units = {"n": "s m-1/3", "p": "m^(1-q)", "q": "1"}
    for name, values in parameters.items():
        bad = np.flatnonzero(~np.isfinite(values) | (values < 0) | ((values == 0) & (name != "q")))
        if len(bad):
            raise ImportProblem(f"{source}: parameter {name} is {values[bad[0]]} at reach {ids[bad[0]]} ({len(bad)} reaches); it "
                                "must be positive")
    with create(folder / "parameters.nc", "Parameters of the reaches", source, report) as file:
        file.createDimension("reach", len(ids))
        put(file, "reach_id", ids)
        for name, values in parameters.items():
            put(file, name, values, units[name])
    print(f"wrote {folder / 'parameters.nc'}")


def write_inflow(folder, source, ids, report, time_units, step_h, windows, rows, comment=""):
    """lateral_inflow.nc from windows [time][reach] in m3/s, in order of time; the report may grow while they come."""
    partial = folder / "lateral_inflow.nc.partial"  # bad values may show late: no half file under the right name
    try:
        with create(partial, "Lateral inflow", source, report) as file:
            file.createDimension("time", rows)
            file.createDimension("reach", len(ids))
            put(file, "time", step_h * np.arange(rows), time_units, ("time",), **({"comment": comment} if comment else {}))
            put(file, "reach_id", ids)
            v = file.createVariable("q_lateral", "f4", ("time", "reach"), compression="zlib", complevel=1, shuffle=True,
                                    chunksizes=(1, max(1, min(len(ids), 65536))))
            v.setncatts({"units": "m3 s-1", "long_name": "mean lateral inflow over the interval"})
            first = 0
            for window in windows:
                check_inflow(source, ids, window, first)
                v[first:first + len(window)] = window
                first += len(window)
            file.import_report = report.text()
        partial.replace(folder / "lateral_inflow.nc")
    finally:
        partial.unlink(missing_ok=True)
    print(f"wrote {folder / 'lateral_inflow.nc'} ({rows} steps)")


def check_inflow(source, ids, window, first):
    bad = np.argwhere(~np.isfinite(window) | (window < 0))
    if len(bad):
        t, r = bad[0]
        raise ImportProblem(f"{source}: lateral inflow is {window[t, r]} at reach {ids[r]}, step {first + t} ({len(bad)} values); it "
                            "must be 0 or positive")


def write_observations(folder, source, report, time_units, step_h, gauge_ids, reach_ids, discharge, **more):
    """observations.nc; discharge [gauge][time] in m3/s, NaN where missing; `more`: name = (values, units) of the gauges."""
    with create(folder / "observations.nc", "Observed discharge", source, report) as file:
        file.createDimension("gauge", len(gauge_ids))
        file.createDimension("time", discharge.shape[1])
        width = max(len(g) for g in gauge_ids)
        file.createDimension("strlen_gauge_id", width)
        put(file, "time", step_h * np.arange(discharge.shape[1]), time_units, ("time",), comment="start of the interval")
        put(file, "gauge_id", np.array([list(g.ljust(width)) for g in gauge_ids], "S1"), None, ("gauge", "strlen_gauge_id"))
        put(file, "reach_id", reach_ids, None, ("gauge",))
        for name, (values, units) in more.items():
            put(file, name, values, units, ("gauge",))
        v = file.createVariable("discharge", "f8", ("gauge", "time"), compression="zlib", complevel=1, fill_value=-9999.0)
        v.setncatts({"units": "m3 s-1", "long_name": "observed discharge, mean over the interval"})
        v[:] = np.where(np.isfinite(discharge), discharge, -9999.0)
    print(f"wrote {folder / 'observations.nc'} ({len(gauge_ids)} gauges, {discharge.shape[1]} steps)")


def write_constant_inflow(folder, source, ids, local_area_km2, options, report):
    """Every day the same runoff, hourly."""
    flow = (options.constant_inflow * 1e-3 / 86400 * 1e6 * local_area_km2)[None, :]
    rows = 24 * options.inflow_days
    print(f"made inflow: {options.constant_inflow:g} mm/day, {flow.sum():.6g} m3/s in all")
    write_inflow(folder, f"made: {options.constant_inflow} mm/day on {source}", ids, report, "hours since 2000-01-01 00:00:00", 1,
                 (flow for _ in range(rows)), rows)
