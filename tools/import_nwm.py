"""Imports a domain of the National Water Model: RouteLink, lateral inflow of its channel output, gauges.

Writes network.nc; parameters.nc (for params.source) with Manning's n of the file and the width law T = p d^q that has
the trapezoid's top width and area at bankfull depth (TopWdth - BtmWdth) ChSlp / 2: q = (TopWdth - BtmWdth) / (TopWdth
+ BtmWdth); attributes.nc. Reservoirs are not taken over: reaches inside lakes become channels.
"""
import argparse
import csv
import datetime
from pathlib import Path

import netCDF4
import numpy as np

import domain_files as d
import import_inflow as inflow_files

# The inflow that t-route and WRF-Hydro route; the files' own q_lateral is stored in steps of 0.1 m3/s.
PARTS, SUM = ("qBucket", "qSfcLatRunoff"), "q_lateral"
NO_LAKE = -9999


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="import_nwm", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: tools/import_nwm RouteLink.nc --inflow chrtout_hourly.nc --midnight shift --observations "
        "gauges.csv --output domain")
    parser.add_argument("routelink", type=Path, help="RouteLink netCDF file")
    parser.add_argument("--above", type=int, nargs="+", metavar="LINK", help="take over only what drains through these "
                        "links; they become "
                        "outlets")
    parser.add_argument("--inflow", type=Path, nargs="+", metavar="FILE", help="channel output (CHRTOUT) in order of "
                        "time; times are the ends "
                        "of the intervals")
    parser.add_argument("--inflow-variables", nargs="+", metavar="NAME", help="variables to add up (default: "
                        f"{' + '.join(PARTS)} where the "
                        f"file has them, else {SUM})")
    parser.add_argument("--observations", type=Path, metavar="CSV", help="discharge at gauges in m3/s: column time_utc "
                        "and one column a station "
                        "id, as RouteLink's gages spells it; empty: missing")
    parser.add_argument("--observation-step-h", type=float, default=1.0, help="means over this many hours are stored "
                        "(%(default)s)")
    d.add_network_options(parser)
    inflow_files.add_options(parser, "end")
    return parser.parse_args(argv)


def reaches_above(path, ids, down, links):
    """Rows of the links and of everything that drains through them."""
    keep = np.zeros(len(ids), bool)
    lost = [link for link in links if link not in ids]
    if lost:
        raise d.ImportProblem(f"--above: {path} has no link {lost[0]}; give ids of its variable link")
    keep[d.rows_of(path, ids, np.array(links))] = True
    for r in d.order_of(path, ids, down)[::-1].tolist():
        if down[r] >= 0 and keep[down[r]]:
            keep[r] = True
    return np.flatnonzero(keep)


class RouteLink:
    """Columns of the file, rows cut to the domain."""

    def __init__(self, file, options, report):
        self.file, self.path = file, options.routelink
        ids, to = d.read_ids(file, "link"), d.read_ids(file, "to")
        d.check_ids(self.path, ids)
        if options.above:
            whole = d.downstream_rows(self.path, ids, to, options.unknown_downstream, d.Report())
            self.rows = reaches_above(self.path, ids, whole, options.above)
            report.add("links of the file", len(ids), "reaches: those above "
                       + ", ".join(map(str, options.above[:d.SHOWN]))
                       + (", ..." if len(options.above) > d.SHOWN else ""))
            to = np.where(np.isin(to, ids[self.rows]), to, 0)
        else:
            self.rows = np.arange(len(ids))
        self.ids = ids[self.rows]
        self.down = d.downstream_rows(self.path, self.ids, to[self.rows], options.unknown_downstream, report)

    def column(self, name):
        return np.ma.filled(np.ma.asarray(d.variable(self.file, name)[:], dtype="f8"), np.nan)[self.rows]

    def optional(self, name):
        return self.column(name) if name in self.file.variables else None

    def lakes(self):
        name = "NHDWaterbodyComID"
        return d.read_ids(self.file, name)[self.rows] if name in self.file.variables else None

    def gauges(self):
        """Station id of every reach, empty where there is none."""
        v = d.variable(self.file, "gages")
        v.set_auto_chartostring(False)
        texts = np.asarray(netCDF4.chartostring(np.asarray(v[:]).astype("S1"), encoding="ascii"))[self.rows]
        return [str(t).replace("\0", "").strip() for t in texts]

    def positive(self, name):
        values = self.column(name)
        bad = np.flatnonzero(~(values > 0))
        if len(bad):
            raise d.ImportProblem(f"{self.path}: {name} is {values[bad[0]]} at reach {self.ids[bad[0]]} ({len(bad)} "
                                  "reaches); it must be above 0")
        return values


def width_law(link):
    """p, q of T = p d^q with the top width and the area of the trapezoid at bankfull depth (side slope 1/ChSlp)."""
    bottom, top, slope = (link.positive(name) for name in ("BtmWdth", "TopWdth", "ChSlp"))
    bad = np.flatnonzero(top <= bottom)
    if len(bad):
        raise d.ImportProblem(f"{link.path}: TopWdth is {top[bad[0]]}, BtmWdth {bottom[bad[0]]} at reach "
                              f"{link.ids[bad[0]]} ({len(bad)} reaches); "
                              "the top must be wider")
    depth, q = (top - bottom) * slope / 2, (top - bottom) / (top + bottom)
    return top / depth ** q, q


def write_attributes(options, link, length, slope, report):
    upstream = d.accumulate(link.down, d.order_of(link.path, link.ids, link.down), length)
    columns = {"log10_length": (np.log10(length), "log10 m"), "log10_slope": (np.log10(slope), "log10 m/m"),
               "log10_upstream_length": (np.log10(upstream), "log10 m of channel"),
               "log10_bottom_width": (np.log10(link.positive("BtmWdth")), "log10 m"),
               "side_slope": (link.column("ChSlp"), "1")}
    for name, source, units in (("altitude", "alt", "m"), ("stream_order", "order", "1"), ("latitude", "lat",
                                                                                           "degrees_north"),
                                ("longitude", "lon", "degrees_east")):
        values = link.optional(source)
        if values is not None:
            columns[name] = (values, units)
    with d.create(options.output / "attributes.nc", "Attributes of the reaches", options.routelink, report) as file:
        file.createDimension("reach", len(link.ids))
        d.put(file, "reach_id", link.ids)
        for name, (values, units) in columns.items():
            d.put(file, name, values, units)
    print(f"wrote {options.output / 'attributes.nc'}")


def inflow_names(options):
    if options.inflow_variables:
        return options.inflow_variables
    with d.open_netcdf(options.inflow[0]) as file:
        if all(name in file.variables for name in PARTS):
            return list(PARTS)
        return [d.first_present(file, (SUM,), "--inflow-variables")]


def read_gauges(path):
    """Seconds since 1970 of the rows, station ids, values [time][station], NaN where empty."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError) as problem:
        raise d.ImportProblem(f"{path} cannot be read ({problem})") from problem
    if len(rows) < 3 or len(rows[0]) < 2 or rows[0][0] != "time_utc":
        raise d.ImportProblem(f"{path}: a head 'time_utc,STATION,...' and at least two rows are needed")
    seconds, values = [], []
    for number, row in enumerate(rows[1:], 2):
        try:
            at = datetime.datetime.fromisoformat(row[0])
            if len(row) != len(rows[0]) or at.tzinfo:
                raise ValueError(f"{len(row)} columns, time {row[0]}")
            values.append([float(word) if word.strip() else np.nan for word in row[1:]])
        except ValueError as problem:
            raise d.ImportProblem(f"{path}: line {number} cannot be read ({problem}); a time like 2021-08-23T00:15:00 "
                                  "without a zone and "
                                  f"{len(rows[0]) - 1} numbers are needed") from problem
        seconds.append(round((at - datetime.datetime(1970, 1, 1)).total_seconds()))
    return np.array(seconds), rows[0][1:], np.array(values)


def import_observations(options, link, shift, report):
    """Means over --observation-step-h on the run's clock, which was moved back by `shift` seconds."""
    path, step = options.observations, round(options.observation_step_h * 3600)
    seconds, stations, values = read_gauges(path)
    axis = inflow_files.Axis(path, seconds, "start")
    if step <= 0 or inflow_files.DAY % step or step % axis.step:
        raise d.ImportProblem(f"--observation-step-h is {options.observation_step_h:g}; it must divide a day and be a "
                              f"multiple of the {axis.step} s "
                              f"of {path}")
    station_of = {}
    for row, name in enumerate(link.gauges()):
        if name in station_of and name in stations:
            raise d.ImportProblem(f"{link.path}: station {name} is at the links {link.ids[station_of[name]]} and "
                                  f"{link.ids[row]}; leave it out of {path}")
        if name:
            station_of[name] = row
    here = [k for k, name in enumerate(stations) if name in station_of]
    report.note(len(stations) - len(here), "stations not in the domain", "left out")
    if not here:
        raise d.ImportProblem(f"{path}: none of its {len(stations)} stations is in {link.path} (gages)")
    first = -(axis.start - shift) % step // axis.step
    count, each = (axis.count - first) // (step // axis.step), step // axis.step
    if not count:
        raise d.ImportProblem(f"{path}: its {axis.count} rows do not fill one interval of "
                              f"{options.observation_step_h:g} h")
    means = values[first:first + count * each, here].reshape(count, each, len(here)).mean(1)
    report.add("gauges", len(here), f"means over {options.observation_step_h:g} h")
    start = inflow_files.iso(axis.start + first * axis.step - shift)
    places = [station_of[stations[k]] for k in here]
    more = {name: (link.column(name)[places], "degrees") for name in ("lat", "lon") if name in link.file.variables}
    d.write_observations(options.output, path, report, f"seconds since {start}", step, [stations[k] for k in here],
                         link.ids[places], means.T,
                         **more)


def main(argv):
    options = arguments(argv)
    report = d.Report()
    with d.open_netcdf(options.routelink) as file:
        link = RouteLink(file, options, report)
        length = d.mend_lengths(link.path, link.ids, link.column("Length"), options, report)
        slope = d.mend_slopes(link.path, link.ids, link.column("So"), options, report)
        lakes = link.lakes()
        more = {}
        if lakes is not None:
            inside = lakes != NO_LAKE
            report.note(inside.sum(), "reaches inside lakes", f"{len(np.unique(lakes[inside]))} lakes; become "
                                                              "channels, reservoirs are not routed")
            more["waterbody_id"] = (lakes, "1")
        p, q = width_law(link)
        d.write_network(options.output, link.path, link.ids, link.down, length, slope, report, **more)
        d.write_parameters(options.output, link.path, link.ids, report, n=link.column("n"), p=p, q=q)
        write_attributes(options, link, length, slope, report)
        shift = 0
        if options.inflow:
            inflow = inflow_files.Inflow(options.inflow, inflow_names(options), "feature_id", link.ids, "time", options,
                                         report)
            report.add("inflow variables", len(inflow.names), " + ".join(inflow.names))
            shift = inflow_files.write(inflow, options, options.inflow[0], link.ids, report)
        if options.observations:
            import_observations(options, link, shift, report)
    report.print()


if __name__ == "__main__":
    d.run(main)
