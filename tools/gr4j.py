"""GR4J (Perrin, Michel and Andreassian 2003, doi 10.1016/S0022-1694(03)00225-7) as an external program for
dpl_hpc surrogate: one place, many parameter sets at once. It knows no snow and gives no gradients.

  --forcing FILE     CSV: date, precipitation_mm_day, temperature_degc, potential_evapotranspiration_mm_day
  --parameters FILE  CSV: run, x1 [mm], x2 [mm/day], x3 [mm], x4 [day]
  --output FILE      CSV: run, date, runoff_mm_day
"""
import argparse
import csv
import sys

import numpy as np

NAMES = ("x1", "x2", "x3", "x4")


def ordinates(x4, length, two_sided):
    """Ordinates of a unit hydrograph [run][day], equations 9 to 17: differences of its S-curve."""
    t = np.arange(length + 1)[None, :] / x4[:, None]
    if two_sided:
        curve = np.where(t <= 1, 0.5 * t**2.5, 1 - 0.5 * np.clip(2 - t, 0, None)**2.5)
    else:
        curve = np.clip(t, 0, 1)**2.5
    return np.diff(curve, axis=1)


def run(precipitation, evaporation, x1, x2, x3, x4, production=0.3, routing=0.5):
    """Runoff [run][day] mm/day; precipitation and potential evapotranspiration [day] mm/day, parameters [run]. The
    stores begin at these shares of x1 and x3."""
    x1, x2, x3, x4 = (np.asarray(x, dtype="f8") for x in (x1, x2, x3, x4))
    longest = int(np.ceil(x4.max()))
    first, second = ordinates(x4, longest, False), ordinates(x4, 2 * longest, True)
    waiting_first, waiting_second = np.zeros_like(first), np.zeros_like(second)
    s, r = production * x1, routing * x3
    runoff = np.empty((len(x1), len(precipitation)))
    for day, (p, e) in enumerate(zip(precipitation, evaporation)):
        if p >= e:  # net rain fills the production store, eq. 1 and 3
            share = np.tanh((p - e) / x1)
            stored = x1 * (1 - (s / x1)**2) * share / (1 + s / x1 * share)
            s = s + stored
            left = p - e - stored
        else:  # net evaporation empties it, eq. 2 and 4
            share = np.tanh((e - p) / x1)
            s = s - s * (2 - s / x1) * share / (1 + (1 - s / x1) * share)
            left = 0.0
        percolation = s * (1 - (1 + (4 * s / (9 * x1))**4)**-0.25)  # eq. 6
        s = s - percolation
        routed = percolation + left  # eq. 8
        waiting_first = shifted(waiting_first) + 0.9 * np.multiply(first.T, routed).T
        waiting_second = shifted(waiting_second) + 0.1 * np.multiply(second.T, routed).T
        exchange = x2 * (r / x3)**3.5  # eq. 18
        r = np.maximum(0, r + waiting_first[:, 0] + exchange)  # eq. 19
        outflow = r * (1 - (1 + (r / x3)**4)**-0.25)  # eq. 20
        r = r - outflow
        runoff[:, day] = outflow + np.maximum(0, waiting_second[:, 0] + exchange)  # eq. 22, 23
    return runoff


def shifted(waiting):
    """A day later: what was due on the second day is due on the first."""
    later = np.zeros_like(waiting)
    later[:, :-1] = waiting[:, 1:]
    return later


def columns(path, names):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        sys.exit(f"{path}: holds no rows")
    missing = [name for name in names if name not in rows[0]]
    if missing:
        sys.exit(f"{path}: has no column {missing[0]}; it has {', '.join(rows[0])}")
    return [[row[name] for row in rows] for name in names]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("forcing", "parameters", "output"):
        parser.add_argument("--" + name, required=True)
    given = parser.parse_args()
    date, p, e = columns(given.forcing, ("date", "precipitation_mm_day", "potential_evapotranspiration_mm_day"))
    number, *x = columns(given.parameters, ("run",) + NAMES)
    x = [np.array(values, dtype="f8") for values in x]
    for name, values in (("x1", x[0]), ("x3", x[2]), ("x4", x[3])):
        if not np.all(values > 0):
            sys.exit(f"{given.parameters}: {name} must be above 0; found {values.min()}")
    runoff = run(np.array(p, dtype="f8"), np.array(e, dtype="f8"), *x)
    with open(given.output, "w") as file:
        file.write("run,date,runoff_mm_day\n")
        for k, values in zip(number, runoff):
            file.writelines(f"{k},{day},{value:.7g}\n" for day, value in zip(date, values.tolist()))


if __name__ == "__main__":
    main()
