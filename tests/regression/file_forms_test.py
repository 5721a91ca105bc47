# The same domain in other forms of file gives the same bits: order of dimensions and rows, types of ids and values, packing,
# chunks, formats of netCDF, units and origin of time, spellings of missing values.
# timeout: 400
import os
import shutil
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import netCDF4
import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin

FORMATS = ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA", "NETCDF4_CLASSIC", "NETCDF4")
FILES = ("network.nc", "attributes.nc", "lateral_inflow.nc", "observations.nc")
IDS = ("reach_id", "downstream_id")
LOCK = threading.Lock()   # netCDF4 is not safe between threads


class Table:
    """A file in memory: name -> [dimensions, values, attributes]; what a form changes before it is written again."""

    def __init__(self, path):
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            file.set_auto_chartostring(False)
            self.format, self.unlimited, self.options = "NETCDF4", None, {}
            self.variables = {n: [v.dimensions, np.asarray(v[...]), {a: v.getncattr(a) for a in v.ncattrs()}]
                              for n, v in file.variables.items()}

    def write(self, path):
        with netCDF4.Dataset(path, "w", format=self.format) as file:
            for name, (dimensions, values, attributes) in self.variables.items():
                for d, n in zip(dimensions, values.shape):
                    if d not in file.dimensions:
                        file.createDimension(d, None if d == self.unlimited else n)
                fill = attributes.pop("_FillValue", None)
                kind = str if values.dtype == object else values.dtype
                options = self.options if len(dimensions) > 1 and kind is not str else {}
                v = file.createVariable(name, kind, dimensions, fill_value=fill, **options)
                v.set_auto_maskandscale(False)
                v.set_auto_chartostring(False)
                v.setncatts(attributes)
                if values.dtype == object:
                    for k, text in enumerate(values):
                        v[k] = text
                else:
                    v[...] = values

    def cast(self, name, dtype):
        self.variables[name][1] = self.variables[name][1].astype(dtype)

    def reorder(self, dimension, order):
        for entry in self.variables.values():
            if dimension in entry[0]:
                entry[1] = np.take(entry[1], order, axis=entry[0].index(dimension))

    def turn(self, name):
        entry = self.variables[name]
        entry[0], entry[1] = entry[0][::-1], np.ascontiguousarray(entry[1].T)

    def gauge_text(self):
        return [bytes(row).rstrip(b"\0 ").decode() for row in self.variables["gauge_id"][1]]


def ids_as(dtype):
    def form(name, t):
        for v in IDS:
            if v in t.variables:
                t.cast(v, dtype)
    return form


def stored_as(kind):
    def form(name, t):
        t.format = kind
        if kind.startswith("NETCDF3") and kind != "NETCDF3_64BIT_DATA" or kind == "NETCDF4_CLASSIC":
            ids_as("i4")(name, t)
    return form


def unlimited_and_compressed(name, t):
    t.unlimited = "time"
    t.options = {"zlib": True, "shuffle": True}


def not_filled(name, t):
    """Variables that the writer did not fill beforehand: their zeros are values."""
    for _, values, attributes in t.variables.values():
        if values.dtype.kind in "fi":
            attributes.setdefault("_FillValue", False)


def classic_unlimited(name, t):
    stored_as("NETCDF3_64BIT_OFFSET")(name, t)
    t.unlimited = "time"
    if "discharge" in t.variables:
        t.turn("discharge")   # the unlimited dimension must come first


def shuffled(name, t):
    for dimension in ("reach", "gauge"):
        sizes = [v.shape[d.index(dimension)] for d, v, _ in t.variables.values() if dimension in d]
        if sizes and name != "network.nc":   # the network's order fixes the blocks
            t.reorder(dimension, np.random.default_rng(len(name)).permutation(sizes[0]))


def turned(name, t):
    for v in ("q_lateral", "discharge"):
        if v in t.variables:
            t.turn(v)


def time_as(unit, scale, dtype, origin="1999-12-31T12:00:00+00:00", shift_h=12, calendar=None):
    """The domain counts hours since 2000-01-01."""
    def form(name, t):
        if "time" in t.variables:
            entry = t.variables["time"]
            entry[1] = ((entry[1] + shift_h) * scale).astype(dtype)
            entry[2] = {"units": f"{unit} since {origin}"}
            if calendar:
                entry[2]["calendar"] = calendar
    return form


def strings(name, t):
    if "gauge_id" in t.variables:
        t.variables["gauge_id"] = [("gauge",), np.array(t.gauge_text(), dtype=object), {}]


def padded(width, filler):
    def form(name, t):
        if "gauge_id" in t.variables:
            rows = [list(text.ljust(width, filler)) for text in t.gauge_text()]
            t.variables["gauge_id"] = [("gauge", f"string{width}"), np.array(rows, dtype="S1"), {}]
    return form


def outlets_as(value, attributes):
    def form(name, t):
        if "downstream_id" in t.variables:
            entry = t.variables["downstream_id"]
            entry[1] = np.where(entry[1] == 0, value, entry[1].astype(np.asarray(value).dtype))
            entry[2].update(attributes)
    return form


def missing_as(value, dtype, attributes):
    """The holes of the observations spelled otherwise."""
    def form(name, t):
        if "discharge" in t.variables:
            entry = t.variables["discharge"]
            holes = entry[1] == -9999.0
            entry[1] = np.where(holes, value, entry[1]).astype(dtype)
            entry[2].pop("_FillValue", None)
            entry[2].update(attributes)
    return form


def packed(dtype, unsigned=False):
    """Values that were rounded to sixteenths before (see main), as integers with scale_factor and add_offset."""
    def form(name, t):
        for v in ("q_lateral", "discharge"):
            if v in t.variables:
                entry = t.variables[v]
                holes = entry[1] == -9999.0
                whole = np.where(holes, 65535 if unsigned else -32768, np.rint((entry[1] - 1024) * 16 if not unsigned else entry[1] * 16))
                entry[1] = whole.astype("u2").astype(dtype) if unsigned else whole.astype(dtype)
                entry[2].update(scale_factor=0.0625, add_offset=0.0 if unsigned else 1024.0)
                entry[2]["_FillValue"] = np.asarray(-1 if unsigned and dtype == "i2" else 65535 if unsigned else -32768).astype(dtype)
                if unsigned and dtype == "i2":
                    entry[2]["_Unsigned"] = "true"
    return form


NAN = float("nan")
FORMS = {
    **{f"ids {t}": ids_as(t) for t in ("i4", "u4", "u8", "f8")},
    **{kind: stored_as(kind) for kind in FORMATS},
    "unlimited, compressed": unlimited_and_compressed, "classic, unlimited": classic_unlimited,
    "not filled beforehand": not_filled,
    "rows in another order": shuffled, "dimensions turned": turned,
    "days": time_as("days", 1 / 24, "f8"), "minutes": time_as("minutes", 60, "i4"), "seconds": time_as("Seconds", 3600, "i8"),
    "hours in single": time_as("hours", 1, "f4", "1980-1-1 0:0:0 UTC", 175320),
    "unsigned hours": time_as("hours", 1, "u4"),
    "standard since year 1": time_as("days", 1 / 24, "f8", "1-1-1 00:00:00.0", 730121 * 24),
    "proleptic since year 1": time_as("days", 1 / 24, "f8", "0001-01-01", 730119 * 24, "proleptic_gregorian"),
    "strings": strings, "wide ids": padded(31, " "), "wide ids, NULs": padded(8, "\0"),
    "outlet -1": outlets_as(np.int64(-1), {}), "outlet fill": outlets_as(np.int64(-77), {"_FillValue": np.int64(-77)}),
    "outlet default fill": outlets_as(np.int64(netCDF4.default_fillvals["i8"]), {}),
    "outlet NaN": outlets_as(np.float64(NAN), {}),
    "missing NaN": missing_as(NAN, "f8", {}), "missing default fill": missing_as(netCDF4.default_fillvals["f8"], "f8", {}),
    "missing -9999.9 in double of single": missing_as(-9999.9, "f4", {"missing_value": -9999.9}),
    "missing 1e20": missing_as(np.float32(1e20), "f8", {"missing_value": 1e20}),
    "out of valid_range": missing_as(7e5, "f4", {"valid_range": np.array([0, 5e5], "f4")}),
    "out of valid_max": missing_as(7e5, "f8", {"valid_max": 5e5}),
    "packed int16": packed("i2"), "packed int32": packed("i4"), "packed uint16": packed("u2", True),
    "packed _Unsigned": packed("i2", True),
}


def training_of(folder, here, form, ranks):
    """training.csv and weights after training on the domain in another form."""
    os.makedirs(os.path.join(here, "domain"))
    with LOCK:
        for name in FILES:
            table = Table(os.path.join(folder, "domain", name))
            form(name, table)
            table.write(os.path.join(here, "domain", name))
    config = os.path.join(here, "small.yaml")
    with open(config, "w") as file:
        file.write(twin.CONFIG.format(domain=os.path.join(here, "domain"), folder=here))
    run = twin.train(ranks, config, "experiment.updates=4", "experiment.epochs=1", "test.baselines=[summed_lateral_inflow]")
    scores = twin.text(run, "metrics_by_gauge.csv")
    shutil.rmtree(os.path.join(here, "domain"))
    with LOCK:
        return twin.text(run, "training.csv"), twin.tensors(twin.newest_checkpoint(run)), scores


def round_values(folder):
    """Values every form can hold: sixteenths; some observations missing."""
    for name, variable in (("lateral_inflow.nc", "q_lateral"), ("observations.nc", "discharge")):
        path = os.path.join(folder, "domain", name)
        table = Table(path)
        entry = table.variables[variable]
        entry[1] = np.rint(np.clip(entry[1], 0, 2000) * 16) / 16
        if variable == "discharge":
            entry[1][0, 5:30] = entry[1][1, 50:90] = -9999.0
        table.write(path)


def check(folder, number, expected):
    name = list(FORMS)[number]
    ranks = 1 + number % 2
    try:
        found = training_of(folder, os.path.join(folder, str(number)), FORMS[name], ranks)
    except AssertionError as problem:
        return [f"{name}: {problem}"]
    return [] if found == expected else [f"{name}: other results on {ranks} rank(s)"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        twin.make_domain(folder)
        round_values(folder)
        expected = training_of(folder, os.path.join(folder, "expected"), lambda name, table: None, 1)
        with ThreadPoolExecutor(2) as pool:
            found = sum(pool.map(lambda k: check(folder, k, expected), range(len(FORMS))), [])
    for problem in found:
        print(problem)
    print(f"{len(FORMS)} forms of the domain, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
