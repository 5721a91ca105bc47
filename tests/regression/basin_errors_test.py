# What a user of basins can meet: places that cannot take part are left out with their reason (no attributes, gaps of
# the forcing, no observation, area 0), everything else is one line that names file, key or variable, value and what is
# allowed, before anything is computed; on 2 ranks, and nothing hangs.
# timeout: 600
import itertools
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import netCDF4
import numpy as np
import twin_run as twin

NUMBER = itertools.count()
ONLY = ["experiment.updates=1", "test.baselines=[]"]


def edit(domain, name, change):
    """The file with one change, under a name of its own; gives the setting that uses it."""
    source, target = os.path.join(domain, name + ".nc"), os.path.join(domain, f"{name}_changed_{next(NUMBER)}.nc")
    with open(source, "rb") as a, open(target, "wb") as b:
        b.write(a.read())
    with netCDF4.Dataset(target, "a") as file:
        change(file)
    return f"data_sources.{name}={target}"


POOL, ASKED = ThreadPoolExecutor(2), []


def refused(*arguments, **more):
    """Two at a time: most of their time is the start of MPI. `all_refused` waits for them."""
    ASKED.append(POOL.submit(check_one, *arguments, **more))


def all_refused():
    while ASKED:
        ASKED.pop().result()


def check_one(config, words, *settings, verb="train"):
    done = twin.run(2, verb, config, *ONLY, *settings, timeout=60)
    assert done.returncode != 0, (words, done.stdout)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0], (word, lines[0])


def left_out(config, place, reason, *settings):
    """The run goes on without the place and says so: in the log and in metrics.json."""
    done = twin.run(2, "train", config, *ONLY, *settings, timeout=60)
    assert done.returncode == 0, done.stderr
    assert any(place in line and reason in line for line in done.stderr.splitlines()), (place, reason, done.stderr)
    with open(os.path.join(twin.run_folder_of(done.stdout), "metrics.json")) as file:
        excluded = json.load(file)["set"]["excluded"]
    assert [e["place_id"] for e in excluded] == [place] and reason in excluded[0]["reason"], excluded
    assert "29 basins" in done.stdout, done.stdout  # of 40, 10 are held out


def check_left_out(config, domain):
    def other_id(file):
        file["place_id"][4] = np.array(list("99999999"), "S1")

    left_out(config, "00000005", "no row in", edit(domain, "attributes", other_id))

    def gap(file):
        file["precipitation"][4, :] = np.nan

    left_out(config, "00000005", "precipitation is missing", edit(domain, "forcing", gap))

    def unobserved(file):
        file["streamflow"][4, :] = -9999

    left_out(config, "00000005", "streamflow has no value", edit(domain, "observations", unobserved))

    def volume(file):
        area = netCDF4.Dataset(os.path.join(domain, "forcing.nc"))["area_km2"][:]
        file["streamflow"][:] = np.where(file["streamflow"][:].filled(-9999) < 0, -9999,
                                         file["streamflow"][:].filled(0) * np.asarray(area)[:, None] / 86.4)
        file["streamflow"].units = "m3 s-1"

    def no_area(file):
        file["area_km2"][4] = 0

    left_out(config, "00000005", "area_km2 is 0", edit(domain, "observations", volume),
             edit(domain, "forcing", no_area))


def check_refused(config, domain):
    def unit(name, text):
        def change(file):
            file[name].units = text
        return change

    refused(config, ["precipitation", "furlongs"], edit(domain, "forcing", unit("precipitation", "furlongs/fortnight")))
    refused(config, ["streamflow", "buckets"], edit(domain, "observations", unit("streamflow", "buckets")))
    refused(config, ["a99"], "network.input_var_names=[a01, a99]")
    refused(config, ["runoff.variant", "3.0", "1.1p"], "runoff.variant=3.0")
    refused(config, ["runoff.dynamic", "K0", "1.0"], "runoff.variant=1.0", "runoff.dynamic=[K0]", "network.kind=lstm")
    refused(config, ["network.kind", "mlp", "two_headed"], "runoff.dynamic=[BETA]")
    refused(config, ["2003-06-30", "2002-06-18"], "experiment.end_time=2003-06-30")
    refused(config, ["temperature_min"], "runoff.pet=hargreaves")
    refused(config, ["experiment.targets", "above 0"], "experiment.targets.streamflow=0")
    refused(config, ["parallel.replicas", "2"], "parallel.replicas=2", "experiment.windows=2")
    refused(config, ["params.source"], verb="evaluate")

    names = os.path.join(domain, "wrong.txt")
    with open(names, "w") as file:
        file.write("00000001\n00000001x\n")
    refused(config, ["wrong.txt", "2", "00000001x"], "basins.train=" + names)
    refused(config, ["00000004"], f"basins.train={domain}/holdout.txt")


def check_damaged(config, domain):
    """Values, ids, dimensions and files that cannot be."""
    def value(name, to):
        def change(file):
            file[name][(4, 300) if file[name].ndim == 2 else 4] = to
        return change

    def twice(file):
        file["place_id"][4] = file["place_id"][5]

    def cut(name):
        with open(os.path.join(domain, name + ".nc"), "rb") as whole, open(f"{domain}/{name}_cut.nc", "wb") as part:
            part.write(whole.read()[:-1000])
        return f"data_sources.{name}={domain}/{name}_cut.nc"

    def calendar(file):
        file["time"].calendar = "noleap"

    def other_dimension(file):
        file.renameDimension("place", "basin")

    refused(config, ["precipitation is -1 mm/day", "00000005", "2000-10-27", "0..3000"],
            edit(domain, "forcing", value("precipitation", -1)))
    refused(config, ["a01", "00000005", "inf", "finite"], edit(domain, "attributes", value("a01", np.inf)))
    refused(config, ["observations_changed", "00000006 twice"], edit(domain, "observations", twice))
    refused(config, ["noleap", "standard"], edit(domain, "observations", calendar))
    refused(config, ["place_id", "(basin, ", "(place, "], edit(domain, "forcing", other_dimension))
    refused(config, ["forcing_cut.nc", "complete"], cut("forcing"))
    refused(config, ["neither a checkpoint", domain], "network.start_from=" + domain)


def check_before_training(config, domain):
    """What the test after the training would stumble over is said before the first update."""
    runs = os.path.join(domain, "..", "output", "small_basins")
    before = sorted(os.listdir(runs))
    with open(f"{domain}/wrong_test.txt", "w") as file:
        file.write("00000001\n77777777\n")
    refused(config, ["wrong_test.txt", "line 2", "77777777"], f"basins.test={domain}/wrong_test.txt")
    refused(config, ["test.start_time", "2003-12-31", "2002-06-18"], "test.end_time=2003-12-31")
    refused(config, ["experiment.start_time", "1991-01-01", "2000-01-01"], "experiment.start_time=1990-01-01",
            "experiment.end_time=1991-01-01")
    all_refused()
    assert sorted(os.listdir(runs)) == before, "a refused training leaves no folder"


def check_goes_on(config, domain):
    """Odd, but no error: attributes without differences, impossible observations at a place of the last rank, more basins
    a batch than there are, a warm-up longer than the record; every rank's warnings are heard."""
    def same(file):
        file["a02"][:] = 3

    def impossible(file):
        file["streamflow"][38, 200] = -5

    done = twin.run(2, "train", config, *ONLY, edit(domain, "attributes", same), edit(domain, "observations", impossible),
                    "experiment.batch_size=1000", "experiment.warmup=5000", "experiment.rho=5100", timeout=60)
    assert done.returncode == 0, done.stderr
    for words in (("a02 is 3 at all", "input is 0"), ("1 value of streamflow at place 00000039", "counts as missing")):
        assert any(all(w in line for w in words) for line in done.stderr.splitlines()), (words, done.stderr)


def check_other_training(config, domain):
    """A checkpoint is not continued with other basins or another configuration."""
    run = twin.train(1, config, "experiment.updates=2", "test.baselines=[]")
    refused(config, ["configuration", "learning_rate"], "experiment.updates=2", "experiment.learning_rate=0.02",
            "resume=" + run)
    refused(config, ["set of training basins"], f"basins.train={domain}/holdout.txt", "basins.holdout=",
            "experiment.updates=2", "resume=" + run)
    all_refused()
    done = twin.run(2, "evaluate", config, "test.baselines=[]", "params.source=" + run)
    assert done.returncode == 0, done.stderr
    assert twin.text(run, "metrics_by_basin.csv") == twin.text(twin.run_folder_of(done.stdout), "metrics_by_basin.csv")


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = basins.make_domain(folder)
        domain = os.path.join(folder, "domain")
        check_left_out(config, domain)
        check_refused(config, domain)
        check_damaged(config, domain)
        check_before_training(config, domain)
        check_goes_on(config, domain)
        check_other_training(config, domain)
    print("left out with a reason, or refused in one line")
    return 0


if __name__ == "__main__":
    sys.exit(main())
