# What is wrong with a run of runoff and routing is one line on any number of ranks: units, gauges, keys.
# timeout: 200
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import joint_run as joint
import netCDF4
import numpy as np
import twin_run as twin


def refused(config, words, *settings, ranks=1, verb="train"):
    done = twin.run(ranks, verb, config, *settings)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1 and len(lines) == 1, (settings, done.returncode, done.stderr)
    for word in words:
        assert word in lines[0], (word, lines[0])


def edit(domain, name, change):
    """The setting that names a changed copy of the domain's forcing."""
    path = os.path.join(domain, name + ".nc")
    shutil.copy(os.path.join(domain, "forcing.nc"), path)
    with netCDF4.Dataset(path, "a") as file:
        change(file)
    return "data_sources.forcing=" + path


def set_value(name, k, value):
    def change(file):
        file[name][k] = value
    return change


def dry_gauge(domain):
    """No place above gauge 00000006: all that drain into reaches at or above it drain nowhere."""
    with netCDF4.Dataset(os.path.join(domain, "network.nc")) as file:
        down = dict(zip(file["reach_id"][:].tolist(), file["downstream_id"][:].tolist()))
    with netCDF4.Dataset(os.path.join(domain, "observations.nc")) as file:
        gauge = int(file["reach_id"][5])

    def above(reach):
        while reach and reach != gauge:
            reach = down[reach]
        return reach == gauge

    def change(file):
        ids = np.ma.getdata(file["hru_reach"][:])
        file["hru_reach"][:] = [0 if above(int(r)) else r for r in ids]
    return edit(domain, "dry", change), str(gauge)


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = joint.make_domain(folder)
        domain = os.path.join(folder, "domain")
        refused(config, ["hru_reach", "00000004", "12345", "network.nc"],
                edit(domain, "unknown", set_value("hru_reach", 3, 12345)), ranks=2)
        refused(config, ["00000006", "area_km2 is missing", "water"],
                edit(domain, "area", set_value("area_km2", 5, np.nan)))
        refused(config, ["00000006", "area_km2 is 0", "water"], edit(domain, "zero", set_value("area_km2", 5, 0)))
        refused(config, ["00000008", "precipitation is missing"],
                edit(domain, "gap", set_value("precipitation", (7, 100), np.nan)), ranks=2)
        setting, reach = dry_gauge(domain)
        refused(config, ["no place drains", "00000006", reach], setting)
        with netCDF4.Dataset(os.path.join(domain, "forcing.nc"), "a") as file:
            file.renameVariable("hru_reach", "hru")
        refused(config, ["hru_reach"])
        with netCDF4.Dataset(os.path.join(domain, "forcing.nc"), "a") as file:
            file.renameVariable("hru", "hru_reach")

        refused(config, ["lateral_inflow", "forcing"], f"data_sources.lateral_inflow={domain}/forcing.nc")
        refused(config, ["reach_attributes"], "data_sources.reach_attributes=")
        refused(config, ["a99"], "channel_network.input_var_names=[a01, a99]", ranks=2)
        refused(config, ["experiment.windows", "2"], "experiment.windows=2")
        refused(config, ["soil_moisture", "1"], "experiment.targets.soil_moisture=1")
        refused(config, ["experiment.rho", "400"], "experiment.rho=400")
        refused(config, ["00000003", "held out", "trained"], "experiment.gauges=['00000003', '00000004']")
        refused(config, ["experiment.gauges", "nobody"], "experiment.gauges=[nobody]")
        refused(config, ["params.source"], verb="evaluate")

        done = twin.run(2, "train", config, "--validate")
        assert done.returncode == 0 and "89 places drain" in done.stdout, done.stdout + done.stderr
        assert not os.path.exists(os.path.join(folder, "output")), "a validation writes nothing"
        assert "1 place" in done.stderr + done.stdout and "drain into no reach" in done.stderr + done.stdout

        run = twin.train(1, config, "experiment.updates=2", "test.baselines=[]")
        refused(config, ["set of places or of gauges"], "experiment.updates=2", "basins.holdout=", "resume=" + run)
        refused(config, ["configuration", "channel_rate"], "experiment.updates=2", "experiment.channel_rate=2",
                "resume=" + run)
    print("refused in one line")
    return 0


if __name__ == "__main__":
    sys.exit(main())
