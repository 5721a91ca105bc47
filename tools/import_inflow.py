"""Lateral inflow of other models as the importers take it over: time axes, rows by id, whole days; streamed, never
held whole.
"""
import datetime
from pathlib import Path

import netCDF4
import numpy as np

import domain_files as d

DAY = 86400
WINDOW_BYTES = 64 << 20


def add_options(parser, time_is="start"):
    """Options of every importer that reads lateral inflow; `time_is`: the default of --time-is."""
    parser.add_argument("--time-is", choices=("start", "end"), default=time_is, help="what a time of the inflow file "
                        "stands for, the start or the end "
                        "of its interval (default: %(default)s)")
    parser.add_argument("--bad-inflow", choices=("error", "zero"), default="error",
                        help="lateral inflow that is missing or negative is an error, or set to 0 and counted "
                        "(default: error)")
    parser.add_argument("--midnight", choices=("fill", "shift"), help="where the record starts later than midnight: "
                        "repeat its first "
                        "step back to midnight, or move the clock so that its start is midnight (default: an error)")
    parser.add_argument("--skip-steps", type=int, default=0, metavar="N", help="leave out the first N steps of the "
                        "inflow (%(default)s)")
    parser.add_argument("--fill-last-day", action="store_true", help="repeat the last step until midnight: only whole "
                        "days are routed")


def seconds_of(path, file, name):
    """Times of a variable in whole seconds since 1970-01-01 UTC; one value at least."""
    v = d.variable(file, name)
    units = getattr(v, "units", None)
    try:
        dates = netCDF4.num2date(np.atleast_1d(np.ma.filled(v[:], -1)), units, getattr(v, "calendar", "standard"),
                                 only_use_cftime_datetimes=False, only_use_python_datetimes=True)
    except (ValueError, TypeError, AttributeError) as problem:
        raise d.ImportProblem(f"{path}: variable {name} has units '{units}'; they must read like 'hours since "
                              "2000-01-01 00:00:00' in "
                              f"the standard calendar ({problem})") from problem
    epoch = datetime.datetime(1970, 1, 1)
    return np.array([round((date.replace(tzinfo=None) - epoch).total_seconds()) for date in np.atleast_1d(dates)], "i8")


def iso(seconds):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=int(seconds))).isoformat(sep=" ")


class Axis:
    """Equal steps: start [s since 1970-01-01] of the first interval, step [s], number of steps."""

    def __init__(self, path, seconds, time_is):
        steps = np.unique(np.diff(seconds))
        if len(seconds) < 2 or len(steps) != 1 or steps[0] <= 0:
            what = f"its {len(seconds)} times have steps of {', '.join(map(str, steps[:3])) or 'nothing'} s"
            raise d.ImportProblem(f"{path}: {what}; at least two times in equal, growing steps are needed")
        self.step = int(steps[0])
        self.count = len(seconds)
        self.start = int(seconds[0]) - (self.step if time_is == "end" else 0)
        if DAY % self.step:
            raise d.ImportProblem(f"{path}: the time step is {self.step} s, which does not divide a day")


class Inflow:
    """
    Rows (time, reach) of one netCDF file or several in order of time. `names`: variables that are added (unpacked,
    missing = NaN), in m3 s-1 or in m3 a step. Rows are matched by `id_name`.
    """

    def __init__(self, paths, names, id_name, ids, time_name, options, report):
        self.paths, self.names, self.ids = [Path(p) for p in paths], names, ids
        self.report, self.where, seconds = report, [], []
        for path in self.paths:
            with d.open_netcdf(path) as file:
                for name in names:
                    d.variable(file, name)
                rows = d.rows_of(path, d.read_ids(file, id_name), ids)
                times = seconds_of(path, file, time_name)
                seconds.append(times)
                self.where.append((path, rows, len(times), (*file[time_name].dimensions, None)[0]))
        self.axis = Axis(self.paths[0] if len(paths) == 1 else f"{self.paths[0]} ... {self.paths[-1]}",
                         np.concatenate(seconds), options.time_is)
        self.bad, self.skip = 0, options.skip_steps
        if not 0 <= self.skip < self.axis.count:
            raise d.ImportProblem(f"--skip-steps is {self.skip}; the inflow has {self.axis.count} steps, 0 to "
                                  f"{self.axis.count - 1} can be left out")
        self.axis.start += self.skip * self.axis.step
        self.axis.count -= self.skip

    def factor(self, path, v):
        units = str(getattr(v, "units", "")).strip()
        if units in ("m3", "m^3", "m**3"):
            return 1.0 / self.axis.step
        if units in ("m3 s-1", "m3/s", "m^3/s", "m3 s^-1", "m^3 s^-1", "m**3 s**-1"):
            return 1.0
        raise d.ImportProblem(f"{path}: variable {v.name} has units '{units}'; allowed: m3 (a step) and m3 s-1")

    def windows(self, on_bad):
        """[time][reach] in m3/s, as many steps at once as fit in little memory; the skipped steps are left out."""
        done = 0
        for path, rows, count, time_dimension in self.where:
            with d.open_netcdf(path) as file:
                each = max(1, WINDOW_BYTES // (8 * max(1, len(rows))))
                for first in range(0, count, each):
                    last = min(count, first + each)
                    window = sum(self.read(path, file[name], first, last, time_dimension)[:, rows]
                                 for name in self.names)
                    if done + last > self.skip:
                        unwanted = max(0, self.skip - done - first)
                        yield self.mended(path, window[unwanted:], done + first + unwanted, on_bad)
            done += count

    def read(self, path, v, first, last, time_dimension):
        if v.ndim == 1 and time_dimension not in v.dimensions:  # one step a file
            values = v[:][None, :]
        elif v.ndim == 2 and v.dimensions[0] == time_dimension:
            values = v[first:last]
        elif v.ndim == 2 and v.dimensions[1] == time_dimension:
            values = v[:, first:last].T
        else:
            raise d.ImportProblem(f"{path}: variable {v.name} has the dimensions ({', '.join(v.dimensions)}); the time "
                                  "and one of reaches "
                                  "are needed")
        return np.ma.filled(np.ma.asarray(values, dtype="f8"), np.nan) * self.factor(path, v)

    def mended(self, path, window, first, on_bad):
        bad = ~np.isfinite(window) | (window < 0)
        if not bad.any():
            return window
        if on_bad == "error":
            t, r = np.argwhere(bad)[0]
            raise d.ImportProblem(f"{path}: lateral inflow is {window[t, r]} at reach {self.ids[r]}, step {first + t} "
                                  f"({bad.sum()} values); it must be 0 or positive; correct it, or set such values to "
                                  "0 with --bad-inflow zero")
        self.bad += int(bad.sum())
        return np.where(bad, 0.0, window)

    def counted(self, windows):
        """Passes windows on; what was mended is in the report when the last one has gone."""
        yield from windows
        self.report.note(self.bad, "inflow values missing or negative", "set to 0")


def whole_days(path, axis, options, report):
    """Steps to repeat before and after the record and seconds the clock goes back, for a start at midnight."""
    before = after = shift = 0
    late = axis.start % DAY
    if late and options.midnight is None:
        raise d.ImportProblem(f"{path}: the first interval starts at {iso(axis.start)}, but the program needs a start "
                              "at midnight; repeat the "
                              "first step back to midnight with --midnight fill, or move the clock with --midnight "
                              "shift")
    if late and options.midnight == "shift":
        shift = late
        report.add("clock moved back, s", shift, f"midnight is {late / 3600:g} h UTC")
    elif late:
        if late % axis.step:
            raise d.ImportProblem(f"{path}: the first interval starts at {iso(axis.start)}, which is not a whole "
                                  "number of steps of "
                                  f"{axis.step} s after midnight; use --midnight shift")
        before = late // axis.step
        report.add("inflow steps made at the start", before, "the first step repeated")
    rest = -(before + axis.count) % (DAY // axis.step)
    if rest and options.fill_last_day:
        after = rest
        report.add("inflow steps made at the end", after, "the last step repeated")
    elif rest:
        report.add("inflow steps after the last whole day", DAY // axis.step - rest, "kept; --fill-last-day makes the "
                                                                                     "day whole")
    return before, after, shift


def repeated(windows, before, after):
    """The windows with the first row repeated before them and the last one after them."""
    last = None
    for window in windows:
        if last is None and before:
            yield np.repeat(window[:1], before, 0)
        last = window[-1:]
        yield window
    if after and last is not None:
        yield np.repeat(last, after, 0)


def write(inflow, options, source, ids, report):
    """lateral_inflow.nc; gives the seconds by which the clock was moved back."""
    axis = inflow.axis
    before, after, shift = whole_days(source, axis, options, report)
    start = axis.start - before * axis.step - shift
    rows = before + axis.count + after
    moved = f"clock moved back by {shift} s: 00:00 is {iso(axis.start)[11:]} UTC" if shift else ""
    d.write_inflow(options.output, source, ids, report, f"seconds since {iso(start)}" if axis.step % 3600
                   else f"hours since {iso(start)}",
                   axis.step if axis.step % 3600 else axis.step // 3600,
                   inflow.counted(repeated(inflow.windows(options.bad_inflow), before, after)), rows, moved)
    return shift
