# The twin of a small continent: files of the same bits on 1, 2 and 3 ranks; the true parameters, routed from the files by
# another verb, give the true discharge at the gauges; it trains on 2 ranks.
# timeout: 120
import os
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin

CONFIG = os.path.join(os.environ["DPL_SOURCE_DIR"], "configs", "continental_twin.yaml")
FILES = ("network", "attributes", "lateral_inflow", "observations", "truth")
# 40 days are two chunks of time (32 days at most).
SMALL = ["synth.reaches=6000", "synth.gauges=12", "synth.days=40", "synth.truth=attributes", "experiment.end_time=2000-02-09",
         "experiment.rho=20", "experiment.warmup=5", "experiment.updates=2", "test.baselines=[]"]


def sources(folder):
    return [f"data_sources.{name}={folder}/{name}.nc" for name in FILES[:4]]


def make(folder, ranks):
    done = twin.run(ranks, "synth", CONFIG, *sources(folder), *SMALL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6000 reaches in" in done.stdout and "% of the reaches lie at or upstream of one" in done.stdout, done.stdout
    return {f"{name}.{key}": value for name in FILES for key, value in twin.arrays(f"{folder}/{name}.nc").items()}


def check_truth(folder, made):
    """parameters.nc of the truth through `route` in double precision: the same water at the gauges."""
    done = twin.run(2, "route", CONFIG, *sources(folder), *SMALL, f"params.source={folder}/truth.nc", "precision=double",
                    f"output={folder}/output")
    assert done.returncode == 0, done.stdout + done.stderr
    with netCDF4.Dataset(os.path.join(twin.run_folder_of(done.stdout), "discharge.nc")) as file:
        routed = file["discharge_simulated"][:].filled(np.nan)
    true = made["truth.gauge_discharge"]
    assert np.isfinite(true).all() and (true > 0).all()
    worst = np.abs(routed - true).max() / true.max()
    assert worst < 1e-12, f"routed from the files: {worst}"
    noise = made["observations.discharge"] / true - 1
    assert 0.04 < noise.std() < 0.06, noise.std()


def main():
    with tempfile.TemporaryDirectory() as folder:
        made = {ranks: make(os.path.join(folder, str(ranks)), ranks) for ranks in (1, 2, 3)}
        for ranks in (2, 3):
            assert made[1].keys() == made[ranks].keys()
            for key, value in made[1].items():
                assert value.tobytes() == made[ranks][key].tobytes(), f"{key} differs between 1 and {ranks} ranks"
        check_truth(os.path.join(folder, "2"), made[2])
        done = twin.run(2, "train", CONFIG, *sources(os.path.join(folder, "1")), *SMALL, f"output={folder}/output")
        assert done.returncode == 0, done.stdout + done.stderr
    print("1 = 2 = 3 ranks; the truth routed from the files is the truth")
    return 0


if __name__ == "__main__":
    sys.exit(main())
