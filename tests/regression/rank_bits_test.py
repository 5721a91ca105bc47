# The same bits on 1, 2, 3, 4 and 8 ranks: trained weights, optimizer state, training.csv, discharge, scores, with any
# length of chunks and any number of pieces; and discharge for given parameters whatever the order of the rows in the files.
# timeout: 300
import json
import os
import shutil
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import twin_run as twin


REACHES = 600  # 10 blocks of the parameter network, the last one shorter: every one of 8 ranks holds one


def check_layout(config):
    """The partition really is cut: at least 2 cuts a rank and 8 supersteps (20 days of 24 steps, 24 a chunk)."""
    for ranks in (4, 8):
        shown = twin.run(ranks, "train", config, "--validate").stdout
        cuts = int(shown.split(" cut edges")[0].split()[-1])
        assert cuts >= 2 * ranks, shown


def check_chunks(config, one):
    """One piece leaves nothing out of an update, many leave out what its gauges do not need. 480 steps a window; a tape of
    a kilobyte keeps the fewest states."""
    for ranks, settings in ((1, ["routing.pieces_per_rank=1", "routing.chunk_steps=1000"]),
                            (2, ["routing.chunk_steps=7", "routing.pieces_per_rank=5"]),
                            (3, ["routing.chunk_steps=0", "routing.pieces_per_rank=0"]),
                            (1, ["memory.tape_gib=1e-6"]), (2, ["memory.tape_gib=1e-6", "routing.pieces_per_rank=2"])):
        other = twin.train(ranks, config, *settings)
        assert twin.same_training(one, other), f"training differs on {ranks} ranks with {settings}"


def check_ranks(config, others, *settings):
    runs = {n: twin.train(n, config, *settings) for n in (1, *others)}
    for n in others:
        assert twin.same_training(runs[1], runs[n]), f"{settings}: training differs between 1 and {n} ranks"
        one, other = (json.loads(twin.text(runs[k], "metrics.json")) for k in (1, n))
        assert one == other, f"{settings}: metrics.json differs between 1 and {n} ranks"
        for name in ("discharge.nc", "parameters.nc"):
            a, b = (twin.arrays(os.path.join(runs[k], name)) for k in (1, n))
            for key in a:
                assert a[key].tobytes() == b[key].tobytes(), f"{settings}: {name} {key} differs on {n} ranks"
    return runs[1]


def permute(path, order, dimension):
    """Rewrites a file with the rows of one dimension in another order."""
    with netCDF4.Dataset(path) as source, netCDF4.Dataset(path + ".new", "w") as target:
        source.set_auto_mask(False)
        target.setncatts({k: source.getncattr(k) for k in source.ncattrs()})
        for name, d in source.dimensions.items():
            target.createDimension(name, len(d))
        for name, v in source.variables.items():
            copy = target.createVariable(name, v.dtype, v.dimensions, fill_value=getattr(v, "_FillValue", None))
            copy.setncatts({k: v.getncattr(k) for k in v.ncattrs() if k != "_FillValue"})
            values = v[...]
            if dimension in v.dimensions:
                values = np.take(values, order, axis=v.dimensions.index(dimension))
            copy[...] = values
    os.replace(path + ".new", path)


def check_row_order(config, folder):
    domain = os.path.join(folder, "domain")
    settings = ["output.discharge=all", "params.defaults={n: 0.04, p: 30, q: 0.4}"]

    def discharge(ranks):
        done = twin.run(ranks, "route", config, *settings)
        assert done.returncode == 0, done.stdout + done.stderr
        with netCDF4.Dataset(os.path.join(twin.run_folder_of(done.stdout), "discharge.nc")) as file:
            rows = {int(i): file["discharge"][k].filled(np.nan).tobytes() for k, i in enumerate(file["reach_id"][:])}
            gauges = {"".join(c.decode() for c in i): file["discharge_simulated"][k].filled(np.nan).tobytes()
                      for k, i in enumerate(file["gauge_id"][:])}
        return rows, gauges

    before = discharge(1)
    random = np.random.default_rng(3)
    for name, dimension in (("network", "reach"), ("attributes", "reach"), ("lateral_inflow", "reach"),
                            ("observations", "gauge")):
        path = os.path.join(domain, name + ".nc")
        shutil.copy(path, path + ".saved")
        with netCDF4.Dataset(path) as file:
            size = len(file.dimensions[dimension])
        permute(path, random.permutation(size), dimension)
    assert discharge(1) == before, "discharge depends on the order of the rows"
    assert discharge(3) == before, "discharge depends on the order of the rows on 3 ranks"


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = twin.make_domain(folder, f"synth.reaches={REACHES}")
        check_layout(config)
        check_chunks(config, check_ranks(config, (2, 3, 4, 8)))
        check_ranks(config, (3, 8), "precision=double", "network.kind=kan", "routing.scheme=corrected",
                    "experiment.updates=4")
        check_row_order(config, folder)
    print("1 = 2 = 3 = 4 = 8 ranks, any chunks and tapes, any order of rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
