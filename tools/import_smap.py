"""Imports SMAP surface soil moisture with NLDAS-2 forcing of its cells (the form of hydroDL's example data as netCDF:
dimensions cell, time and time_smap) as a domain of places with soil_moisture to learn from.

The cells have no ids in the file: they get their place, such as N35.2031W101.4593. The file does not say the units of
precipitation and temperature ("as distributed"); those given by options are checked against what is possible.
"""
import argparse
from pathlib import Path

import numpy as np

import domain_files as d
import domain_places as p

AS_DISTRIBUTED = "as distributed"
MISSING = -9999  # of the constants, which the netCDF file has as distributed
# variable of the file -> ours, quantity, unit where the file says "as distributed"
FORCING = {
    "APCP_FORA": ("precipitation", "water"), "TMP_2_FORA": ("temperature_mean", "temperature"),
    "DSWRF_FORA": ("shortwave_radiation", "radiation"), "DLWRF_FORA": ("longwave_radiation", "radiation")
}
HUMIDITY = ("SPFH_2_FORA", "specific_humidity", "kg kg-1")
ORDER, OBSERVED_ORDER = ("cell", "time"), ("cell", "time_smap")


def arguments(argv):
    parser = argparse.ArgumentParser(prog="import_smap", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: tools/import_smap smap_conus.nc --output domain")
    parser.add_argument("file", type=Path, help="netCDF file")
    parser.add_argument(
        "--precipitation-unit", choices=tuple(p.UNITS["water"]), default="mm/h",
        help="where the file does not say it: NLDAS-2 gives mm an hour, of which these are the days' means "
             "(%(default)s)"
    )
    parser.add_argument("--temperature-unit", choices=tuple(p.UNITS["temperature"]), default="K",
                        help="where the file does not say it "
                        "(%(default)s)")
    parser.add_argument("--output", type=Path, required=True,
                        help="folder of the domain files; made where it is missing")
    return parser.parse_args(argv)


def cell_ids(latitude, longitude):
    return [
        f"{'N' if a >= 0 else 'S'}{abs(a):.4f}{'E' if o >= 0 else 'W'}{abs(o):.4f}"
        for a, o in zip(latitude, longitude)
    ]


def unit_of(file, name, options):
    unit = str(file[name].attrs.get("units", "")).strip()
    if unit and not unit.startswith(AS_DISTRIBUTED):
        return unit
    return {"APCP_FORA": options.precipitation_unit, "TMP_2_FORA": options.temperature_unit}.get(name, unit)


def known(values, name, report):
    """The constants keep the marker of their source where a cell has no soil texture: made missing."""
    missing = values == MISSING
    report.note(missing.sum(), f"{name} is {MISSING}", "made missing")
    return np.where(missing, np.nan, values)


def read_forcing(file, options, report):
    variables = {}
    for name, (ours, quantity) in FORCING.items():
        unit = unit_of(file, name, options)
        variables[ours] = p.convert(options.file, name, p.array(file, name, options.file, ORDER), unit, quantity,
                                    report)
        report.note(
            str(file[name].attrs.get("units", "")).startswith(AS_DISTRIBUTED), f"unit of {name}", f"taken as {unit}")
    year = 365.25 * np.nanmedian(np.nanmean(variables["precipitation"], 1))
    report.add("precipitation, mm a year", year, "median of the cells")
    if not 200 < year < 3000:
        raise d.ImportProblem(
            f"{options.file}: APCP_FORA as {unit_of(file, 'APCP_FORA', options)} is {year:.0f} mm a year at the median "
            "cell; 200 "
            "to 3000 are possible; give its unit with --precipitation-unit")
    name, ours, unit = HUMIDITY
    if name in file:
        variables[ours] = p.array(file, name, options.file, ORDER)
    return variables, {ours: unit}


def main(argv):
    options = arguments(argv)
    report = d.Report()
    with p.open_dataset(options.file) as file:
        latitude, longitude = (p.convert(options.file, name, p.array(file, name, options.file, ("cell", )),
                                         file[name].attrs.get("units"), "degrees", report) for name in ("lat", "lon"))
        ids = cell_ids(latitude, longitude)
        days = p.check_daily(options.file, p.days_of(options.file, p.array(file, "time", options.file)))
        observed_days = p.check_daily(options.file, p.days_of(options.file, p.array(file, "time_smap", options.file)))
        variables, units = read_forcing(file, options, report)
        moisture = p.convert(options.file, "SMAP_AM", p.array(file, "SMAP_AM", options.file, OBSERVED_ORDER),
                             file["SMAP_AM"].attrs.get("units"), "soil_moisture", report)
        constants = {
            name.removeprefix("const_"): known(p.array(file, name, options.file, ("cell", )), name, report)
            for name in map(str, file.variables) if name.startswith("const_")
        }
        licence = file.attrs.get("license", "")
    if not constants:
        raise d.ImportProblem(f"{options.file}: no variable const_* is there; the attributes are needed")
    constants.update(latitude=latitude, longitude=longitude)
    p.write_forcing(options.output, options.file, report, p.Places(ids, latitude, longitude), days[0], variables, units,
                    license=licence)
    p.write_attributes(options.output / "attributes.nc", options.file, report, ids, constants,
                       {"latitude": "degrees_north", "longitude": "degrees_east"}, license=licence)
    p.write_observations(options.output / "observations.nc", options.file, report, ids, observed_days[0],
                         {"soil_moisture": moisture},
                         {"soil_moisture": "SMAP L3 surface soil moisture, 6 am, upper 5 cm"}, license=licence)
    report.print()


if __name__ == "__main__":
    d.run(main)
