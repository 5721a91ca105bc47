"""Imports Caravan (Kratzert et al. 2023, doi 10.1038/s41597-023-01975-w) as a domain of basins: forcing.nc,
attributes.nc, observations.nc.

Time series: netCDF files that hold many basins (dimensions basin and time, gauge_id), or one file a gauge as
distributed (timeseries/netcdf/**/GAUGE.nc or timeseries/csv/**/GAUGE.csv, also .csv.gz), anywhere below the
folders given.
Attributes: attributes_{other,caravan,hydroatlas}*.csv and GAUGE_attributes_*.csv there (also .csv.gz).
"""
import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import domain_files as d
import domain_places as p

FORCING = {
    "total_precipitation_sum": "precipitation", "temperature_2m_mean": "temperature_mean",
    "temperature_2m_min": "temperature_min", "temperature_2m_max": "temperature_max"
}
PET_FAO, PET_ERA5 = "potential_evaporation_sum_FAO_PENMAN_MONTEITH", ("potential_evaporation_sum_ERA5_LAND",
                                                                      "potential_evaporation_sum")
# units of the data set, for files that name none (CSV)
UNITS = {
    "total_precipitation_sum": "mm/day", PET_FAO: "mm/day", PET_ERA5[0]: "mm/day", PET_ERA5[1]: "mm/day",
    "streamflow": "mm/day", "snow_depth_water_equivalent_mean": "mm",
    **{f"temperature_2m_{k}": "degC" for k in ("mean", "min", "max")},
    **{f"volumetric_soil_water_layer_{k}_mean": "m3/m3" for k in range(1, 5)}
}
LAYERS = {1: "0 to 7 cm", 2: "7 to 28 cm", 3: "28 to 100 cm", 4: "100 to 289 cm"}
ELEVATION = "ele_mt_sav"  # HydroATLAS: mean elevation of the basin, m


def arguments(argv):
    parser = argparse.ArgumentParser(prog="import_caravan", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: tools/import_caravan Caravan --source camels --output domain")
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="folders of time series and attributes")
    parser.add_argument(
        "--source", nargs="+", metavar="NAME",
        help="take only gauges whose id begins with one of these and a _ (camels, "
        "camelsgb, hysets, ...)")
    parser.add_argument(
        "--potential-evaporation", choices=("fao", "era5", "none"), default="fao",
        help="fao: Penman-Monteith of newer versions, where the files have it; era5: that of ERA5-Land, which is far "
             "too "
        "high in many places; none: the program makes its own (default: %(default)s)")
    parser.add_argument("--soil-moisture-layer", type=int, choices=tuple(LAYERS), metavar="1..4",
                        help="take the soil moisture of this "
                        "layer of ERA5-Land over as if it were observed")
    parser.add_argument("--snow", action="store_true",
                        help="take the snow water equivalent of ERA5-Land over as if it were observed")
    parser.add_argument("--more", nargs="+", default=[], metavar="NAME",
                        help="further variables of the files, under their names, as inputs "
                        "of a parameter network")
    parser.add_argument("--output", type=Path, required=True,
                        help="folder of the domain files; made where it is missing")
    return parser.parse_args(argv)


def below(folders, *patterns):
    for folder in folders:
        if not folder.is_dir():
            raise d.ImportProblem(f"{folder} is not a folder")
    return sorted({path for folder in folders for pattern in patterns for path in folder.rglob(pattern)})


class Series:
    """Variables of all gauges: name -> [place][day] in the domain's units; NaN where a gauge's file lacks days or the "
      "variable."""
    def __init__(self, options, wanted, report):
        self.ids, self.parts, self.wanted, self.report = [], {name: [] for name in wanted}, wanted, report
        self.options, self.units_missing, self.units = options, {}, {}
        paths = [path for path in below(options.folders, "*.nc", "*.csv", "*.csv.gz") if "attributes" not in path.name]
        for path in paths:
            self.read_netcdf(path) if path.suffix == ".nc" else self.read_csv(path)
        if not self.ids:
            raise d.ImportProblem(f"{options.folders[0]}: no time series of a gauge that is asked for")
        p.check_place_ids(options.folders[0], self.ids)
        for name, count in self.units_missing.items():
            report.add(f"{name}: no units in the file", count, f"taken as {UNITS[name]}, the data set's")
        days = [item[0] for name in wanted for item in self.parts[name] if item is not None]
        if not days:
            raise d.ImportProblem(f"{options.folders[0]}: none of the variables {', '.join(wanted)} is in the files")
        self.first_day, self.last_day = min(x[0] for x in days), max(x[-1] for x in days)

    def is_wanted(self, gauge):
        return not self.options.source or any(gauge.startswith(f"{name}_") for name in self.options.source)

    def take(self, path, name, days, values, unit):
        if unit is None and name in UNITS:
            self.units_missing[name] = self.units_missing.get(name, 0) + 1
            unit = UNITS[name]
        if name not in UNITS:
            self.units[name] = unit or ""
            return days, values
        quantity = ("temperature" if name.startswith("temperature") else "soil_moisture"
                    if name.startswith("volumetric") else "depth" if name.startswith("snow") else "water")
        return days, p.convert(path, name, values, unit, quantity, self.report)

    def read_netcdf(self, path):
        with p.open_dataset(path) as file:
            if "gauge_id" in file.variables and "basin" in file.dims:
                ids = p.texts(file["gauge_id"].values)
                rows = [k for k, g in enumerate(ids) if self.is_wanted(g)]
                days = p.check_daily(path, p.days_of(path, file["time"].values))
                self.ids += [ids[k] for k in rows]
                for name in self.wanted:
                    if name not in file:
                        self.parts[name] += [None] * len(rows)
                        continue
                    _, values = self.take(path, name, days,
                                          p.array(file, name, path, ("basin", "time"))[rows],
                                          file[name].attrs.get("units"))
                    self.parts[name] += [(days, row) for row in values]
            elif "date" in file.variables:
                if self.is_wanted(path.stem):
                    days = p.days_of(path, file["date"].values)
                    self.add(
                        path, path.stem, days, {
                            n: (p.array(file, n, path, ("date", )), file[n].attrs.get("units"))
                            for n in self.wanted if n in file
                        })
            else:
                raise d.ImportProblem(
                    f"{path}: neither gauge_id with the dimensions basin and time nor date is there; the file holds "
                    f"{', '.join(map(str, file.variables))}")

    def read_csv(self, path):
        gauge = path.name.removesuffix(".gz").removesuffix(".csv")
        try:
            head = pd.read_csv(path, nrows=0).columns
            if "date" not in head or not self.is_wanted(gauge):
                if "date" not in head:
                    self.report.add(f"{path.name}: no column date", 1, "left out: no time series")
                return
            table = pd.read_csv(path, usecols=["date", *(n for n in self.wanted if n in head)])
            days = p.days_of(path, pd.to_datetime(table["date"], format="%Y-%m-%d"))
            columns = {n: (pd.to_numeric(table[n]).to_numpy("f8"), None) for n in self.wanted if n in head}
        except (OSError, ValueError, pd.errors.ParserError) as problem:
            raise d.ImportProblem(
                f"{path} cannot be read as a time series of Caravan ({p.first_line(problem)})") from problem
        self.add(path, gauge, days, columns)

    def add(self, path, gauge, days, columns):
        if len(days) == 0:
            raise d.ImportProblem(f"{path}: holds no day")
        self.ids.append(gauge)
        for name in self.wanted:
            self.parts[name].append(self.take(path, name, days, *columns[name]) if name in columns else None)

    def has(self, name):
        return any(part is not None for part in self.parts[name])

    def of(self, name):
        """[place][day] from the first to the last day of all."""
        ends = np.array([self.first_day, self.last_day])
        parts = [(ends, np.full(2, np.nan)) if part is None else part for part in self.parts[name]]
        whole = [(np.array([self.first_day, self.last_day]), np.full(2, np.nan))]
        return p.on_days(self.options.folders[0], parts + whole)[1][:-1]


def read_attributes(folders, report):
    """Tables of all attribute files: those of one kind under one another, the kinds beside one another."""
    kinds = {}
    for path in below(folders, "*attributes_*.csv", "*attributes_*.csv.gz"):
        kind = next((k for k in ("other", "caravan", "hydroatlas") if f"attributes_{k}" in path.name), None)
        if kind is None:
            report.add(f"{path.name}: not other, caravan or hydroatlas", 1, "left out")
            continue
        kinds.setdefault(kind, []).append(p.read_table(path))
    if "other" not in kinds:
        raise d.ImportProblem(f"{folders[0]}: no file attributes_other*.csv, which holds places and areas")
    table = None
    for parts in kinds.values():
        part = pd.concat(parts)
        if part.index.duplicated().any():
            raise d.ImportProblem(
                f"{folders[0]}: the attributes of {part.index[part.index.duplicated()][0]} come twice")
        both = [] if table is None else [name for name in part if name in table]
        table = part if table is None else table.join(part.drop(columns=both), how="outer")
    return table


def rows_of_attributes(folders, ids, table, report):
    """Index in the table of every gauge, None without one: its id, or its id behind the source and a _ "
      "(camels_01333000)."""
    short = {}
    for name in table.index:
        short.setdefault(name.split("_", 1)[-1], []).append(name)
    found, shortened = [], 0
    for gauge in ids:
        others = short.get(gauge, [])
        if gauge in table.index:
            found.append(gauge)
        elif len(others) == 1:
            found.append(others[0])
            shortened += 1
        elif others:
            raise d.ImportProblem(
                f"{folders[0]}: gauge {gauge} may be any of {', '.join(others[:d.SHOWN])} of the attributes; the time "
                "series "
                "need the full ids")
        else:
            found.append(None)
    report.note(shortened, "gauges found in the attributes without their source", "camels_01333000 for 01333000")
    without = [g for g, row in zip(ids, found) if row is None]
    report.note(len(without), "gauges without attributes", "left out: " + ", ".join(without[:d.SHOWN]))
    if len(without) == len(ids):
        raise d.ImportProblem(
            f"{folders[0]}: none of the {len(ids)} gauges has attributes; the first is {ids[0]}, of the attributes "
            f"{table.index[0]}"
        )
    return found


def potential_evaporation(series, options, report):
    """Name of the variable to take, None for none."""
    era5 = next((name for name in PET_ERA5 if series.has(name)), None)
    if options.potential_evaporation == "era5":
        if era5 is None:
            raise d.ImportProblem(f"{options.folders[0]}: neither {' nor '.join(PET_ERA5)} is in the files")
        return era5
    if options.potential_evaporation == "fao" and series.has(PET_FAO):
        return PET_FAO
    report.note(era5 is not None, f"{era5}",
                "left out: far too high in many places (--potential-evaporation era5 takes it)")
    return None


def forcing_of(series, options, report):
    variables, units = {}, {}
    for name, ours in FORCING.items():
        if series.has(name):
            variables[ours] = series.of(name)
        elif ours in ("precipitation", "temperature_mean"):
            raise d.ImportProblem(f"{options.folders[0]}: variable {name} is missing in all files")
    pet = potential_evaporation(series, options, report)
    if pet:
        report.add("potential_evapotranspiration", len(series.ids), f"from {pet}")
        variables["potential_evapotranspiration"] = p.no_negative_evaporation(series.of(pet), report)
    for name in options.more:
        if not series.has(name):
            raise d.ImportProblem(f"{options.folders[0]}: variable {name} of --more is missing in all files")
        variables[name], units[name] = series.of(name), series.units.get(name, UNITS.get(name, ""))
    return variables, units


def observed(series, options):
    found = {"streamflow": ("streamflow", "streamflow over the basin's area")}
    if options.soil_moisture_layer:
        layer = options.soil_moisture_layer
        found["soil_moisture"] = (f"volumetric_soil_water_layer_{layer}_mean",
                                  f"soil moisture of ERA5-Land, {LAYERS[layer]} (modelled)")
    if options.snow:
        found["snow_water_equivalent"] = ("snow_depth_water_equivalent_mean",
                                          "snow water equivalent of ERA5-Land (modelled)")
    for name, (source, _) in found.items():
        if not series.has(source):
            raise d.ImportProblem(
                f"{options.folders[0]}: variable {source} is missing in all files, so there is no {name}")
    return {name: series.of(source)
            for name, (source, _) in found.items()}, {name: text for name, (_, text) in found.items()}


def main(argv):
    options = arguments(argv)
    report = d.Report()
    wanted = [
        *FORCING, PET_FAO, *PET_ERA5, "streamflow",
        *(f"volumetric_soil_water_layer_{k}_mean" for k in filter(None, [options.soil_moisture_layer])),
        *(["snow_depth_water_equivalent_mean"] if options.snow else []), *options.more
    ]
    series = Series(options, list(dict.fromkeys(wanted)), report)
    table = read_attributes(options.folders, report)
    found = rows_of_attributes(options.folders, series.ids, table, report)
    rows = [k for k, name in enumerate(found) if name is not None]
    ids, table = [series.ids[k] for k in rows], table.loc[[found[k] for k in rows]]
    where = options.folders[0]
    places = p.Places(ids, *(p.numbers_of(where, table, name) for name in ("gauge_lat", "gauge_lon", "area")),
                      p.numbers_of(where, table, ELEVATION) if ELEVATION in table else None)
    variables, units = forcing_of(series, options, report)
    observations, long_names = observed(series, options)
    p.write_forcing(options.output, where, report, places, series.first_day, {n: v[rows] for n, v in variables.items()},
                    units,
                    license="Caravan: CC BY 4.0; contains modified Copernicus Climate Change Service information")
    p.write_attributes(options.output / "attributes.nc", where, report, ids,
                       {name: p.column_values(table[name]) for name in table},
                       {"area": "km2", "gauge_lat": "degrees_north", "gauge_lon": "degrees_east"})
    p.write_observations(options.output / "observations.nc", where, report, ids, series.first_day,
                         {n: v[rows] for n, v in observations.items()}, long_names)
    report.print()


if __name__ == "__main__":
    d.run(main)
