# Learning through a surrogate of an external program: on a twin it makes the program better, the same results on 1 and 2
# ranks, finished places and trainings are not repeated, and what a program does wrong is told in one line.
# timeout: 240
import csv
import glob
import json
import os
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import basin_run as basins
import twin_run as twin

# A linear reservoir behind a share of the rain; parameter `wrong` makes it fail.
PROGRAM = """
import csv, sys
forcing, parameters, output, wrong = sys.argv[1:5]
days = list(csv.DictReader(open(forcing)))
with open(output, "w") as file:
    file.write("date,run,q\\n")
    for run in csv.DictReader(open(parameters)):
        store, share, k = 1.0, float(run["share"]), float(run["k"])
        for n, day in enumerate(days):
            store += share * float(day["precipitation_mm_day"])
            q = k * store
            store -= q
            text = "nan" if wrong == "nan" and n == 7 else f"{q:.6f}"
            if wrong == "short" and n == len(days) - 1:
                continue
            file.write(f"{day['date']},{run['run']},{text}\\n")
if wrong == "status":
    sys.exit("the pump is broken")
if wrong == "missing":
    import os
    os.remove(output)
"""
SMALL = ["runoff.warmup.days=60", "experiment.updates=60", "experiment.learning_rate=3.0e-2", "experiment.batch_size=0", "network.hidden_size=8",
         "surrogate.parameters={share: [0.05, 1], k: [0.02, 0.5, log]}", "surrogate.output.column=q",
         "surrogate.runs_per_place=6", "surrogate.runs_near=3", "surrogate.rounds=2", "surrogate.hidden_size=16",
         "surrogate.updates=250", "surrogate.updates_again=60", "surrogate.runs_per_update=2", "surrogate.learning_rate=2.0e-2"]


def command(folder, wrong="no"):
    python = os.environ.get("DPL_PYTHON") or sys.executable
    return f"surrogate.command={python} '{folder}/a model.py' {{forcing}} {{parameters}} {{output}} {wrong}"


def run(ranks, config, *settings):
    return twin.run(ranks, "surrogate", config, *SMALL, *settings)


def observe_reservoirs(folder):
    """Streamflow becomes that of the program itself, with parameters that depend on the first attribute."""
    with netCDF4.Dataset(f"{folder}/domain/attributes.nc") as file:
        a = np.ma.getdata(file["a01"][:])
    rank = np.argsort(np.argsort(a)) / (len(a) - 1)
    share, k = 0.2 + 0.7 * rank, 0.04 * 8 ** rank
    with netCDF4.Dataset(f"{folder}/domain/forcing.nc") as file:
        rain = by_place(file, "precipitation")
    store, flow = np.ones(len(rank)), np.empty_like(rain)
    for day in range(rain.shape[1]):
        store = store + share * rain[:, day]
        flow[:, day] = k * store
        store = store - flow[:, day]
    with netCDF4.Dataset(f"{folder}/domain/observations.nc", "a") as file:
        variable = file["streamflow"]
        variable[:] = flow if variable.dimensions[0] == "place" else flow.T


def by_place(file, name):
    variable = file[name]
    values = np.ma.getdata(variable[:]).astype("f8")
    return values if variable.dimensions[0] == "place" else values.T


def rounds(folder):
    with open(os.path.join(folder, "rounds.csv")) as file:
        return list(csv.DictReader(file))


def same(a, b):
    for name in ("rounds.csv", "metrics_by_basin.csv", "parameters_2.csv", "rounds/2/surrogate.csv", "rounds/2/network.csv"):
        assert twin.text(a, name) == twin.text(b, name), f"{name} differs: {a} {b}"
    for part in ("surrogate", "network"):
        assert twin.tensors(f"{a}/rounds/2/{part}") == twin.tensors(f"{b}/rounds/2/{part}"), part


def check_skill(folder):
    table = rounds(folder)
    assert [row["round"] for row in table] == ["0", "1", "2"], table
    before, after = (float(table[k]["test_program_median"]) for k in (0, 2))
    assert after > max(0.95, before + 0.1), (before, after)
    assert float(table[2]["surrogate_runs_median"]) > 0.9 and float(table[2]["surrogate_near_median"]) > 0.9, table[2]
    assert int(table[1]["runs_per_place"]) == 6 and int(table[2]["runs_per_place"]) == 9
    shares = [json.load(open(p))["shares"] for p in sorted(glob.glob(f"{folder}/archive/*_first.json"))]
    assert len(set(shares)) == len(shares) > 4, "places have the same runs"
    return before, after


def check_resume(config, folder, whole):
    """One place and the last training are gone: they alone are made again."""
    os.remove(sorted(glob.glob(f"{whole}/archive/*_first.json"))[0])
    os.remove(f"{whole}/rounds/2/network/DONE")
    before = rounds(whole)
    done = run(1, config, command(folder), "resume=" + whole)
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(glob.glob(f"{whole}/archive/*_first.json"))
    for words in (f"runs first: {count - 1} of {count} places", "round 1: network is trained already",
                  "round 2: surrogate is trained already"):
        assert words in done.stdout, done.stdout
    assert "round 2: network is trained already" not in done.stdout and rounds(whole) == before, done.stdout


def check_errors(config, folder, whole):
    good = command(folder)
    for settings, words in (([command(folder, "status")], ["place", "exit status 1", "the pump is broken"]),
                            ([command(folder, "missing")], ["place", "wrote no output file"]),
                            ([command(folder, "nan")], ["'nan'", "finite"]),
                            ([command(folder, "short")], ["days of run 1, the forcing"]),
                            ([good, "surrogate.output.column=flow"], ["no column flow", "date, run, q"]),
                            (["surrogate.command=/none/x {parameters} {output}"], ["cannot be started", "No such file"]),
                            (["surrogate.command=x {output}"], ["{parameters} is missing"]),
                            (["surrogate.command=x {parameters} {output} {forcings}"], ["{forcings}", "{place}"]),
                            ([good, "surrogate.parameters={k: [1, 0]}"], ["surrogate.parameters.k", "below the second"]),
                            ([good, "surrogate.yardstick=hbv"], ["BETA: [1, 6]"]),
                            ([good, "network.kind=lstm"], ["network.kind is lstm"]),
                            ([good, "resume=" + whole, "runoff.warmup.days=61"], ["warmup 60", "warmup 61"])):
        done = run(2 if "status" in settings[0] else 1, config, *settings)
        lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
        assert done.returncode == 1 and len(lines) == 1, (settings, done.stdout + done.stderr)
        assert all(word in lines[0] for word in words), (settings, lines)


def main():
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "a model.py"), "w") as file:
            file.write(PROGRAM)
        config = basins.make_domain(folder, "synth.places=10")
        observe_reservoirs(folder)
        done = run(1, config, command(folder))
        assert done.returncode == 0, done.stdout + done.stderr
        whole = twin.run_folder_of(done.stdout)
        before, after = check_skill(whole)
        again = run(2, config, command(folder))
        assert again.returncode == 0, again.stdout + again.stderr
        same(whole, twin.run_folder_of(again.stdout))
        check_resume(config, folder, whole)
        check_errors(config, folder, whole)
    print(f"test NSE of the program {before:.3f} -> {after:.3f}; 1 = 2 ranks; resumed without repeating")
    return 0


if __name__ == "__main__":
    sys.exit(main())
