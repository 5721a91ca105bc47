"""Routes the National Water Model's Lower Colorado (Texas) and compares with the model's own flow and with gauges.

Imports RouteLink, hourly lateral inflow and gauges (tools/import_nwm), routes them with the model's own roughness and
channel shape (scheme conservative) from two starts: in balance with the first hour's inflow, and from the model's own
flow. Writes table.md, gauges.csv and nwm.png to --output. Flows are compared as means over the hours 13:00 to 16:00
of the next day; the model's file holds instants, so its mean is that of an hour's two ends.
"""
import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import netCDF4
import numpy as np

import domain_files as d
import import_nwm
import plot_run

ROOT = Path(__file__).resolve().parent.parent
HOURS = 27  # 13:00 to 16:00 of the next day
LAST = slice(HOURS - 3, HOURS)
SMALL, LARGE = 0.05, 0.5  # m3/s; the model's flow is stored in steps of 0.01 m3/s
CLASSES = ((SMALL, LARGE), (LARGE, np.inf))
FINE = {"dt_s": 300, "length": 500}  # the model's own step, and sub-reaches that suit it
GROUPS = ("free", "below a gauge", "below or in a lake")
CONTENDERS = {"balance": "start in balance with the inflow", "flow": "start from the model's flow",
              "fine": "the same, 300 s and sub-reaches of 500 m"}

CONFIG = """
name: nwm
precision: double
data_sources: {{network: {folder}/network.nc, lateral_inflow: {folder}/lateral_inflow.nc}}
params: {{source: {folder}/parameters.nc}}
routing: {{scheme: conservative, dt_s: {dt_s}, initial_state: {start},
  split: {{method: {method}, max_length_m: {length}}}}}
output: {{folder: {folder}/runs, discharge: all, interval_h: 1}}
"""


def read(path, *names):
    with netCDF4.Dataset(path) as file:
        return [np.ma.filled(np.ma.asarray(file[n][:], "f8"), np.nan) if file[n].dtype.kind == "f"
                or hasattr(file[n], "scale_factor")
                else np.asarray(file[n][:]) for n in names]


class Model:
    """What the National Water Model's files say, in the order of the imported network."""

    def __init__(self, data, ids, down):
        self.ids, self.down, self.order = ids, down, d.order_of(data, ids, down)
        flow, feature = read(data / "chrtout_hourly.nc", "streamflow", "feature_id")
        self.flow = flow[:, d.rows_of(data / "chrtout_hourly.nc", feature,
                                      ids)]  # instants 13:00, 14:00, ...; NaN inside lakes
        self.mean = (self.flow[:-1] + self.flow[1:]) / 2
        with d.open_netcdf(data / "RouteLink.nc") as file:
            rows = d.rows_of(data / "RouteLink.nc", d.read_ids(file, "link"), ids)
            self.lake = d.read_ids(file, "NHDWaterbodyComID")[rows]
            file["gages"].set_auto_chartostring(False)
            letters = np.asarray(file["gages"][:]).astype("S1")[rows]
            gauged = ~np.isin(letters, [b" ", b"", b"\0"]).all(1)
        self.gauged, self.group = gauged, np.where(self.downstream_of(self.lake != import_nwm.NO_LAKE), 2,
                                                   np.where(self.downstream_of(gauged), 1, 0))

    def downstream_of(self, marked):
        """Marked reaches and everything below them."""
        below = marked.copy()
        for r in self.order.tolist():
            if below[r] and self.down[r] >= 0:
                below[self.down[r]] = True
        return below

    def lakes(self, inflow):
        """By lake: its id, what enters at 13:00 from upstream and the sides, what leaves [m3/s]."""
        found = []
        for lake in np.unique(self.lake[self.lake != import_nwm.NO_LAKE]):
            inside = self.lake == lake
            into = np.flatnonzero(~inside & (self.down >= 0) & inside[self.down])
            last = np.flatnonzero(inside & ((self.down < 0) | ~inside[self.down]))
            found.append((int(lake), np.nansum(self.flow[0, into]) + inflow[inside].sum(), self.flow[0, last].sum()))
        return found

    def first_flow(self, inflow):
        """Flow at 13:00; inside lakes, where the file has none, what enters from upstream and the sides."""
        flow, entering = self.flow[0].copy(), inflow.astype("f8").copy()
        for r in self.order.tolist():
            if np.isnan(flow[r]):
                flow[r] = entering[r]
            if self.down[r] >= 0:
                entering[self.down[r]] += flow[r]
        return flow


def storage(flow, inflow, length, slope, n, p, q):
    """Storage [m3] of a steady reach (method 2.1: s = L A(Q - q'/2); areas below 1e-6 m2 move at its speed)."""
    Q = np.maximum(flow - inflow / 2, 0)
    speed = ((1e-6 * (q + 1) / p) ** (1 / (q + 1)) / (q + 1)) ** (2 / 3) * np.sqrt(slope) / n
    depth = (Q * n * (q + 1) ** (5 / 3) / (p * np.sqrt(slope))) ** (3 / (5 + 3 * q))
    area = p * depth ** (q + 1) / (q + 1)
    return length * np.where(area >= 1e-6, area, Q / speed)


def write_state(folder, model, parts):
    """state.nc of the scheme conservative from the model's flow; `parts`: sub-reaches of a reach."""
    length, slope = read(folder / "network.nc", "length", "slope")
    n, p, q = read(folder / "parameters.nc", "n", "p", "q")
    inflow = read(folder / "lateral_inflow.nc", "q_lateral")[0][0]
    flow = model.first_flow(inflow)
    # along a reach the flow grows by its lateral inflow: the last sub-reach carries all of it
    reach = np.repeat(np.arange(len(parts)), parts)
    place = np.arange(len(reach)) - np.repeat(np.cumsum(parts) - parts, parts) + 1
    share = inflow[reach] / parts[reach]
    here = np.maximum(flow[reach] - share * (parts[reach] - place), 0)
    with netCDF4.Dataset(folder / "state.nc", "w") as file:
        file.scheme = "conservative"
        file.createDimension("reach", len(parts))
        file.createDimension("sub_reach", len(reach))
        file.createVariable("reach_id", "i8", ("reach",))[:] = model.ids
        file.createVariable("sub_reaches", "i4", ("reach",))[:] = parts
        file.createVariable("state", "f8", ("sub_reach",))[:] = storage(here, share, (length / parts)[reach],
                                                                        slope[reach], n[reach], p[reach], q[reach])
    return folder / "state.nc"


def route(options, folder, model, contender):
    """Hourly means [13:00-14:00, ...][reach] and seconds; the domain in `folder` starts at 12:00 (balance) or 13:00."""
    fine = contender == "fine"
    length = read(folder / "network.nc", "length")[0]
    parts = np.ceil(length / FINE["length"]).astype(int) if fine else np.ones(len(length), int)
    start = "hot" if contender == "balance" else write_state(folder, model, parts)
    config = folder / f"{contender}.yaml"
    config.write_text(CONFIG.format(folder=folder, start=start, dt_s=FINE["dt_s"] if fine else 3600, method="max_length"
                                    if fine else "none",
                                    length=FINE["length"]))
    begin = time.time()
    done = subprocess.run([options.program, "route", str(config)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr.strip() or done.stdout.strip())
    run = Path([line for line in done.stdout.splitlines() if line.startswith("run folder: ")][-1][12:])
    flow, ids = read(run / "discharge.nc", "discharge", "reach_id")
    first = 1 if contender == "balance" else 0
    return flow[d.rows_of(run, ids, model.ids)].T[first:first + HOURS], time.time() - begin


def domain(options, folder, skip):
    arguments = [str(options.data / "RouteLink.nc"), "--inflow", str(options.data / "chrtout_hourly.nc"), "--midnight",
                 "shift",
                 "--skip-steps", str(skip), "--fill-last-day", "--observations",
                 str(options.data / "usgs_15min_discharge.csv"),
                 "--output", str(folder)]
    import_nwm.main(arguments)
    return folder


def compare(model, flow):
    """By group: name, reaches, mean flow of the model and of the run (first to last 3 hours), then for both classes of
    flow the number of reaches, median and 90 % quantile of |difference| / flow of the model in the last 3 hours."""
    early = np.stack([model.mean[:3].mean(0), flow[:3].mean(0)])
    theirs, ours = model.mean[LAST].mean(0), flow[LAST].mean(0)
    for number, name in enumerate(GROUPS):
        here = (model.group == number) & np.isfinite(model.mean).all(0)
        row = [name, here.sum(), *(f"{a[here].mean():.3f} to {b[here].mean():.3f}" for a,
                                   b in zip(early, (theirs, ours)))]
        for low, high in CLASSES:
            there = here & (theirs > low) & (theirs <= high)
            share = np.abs(ours[there] / theirs[there] - 1)
            row += [there.sum(), np.median(share), np.quantile(share, 0.9)]
        yield row


def gauges(folder, model, runs):
    """Means over the hours that the gauges share with the comparison: station, observed, model, runs; [gauge]."""
    observed, reach, letters = read(folder / "observations.nc", "discharge", "reach_id", "gauge_id")
    with netCDF4.Dataset(folder / "observations.nc") as file:
        file["gauge_id"].set_auto_chartostring(False)
        names = [b"".join(row).decode().strip() for row in np.asarray(file["gauge_id"][:]).astype("S1").tolist()]
        begin = netCDF4.num2date(file["time"][0], file["time"].units)
    with netCDF4.Dataset(folder / "lateral_inflow.nc") as file:
        start = netCDF4.num2date(file["time"][0], file["time"].units)
    first = round((start - begin).total_seconds() / 3600)  # this domain's clock starts at 13:00
    observed = observed[:, first:]
    hours = observed.shape[1]
    at = d.rows_of(folder, model.ids, reach)
    whole = np.isfinite(observed).all(1)
    return [(names[g], int(reach[g]), GROUPS[model.group[at[g]]], observed[g].mean(), model.mean[:hours, at[g]].mean(),
             *(run[:hours, at[g]].mean() for run in runs.values())) for g in np.flatnonzero(whole)], hours


def tables(model, inflow, runs, seconds, rows, hours):
    outlet, lakes = int(np.flatnonzero(model.down < 0)[0]), model.lakes(inflow[0])
    most = max(lakes, key=lambda lake: lake[2] - lake[1])
    lines = [f"Lateral inflow {inflow.sum(1).mean():.1f} m3/s on all reaches (hours 13 to 16: "
             f"{inflow.sum(1).min():.1f} to {inflow.sum(1).max():.1f}); "
             f"at the outlet {model.mean[0, outlet]:.1f} m3/s in the model's first hour, {model.mean[-1, outlet]:.1f} "
             "in its last. In the model "
             f"at 13:00 more leaves than enters in {sum(out > into for _, into, out in lakes)} of {len(lakes)} lakes; "
             f"the most in lake {most[0]}: "
             f"{most[1]:.1f} m3/s enter, {most[2]:.1f} leave.", "",
             "| run | outlet, first hour | last hour | s |", "| --- | --- | --- | --- |"]
    lines += [f"| {CONTENDERS[c]} | {runs[c][0, outlet]:.1f} | {runs[c][-1, outlet]:.1f} | {seconds[c]:.1f} |"
              for c in runs]
    lines += ["", "Mean flow a reach, first to last 3 hours; differences from the model's in the last (median, 90 % "
                  "quantile):", "",
              f"| run | reaches | count | model, m3/s | run, m3/s | {SMALL} to {LARGE} m3/s | above {LARGE} m3/s |",
              "| --- | --- | --- | --- | --- | --- | --- |"]
    for c in runs:
        for name, count, theirs, ours, *classes in compare(model, runs[c]):
            cells = [f"{n}: {100 * median:.1f} %, {100 * high:.0f} %" for n, median, high in (classes[:3], classes[3:])]
            lines.append(f"| {CONTENDERS[c]} | {name} | {count} | {theirs} | {ours} | " + " | ".join(cells)
                         + " |")
    lines += ["", f"Gauges, means over {hours} h; differences from observed flow above {SMALL} m3/s:", "",
              "| flow | gauges | observed, m3/s | flow, m3/s | median difference | within 20 % |",
              "| --- | --- | --- | --- | --- | --- |"]
    for lake, where in ((False, "no lake above"), (True, "below or in a lake")):
        chosen = [r for r in rows if (r[2] == GROUPS[2]) == lake]
        for k, label in enumerate(("the model", *(CONTENDERS[c] for c in runs))):
            value = np.array([(r[3], r[4 + k]) for r in chosen if np.isfinite(r[4])])
            large = value[value[:, 0] > SMALL]
            share = np.abs(large[:, 1] / large[:, 0] - 1)
            lines.append(f"| {label}, {where} | {len(value)} ({len(large)} above {SMALL}) | {value[:, 0].sum():.1f} | "
                         f"{value[:, 1].sum():.1f} | "
                         f"{100 * np.median(share):.0f} % | {(share <= 0.2).sum()} |")
    return "\n".join(lines) + "\n"


def draw(path, model, runs, rows):
    plt = plot_run.plt
    plot_run.style()
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    for number, color in ((2, plot_run.QUIET), (1, plot_run.START), (0, plot_run.MODEL)):
        here = (model.group == number) & np.isfinite(model.mean).all(0)
        axes[0].loglog(np.maximum(model.mean[LAST][:, here].mean(0), 0.003),
                       np.maximum(runs["fine"][LAST][:, here].mean(0), 0.003), ".", ms=2,
                       color=color, label=GROUPS[number], rasterized=True)
    limits = (0.002, 400)
    axes[0].plot(limits, limits, color=plot_run.INK, lw=0.7)
    axes[0].set(xlim=limits, ylim=limits, xlabel="National Water Model, m3/s", ylabel="routed here, m3/s",
                title="Every reach, last 3 hours")
    axes[0].legend(markerscale=4)
    outlet, hour = int(np.flatnonzero(model.down < 0)[0]), np.arange(HOURS) + 13.5
    axes[1].plot(hour, model.mean[:, outlet], color=plot_run.INK, label="National Water Model")
    for c, style in (("balance", ":"), ("flow", "--"), ("fine", "-")):
        axes[1].plot(hour, runs[c][:, outlet], style, color=plot_run.MODEL, label=CONTENDERS[c])
    axes[1].set(xlabel="hour of 2021-08-23 (UTC)", ylabel="m3/s", title="Outlet", ylim=(0, None))
    axes[1].legend(fontsize=8)
    observed, model_flow, fine = (np.maximum([r[k] for r in rows], 0.003) for k in (3, 4, 4 + len(runs)))
    axes[2].loglog(observed, fine, "o", ms=4, color=plot_run.MODEL, label=CONTENDERS["fine"])
    axes[2].loglog(observed, model_flow, "x", ms=4, color=plot_run.INK, label="National Water Model")
    axes[2].plot(limits, limits, color=plot_run.INK, lw=0.7)
    axes[2].set(xlim=limits, ylim=limits, xlabel="observed, m3/s", ylabel="m3/s", title="Gauges")
    axes[2].legend(fontsize=8)
    figure.savefig(path)


def main(argv):
    data = os.environ.get("DPL_DATA") or (ROOT / "data" if (ROOT / "data").exists()
                                          else ROOT.parent / "shared" / "data")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.environ.get("DPL_HPC", str(ROOT / "build/release/dpl_hpc")),
                        help="dpl_hpc")
    parser.add_argument("--data", type=Path, default=Path(data) / "nwm_lower_colorado_tx",
                        help="folder of the files (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("output/nwm"), help="where tables and figure go")
    options = parser.parse_args(argv)
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        noon, one = domain(options, Path(scratch) / "noon", 0), domain(options, Path(scratch) / "one", 1)
        ids, below = read(noon / "network.nc", "reach_id", "downstream_id")
        model = Model(options.data, ids, d.downstream_rows(noon / "network.nc", ids, below, "error", d.Report()))
        runs, seconds = {}, {}
        for contender in CONTENDERS:
            runs[contender], seconds[contender] = route(options, noon if contender == "balance" else one, model,
                                                        contender)
        rows, hours = gauges(one, model, runs)
        inflow = read(one / "lateral_inflow.nc", "q_lateral")[0][:HOURS]
    text = tables(model, inflow, runs, seconds, rows, hours)
    print("\n" + text)
    (options.output / "table.md").write_text(text)
    with open(options.output / "gauges.csv", "w", newline="") as file:
        csv.writer(file).writerows([("gauge_id", "reach_id", "group", "observed", "model", *runs), *rows])
    draw(options.output / "nwm.png", model, runs, rows)
    print(f"wrote table.md, gauges.csv and nwm.png to {options.output}")


if __name__ == "__main__":
    d.run(main)
