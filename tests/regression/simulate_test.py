# dpl_hpc simulate: runoff of a table of parameter sets is within what water allows; sets do not depend
# on the others of the table; errors in one line.
# timeout: 60
# one process
import csv
import os
import subprocess
import sys
import tempfile

HPC = os.environ["DPL_HPC"]
NAMES = "BETA FC K0 K1 K2 LP PERC UZL TT CFMAX CFR CWH BETAET C unit_hydrograph_a unit_hydrograph_b".split()
SETS = [[2, 200, .3, .1, .05, .7, 2, 30, 0, 3, .05, .1, 1, .2, 1, 1], [4, 400, .5, .2, .02, .5, 1, 20, 1, 2, .02, .1, 2, .1, 2, 2]]


def simulate(folder, sets, names=NAMES):
    path = {name: os.path.join(folder, name + ".csv") for name in ("forcing", "parameters", "output")}
    with open(path["forcing"], "w") as file:
        file.write("date,precipitation_mm_day,temperature_degc,potential_evapotranspiration_mm_day\n")
        file.writelines(f"2001-{1 + n // 28:02}-{1 + n % 28:02},{7 * (n % 4 == 0)},{n % 9 - 3},1.5\n" for n in range(300))
    with open(path["parameters"], "w") as file:
        file.write("run," + ",".join(names) + "\n")
        file.writelines(f"{n + 1}," + ",".join(map(str, x[:len(names)])) + "\n" for n, x in enumerate(sets))
    done = subprocess.run([HPC, "simulate", *path.values()], capture_output=True, text=True)
    if done.returncode:
        return None, done.stderr
    with open(path["output"]) as file:
        return [float(row["runoff_mm_day"]) for row in csv.DictReader(file)], done.stderr


def main():
    with tempfile.TemporaryDirectory() as folder:
        both, said = simulate(folder, SETS)
        assert both is not None and len(both) == 600, said
        second, _ = simulate(folder, SETS[1:])
        assert both[300:] == second and both[:300] != both[300:]
        assert min(both) >= 0 and 50 < sum(both[:300]) < 300 * 7 / 4
        for sets, names, word in ((SETS, NAMES[:-1], "no column unit_hydrograph_b"), ([[9] * 16], NAMES, "BETA")):
            made, said = simulate(folder, sets, names)
            assert made is None and said.startswith("error:") and word in said, said
    return 0


if __name__ == "__main__":
    sys.exit(main())
