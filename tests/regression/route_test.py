# The verb route against a plain program written from the method's equations: discharge of every reach and the state, double precision,
# with splitting, sub-steps, 1- and 3-hourly inflow, starts, readouts, tau and offsets of gauges; rows in another order on 3 ranks and a run
# cut in two give the same bits; what cannot be written is told before anything is routed.
# timeout: 200
import os
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.join(os.environ["DPL_SOURCE_DIR"], "tests", "support"))
import plain_routing as plain
import twin_run as twin

REACHES, DAYS = 24, 3
OFFSETS = np.array([-5.0, 9.0, 0.0])
CONFIG = """
name: route
precision: double
data_sources: {{network: {0}/network.nc, lateral_inflow: {0}/inflow.nc}}
params: {{source: {0}/parameters.nc}}
output: {{folder: {0}/output, discharge: all, interval_h: 1}}
"""


class Domain:
    def __init__(self, folder, step_h, draw):
        self.folder, self.step_h = folder, step_h
        number = draw.permutation(REACHES)  # downstream may stand before upstream
        self.down = np.full(REACHES, -1)
        for i in range(1, REACHES):
            if draw.random() > 0.1:
                self.down[number[i]] = number[draw.integers(max(0, i - 4), i)]
        self.ids = draw.choice(10 ** 9, REACHES, replace=False) + 1
        logs = lambda low, high, shape: np.exp(draw.uniform(np.log(low), np.log(high), shape))
        self.L, self.S = logs(300, 2e4, REACHES), logs(1e-4, 3e-2, REACHES)
        self.n, self.p, self.q = draw.uniform(0.015, 0.25, REACHES), logs(1, 200, REACHES), draw.uniform(0, 1, REACHES)
        lateral = logs(1e-3, 10, (DAYS * 24 // step_h, REACHES)) * (draw.random((DAYS * 24 // step_h, REACHES)) > 0.2)
        self.lateral = lateral
        self.gauged = draw.choice(REACHES, len(OFFSETS), replace=False)
        self.write(folder, lambda count: np.arange(count))

    def write(self, folder, order):
        os.makedirs(folder, exist_ok=True)

        def save(name, sizes, variables):
            with netCDF4.Dataset(os.path.join(folder, name), "w") as file:
                for dimension, size in sizes.items():
                    file.createDimension(dimension, size)
                for key, (dimensions, values, units) in variables.items():
                    variable = file.createVariable(key, np.asarray(values).dtype, dimensions)
                    variable[...] = values
                    if units:
                        variable.units = units
        a, b, c, g = order(REACHES), order(REACHES), order(REACHES), order(len(OFFSETS))
        below = np.where(self.down < 0, 0, self.ids[self.down])
        reach, size = ("reach",), {"reach": REACHES}
        save("network.nc", size, {"reach_id": (reach, self.ids[a], ""), "downstream_id": (reach, below[a], ""),
                                  "length": (reach, self.L[a], "m"), "slope": (reach, self.S[a], "1")})
        save("parameters.nc", size, {"reach_id": (reach, self.ids[b], ""), "n": (reach, self.n[b], "s m-1/3"),
                                     "p": (reach, self.p[b], "1"), "q": (reach, self.q[b], "1")})
        hours = np.arange(len(self.lateral)) * self.step_h
        save("inflow.nc", {**size, "time": len(hours)},
             {"time": (("time",), hours, "hours since 2000-01-01"), "reach_id": (reach, self.ids[c], ""),
              "q_lateral": (("time", "reach"), self.lateral[:, c], "m3 s-1")})
        save("observations.nc", {"gauge": len(OFFSETS), "time": DAYS, "length": 2},
             {"time": (("time",), np.arange(DAYS), "days since 2000-01-01"), "reach_id": (("gauge",), self.ids[self.gauged][g], ""),
              "gauge_id": (("gauge", "length"), np.array([[b"0", str(k).encode()] for k in g], "S1"), ""),
              "discharge": (("gauge", "time"), np.ones((len(OFFSETS), DAYS)), "m3 s-1"),
              "utc_offset_h": (("gauge",), OFFSETS[g], "h")})

    def expected(self, scheme, dt, counts, start):
        down, reach, first = plain.split(self.down, counts)
        lateral = np.repeat(self.lateral, round(self.step_h * 3600 / dt), axis=0)[:, reach] / counts[reach]
        state = np.zeros(len(down)) if start == "zero" else None
        rows, state = getattr(plain, scheme)(down, (self.L / counts)[reach], self.S[reach], self.n[reach], self.p[reach],
                                             self.q[reach], lateral, dt, state)
        _, upstream = plain.upstream_first(list(down))
        inflow = np.stack([rows[:, upstream[f]].sum(axis=1) for f in first[:-1]], axis=1)
        return {"own": rows[:, first[1:] - 1], "inflow": inflow}, [state[first[r]:first[r + 1]] for r in range(REACHES)]


def route(ranks, folder, *settings):
    config = os.path.join(folder, "route.yaml")
    with open(config, "w") as file:
        file.write(CONFIG.format(folder))
    done = twin.run(ranks, "route", config, *settings)
    if done.returncode != 0:
        return done.stderr
    found = twin.arrays(os.path.join(twin.run_folder_of(done.stdout), "discharge.nc"))
    state = twin.arrays(os.path.join(twin.run_folder_of(done.stdout), "state.nc"))
    parts = np.split(state["state"], np.cumsum(state["sub_reaches"])[:-1])
    found["states"] = dict(zip(state["reach_id"].tolist(), parts))
    found["rows"] = dict(zip(found["reach_id"].tolist(), found["discharge"]))
    return found


def check(domain, scheme, name, settings, dt=3600, start="hot", readout="own", counts=None, hours=1, tau=0):
    counts = np.ones(REACHES, int) if counts is None else counts
    rows, states = domain.expected(scheme, dt, counts, start)
    wanted = plain.means(rows[readout], hours * 3600 // dt, tau * 3600 // dt, DAYS * 24 // hours)
    run = route(1, domain.folder, "routing.scheme=" + scheme, f"output.interval_h={hours}", *settings)
    if isinstance(run, str):
        return [f"{scheme}, {name}: {run}"]
    ours = np.stack([run["rows"][int(i)] for i in domain.ids], axis=1)
    worst = [np.nanmax(np.abs(ours - wanted)) / np.nanmax(wanted)] if np.array_equal(np.isnan(ours), np.isnan(wanted)) else [np.inf]
    largest = max(s.max() for s in states)
    worst += [np.abs(run["states"][int(i)] - s).max() / largest for i, s in zip(domain.ids, states)]
    return [] if max(worst) < 1e-11 else [f"{scheme}, {name}: {worst[0]:.1e} of the discharge, {max(worst[1:]):.1e} of the state"]


def check_gauges(domain, scheme):
    rows, _ = domain.expected(scheme, 3600, np.ones(REACHES, int), "hot")
    run = route(1, domain.folder, "routing.scheme=" + scheme, f"data_sources.observations={domain.folder}/observations.nc", "params.tau=2")
    if isinstance(run, str):
        return [run]
    wanted = [plain.means(rows["own"], 24, -round(o), DAYS)[:, r] for o, r in zip(OFFSETS, domain.gauged)]
    return [] if np.allclose(run["discharge_simulated"], wanted, 1e-11, 0, equal_nan=True) else [f"{scheme}: gauges with offsets"]


def same(a, b):
    return not isinstance(a, str) and not isinstance(b, str) and all(
        a[key].keys() == b[key].keys() and all(a[key][i].tobytes() == b[key][i].tobytes() for i in a[key]) for key in ("rows", "states"))


def check_bits(domain, scheme, split, draw):
    settings = ["routing.scheme=" + scheme, "precision=single", *split]
    whole = route(1, domain.folder, *settings)
    other = os.path.join(domain.folder, "other")
    domain.write(other, draw.permutation)
    found = [] if same(whole, route(3, other, *settings, "routing.pieces_per_rank=3")) else [f"{scheme}: other rows on 3 ranks"]
    half = os.path.join(domain.folder, "half.nc")
    first = twin.run(1, "route", os.path.join(domain.folder, "route.yaml"), *settings, "test.start_time=2000-01-01",
                     "test.end_time=2000-01-01", "output.state=" + half)
    last = route(2, domain.folder, *settings, "test.start_time=2000-01-02", "test.end_time=2000-01-03", "routing.initial_state=" + half)
    if first.returncode == 0 and not isinstance(last, str):
        whole["rows"] = {i: row[24:] for i, row in whole["rows"].items()}
    return found + ([] if same(whole, last) else [f"{scheme}: a run cut in two"])


def check_refused(domain):
    found = []
    for setting, word in (("output.interval_h=97", "97"), ("params.tau=0.5", "0.5 h"), ("output.state=/nowhere/state.nc", "/nowhere")):
        message = route(2, domain.folder, setting)
        if not isinstance(message, str) or message.count("error:") != 1 or word not in message:
            found.append(f"{setting}: {message if isinstance(message, str) else 'ran'}")
    return found


def main():
    draw = np.random.default_rng(11)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        hourly = Domain(os.path.join(folder, "hourly"), 1, draw)
        coarse = Domain(os.path.join(folder, "coarse"), 3, draw)
        split = ["routing.split.method=max_length", "routing.split.max_length_m=4000"]
        counts = np.ceil(hourly.L / 4000).astype(int)
        for scheme in ("conservative", "positive"):
            found += check(hourly, scheme, "split, 2 sub-steps", [*split, "routing.substeps=2"], dt=1800, counts=counts)
            found += check(hourly, scheme, "inflow readout", [*split, "routing.readout=inflow"], readout="inflow", counts=counts, hours=2)
            found += check(hourly, scheme, "zero start", ["routing.initial_state=zero"], start="zero")
            found += check(hourly, scheme, "tau -7", ["params.tau=-7"], hours=24, tau=-7)
            found += check(coarse, scheme, "3-hourly inflow, dt 900", ["routing.dt_s=900"], dt=900, hours=3)
            found += check_gauges(hourly, scheme)
            found += check_bits(hourly, scheme, split, draw)
        found += check_refused(hourly)
    print("\n".join(found + [f"{len(found)} problems"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
