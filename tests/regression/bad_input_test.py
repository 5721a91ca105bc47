# Bad input is told in one line: on 2 ranks, and every fourth kind on 1 too, exit status 1, exactly one line that begins
# `error:`, with the file or key, the variable and the value in it, and nothing hangs.
# timeout: 900
import glob
import os
import re
import shutil
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import netCDF4
import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin

LOCK = threading.Lock()   # netCDF4 is not safe between threads

def edit(file, variable, change):
    """Changes the values of a variable in place."""
    def breaking(domain):
        with netCDF4.Dataset(os.path.join(domain, file), "a") as data:
            data.set_auto_mask(False)
            values = data[variable][...]
            data[variable][...] = change(values)
    return breaking


def put(row, value):
    def change(values):
        values[row] = value
        return values
    return change


def replace(file, text):
    def breaking(domain):
        with open(os.path.join(domain, file), "wb") as data:
            data.write(text)
    return breaking


def truncate(file):
    def breaking(domain):
        path = os.path.join(domain, file)
        with open(path, "r+b") as data:
            data.truncate(os.path.getsize(path) // 2)
    return breaking


def rename(file, old, new, what="renameVariable"):
    def breaking(domain):
        with netCDF4.Dataset(os.path.join(domain, file), "a") as data:
            getattr(data, what)(old, new)
    return breaking


def attribute(file, variable, **attributes):
    def breaking(domain):
        with netCDF4.Dataset(os.path.join(domain, file), "a") as data:
            data[variable].setncatts(attributes)
    return breaking


def unit(file, variable, units):
    return attribute(file, variable, units=units)


def rewrite(file, change, form="NETCDF4", empty=()):
    """Writes the file anew; `change` sees and changes {name: [dimensions, values, attributes]}."""
    def breaking(domain):
        path = os.path.join(domain, file)
        with netCDF4.Dataset(path) as data:
            data.set_auto_mask(False)
            data.set_auto_chartostring(False)
            variables = {n: [v.dimensions, v[...], {a: v.getncattr(a) for a in v.ncattrs() if a != "_FillValue"}]
                         for n, v in data.variables.items()}
        change(variables)
        with netCDF4.Dataset(path, "w", format=form) as data:
            for name, (dimensions, values, attributes) in variables.items():
                for d, n in zip(dimensions, values.shape):
                    if d not in data.dimensions:
                        data.createDimension(d, None if d in empty else n)
                data.createVariable(name, values.dtype, dimensions).setncatts(attributes)
                if not empty:
                    data[name].set_auto_chartostring(False)
                    data[name][...] = values
    return breaking


def narrow(variables):
    for name in ("reach_id", "downstream_id"):
        if name in variables:
            variables[name][1] = variables[name][1].astype("i4")


def truncated_classic(domain):
    rewrite("lateral_inflow.nc", narrow, "NETCDF3_64BIT_OFFSET")(domain)
    truncate("lateral_inflow.nc")(domain)


def numeric_gauges(variables):
    variables["gauge_id"] = [("gauge",), np.arange(len(variables["gauge_id"][1])), {}]


def long_gauges(variables):
    ids = np.asarray(variables["gauge_id"][1])
    variables["gauge_id"] = [("station", "strlen"), np.concatenate([ids, ids]), {}]


def same_gauges(variables):
    variables["gauge_id"][1][2] = variables["gauge_id"][1][0]


def gauge_offsets(values, units):
    def change(variables):
        variables["utc_offset_h"] = [("gauge",), np.full(len(variables["reach_id"][1]), values), {"units": units}]
    return change


def without_reach(variables):
    for entry in variables.values():
        if "reach" in entry[0]:
            entry[1] = np.delete(entry[1], 5, axis=entry[0].index("reach"))


def cycle(domain):
    with netCDF4.Dataset(os.path.join(domain, "network.nc"), "a") as data:
        outlet = int(np.flatnonzero(data["downstream_id"][:] == 0)[0])
        data["downstream_id"][outlet] = data["reach_id"][outlet - 1]
        data["downstream_id"][outlet - 1] = data["reach_id"][outlet]


def no_observation(domain):
    with netCDF4.Dataset(os.path.join(domain, "observations.nc"), "a") as data:
        data.set_auto_mask(False)
        data["discharge"][:, :121] = -9999.0  # the training period


def nothing(domain):
    pass


# name, what is broken, settings, words of the message
CASES = (
    ("missing file", lambda d: os.remove(os.path.join(d, "attributes.nc")), [], ["attributes.nc"]),
    ("not netCDF", replace("network.nc", b"reach,length\n"), [], ["network.nc", "not a netCDF file"]),
    ("truncated file", truncate("lateral_inflow.nc"), [], ["lateral_inflow.nc"]),
    ("missing variable", rename("network.nc", "slope", "slopes"), [], ["network.nc", "slope", "did you mean slopes"]),
    ("wrong dimension", rename("network.nc", "reach", "river", "renameDimension"), [], ["network.nc", "(river)", "(reach)"]),
    ("wrong unit", unit("lateral_inflow.nc", "q_lateral", "mm day-1"), [], ["q_lateral", "mm day-1", "m3 s-1"]),
    ("duplicate id", edit("network.nc", "reach_id", lambda v: put(3, v[7])(v)), [], ["reach_id", "twice"]),
    ("cycle", cycle, [], ["network.nc", "cycle", "71000"]),
    ("unknown downstream", edit("network.nc", "downstream_id", put(2, 99)), [], ["downstream_id", "99", "outlet"]),
    ("gauge off the network", edit("observations.nc", "reach_id", put(1, 5)), [], ["gauge 00000002", "reach 5"]),
    ("missing network", lambda d: os.remove(os.path.join(d, "network.nc")), [], ["network.nc"]),
    ("missing inflow", lambda d: os.remove(os.path.join(d, "lateral_inflow.nc")), [], ["lateral_inflow.nc"]),
    ("missing observations", lambda d: os.remove(os.path.join(d, "observations.nc")), [], ["observations.nc"]),
    ("truncated classic file", truncated_classic, [], ["lateral_inflow.nc", "truncated"]),
    ("missing attribute", rename("attributes.nc", "a02", "b02"), [], ["attributes.nc", "a02"]),
    ("missing q", rename("lateral_inflow.nc", "q_lateral", "q"), [], ["lateral_inflow.nc", "q_lateral"]),
    ("missing time", rename("observations.nc", "time", "t"), [], ["observations.nc", "time"]),
    ("attribute missing everywhere", edit("attributes.nc", "a02", lambda v: v * np.nan), [], ["a02", "missing everywhere"]),
    ("no reaches", rewrite("network.nc", lambda v: None, empty=("reach",)), [], ["network.nc", "reach is empty"]),
    ("length in km", unit("network.nc", "length", "km"), [], ["length", "km"]),
    ("slope in percent", unit("network.nc", "slope", "percent"), [], ["slope", "percent"]),
    ("discharge in ft3", unit("observations.nc", "discharge", "ft3 s-1"), [], ["discharge", "ft3 s-1"]),
    ("reach id 0", edit("network.nc", "reach_id", put(3, 0)), [], ["reach_id is 0 in row 3"]),
    ("duplicate id of inflow", edit("lateral_inflow.nc", "reach_id", lambda v: put(3, v[7])(v)), [], ["lateral_inflow.nc", "twice"]),
    ("inflow without a reach", rewrite("lateral_inflow.nc", without_reach), [], ["lateral_inflow.nc", "no row for 1 reach"]),
    ("attributes without a reach", rewrite("attributes.nc", without_reach), [], ["attributes.nc", "no row for 1 reach"]),
    ("missing value as text", attribute("attributes.nc", "a01", missing_value="-9999"), [], ["missing_value", "a01", "text"]),
    ("noleap", attribute("lateral_inflow.nc", "time", calendar="noleap"), [], ["lateral_inflow.nc", "noleap"]),
    ("360 days", attribute("observations.nc", "time", calendar="360_day"), [], ["observations.nc", "360_day"]),
    ("months", unit("lateral_inflow.nc", "time", "months since 2000-01-01"), [], ["months since"]),
    ("time zone", unit("observations.nc", "time", "hours since 2000-01-01 00:00:00 -05:00"), [], ["time zone -05:00"]),
    ("gap in time", edit("lateral_inflow.nc", "time", lambda v: v + (np.arange(len(v)) > 50)), [], ["not regular", "row 51"]),
    ("decreasing time", edit("observations.nc", "time", lambda v: v[::-1]), [], ["observations.nc", "not regular"]),
    ("time NaN", edit("lateral_inflow.nc", "time", put(9, np.nan)), [], ["time axis", "missing in row 9"]),
    ("time huge", edit("observations.nc", "time", put(9, 1e300)), [], ["observations.nc", "row 9"]),
    ("observations of other years", unit("observations.nc", "time", "hours since 1950-01-01"), [], ["observations.nc", "no observation"]),
    ("inflow of other years", unit("lateral_inflow.nc", "time", "hours since 1950-01-01"), [], ["lateral_inflow.nc", "2000-01-01"]),
    ("no observation at all", edit("observations.nc", "discharge", lambda v: v * 0 - 9999), [], ["observations.nc", "no gauge"]),
    ("numeric gauge ids", rewrite("observations.nc", numeric_gauges), [], ["gauge_id", "text"]),
    ("more ids than gauges", rewrite("observations.nc", long_gauges), [], ["gauge_id", "(station, strlen)"]),
    ("duplicate gauge ids", rewrite("observations.nc", same_gauges), [], ["gauge_id", "00000001 twice"]),
    ("offset out of range", rewrite("observations.nc", gauge_offsets(-300.0, "h")), [], ["utc_offset_h", "-300", "24"]),
    ("offset in minutes", rewrite("observations.nc", gauge_offsets(-5.0, "minutes")), [], ["utc_offset_h", "minutes"]),
    ("area NaN", edit("network.nc", "upstream_area", put(4, np.nan)), [], ["upstream_area", "missing"]),
    ("length NaN", edit("network.nc", "length", put(4, np.nan)), [], ["length", "missing"]),
    ("length zero", edit("network.nc", "length", put(4, 0)), [], ["length is 0"]),
    ("length negative", edit("network.nc", "length", put(4, -5)), [], ["length is -5"]),
    ("slope NaN", edit("network.nc", "slope", put(4, np.nan)), [], ["slope", "missing"]),
    ("slope negative", edit("network.nc", "slope", put(4, -0.1)), ["routing.slope_min=0.001"], ["slope is -0.1"]),
    ("slope zero", edit("network.nc", "slope", put(4, 0)), [], ["slope is 0", "slope_min"]),
    ("inflow NaN", edit("lateral_inflow.nc", "q_lateral", put((30, 4), np.nan)), [], ["q_lateral", "missing", "2000-01-02T06"]),
    ("inflow negative", edit("lateral_inflow.nc", "q_lateral", put((30, 4), -1)), [], ["q_lateral is -1", "2000-01-02T06"]),
    ("no overlap", nothing, ["experiment.start_time=1990-01-01", "experiment.end_time=1990-12-31"], ["lateral_inflow.nc", "1990-01-01"]),
    ("no observation", no_observation, [], ["observations.nc", "no observation in the window"]),
    ("window too long", nothing, ["experiment.rho=500"], ["experiment.rho", "500"]),
    ("output folder", nothing, ["output=/dev/null/output"], ["/dev/null/output"]),
    ("inflow overflows", edit("lateral_inflow.nc", "q_lateral", lambda v: v * 0 + 3e38), [], ["not finite", "reach 71000"]),
    ("unknown key", nothing, ["experiment.lerning_rate=1"], ["experiment.lerning_rate", "did you mean experiment.learning_rate"]),
    ("wrong type", nothing, ["experiment.updates=many"], ["experiment.updates", "many"]),
    ("impossible date", nothing, ["test.start_time=2001-02-30"], ["test.start_time", "2001-02-30"]),
    ("unknown gauge", nothing, ["experiment.gauges=[00000009]"], ["00000009", "gauge_id"]),
)


def problems(done, status, words):
    lines = [l for l in done.stdout.splitlines() + done.stderr.splitlines() if l.startswith("error:")]
    found = []
    if done.returncode != status:
        found.append(f"exit status {done.returncode}, expected {status}")
    if len(lines) != 1 or lines[0] not in done.stderr:
        found.append(f"{len(lines)} error lines")
    found += [f"\"{w}\" is not in the message" for w in words if not any(w in l for l in lines)]
    return [f"{p}: {lines}" for p in found]


def check_case(number, folder):
    name, breaking, settings, words = CASES[number]
    here = os.path.join(folder, name.replace(" ", "_"))
    shutil.copytree(os.path.join(folder, "domain"), os.path.join(here, "domain"))
    with LOCK:
        breaking(os.path.join(here, "domain"))
    config = os.path.join(here, "small.yaml")
    with open(config, "w") as file:
        file.write(twin.CONFIG.format(domain=os.path.join(here, "domain"), folder=here))
    found = []
    for ranks in (1, 2) if number % 4 == 0 else (2,):
        done = twin.run(ranks, "train", config, "experiment.updates=2", *settings, timeout=60)
        found += [f"{name}, {ranks} rank(s): {p}" for p in problems(done, 1, words)]
    return found


def check_checkpoints(config, folder, ranks):
    """Truncated, of another network, of another configuration."""
    run = twin.train(1, config, "experiment.updates=4", "test.baselines=[]")
    resume = ["train", config, "experiment.updates=4", "experiment.epochs=3", "resume=" + run]
    found = []
    done = twin.run(ranks, *resume, "network.hidden_size=17", timeout=60)
    found += problems(done, 1, ["another configuration", "hidden_size"])
    other = os.path.join(folder, f"other_{ranks}")
    shutil.copytree(os.path.join(folder, "domain"), other)
    edit("network.nc", "length", put(0, 1234.5))(other)
    done = twin.run(ranks, *resume, f"data_sources.network={other}/network.nc", timeout=60)
    found += problems(done, 1, ["another river network"])
    newest = twin.newest_checkpoint(run)
    for name in os.listdir(newest):
        if name.endswith(".nc"):
            truncate(name)(newest)
    done = twin.run(ranks, *resume, timeout=60)
    found += problems(done, 1, ["update_"])
    return found


def check_left_out(config, domain, ranks):
    """A gauge without any value is left out with a warning, the run goes on."""
    edit("observations.nc", "discharge", put(0, -9999.0))(domain)
    done = twin.run(ranks, "train", config, "experiment.updates=2", "test.baselines=[]", timeout=60)
    text = done.stdout + done.stderr
    return [] if done.returncode == 0 and "warning:" in text and "00000001" in text else [f"left out: {text}"]


def check_loss_not_finite(config, domain, ranks):
    """Inflow overflows in the last days of the training period: the checkpoint before the first window there is kept."""
    edit("lateral_inflow.nc", "q_lateral", put(slice(110 * 24, 111 * 24), 3e38))(domain)
    done = twin.run(ranks, "train", config, "experiment.updates=30", "checkpoint.every=1", "test.baselines=[]", timeout=60)
    found = problems(done, 1, ["not finite", "reach 71000", "last checkpoint"])
    update = int(re.findall(r"not finite in update (\d+)", done.stderr)[0])
    newest = twin.newest_checkpoint(twin.run_folder_of(done.stdout))
    if not newest.endswith(f"update_{update - 1:06}") or not os.path.exists(os.path.join(newest, "DONE")):
        found.append(f"loss not finite in update {update}, newest checkpoint {newest}")
    if not all(np.isfinite(v).all() for p in glob.glob(newest + "/*.nc") for v in twin.arrays(p).values()):
        found.append(f"{newest} holds numbers that are not finite")
    return found


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = twin.make_domain(folder)
        with ThreadPoolExecutor(2) as pool:
            found = sum(pool.map(lambda number: check_case(number, folder), range(len(CASES))), [])
        for arguments in (["trian", config], ["train"]):
            found += problems(twin.run(2, *arguments), 2, [])
        for ranks in (1, 2):
            found += check_checkpoints(config, folder, ranks)
            for check in (check_left_out, check_loss_not_finite):
                here = os.path.join(folder, f"{check.__name__}_{ranks}")
                shutil.copytree(os.path.join(folder, "domain"), os.path.join(here, "domain"))
                with open(os.path.join(here, "small.yaml"), "w") as file:
                    file.write(twin.CONFIG.format(domain=os.path.join(here, "domain"), folder=here))
                found += check(os.path.join(here, "small.yaml"), os.path.join(here, "domain"), ranks)
    for problem in found:
        print(problem)
    print(f"{len(CASES)} kinds of bad input on 2 ranks, a quarter of them on 1 too, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
