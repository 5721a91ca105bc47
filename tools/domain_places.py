"""Files of places (docs/file_formats.md: forcing.nc, attributes.nc and observations.nc of dimension place) as the
importers write them: units, daily axes, checks, counts.
"""
import gzip
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import domain_files as d

CUBIC_FEET = 0.028316846592  # m3
ACRE_KM2 = 0.0040468564224
SQUARE_MILE_KM2 = 2.589988110336

def spelled(table):
    """Of spellings with | between them -> (factor, offset): a table of single spellings."""
    return {spelling: conversion for spellings, conversion in table.items() for spelling in spellings.split("|")}


# quantity -> unit as written in files -> (factor, offset) to the first one, which the domain files use. The program and
# docs/file_formats.md have the same tables (place_units_test).
UNITS = {
    "water": spelled({
        "mm/day|mm d-1|mm day-1|mm/d|mm d^-1|mm|kg m-2 d-1": (1, 0),
        "mm/h|mm h-1|mm hr-1": (24, 0),
        "mm s-1|kg m-2 s-1": (86400, 0),
        "m/day|m d-1": (1000, 0),
        "cm/day|cm d-1": (10, 0),
        "in|in/day|in d-1|inches|inches/day": (25.4, 0)
    }),
    "temperature": spelled({
        "degC|C|deg_C|degrees_Celsius|celsius": (1, 0),
        "K|kelvin": (1, -273.15),
        "degF|F|degree_fahrenheit": (1 / 1.8, -32 / 1.8)
    }),
    "radiation": spelled({
        "W m-2|W/m2|W m^-2": (1, 0),
        "MJ m-2 d-1|MJ/m2/day|MJ m-2 day-1": (1e6 / 86400, 0)
    }),
    "pressure": spelled({
        "Pa": (1, 0),
        "hPa|mbar": (100, 0),
        "kPa": (1000, 0)
    }),
    "duration": spelled({
        "s|seconds": (1, 0),
        "h|hours": (3600, 0)
    }),
    "area": spelled({
        "km2|km^2|km**2": (1, 0),
        "m2|m^2": (1e-6, 0),
        "ha": (0.01, 0),
        "acres": (ACRE_KM2, 0),
        "mi2": (SQUARE_MILE_KM2, 0)
    }),
    "elevation": spelled({
        "m|meter|meters|metre|metres": (1, 0),
        "ft|feet": (0.3048, 0),
        "km": (1000, 0)
    }),
    "degrees": spelled({
        "degrees|degree|degrees_north|degrees_east|degree_north|degree_east|"
        "degrees North|degrees East": (1, 0)
    }),
    "discharge": spelled({
        "m3 s-1|m3/s|m^3 s^-1|m^3/s|m**3 s**-1|m3 s^-1|m3s-1|m^3 s-1|m**3 s-1|m3 s**-1|m**3/s": (1, 0),
        "ft3 s-1|ft3/s|cfs": (CUBIC_FEET, 0),
        "L s-1|l s-1|L/s|l/s": (0.001, 0)
    }),
    "soil_moisture": spelled({
        "m3 m-3|m3/m3|m^3 m^-3|1": (1, 0),
        "percent|%": (0.01, 0)
    }),
    "depth": spelled({
        "mm|kg m-2": (1, 0),
        "cm": (10, 0),
        "m": (1000, 0)
    }),
}
# variables of forcing.nc: quantity, lowest and highest value (as the program checks them)
FORCING = {
    "precipitation": ("water", 0, 3000), "temperature_mean": ("temperature", -100, 70),
    "temperature_min": ("temperature", -100, 70), "temperature_max": ("temperature", -100, 70),
    "potential_evapotranspiration": ("water", 0, 300), "shortwave_radiation": ("radiation", -10, 2000),
    "longwave_radiation": ("radiation", -10, 2000), "vapour_pressure": ("pressure", 0, 20000),
    "day_length": ("duration", 0, 86400)
}
# variables of observations.nc; values outside count as missing
OBSERVED = {
    "streamflow": ("water", 0, math.inf), "soil_moisture": ("soil_moisture", 0, 1),
    "evapotranspiration": ("water", -math.inf, math.inf), "snow_water_equivalent": ("depth", 0, math.inf)
}
PLACE_NUMBERS = {"latitude": "degrees_north", "longitude": "degrees_east", "area_km2": "km2", "elevation_m": "m"}
CHUNK_VALUES = 16384


def first_line(problem):
    """What an exception of a library says, without its advice for programmers."""
    return str(problem).strip().split("\n")[0]


def unit_of(quantity):
    return next(iter(UNITS[quantity]))


def convert(path, name, values, units, quantity, report, assumed=None):
    """Values in the domain's unit; `assumed`: the unit where the file names none, which is counted."""
    text = "" if units is None else str(units).strip()
    if text in ("", "nan") and assumed is not None:
        report.note(1, f"{name}: no units in the file", f"taken as {assumed}")
        text = assumed
    if text not in UNITS[quantity]:
        raise d.ImportProblem(
            f"{path}: variable {name} has units '{text}'; allowed for {quantity}: {', '.join(UNITS[quantity])}")
    factor, offset = UNITS[quantity][text]
    return np.asarray(values, "f8") * factor + offset


def depth_of_discharge(path, ids, discharge_m3s, area_km2):
    """mm/day of [place][day] in m3/s; a flow with no area to divide by is an error."""
    flowing = np.isfinite(discharge_m3s).any(1)
    bad = np.flatnonzero(flowing & ~(np.asarray(area_km2) > 0))
    if len(bad):
        raise d.ImportProblem(
            f"{path}: area is {area_km2[bad[0]]} at place {ids[bad[0]]} ({len(bad)} places), which has a flow; it must "
            "be above 0 to give mm/day")
    with np.errstate(divide="ignore", invalid="ignore"):
        return discharge_m3s * (86.4 / np.asarray(area_km2, "f8"))[:, None]


# --- places and days


@dataclass
class Places:
    """Ids and the numbers that forcing.nc keeps of each place, NaN where unknown."""
    ids: list
    latitude: np.ndarray = None
    longitude: np.ndarray = None
    area_km2: np.ndarray = None
    elevation_m: np.ndarray = None
    hru_reach: np.ndarray = None

    def check(self, path, report):
        check_place_ids(path, self.ids)
        area = self.numbers("area_km2")
        negative = np.flatnonzero(area < 0)
        if len(negative):
            raise d.ImportProblem(
                f"{path}: area is {area[negative[0]]} km2 at place {self.ids[negative[0]]}; it must be above 0")
        report.add("places", len(self.ids))
        for name in PLACE_NUMBERS:
            values = self.numbers(name)
            report.note(
                np.isnan(values).sum(), f"{name} missing",
                "kept missing: the program leaves such places out where it needs it")
        report.note((area == 0).sum(), "area_km2 is 0", "kept: the program leaves such places out")

    def numbers(self, name):
        values = getattr(self, name)
        return np.full(len(self.ids), np.nan) if values is None else np.asarray(values, "f8")


def check_place_ids(path, ids):
    seen = set()
    for row, name in enumerate(ids):
        if not name or any(c in name for c in " ,\"#\t") or not name.isprintable():
            raise d.ImportProblem(
                f"{path}: the place of row {row} has the id '{name}'; ids are words without blanks, commas, quotes or #"
            )
        if name in seen:
            raise d.ImportProblem(f"{path}: the id {name} comes twice; ids must be unique")
        seen.add(name)
    if not ids:
        raise d.ImportProblem(f"{path}: holds no place")


def days_of(path, times):
    """Dates as days; equal steps of a day are needed, or `on_days` is to be used."""
    days = np.asarray(pd.DatetimeIndex(np.asarray(times)).values, "datetime64[ns]")
    whole = days.astype("datetime64[D]")
    odd = np.flatnonzero(days != whole.astype("datetime64[ns]"))
    if len(odd):
        raise d.ImportProblem(
            f"{path}: time {days[odd[0]]} is not midnight; daily values are needed, dated by the start of their day")
    return whole


def check_daily(path, days):
    steps = np.flatnonzero(np.diff(days) != np.timedelta64(1, "D"))
    if len(days) < 2 or len(steps):
        where = f"after {days[steps[0]]} comes {days[steps[0] + 1]}" if len(steps) else f"there are {len(days)} days"
        raise d.ImportProblem(f"{path}: the time axis is not daily: {where}; steps of one day without gaps are needed")
    return days


def on_days(path, series):
    """[place][day] of several (days, values) on one axis without gaps; days that a series lacks are NaN. A day twice "
      "is an error."""
    first = min(days.min() for days, _ in series)
    count = int((max(days.max() for days, _ in series) - first).astype(int)) + 1
    out = np.full((len(series), count), np.nan)
    for row, (days, values) in enumerate(series):
        if len(np.unique(days)) != len(days):
            known, times = np.unique(days, return_counts=True)
            raise d.ImportProblem(
                f"{path}: the day {known[times > 1][0]} comes twice in series {row}; each day may come once")
        out[row, (days - first).astype(int)] = values
    return first, out


# --- reading


def open_dataset(path):
    """xarray: packed integers unpacked, fill values NaN, times decoded."""
    if not Path(path).exists():
        raise d.ImportProblem(f"{path} does not exist")
    try:
        return xr.open_dataset(path, engine="netcdf4")
    except (OSError, ValueError) as problem:
        raise d.ImportProblem(f"{path} cannot be read as netCDF ({first_line(problem)})") from problem


def array(dataset, name, path, dimensions=None):
    """A variable in the named order of dimensions, as float64 where it holds numbers."""
    if name not in dataset.variables:
        raise d.ImportProblem(
            f"{path}: there is no variable {name}; the file holds {', '.join(map(str, dataset.variables))}")
    v = dataset[name]
    if dimensions is not None:
        if set(v.dims) != set(dimensions):
            raise d.ImportProblem(
                f"{path}: variable {name} has the dimensions ({', '.join(map(str, v.dims))}); "
                f"({', '.join(dimensions)}) "
                "are needed")
        v = v.transpose(*dimensions)
    return np.asarray(v.values, "f8") if v.dtype.kind in "iuf" else v.values


def texts(values):
    return [(v.decode() if isinstance(v, bytes) else str(v)).strip() for v in np.asarray(values).ravel()]


def read_table(path, separator=",", id_column="gauge_id"):
    """Table of text, ids as its index with their leading zeros; empty and NA are missing."""
    if not Path(path).exists():
        raise d.ImportProblem(f"{path} does not exist")
    opened = gzip.open if str(path).endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig") as file:
            table = pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False,
                                na_values=["", "NA", "NaN", "nan"])
    except (OSError, ValueError, pd.errors.ParserError) as problem:
        raise d.ImportProblem(
            f"{path} cannot be read as a table with '{separator}' between its columns ({first_line(problem)})"
        ) from problem
    if id_column not in table:
        raise d.ImportProblem(f"{path}: there is no column {id_column}; the file holds {', '.join(table.columns[:20])}")
    table[id_column] = table[id_column].str.strip()
    twice = table[id_column][table[id_column].duplicated()]
    if len(twice):
        raise d.ImportProblem(f"{path}: the id {twice.iloc[0]} comes twice in column {id_column}")
    return table.set_index(id_column)


def column_values(column):
    """Numbers (NaN where missing) of a column of text, or the text itself where not all are numbers or codes such as "
      "02 are."""
    present = column.dropna().str.strip()
    numbers = pd.to_numeric(present, errors="coerce")
    codes = present.str.fullmatch(r"0\d+").any()
    if len(present) and not codes and numbers.notna().all():
        return pd.to_numeric(column.str.strip(), errors="coerce").to_numpy("f8")
    return [str(v).strip() if isinstance(v, str) else "" for v in column]


def numbers_of(path, table, name):
    """A column that must hold numbers."""
    if name not in table:
        raise d.ImportProblem(
            f"{path}: there is no column {name}; the file holds {', '.join(map(str, table.columns[:20]))}")
    values = column_values(table[name])
    if not isinstance(values, np.ndarray):
        if all(v == "" for v in values):
            return np.full(len(values), np.nan)
        try:
            return np.array([float(v) if v else np.nan for v in values])
        except ValueError:
            wrong = next(v for v in values if v and not pd.notna(pd.to_numeric(v, errors="coerce")))
            raise d.ImportProblem(f"{path}: column {name} holds '{wrong}'; numbers are needed") from None
    return values


# --- writing


def put_text(file, name, values, dimension, **attributes):
    width = max(1, max(len(v.encode()) for v in values))
    length = f"strlen_{name}"
    file.createDimension(length, width)
    encoded = np.array([v.encode() for v in values], f"S{width}")
    d.put(file, name, encoded.view("S1").reshape(len(values), width), None, (dimension, length), **attributes)


def create(path, title, source, report, ids, **attributes):
    file = d.create(path, title, source, report)
    file.setncatts({k: v for k, v in attributes.items() if v})
    file.createDimension("place", len(ids))
    put_text(file, "place_id", ids, "place", cf_role="timeseries_id")
    return file


def put_days(file, first_day, days):
    file.createDimension("time", days)
    d.put(file, "time", np.arange(days, dtype="i4"), f"days since {np.datetime64(first_day, 'D')}", ("time", ),
          standard_name="time", calendar="proleptic_gregorian", comment="start of the day, the place's own calendar")


def put_series(file, name, values, units, **attributes):
    """[place][day] in single precision, in chunks of whole records."""
    places, days = values.shape
    v = file.createVariable(name, "f4", ("place", "time"), compression="zlib", complevel=4, shuffle=True,
                            fill_value=np.float32(np.nan), chunksizes=(max(1, min(places, CHUNK_VALUES // days)), days))
    v.setncatts({"units": units, **attributes})
    v[:] = values


def check_forcing(source, places, first_day, name, values, report):
    if name not in FORCING:
        return
    _, low, high = FORCING[name]
    bad = np.argwhere((values < low) | (values > high))
    if len(bad):
        row, day = bad[0]
        raise d.ImportProblem(
            f"{source}: {name} is {values[row, day]:g} at place {places.ids[row]} on {first_day + int(day)} "
            f"({len(bad)} "
            f"values); allowed: {low} to {high} {unit_of(FORCING[name][0])}; is the unit right?")


def no_negative_evaporation(values, report):
    """Reanalyses hold slightly negative potential evaporation, which the equations of runoff do not allow."""
    report.note((values < 0).sum(), "potential evapotranspiration below 0", "set to 0")
    return np.where(values < 0, 0.0, values)


def check_temperatures(variables, report):
    if {"temperature_min", "temperature_max"} <= set(variables):
        report.note((variables["temperature_min"] > variables["temperature_max"]).sum(),
                    "days with temperature_min above temperature_max", "kept")


def write_forcing(folder, source, report, places, first_day, variables, units=None, **attributes):
    """forcing.nc; variables: name -> [place][day] in the domain's units, `units` of those that the format does not "
      "name."""
    places.check(source, report)
    first_day = np.datetime64(first_day, "D")
    check_temperatures(variables, report)
    for name, values in variables.items():
        check_forcing(source, places, first_day, name, values, report)
        gaps = np.isnan(values)
        report.note(gaps.sum(), f"{name}: values missing", f"kept missing, at {gaps.any(1).sum()} places")
    days = next(iter(variables.values())).shape[1]
    report.add("days of forcing", days, f"{first_day} to {first_day + days - 1}")
    path = Path(folder) / "forcing.nc"
    with create(path, "Daily forcing of places", source, report, places.ids, **attributes) as file:
        put_days(file, first_day, days)
        for name, unit in PLACE_NUMBERS.items():
            d.put(file, name, places.numbers(name), unit, ("place", ))
        if places.hru_reach is not None:
            d.put(file, "hru_reach", np.asarray(places.hru_reach, "i8"), None, ("place", ),
                  comment="reach_id that the runoff enters; 0 = none")
        for name, values in variables.items():
            put_series(file, name, values,
                       unit_of(FORCING[name][0]) if name in FORCING else (units or {}).get(name, ""))
    print(f"wrote {path} ({len(places.ids)} places, {days} days)")


def write_attributes(path, source, report, ids, columns, units=None, **attributes):
    """attributes.nc of places; columns: name -> numbers [place], or text, which the network cannot take but lists of "
      "basins can."""
    text = [name for name, values in columns.items() if not isinstance(values, np.ndarray)]
    report.add("attributes", len(columns) - len(text))
    report.note(len(text), "attributes that are text", "kept as text, for lists of basins: " + ", ".join(text))
    path = Path(path)
    with create(path, "Attributes of places", source, report, ids, **attributes) as file:
        for name, values in columns.items():
            if isinstance(values, np.ndarray):
                d.put(file, name, values, (units or {}).get(name), ("place", ))
            else:
                put_text(file, name, values, "place")
    print(f"wrote {path} ({len(columns)} attributes)")


def write_observations(path, source, report, ids, first_day, variables, long_names=None, **attributes):
    """observations.nc of places; variables: name -> [place][day] in the domain's units, NaN where missing."""
    kept = {}
    for name, values in variables.items():
        quantity, low, high = OBSERVED[name]
        bad = (values < low) | (values > high)
        report.note(bad.sum(), f"{name}: values that cannot be", f"made missing (allowed: {low:g} to {high:g})")
        kept[name] = np.where(bad, np.nan, values)
        present = np.isfinite(kept[name])
        report.add(f"{name}: values", present.sum(), f"{100 * (1 - present.mean()):.1f} % missing")
        report.note((~present.any(1)).sum(), f"{name}: places without a value", "kept, all missing")
    path = Path(path)
    with create(path, "Observations at places", source, report, ids, **attributes) as file:
        put_days(file, first_day, next(iter(kept.values())).shape[1])
        for name, values in kept.items():
            put_series(file, name, values, unit_of(OBSERVED[name][0]),
                       **({"long_name": long_names[name]} if long_names and name in long_names else {}))
    print(f"wrote {path} ({len(ids)} places, {next(iter(kept.values())).shape[1]} days)")
