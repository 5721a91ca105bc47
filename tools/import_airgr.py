"""Imports catchments in the form of the airGRdatasets package as netCDF (dimensions basin and time; Ptot, Temp, Evap,
Qls, area_km2, station_code) with its table of hypsometry (code, lon, lat, Zmin, Z01 ... Zmax) as a domain of places.

The elevation of a place is the mean of its 101 quantiles of elevation. Attributes: tools/climate_attributes.
"""
import argparse
from pathlib import Path

import numpy as np

import domain_files as d
import domain_places as p

ORDER = ("basin", "time")
FORCING = {"Ptot": ("precipitation", "water"), "Temp": ("temperature_mean", "temperature"),
           "Evap": ("potential_evapotranspiration", "water")}


def arguments(argv):
    parser = argparse.ArgumentParser(prog="import_airgr", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: tools/import_airgr ${DPL_DATA}/camels_fr_airgr --output domain")
    parser.add_argument("folder", type=Path, help="folder with camels_fr_airgr.nc and metadata_hypsometry.csv")
    parser.add_argument("--output", type=Path, required=True,
                        help="folder of the domain files; made where it is missing")
    return parser.parse_args(argv)


def elevations(path, table):
    columns = [name for name in table if name in ("Zmin", "Zmax") or (name[0] == "Z" and name[1:].isdigit())]
    if len(columns) != 101:
        raise d.ImportProblem(f"{path}: {len(columns)} columns Zmin, Z01 ... Z99, Zmax; 101 quantiles are needed")
    return np.mean([p.numbers_of(path, table, name) for name in columns], axis=0)


def main(argv):
    options = arguments(argv)
    report = d.Report()
    source, hypsometry = options.folder / "camels_fr_airgr.nc", options.folder / "metadata_hypsometry.csv"
    table = p.read_table(hypsometry, id_column="code")
    with p.open_dataset(source) as file:
        ids = p.texts(p.array(file, "station_code", source, ("basin", )))
        days = p.check_daily(source, p.days_of(source, p.array(file, "time", source)))
        variables = {
            ours: p.convert(source, name, p.array(file, name, source, ORDER), file[name].attrs.get("units"), quantity,
                            report)
            for name, (ours, quantity) in FORCING.items()
        }
        area = p.convert(source, "area_km2", p.array(file, "area_km2", source, ("basin", )),
                         file["area_km2"].attrs.get("units"), "area", report)
        flow = p.convert(source, "Qls", p.array(file, "Qls", source, ORDER), file["Qls"].attrs.get("units"),
                         "discharge", report)
        licence = file.attrs.get("license", "")
    unknown = [k for k in ids if k not in table.index]
    if unknown:
        raise d.ImportProblem(
            f"{hypsometry}: there is no row of {unknown[0]} ({len(unknown)} of {len(ids)} catchments)")
    table = table.loc[ids]
    places = p.Places(ids, p.numbers_of(hypsometry, table, "lat"), p.numbers_of(hypsometry, table, "lon"), area,
                      elevations(hypsometry, table))
    p.write_forcing(options.output, source, report, places, days[0], variables, license=licence)
    p.write_observations(options.output / "observations.nc", source, report, ids, days[0],
                         {"streamflow": p.depth_of_discharge(source, ids, flow, area)},
                         {"streamflow": "observed streamflow over the area of the catchment"}, license=licence)
    report.print()


if __name__ == "__main__":
    d.run(main)
