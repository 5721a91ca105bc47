"""Imports a domain of the USGS National Hydrologic Model (Regan et al. 2018, doi 10.3133/tm6B9): response units, river
segments, forcing and gauges, for joint learning of runoff and routing.

Read are prcp.nc, tmax.nc, tmin.nc, parameters_dis_hru.nc, parameters_dis_seg.nc, parameters_PRMSChannel.nc and, where
they are there, other parameters_PRMS*.nc (attributes) and *_obs.nc (gauges). Written are network.nc, attributes.nc and
parameters.nc of the segments, forcing.nc (with hru_reach) and place_attributes.nc of the response units, and
observations.nc of the gauges.
"""
import argparse
from pathlib import Path

import numpy as np

import domain_files as d
import domain_places as p

# what stands in forcing.nc, or says the same again
NO_ATTRIBUTES = {"nhm_id", "hru_area", "hru_in_to_cf", "hru_lat", "hru_lon", "hru_segment"}
MODULES = ("PRMSCanopy", "PRMSSoilzone", "PRMSRunoff", "PRMSSnow", "PRMSGroundwater", "PRMSAtmosphere")
SEGMENT_COLUMNS = {
    "seg_elev": ("elevation", "m"), "seg_lat": ("latitude", "degrees_north"), "x_coef": ("x_coef", "1"),
    "segment_type": ("segment_type", "1")
}


def arguments(argv):
    parser = argparse.ArgumentParser(prog="import_nhm", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: tools/import_nhm nhm_prms_drb --utc-offset-h -5 --output domain")
    parser.add_argument("folder", type=Path, help="folder of the files")
    parser.add_argument(
        "--elevation-unit", choices=tuple(p.UNITS["elevation"]), default="m",
        help="unit of hru_elev, which the files call "
        "elev_units; checked against seg_elev (%(default)s)")
    parser.add_argument(
        "--utc-offset-h", type=float,
        help="local standard time minus UTC of the gauges' days (US East: -5); default: days of "
        "gauges and of forcing are the same days")
    d.add_network_options(parser)
    return parser.parse_args(argv)


class Parameters:
    """Parameter files of the folder, opened when asked for."""
    def __init__(self, folder):
        self.folder, self.open = folder, {}

    def path(self, part):
        return self.folder / f"parameters_{part}.nc"

    def file(self, part):
        if part not in self.open:
            self.open[part] = p.open_dataset(self.path(part))
        return self.open[part]

    def values(self, part, name, dimension):
        return p.array(self.file(part), name, self.path(part), (dimension, ))

    def quantity(self, part, name, dimension, quantity, report, more_units=None):
        file = self.file(part)
        values = self.values(part, name, dimension)
        unit = file[name].attrs.get("units")
        return p.convert(self.path(part), name, values, (more_units or {}).get(unit, unit), quantity, report)


def integers(path, name, values):
    bad = np.flatnonzero(~np.isfinite(values) | (values != np.round(values)))
    if len(bad):
        raise d.ImportProblem(f"{path}: {name} is {values[bad[0]]} in row {bad[0]}; whole numbers are needed")
    return values.astype("i8")


def one_based(path, name, index, ids, allowed_zero):
    """Ids by 1-based rows, 0 where the row is 0."""
    bad = np.flatnonzero((index > len(ids)) | ((index < 1) if not allowed_zero else (index < 0)))
    if len(bad):
        raise d.ImportProblem(
            f"{path}: {name} is {index[bad[0]]} in row {bad[0]}; {0 if allowed_zero else 1} to {len(ids)} are allowed")
    return np.where(index > 0, ids[np.maximum(index, 1) - 1], 0)


def segments(parameters, options, report):
    path = parameters.path("dis_seg")
    ids = integers(path, "nhm_seg", parameters.values("dis_seg", "nhm_seg", "nsegment"))
    d.check_ids(path, ids)
    to = integers(path, "tosegment", parameters.values("dis_seg", "tosegment", "nsegment"))
    down = d.downstream_rows(path, ids, one_based(path, "tosegment", to, ids, True), options.unknown_downstream, report)
    metres = {"meters": "m", "meter": "m"}
    length = parameters.quantity("dis_seg", "seg_length", "nsegment", "elevation", report, metres)
    unit = parameters.file("dis_seg")["seg_slope"].attrs.get("units")
    if unit not in ("decimal fraction", "1", "m/m"):
        raise d.ImportProblem(f"{path}: variable seg_slope has units '{unit}'; allowed: decimal fraction, 1, m/m")
    slope = d.mend_slopes(path, ids, parameters.values("dis_seg", "seg_slope", "nsegment"), options, report)
    return ids, down, d.mend_lengths(path, ids, length, options, report), slope


def units_of_land(parameters, options, segment_ids, report):
    """Response units as places; which segment each drains into."""
    path, channel = parameters.path("dis_hru"), parameters.path("PRMSChannel")
    ids = integers(path, "nhm_id", parameters.values("dis_hru", "nhm_id", "nhru"))
    if not np.array_equal(ids, parameters.values("PRMSChannel", "nhm_id", "nhru")):
        raise d.ImportProblem(f"{channel}: nhm_id has other ids, or another order, than {path}; they must agree")
    index = integers(channel, "hru_segment", parameters.values("PRMSChannel", "hru_segment", "nhru"))
    reach = one_based(channel, "hru_segment", index, segment_ids, True)
    area = parameters.quantity("dis_hru", "hru_area", "nhru", "area", report)
    report.note((reach == 0).sum(), "response units that drain into no segment",
                f"kept, hru_reach 0: {area[reach == 0].sum():.4g} km2")
    elevation = parameters.quantity("dis_hru", "hru_elev", "nhru", "elevation", report,
                                    {"elev_units": options.elevation_unit})
    report.add("unit of hru_elev", 1, f"taken as {options.elevation_unit}")
    check_elevation(parameters, path, elevation, index, report)
    latitude, longitude = (parameters.quantity("dis_hru", name, "nhru", "degrees", report)
                           for name in ("hru_lat", "hru_lon"))
    return ids, p.Places([str(i) for i in ids], latitude, longitude, area, elevation, reach)


def check_elevation(parameters, path, elevation, index, report):
    """A unit mistaken by 3.28 shows: land lies above the middle of its segment, by tens of metres and not by "
      "hundreds."""
    unit = parameters.file("dis_seg")["seg_elev"].attrs.get("units")
    height = p.convert(parameters.path("dis_seg"), "seg_elev", parameters.values("dis_seg", "seg_elev", "nsegment"),
                       unit, "elevation", report)
    on = index > 0
    above = elevation[on] - height[index[on] - 1]
    ratio = np.median(elevation[on] + 1) / np.median(height[index[on] - 1] + 1)
    if not 0.6 < ratio < 2.5:
        raise d.ImportProblem(
            f"{path}: the median of hru_elev is {ratio:.2f} times that of the segments' seg_elev (m), median "
            "difference "
            f"{np.median(above):.0f} m; another --elevation-unit is likely")


def read_forcing(folder, hru_ids, report):
    days, named = None, {}
    for file_name, name, quantity in (("prcp", "precipitation", "water"), ("tmax", "temperature_max", "temperature"),
                                      ("tmin", "temperature_min", "temperature")):
        path = folder / f"{file_name}.nc"
        with p.open_dataset(path) as file:
            held = integers(path, "nhm_id", p.array(file, "nhm_id", path))
            rows = d.rows_of(path, held, hru_ids)
            own = p.check_daily(path, p.days_of(path, file["time"].values))
            if days is not None and not np.array_equal(days, own):
                raise d.ImportProblem(
                    f"{path}: its days ({own[0]} to {own[-1]}) are not those of prcp.nc ({days[0]} to {days[-1]})")
            days = own
            named[name] = p.convert(path, file_name,
                                    p.array(file, file_name, path, ("nhm_id", "time"))[rows],
                                    file[file_name].attrs.get("units"), quantity, report)
    named["temperature_mean"] = 0.5 * (named["temperature_min"] + named["temperature_max"])
    report.add("temperature_mean made", len(hru_ids), "half the sum of temperature_min and temperature_max")
    return days[0], named


def land_attributes(parameters, report):
    """Parameters of the units, one value each; those of months as the mean of the year, angles as sine and cosine."""
    columns, units = {}, {}
    for part in ("dis_hru", *MODULES):
        if not parameters.path(part).exists():
            report.add(f"parameters_{part}.nc", 0, "is not there, its attributes are left out")
            continue
        file = parameters.file(part)
        for name in file.variables:
            if name in NO_ATTRIBUTES or name in columns or "nhru" not in file[name].dims or file[
                    name].dtype.kind not in "iuf":
                continue
            if file[name].dims == ("nhru", ):
                values = p.array(file, name, parameters.path(part))
            elif set(file[name].dims) == {"nmonth", "nhru"}:
                values = p.array(file, name, parameters.path(part), ("nhru", "nmonth")).mean(1)
            else:
                continue
            if name == "hru_aspect":
                columns["aspect_sin"], columns["aspect_cos"] = np.sin(np.radians(values)), np.cos(np.radians(values))
            else:
                columns[name], units[name] = values, str(file[name].attrs.get("units", ""))
    return columns, units


def positive(path, ids, name, values):
    bad = np.flatnonzero(~(values > 0))
    if len(bad):
        raise d.ImportProblem(
            f"{path}: {name} is {values[bad[0]]} at segment {ids[bad[0]]} ({len(bad)} segments); it must be above 0")
    return values


def write_segment_attributes(options, parameters, ids, length, slope, upstream_area, report):
    path = parameters.path("dis_seg")
    columns = {
        "log10_length": (np.log10(length), "log10 m"), "log10_slope": (np.log10(slope), "log10 m/m"),
        "log10_uparea": (np.log10(np.maximum(upstream_area, 1e-3)), "log10 km2")
    }
    for name in ("seg_width", "seg_depth"):
        columns[f"log10_{name[4:]}"] = (np.log10(
            positive(path, ids, name, parameters.values("dis_seg", name, "nsegment"))), "log10 m")
    for name, (ours, unit) in SEGMENT_COLUMNS.items():
        part = "PRMSChannel" if name == "x_coef" else "dis_seg"
        if name in parameters.file(part):
            columns[ours] = (parameters.values(part, name, "nsegment"), unit)
    with d.create(options.output / "attributes.nc", "Attributes of the reaches", options.folder, report) as file:
        file.createDimension("reach", len(ids))
        d.put(file, "reach_id", ids)
        for name, (values, unit) in columns.items():
            d.put(file, name, values, unit)
    print(f"wrote {options.output / 'attributes.nc'}")


def write_segment_parameters(options, parameters, ids, report):
    path = parameters.path("PRMSChannel")
    if not np.array_equal(ids, parameters.values("PRMSChannel", "nhm_seg", "nsegment")):
        raise d.ImportProblem(
            f"{path}: nhm_seg has other ids, or another order, than {parameters.path('dis_seg')}; they must agree")
    width, depth = (positive(parameters.path("dis_seg"), ids, name, parameters.values("dis_seg", name, "nsegment"))
                    for name in ("seg_width", "seg_depth"))
    q = np.full(len(ids), 0.5)
    report.add("p of parameters.nc", len(ids), "from seg_width at seg_depth with q = 0.5")
    d.write_parameters(options.output, options.folder, ids, report,
                       n=parameters.values("PRMSChannel", "mann_n", "nsegment"), p=width / depth**q, q=q)


def gauges(options, parameters, ids, upstream_km2, report):
    """observations.nc: discharge of the points of interest, in m3/s."""
    paths = sorted(options.folder.glob("*_obs.nc"))
    if len(paths) != 1:
        report.add("files *_obs.nc", len(paths), "one is needed for gauges: no observations.nc")
        return
    path, seg = paths[0], parameters.path("dis_seg")
    names = p.texts(parameters.file("dis_seg")["poi_gage_id"].values)
    index = integers(seg, "poi_gage_segment", parameters.values("dis_seg", "poi_gage_segment", "npoigages"))
    reach_of = dict(zip(names, one_based(seg, "poi_gage_segment", index, ids, False)))
    with p.open_dataset(path) as file:
        held = p.texts(file["poi_id"].values)
        days = p.check_daily(path, p.days_of(path, file["time"].values))
        flow = p.convert(path, "discharge", p.array(file, "discharge", path, ("poi_id", "time")),
                         file["discharge"].attrs.get("units"), "discharge", report)
        numbers = {
            "lat": ("latitude", "degrees_north"), "lon": ("longitude", "degrees_east"),
            "drainage_area": ("drainage_area", "km2")
        }
        more = {
            ours: (p.convert(path, name, p.array(file, name, path), file[name].attrs.get("units"),
                             "area" if unit == "km2" else "degrees", report), unit)
            for ours, (name, unit) in numbers.items() if name in file
        }
    has_value = np.isfinite(flow).any(1)
    known = np.array([name in reach_of for name in held])
    report.note((~known).sum(), "gauges on no segment", "left out")
    report.note((known & ~has_value).sum(), "gauges without a value", "left out")
    report.note((flow < 0).sum(), "negative discharge", "made missing")
    rows = np.flatnonzero(known & has_value)
    if not len(rows):
        raise d.ImportProblem(f"{path}: no gauge is on a segment and has a value")
    report.add("gauges", len(rows), f"{np.isfinite(flow[rows]).all(1).sum()} of them without gaps")
    if "drainage_area" in more:
        drained = dict(zip(ids.tolist(), upstream_km2))
        ratio = np.array([drained[reach_of[held[k]]] for k in rows]) / more["drainage_area"][0][rows]
        report.note((np.abs(ratio - 1) > 0.1).sum(),
                    "gauges whose drainage_area differs by more than 10 % from their reach's", "kept")
    more = {name: (values[rows], unit) for name, (values, unit) in more.items()}
    if options.utc_offset_h is not None:
        more["utc_offset_h"] = (np.full(len(rows), options.utc_offset_h), "h")
    d.write_observations(options.output, path, report, f"days since {days[0]}", 1, [held[k] for k in rows],
                         np.array([reach_of[held[k]] for k in rows]), np.where(flow[rows] < 0, np.nan, flow[rows]),
                         **more)


def main(argv):
    options = arguments(argv)
    report = d.Report()
    parameters = Parameters(options.folder)
    ids, down, length, slope = segments(parameters, options, report)
    hru_ids, places = units_of_land(parameters, options, ids, report)
    row = {int(i): k for k, i in enumerate(ids)}
    on = places.hru_reach > 0
    local = np.bincount([row[int(r)] for r in places.hru_reach[on]], weights=places.area_km2[on], minlength=len(ids))
    report.note((local == 0).sum(), "segments without a response unit", "local_area 0")
    upstream = d.accumulate(down, d.order_of(parameters.path("dis_seg"), ids, down), local)
    first_day, forcing = read_forcing(options.folder, hru_ids, report)
    columns, units = land_attributes(parameters, report)
    d.write_network(options.output, options.folder, ids, down, length, slope, report, upstream_area=(upstream, "km2"),
                    local_area=(local, "km2"))
    write_segment_parameters(options, parameters, ids, report)
    write_segment_attributes(options, parameters, ids, length, slope, upstream, report)
    p.write_forcing(options.output, options.folder, report, places, first_day, forcing)
    p.write_attributes(options.output / "place_attributes.nc", options.folder, report, places.ids, columns, units)
    gauges(options, parameters, ids, upstream, report)
    report.print()


if __name__ == "__main__":
    d.run(main)
