"""Imports CAMELS-US (Newman et al. 2015, doi 10.5194/hess-19-209-2015; Addor et al. 2017, doi
10.5194/hess-21-5293-2017) as a domain of basins: forcing.nc, attributes.nc, observations.nc.

Two forms are read: the text files as distributed (basin_mean_forcing/PRODUCT/**/*_forcing_leap.txt, usgs_streamflow/**/
*_streamflow_qc.txt, camels_attributes_v2.0/camels_*.txt, anywhere below FOLDER), and a packed form (netCDF files of
forcing and streamflow of dimensions basin and time, attributes.csv).
"""
import argparse
import re
from pathlib import Path

import numpy as np
import pandas as pd

import domain_files as d
import domain_places as p

# column of the forcing -> (variable, quantity); the text form says the unit behind the name: tmax(C)
COLUMNS = {
    "prcp": ("precipitation", "water"), "tmax": ("temperature_max", "temperature"),
    "tmin": ("temperature_min", "temperature"), "srad": ("shortwave_radiation", "radiation"),
    "vp": ("vapour_pressure", "pressure"), "dayl": ("day_length", "duration")
}
# units of Addor et al. (2017), tables 1 to 6
ATTRIBUTE_UNITS = {
    "elev_mean": "m", "slope_mean": "m/km", "area_gages2": "km2", "area_geospa_fabric": "km2", "p_mean": "mm/day",
    "pet_mean": "mm/day", "frac_snow": "1", "aridity": "1", "high_prec_freq": "days/yr", "high_prec_dur": "days",
    "low_prec_freq": "days/yr", "low_prec_dur": "days", "soil_depth_pelletier": "m", "soil_depth_statsgo": "m",
    "soil_conductivity": "cm/h", "max_water_content": "m", "sand_frac": "%", "silt_frac": "%", "clay_frac": "%",
    "gauge_lat": "degrees_north", "gauge_lon": "degrees_east", "root_depth_50": "m", "root_depth_99": "m",
    "geol_permeability": "log10 m2", "frac_forest": "1"
}
DERIVED_FROM_FLOW = "camels_hydro"


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="import_camels", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: tools/import_camels CAMELS_US --product maurer_extended --output domain")
    parser.add_argument("folder", type=Path, help="folder of the files")
    parser.add_argument(
        "--product",
        help="folder of the forcing below basin_mean_forcing (text form): daymet, maurer, maurer_extended, "
        "nldas, ... (default: the only one there)")
    parser.add_argument(
        "--area", choices=("forcing", "area_gages2", "area_geospa_fabric"), default="forcing",
        help="area that makes mm/day of a flow: of the forcing's header, which is the usual one, or an attribute "
        "(default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True,
                        help="folder of the domain files; made where it is missing")
    return parser.parse_args(argv)


class Basins:
    """What both forms give: ids, header numbers, [place][day] of the file's variables in the domain's units, flow in "
      "m3/s."""
    def __init__(self, source, ids, latitude, elevation, area_km2, first_day, forcing, flow_first_day, flow_m3s):
        self.source, self.ids, self.latitude, self.elevation, self.area_km2 = source, ids, latitude, elevation, area_km2
        self.first_day, self.forcing, self.flow_first_day, self.flow_m3s = first_day, forcing, flow_first_day, flow_m3s


# --- text form


def read_forcing_text(path):
    """Latitude, elevation [m], area [m2], days, {column: (values, unit)} of one basin."""
    try:
        lines = path.read_text().splitlines()
        latitude, elevation, area = (float(lines[k].split()[0]) for k in range(3))
        head = lines[3].split()
        table = np.array([line.split() for line in lines[4:] if line.strip()], "f8")
        days = dates(table[:, :3].astype(int))
    except (OSError, ValueError, IndexError) as problem:
        raise d.ImportProblem(
            f"{path} is not a forcing file of CAMELS ({p.first_line(problem)}): three lines of latitude, elevation, "
            "area, a line of names, "
            "then a line a day are needed") from problem
    if table.shape[1] != len(head):
        raise d.ImportProblem(f"{path}: {len(head)} names in line 4 but {table.shape[1]} numbers a line")
    columns = {}
    for k, name in enumerate(head):
        match = re.fullmatch(r"(\w+)\((.+)\)", name)
        if match and match[1].lower() in COLUMNS:
            columns[match[1].lower()] = (np.where(table[:, k] <= -999, np.nan, table[:, k]), match[2])
    missing = [name for name in ("prcp", "tmax", "tmin") if name not in columns]
    if missing:
        raise d.ImportProblem(f"{path}: column {missing[0]} is missing; line 4 holds {' '.join(head)}")
    return latitude, elevation, area, days, columns


def dates(year_month_day):
    return pd.to_datetime(dict(zip(("year", "month", "day"), year_month_day.T))).to_numpy().astype("datetime64[D]")


def read_flow_text(path):
    try:
        rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
        days = dates(np.array([row[1:4] for row in rows], int))
        flow = np.array([row[4] for row in rows], "f8")
    except (OSError, ValueError, IndexError) as problem:
        raise d.ImportProblem(
            f"{path} is not a streamflow file of CAMELS ({p.first_line(problem)}): lines of gauge, year, month, day, "
            "ft3/s and flag "
            "are needed") from problem
    return days, np.where(flow <= -999, np.nan, flow * p.CUBIC_FEET)


def text_files(folder, product, report):
    roots = sorted(folder.rglob("basin_mean_forcing"))
    if not roots:
        raise d.ImportProblem(
            f"{folder}: neither a netCDF file named *forcing.nc nor a folder basin_mean_forcing is below it")
    products = sorted(x.name for x in roots[0].iterdir() if x.is_dir())
    if product is None and len(products) != 1:
        raise d.ImportProblem(f"{roots[0]} holds {', '.join(products) or 'nothing'}; choose one with --product")
    chosen = roots[0] / (product or products[0])
    if not chosen.is_dir():
        raise d.ImportProblem(f"{chosen} does not exist; there are {', '.join(products)}")
    forcing = {path.name.split("_")[0]: path for path in sorted(chosen.rglob("*_forcing_leap.txt"))}
    flow = {path.name.split("_")[0]: path for path in sorted(folder.rglob("*_streamflow_qc.txt"))}
    if not forcing or not flow:
        raise d.ImportProblem(
            f"{folder}: {len(forcing)} forcing files in {chosen.name} and {len(flow)} streamflow files; both are needed"
        )
    both = sorted(forcing.keys() & flow.keys())
    if not both:
        raise d.ImportProblem(f"{folder}: no gauge has both a forcing and a streamflow file; is --product right?")
    report.note(len(forcing) - len(both), "forcing files without a streamflow file", "left out")
    report.note(len(flow) - len(both), "streamflow files without a forcing file", "left out")
    return both, [forcing[g] for g in both], [flow[g] for g in both]


def read_text(folder, product, report):
    ids, forcing_files, flow_files = text_files(folder, product, report)
    basins = [read_forcing_text(path) for path in forcing_files]
    names = [name for name in COLUMNS if all(name in columns for *_, columns in basins)]
    forcing = {}
    for name in names:
        series = []
        for path, (*_, days, columns) in zip(forcing_files, basins):
            values, unit = columns[name]
            series.append((days, p.convert(path, name, values, unit, COLUMNS[name][1], report)))
        first_day, forcing[name] = p.on_days(folder, series)
    flow_first_day, flow = p.on_days(folder, [read_flow_text(path) for path in flow_files])
    latitude, elevation, area = (np.array([b[k] for b in basins]) for k in range(3))
    return Basins(folder, ids, latitude, elevation, area * 1e-6, first_day, forcing, flow_first_day, flow)


# --- packed form


def packed_files(folder):
    found = [sorted(folder.glob(pattern)) for pattern in ("*forcing.nc", "*streamflow.nc")]
    for pattern, paths in zip(("*forcing.nc", "*streamflow.nc"), found):
        if len(paths) != 1:
            raise d.ImportProblem(f"{folder}: {len(paths)} files are named {pattern}; one is needed")
    return found[0][0], found[1][0]


def read_packed(folder, report):
    forcing_path, flow_path = packed_files(folder)
    order = ("basin", "time")
    with p.open_dataset(forcing_path) as file:
        ids = p.texts(p.array(file, "gauge_id", forcing_path))
        days = p.check_daily(forcing_path, p.days_of(forcing_path, file["time"].values))
        forcing = {
            name: p.convert(forcing_path, name, p.array(file, name, forcing_path, order), file[name].attrs.get("units"),
                            quantity, report) for name, (_, quantity) in COLUMNS.items() if name in file
        }
    with p.open_dataset(flow_path) as file:
        held = p.texts(p.array(file, "gauge_id", flow_path))
        both = [g for g in ids if g in set(held)]
        report.note(len(ids) - len(both), "basins without streamflow", "left out")
        rows, flow_rows = [ids.index(g) for g in both], [held.index(g) for g in both]
        flow_days = p.check_daily(flow_path, p.days_of(flow_path, file["time"].values))
        flow = p.convert(flow_path, "streamflow",
                         p.array(file, "streamflow", flow_path, order)[flow_rows],
                         file["streamflow"].attrs.get("units"), "discharge", report)
        area = p.convert(flow_path, "area_m2",
                         p.array(file, "area_m2", flow_path)[flow_rows], file["area_m2"].attrs.get("units"), "area",
                         report)
        latitude, elevation = (p.array(file, name, flow_path)[flow_rows] for name in ("lat", "elev_m"))
    return Basins(folder, both, latitude, elevation, area, days[0], {k: v[rows] for k, v in forcing.items()},
                  flow_days[0], flow)


# --- attributes


def read_attributes(folder, ids, report):
    """Table of all attributes by gauge, columns of text; those derived from the observed flow are no input and left "
      "out."""
    table = None
    if (folder / "attributes.csv").exists():
        table = p.read_table(folder / "attributes.csv")
    else:
        for path in sorted(folder.rglob("camels_*.txt")):
            if path.stem == DERIVED_FROM_FLOW:
                report.add("attribute file derived from the observed flow", 1, f"{path.name} left out: no input")
                continue
            part = p.read_table(path, ";")
            table = part if table is None else table.join(part, how="outer")
    if table is None:
        raise d.ImportProblem(f"{folder}: neither attributes.csv nor camels_*.txt is there; the attributes are needed")
    table.index = table.index.str.zfill(8)
    without = [g for g in ids if g not in table.index]
    report.note(len(without), "basins without attributes", "left out: " + ", ".join(without[:d.SHOWN]))
    return table


def forcing_variables(basins, report):
    named = {COLUMNS[name][0]: values for name, values in basins.forcing.items()}
    named["temperature_mean"] = 0.5 * (named["temperature_min"] + named["temperature_max"])
    report.add("temperature_mean made", len(basins.ids), "half the sum of temperature_min and temperature_max")
    if "shortwave_radiation" in named and "day_length" in named:
        named["shortwave_radiation"] = named["shortwave_radiation"] * named["day_length"] / 86400
        report.add("shortwave_radiation made a mean of 24 hours", len(basins.ids),
                   "CAMELS gives the mean of the daylight: times dayl / 86400")
    elif "shortwave_radiation" in named:
        raise d.ImportProblem(
            f"{basins.source}: srad is a mean of the daylight hours, and there is no dayl to make it one of 24 hours")
    same = (named["temperature_min"] == named["temperature_max"]).all()
    if same:
        report.add("temperature_min equals temperature_max", 1,
                   "left out: this product has means only (PET by Oudin, not Hargreaves)")
        del named["temperature_min"], named["temperature_max"]
    return named


def main(argv):
    options = arguments(argv)
    report = d.Report()
    if not options.folder.is_dir():
        raise d.ImportProblem(f"{options.folder} is not a folder")
    is_packed = any(options.folder.glob("*forcing.nc"))
    basins = read_packed(options.folder, report) if is_packed else read_text(options.folder, options.product, report)
    table = read_attributes(options.folder, basins.ids, report)
    rows = [k for k, g in enumerate(basins.ids) if g in table.index]
    ids = [basins.ids[k] for k in rows]
    if not ids:
        raise d.ImportProblem(f"{options.folder}: no basin has forcing, streamflow and attributes")
    table = table.loc[ids]
    area = basins.area_km2[rows]
    if options.area != "forcing":
        area = p.numbers_of(options.folder, table, options.area)
    if "area_gages2" in table:
        differ = np.abs(p.numbers_of(options.folder, table, "area_gages2") / basins.area_km2[rows] - 1) > 0.1
        report.note(differ.sum(), "areas of forcing and area_gages2 that differ by more than 10 %", "kept")
    places = p.Places(ids, basins.latitude[rows],
                      p.numbers_of(options.folder, table, "gauge_lon") if "gauge_lon" in table else None, area,
                      basins.elevation[rows])
    variables = {name: values[rows] for name, values in forcing_variables(basins, report).items()}
    flow = p.depth_of_discharge(options.folder, ids, basins.flow_m3s[rows], area)
    p.write_forcing(options.output, options.folder, report, places, basins.first_day, variables)
    p.write_attributes(options.output / "attributes.nc", options.folder, report, ids,
                       {name: p.column_values(table[name]) for name in table}, ATTRIBUTE_UNITS)
    p.write_observations(options.output / "observations.nc", options.folder, report, ids, basins.flow_first_day,
                         {"streamflow": flow}, {"streamflow": "daily mean streamflow over the basin's area"})
    report.print()


if __name__ == "__main__":
    d.run(main)
