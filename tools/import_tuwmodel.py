"""Imports the example catchment of the TUWmodel package as netCDF (dimensions time and zone; P, T, PET, SWE of
elevation zones, area, Q of the catchment) as a domain of one place with streamflow and snow_water_equivalent observed.

Zones become one place: the means of their forcing and snow, weighted by their areas. More discharge than precipitation
over the whole record is refused: the example's Q is named mm/day, but its mean of 8.0 beside 4.9 mm/day of
precipitation and the catchment's 198 km2 say m3/s (3.5 mm/day).
"""
import argparse
from pathlib import Path

import numpy as np

import domain_files as d
import domain_places as p

FORCING = {"P": ("precipitation", "water"), "T": ("temperature_mean", "temperature"),
           "PET": ("potential_evapotranspiration", "water")}


def arguments(argv):
    parser = argparse.ArgumentParser(prog="import_tuwmodel", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: tools/import_tuwmodel vils.nc --id vils --discharge-unit m3/s "
                                     "--output domain")
    parser.add_argument("file", type=Path, help="netCDF file")
    parser.add_argument("--id", required=True, help="place_id of the catchment, which the file does not name")
    parser.add_argument("--discharge-unit", choices=("mm/day", "m3/s"), help="of Q, against what the file says")
    parser.add_argument("--latitude", type=float, default=np.nan, help="degrees north; needed for PET by temperature")
    parser.add_argument("--output", type=Path, required=True,
                        help="folder of the domain files; made where it is missing")
    return parser.parse_args(argv)


def main(argv):
    options = arguments(argv)
    report = d.Report()
    with p.open_dataset(options.file) as file:
        days = p.check_daily(options.file, p.days_of(options.file, p.array(file, "time", options.file)))
        area = p.convert(options.file, "area", p.array(file, "area", options.file, ("zone", )),
                         file["area"].attrs.get("units"), "area", report)
        if not (area > 0).all():
            raise d.ImportProblem(f"{options.file}: area holds {area.min()} km2; every zone needs one above 0")

        def mean(name, quantity):
            values = p.convert(options.file, name, p.array(file, name, options.file, ("zone", "time")),
                               file[name].attrs.get("units"), quantity, report)
            return np.average(values, axis=0, weights=area)[None, :]

        variables = {ours: mean(name, quantity) for name, (ours, quantity) in FORCING.items()}
        snow = mean("SWE", "depth")
        raw, unit = p.array(file, "Q", options.file, ("time", ))[None, :], file["Q"].attrs.get("units")
        if options.discharge_unit == "m3/s":
            flow = p.depth_of_discharge(options.file, [options.id], raw, [area.sum()])
        else:
            flow = p.convert(options.file, "Q", raw, options.discharge_unit or unit, "water", report)
        report.note(options.discharge_unit is not None, f"unit of Q, {unit} in the file",
                    f"taken as {options.discharge_unit}")
        licence = file.attrs.get("license", "")
    rain, runoff = np.nanmean(variables["precipitation"]), np.nanmean(flow)
    if runoff > rain:
        raise d.ImportProblem(
            f"{options.file}: Q is {runoff:.2f} mm/day in the mean and precipitation {rain:.2f}; give the unit of Q with "
            "--discharge-unit (m3/s or mm/day)")
    report.add("zones", len(area), f"{area.sum():.1f} km2 in all, one place")
    places = p.Places([options.id], np.array([options.latitude]), None, np.array([area.sum()]))
    p.write_forcing(options.output, options.file, report, places, days[0], variables, license=licence)
    p.write_attributes(options.output / "attributes.nc", options.file, report, places.ids,
                       {"area_km2": np.array([area.sum()])}, {"area_km2": "km2"}, license=licence)
    p.write_observations(options.output / "observations.nc", options.file, report, places.ids, days[0],
                         {"streamflow": flow, "snow_water_equivalent": snow},
                         {"snow_water_equivalent": "observed snow water equivalent, mean of the zones"},
                         license=licence)
    report.print()


if __name__ == "__main__":
    d.run(main)
