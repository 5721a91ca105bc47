# Bad input is told in one line: on 1 and on 2 ranks exit status 1, exactly one line that begins `error:`, with the file or key,
# the variable and the value in it, and nothing hangs.
# timeout: 400
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import netCDF4
import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin


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


def unit(file, variable, units):
    def breaking(domain):
        with netCDF4.Dataset(os.path.join(domain, file), "a") as data:
            data[variable].units = units
    return breaking


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
    lines = [l for l in (done.stdout + done.stderr).splitlines() if l.startswith("error:")]
    found = []
    if done.returncode != status:
        found.append(f"exit status {done.returncode}, expected {status}")
    if len(lines) != 1 or lines[0] not in done.stderr:
        found.append(f"{len(lines)} error lines")
    found += [f"\"{w}\" is not in the message" for w in words if not any(w in l for l in lines)]
    return [f"{p}: {lines}" for p in found]


def check_case(case, folder):
    name, breaking, settings, words = case
    here = os.path.join(folder, name.replace(" ", "_"))
    shutil.copytree(os.path.join(folder, "domain"), os.path.join(here, "domain"))
    breaking(os.path.join(here, "domain"))
    config = os.path.join(here, "small.yaml")
    with open(config, "w") as file:
        file.write(twin.CONFIG.format(domain=os.path.join(here, "domain"), folder=here))
    found = []
    for ranks in (1, 2):
        done = twin.run(ranks, "train", config, "experiment.updates=2", *settings, timeout=60)
        found += [f"{name}, {ranks} rank(s): {p}" for p in problems(done, 1, words)]
    return found


def check_checkpoints(config, folder):
    """Truncated, of another network, of another configuration."""
    run = twin.train(1, config, "experiment.updates=4", "test.baselines=[]")
    resume = ["train", config, "experiment.updates=4", "experiment.epochs=3", "resume=" + run]
    found = []
    done = twin.run(2, *resume, "network.hidden_size=17", timeout=60)
    found += problems(done, 1, ["another configuration", "hidden_size"])
    other = os.path.join(folder, "other")
    shutil.copytree(os.path.join(folder, "domain"), other)
    edit("network.nc", "length", put(0, 1234.5))(other)
    done = twin.run(2, *resume, f"data_sources.network={other}/network.nc", timeout=60)
    found += problems(done, 1, ["another river network"])
    newest = twin.newest_checkpoint(run)
    for name in os.listdir(newest):
        if name.endswith(".nc"):
            truncate(name)(newest)
    done = twin.run(2, *resume, timeout=60)
    found += problems(done, 1, ["update_"])
    return found


def check_left_out(config, folder):
    """A gauge without any value is left out with a warning, the run goes on."""
    edit("observations.nc", "discharge", put(0, -9999.0))(os.path.join(folder, "domain"))
    done = twin.run(2, "train", config, "experiment.updates=2", "test.baselines=[]", timeout=60)
    text = done.stdout + done.stderr
    return [] if done.returncode == 0 and "warning:" in text and "00000001" in text else [f"left out: {text}"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = twin.make_domain(folder)
        with ThreadPoolExecutor(2) as pool:
            found = sum(pool.map(lambda case: check_case(case, folder), CASES), [])
        for arguments in (["trian", config], ["train"]):
            found += problems(twin.run(2, *arguments), 2, [])
        found += check_checkpoints(config, folder)
        found += check_left_out(config, folder)
    for problem in found:
        print(problem)
    print(f"{len(CASES)} kinds of bad input on 1 and 2 ranks, {len(found)} problems")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
