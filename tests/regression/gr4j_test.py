# tools/gr4j: equal to the spreadsheet of GR4J's authors, conserves water without exchange, errors in one line.
# timeout: 60
# one process
import csv
import math
import os
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.environ["DPL_SOURCE_DIR"]
sys.path.insert(0, os.path.join(ROOT, "tools"))
import gr4j  # noqa: E402

REFERENCE = os.path.join(os.environ["DPL_DATA"], "lumped_model_oracles", "gr4j_example_data.csv")


def check_reference():
    if not os.path.exists(REFERENCE):
        print(f"{REFERENCE} is absent: not compared with the authors' spreadsheet")
        return
    with open(REFERENCE) as file:
        rows = list(csv.DictReader(file))
    p, e, expected = (np.array([float(row[name]) for row in rows]) for name in ("prec", "etp", "qsim_excel"))
    x = (math.exp(5.76865628090826), math.sinh(1.61742503661094), math.exp(4.24316129943456),
         math.exp(-0.117506799276908) + 0.5)
    found = gr4j.run(p, e, *([value, 2 * value if k == 0 else value] for k, value in enumerate(x)), 0.6, 0.7)
    worst = np.abs(found[0] - expected).max()
    assert worst < 1e-8, f"largest deviation {worst} mm/day"
    assert np.abs(found[1] - expected).max() > 0.1, "another x1 gives the same runoff"
    print(f"{len(rows)} days of the authors' spreadsheet within {worst:.1e} mm/day")


def check_balance():
    """Without exchange and evaporation all rain leaves, but for what fills the stores."""
    days = 3000
    rain = np.where(np.arange(days) < 100, 10.0, 0.0)
    runoff = gr4j.run(rain, np.zeros(days), [300.0], [0.0], [50.0], [2.5], 0.0, 0.0)
    assert np.all(runoff >= 0) and 900 > runoff.sum() > 600, runoff.sum()
    for x4 in (0.6, 1.0, 2.5, 7.3):
        for two_sided in (False, True):
            total = gr4j.ordinates(np.array([x4]), 2 * math.ceil(x4), two_sided).sum()
            assert abs(total - 1) < 1e-12, (x4, two_sided, total)


def check_program():
    with tempfile.TemporaryDirectory() as folder:
        path = {name: os.path.join(folder, name) for name in ("forcing", "parameters", "output")}
        with open(path["forcing"], "w") as file:
            file.write("date,precipitation_mm_day,temperature_degc,potential_evapotranspiration_mm_day\n")
            file.writelines(f"2000-01-{day:02},{day % 5},3,{day % 3}\n" for day in range(1, 32))
        with open(path["parameters"], "w") as file:
            file.write("run,x1,x2,x3,x4\n1,300,0,50,2\n2,500,1,90,1\n")
        command = [sys.executable, os.path.join(ROOT, "tools", "gr4j.py")]
        for name in path:
            command += ["--" + name, path[name]]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        with open(path["output"]) as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 62 and rows[31]["run"] == "2" and rows[31]["date"] == "2000-01-01", rows[31]
        expected = gr4j.run(np.arange(1, 32) % 5, np.arange(1, 32) % 3, [500.0], [1.0], [90.0], [1.0])[0]
        assert np.allclose([float(row["runoff_mm_day"]) for row in rows[31:]], expected, rtol=1e-6)
        for text, words in (("run,x1,x2,x3\n1,300,0,50\n", "has no column x4"), ("run,x1,x2,x3,x4\n1,0,0,5,2\n", "x1 must be")):
            with open(path["parameters"], "w") as file:
                file.write(text)
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 1 and words in done.stderr, done.stderr


if __name__ == "__main__":
    check_reference()
    check_balance()
    check_program()
