"""Imports any daily forcing (netCDF or CSV) with a table of attributes (CSV) as a domain of places, by a mapping file
(YAML):

    forcing:
      file: forcing.nc          # netCDF of places and time; CSV; or series/{id}.csv: one file a place
      id: gauge_id              # variable or column of the ids (not for one file a place)
      time: time                # variable or column of the days
      missing: -999             # optional: numbers that mean missing
      variables:                # ours: theirs, or ours: {from: theirs, units: ...} where the file names no units
        precipitation: {from: prcp, units: mm/day}
        temperature_mean: {from: tas, units: K}
        wind: ws                # a name that the format does not know is an input of a parameter network
    observations:               # optional: streamflow, soil_moisture, evapotranspiration, snow_water_equivalent
      file: flow/{id}.csv
      time: date
      variables: {streamflow: {from: q, units: ft3/s}}
    attributes:
      file: attributes.csv
      id: gauge_id
      latitude: lat             # these four, and hru_reach, go to forcing.nc; each may be left out
      longitude: lon
      area_km2: {from: area, units: m2}
      elevation_m: elev
      columns: [slope, clay]    # optional: default all other columns

Paths are relative to the mapping file.
"""
import argparse
import difflib
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

import domain_files as d
import domain_places as p

SECTION_KEYS = {
    "forcing": ("file", "id", "time", "missing", "separator", "variables"),
    "attributes": ("file", "id", "separator", "missing", "latitude", "longitude", "area_km2", "elevation_m",
                   "hru_reach", "columns")
}
SECTION_KEYS["observations"] = SECTION_KEYS["forcing"]
PLACE_QUANTITIES = {
    "latitude": ("degrees", "degrees"), "longitude": ("degrees", "degrees"), "area_km2": ("area", "km2"),
    "elevation_m": ("elevation", "m")
}


def arguments(argv):
    parser = argparse.ArgumentParser(prog="import_table", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: tools/import_table mapping.yaml --output domain")
    parser.add_argument("mapping", type=Path, help="mapping file (YAML)")
    parser.add_argument("--output", type=Path, required=True,
                        help="folder of the domain files; made where it is missing")
    return parser.parse_args(argv)


# --- the mapping


def unknown(path, what, name, known):
    near = difflib.get_close_matches(str(name), known, 1)
    raise d.ImportProblem(
        f"{path}: {what} {name} is not known{f' (did you mean {near[0]}?)' if near else ''}; allowed: "
        f"{', '.join(known)}"
    )


def read_mapping(path):
    if not path.exists():
        raise d.ImportProblem(f"{path} does not exist")
    try:
        mapping = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise d.ImportProblem(f"{path} is not YAML: {' '.join(str(problem).split())}") from problem
    if not isinstance(mapping, dict):
        raise d.ImportProblem(f"{path}: sections forcing, attributes and observations are needed")
    for section, keys in mapping.items():
        if section not in SECTION_KEYS:
            unknown(path, "section", section, list(SECTION_KEYS))
        if not isinstance(keys, dict):
            raise d.ImportProblem(f"{path}: section {section} must hold keys: {', '.join(SECTION_KEYS[section])}")
        for key in keys:
            if key not in SECTION_KEYS[section]:
                unknown(path, f"{section}: key", key, list(SECTION_KEYS[section]))
    for section, key in (("forcing", "file"), ("forcing", "variables"), ("forcing", "time"), ("attributes", "file"),
                         ("attributes", "id")):
        if section not in mapping or key not in mapping[section]:
            raise d.ImportProblem(f"{path}: {section}.{key} is missing")
    return mapping


def source_of(path, where, given):
    """Name in the file and stated units (None) of an entry 'theirs' or {from: theirs, units: ...}."""
    if isinstance(given, str):
        return given, None
    if isinstance(given, dict) and "from" in given and set(given) <= {"from", "units"}:
        return str(given["from"]), given.get("units")
    raise d.ImportProblem(
        f"{path}: {where} is '{given}'; it must be the name in the file, or {{from: NAME, units: UNITS}}")


# --- series


class Source:
    """One section of series: [place][day] of each variable in the domain's units."""
    def __init__(self, mapping_path, section, keys, known, ids, report):
        self.path, self.section, self.keys, self.known, self.report = mapping_path, section, keys, known, report
        self.file = str(mapping_path.parent / keys["file"])
        self.names = {}
        if not isinstance(keys.get("variables"), dict) or not keys["variables"]:
            raise d.ImportProblem(f"{mapping_path}: {section}.variables must hold lines 'our name: name in the file'")
        for ours, given in keys["variables"].items():
            self.names[ours] = source_of(mapping_path, f"{section}.variables.{ours}", given)
            if section == "observations" and ours not in known:
                unknown(mapping_path, "observations: variable", ours, list(known))
            if ours not in known and difflib.get_close_matches(ours, known, 1, 0.85):
                unknown(mapping_path, "variable", ours, list(known))
        missing = keys.get("missing", [])
        self.missing = [float(v) for v in (missing if isinstance(missing, list) else [missing])]
        if "{id}" in self.file:
            self.read_each(ids)
        elif self.file.endswith((".nc", ".nc4")):
            self.read_netcdf()
        else:
            self.read_long()

    def key(self, name):
        if name not in self.keys:
            raise d.ImportProblem(
                f"{self.path}: {self.section}.{name} is missing; it names the "
                f"{'variable' if self.file.endswith('nc') else 'column'} "
                f"of {'ids' if name == 'id' else 'days'} in {self.file}")
        return self.keys[name]

    def values(self, numbers):
        numbers = np.asarray(numbers, "f8")
        for value in self.missing:
            numbers = np.where(numbers == value, np.nan, numbers)
        return numbers

    def unit(self, ours, in_file):
        name, stated = self.names[ours]
        in_file = None if in_file is None or not str(in_file).strip() else str(in_file).strip()
        if stated is not None and in_file is not None and stated != in_file:
            raise d.ImportProblem(
                f"{self.file}: variable {name} has units '{in_file}', the mapping says '{stated}'; correct one of them")
        return in_file if stated is None else stated

    def read_netcdf(self):
        with p.open_dataset(self.file) as file:
            self.ids = p.texts(p.array(file, self.key("id"), self.file))
            if file[self.keys["id"]].dtype.kind in "iuf":  # read as floating point
                self.ids = [i.removesuffix(".0") for i in self.ids]
            days = p.check_daily(self.file, p.days_of(self.file, p.array(file, self.key("time"), self.file)))
            place, time = (file[self.keys[name]].dims[0] for name in ("id", "time"))
            self.first_day, self.data, self.units = days[0], {}, {}
            for ours, (name, _) in self.names.items():
                self.data[ours] = self.values(p.array(file, name, self.file, (place, time)))
                self.units[ours] = self.unit(ours, file[name].attrs.get("units"))

    def table(self, path, columns):
        try:
            return pd.read_csv(path, sep=self.keys.get("separator", ","), dtype={self.keys.get("id", ""): str},
                               usecols=columns, encoding="utf-8-sig", skipinitialspace=True)
        except FileNotFoundError as problem:
            raise d.ImportProblem(f"{path} does not exist") from problem
        except (OSError, ValueError, pd.errors.ParserError) as problem:
            raise d.ImportProblem(
                f"{path} cannot be read with the columns {', '.join(columns)} ({p.first_line(problem)})") from problem

    def series(self, path, table):
        """Days and {ours: numbers} of rows of one place."""
        try:
            days = p.days_of(path, pd.to_datetime(table[self.key("time")]))
            return days, {ours: self.values(pd.to_numeric(table[name])) for ours, (name, _) in self.names.items()}
        except (ValueError, TypeError) as problem:
            raise d.ImportProblem(f"{path}: a day or a number is not understood ({p.first_line(problem)})") from problem

    def read_each(self, ids):
        """One file a place, of the ids of the attributes."""
        self.ids, parts = [], []
        for i in ids:
            path = Path(self.file.replace("{id}", i))
            if path.exists():
                self.ids.append(i)
                parts.append(
                    self.series(path, self.table(path, [self.key("time"), *(name for name, _ in self.names.values())])))
        if not self.ids:
            raise d.ImportProblem(f"{self.file}: there is no file of any of the {len(ids)} places; the first would be "
                                  f"{self.file.replace('{id}', ids[0])}")
        self.combine(parts)

    def read_long(self):
        table = self.table(self.file, [self.key("id"), self.key("time"), *(name for name, _ in self.names.values())])
        groups = list(table.groupby(self.keys["id"], sort=False))
        self.ids = [str(i).strip() for i, _ in groups]
        self.combine([self.series(self.file, rows) for _, rows in groups])

    def combine(self, parts):
        self.data = {}
        for ours in self.names:
            self.first_day, self.data[ours] = p.on_days(self.file, [(days, values[ours]) for days, values in parts])
        self.units = {ours: self.unit(ours, None) for ours in self.names}

    def of(self, ours, rows, quantity):
        return p.convert(self.file, self.names[ours][0], self.data[ours][rows], self.units[ours], quantity, self.report)


# --- attributes


def read_attributes(mapping_path, keys, report):
    path = mapping_path.parent / keys["file"]
    table = p.read_table(path, keys.get("separator", ","), keys["id"])
    missing = keys.get("missing", [])
    texts = [str(v) for v in (missing if isinstance(missing, list) else [missing])]
    if texts:
        table = table.where(~table.isin(texts))
    return path, table


def place_numbers(mapping_path, keys, path, table, report):
    numbers, used = {}, []
    for ours, (quantity, assumed) in PLACE_QUANTITIES.items():
        if ours in keys:
            name, units = source_of(mapping_path, f"attributes.{ours}", keys[ours])
            numbers[ours] = p.convert(path, name, p.numbers_of(path, table, name), units, quantity, report, assumed)
            used.append(name)
    if "hru_reach" in keys:
        values = p.numbers_of(path, table, source_of(mapping_path, "attributes.hru_reach", keys["hru_reach"])[0])
        numbers["hru_reach"] = np.where(np.isfinite(values), values, 0).astype("i8")
    return numbers, used


def depth(source, ours, rows, ids, area, report):
    """mm/day of a flow in any of the units of water or discharge."""
    if str(source.units[ours]) in p.UNITS["discharge"]:
        if area is None:
            raise d.ImportProblem(
                f"{source.file}: {source.names[ours][0]} in {source.units[ours]} needs attributes.area_km2 to give "
                "mm/day"
            )
        return p.depth_of_discharge(source.file, ids, source.of(ours, rows, "discharge"), area)
    if str(source.units[ours]) not in p.UNITS["water"]:
        allowed = ", ".join([*p.UNITS["water"], *p.UNITS["discharge"]])
        raise d.ImportProblem(
            f"{source.file}: variable {source.names[ours][0]} has units '{source.units[ours] or ''}'; allowed for "
            f"streamflow: {allowed}"
        )
    return source.of(ours, rows, "water")


def forcing_variables(forcing, rows, report):
    variables, units = {}, {}
    for ours in forcing.names:
        if ours in p.FORCING:
            variables[ours] = forcing.of(ours, rows, p.FORCING[ours][0])
        else:
            variables[ours], units[ours] = forcing.data[ours][rows], forcing.units[ours] or ""
    if "temperature_mean" not in variables and {"temperature_min", "temperature_max"} <= set(variables):
        variables["temperature_mean"] = 0.5 * (variables["temperature_min"] + variables["temperature_max"])
        report.add("temperature_mean made", len(rows), "half the sum of temperature_min and temperature_max")
    return variables, units


def main(argv):
    options = arguments(argv)
    report = d.Report()
    mapping = read_mapping(options.mapping)
    path, table = read_attributes(options.mapping, mapping["attributes"], report)
    forcing = Source(options.mapping, "forcing", mapping["forcing"], p.FORCING, list(table.index), report)
    rows = [k for k, i in enumerate(forcing.ids) if i in table.index]
    report.note(len(forcing.ids) - len(rows), "places of the forcing without attributes", "left out")
    report.note(len(table) - len(rows), "places of the attributes without forcing", "left out")
    if not rows:
        raise d.ImportProblem(
            f"{path}: none of the {len(forcing.ids)} ids of {forcing.file} is there; the first are {forcing.ids[0]} "
            f"and {table.index[0]}"
        )
    ids = [forcing.ids[k] for k in rows]
    table = table.loc[ids]
    numbers, used = place_numbers(options.mapping, mapping["attributes"], path, table, report)
    variables, units = forcing_variables(forcing, rows, report)
    columns = mapping["attributes"].get("columns") or [name for name in table if name not in used]
    for name in columns:
        if name not in table:
            unknown(path, "column", name, list(table.columns))
    observed = observations(options.mapping, mapping, table.index, ids, numbers.get("area_km2"), report)
    p.write_forcing(options.output, options.mapping, report, p.Places(ids, **numbers), forcing.first_day, variables,
                    units)
    p.write_attributes(options.output / "attributes.nc", options.mapping, report, ids,
                       {n: p.column_values(table[n]) for n in columns})
    if observed:
        p.write_observations(options.output / "observations.nc", options.mapping, report, *observed)
    report.print()


def observations(mapping_path, mapping, table_ids, ids, area, report):
    """Ids, first day and variables of the section observations; None without one."""
    if "observations" not in mapping:
        return None
    source = Source(mapping_path, "observations", mapping["observations"], p.OBSERVED, list(table_ids), report)
    at = {i: k for k, i in enumerate(ids)}
    rows = [k for k, i in enumerate(source.ids) if i in at]
    report.note(len(source.ids) - len(rows), "places of the observations without forcing", "left out")
    report.note(len(ids) - len(rows), "places without observations", "kept in forcing.nc")
    if not rows:
        raise d.ImportProblem(
            f"{source.file}: none of its {len(source.ids)} ids has forcing; the first are {source.ids[0]} and {ids[0]}")
    own = [source.ids[k] for k in rows]
    own_area = None if area is None else area[[at[i] for i in own]]
    variables = {
        ours: depth(source, ours, rows, own, own_area, report) if ours == "streamflow" else source.of(
            ours, rows, p.OBSERVED[ours][0]) for ours in source.names
    }
    return own, source.first_day, variables


if __name__ == "__main__":
    d.run(main)
