"""Do parameters learned at the outlet hold inside the basin? Twins with nested gauges, model errors, corrections, the Juniata.

On a basin whose truth is known (synthetic, or the Juniata's network with invented n), discharge is routed on a fine grid from
inflow that passed a hillslope reservoir, days begin some hours after midnight, and the model is given other, worse data. It learns
at the outlet only and is scored at the outlet and at gauges inside. Writes table.md, table.csv and nested_gauges.png to --output.
"""
import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import netCDF4
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
FINE = {"split": 2000, "substeps": 2}
CONTENDERS = ("untrained", "uniform", "learned")
# What the truth has and a careless model lacks: hillslope delay (h), factor on q', hours by which the gauges' day is late,
# inflow by the hour, a fine grid.
TRUE = {"delay": 8, "factor": 1.0, "tau": 5, "step": 1, "split": 5000}
ERRORS = {"delay": 0, "factor": 1.1, "tau": 0, "step": 24, "split": 0}
NAMES = {"delay": "hillslope delay", "factor": "factor on q'", "tau": "tau", "step": "hourly q'", "split": "splitting"}
CORRECTIONS = (*NAMES.values(), "delay and tau", "tau, 10 h too much", "all")

CONFIG = """
name: study
seed: {seed}
data_sources: {{network: {network}, attributes: {attributes}, lateral_inflow: {inflow}, observations: {observations}}}
synth: {{reaches: 150, gauges: 10, days: 1096, noise: 0, truth: attributes, attributes: 10, observation_step_h: 24}}
routing: {{scheme: conservative, slope_min: 1.0e-3, split: {{method: {method}, max_length_m: {length}}}, substeps: {substeps}}}
params: {{defaults: {{n: 0.1325, p: 14.14, q: 0.5}}, log_space_parameters: [n, p], tau: {tau}}}
experiment: {{start_time: {train[0]}, end_time: {train[1]}, rho: 90, warmup: 6, epochs: 3, updates: 100,
  learning_rate: {{1: 1.0e-2, 2: 3.0e-3, 3: 1.0e-3}}, clip: 0, loss: l1, gauges: {gauges}}}
network: {{kind: mlp, hidden_size: 32, num_hidden_layers: 2, input_var_names: [{inputs}], learnable_parameters: [n, p, q]}}
test: {{start_time: {test[0]}, end_time: {test[1]}, baselines: {baselines}}}
output: {{folder: {folder}/runs, discharge: none}}
"""


def program(options, *arguments):
    done = subprocess.run([options.program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr.strip() or done.stdout.strip())
    return Path([line for line in done.stdout.splitlines() if line.startswith("run folder: ")][-1][12:]) \
        if "run folder: " in done.stdout else None


def read(path, *names):
    with netCDF4.Dataset(path) as file:
        return [np.ma.filled(file[name][:].astype(float), np.nan) if file[name].dtype.kind == "f" else np.asarray(file[name][:])
                for name in names]


def hillslope(q, step_h, delay_h, out_h):
    """Means over out_h of q (time, reach; constant over step_h) behind a linear reservoir S' = q - S/delay, solved exactly."""
    if delay_h == 0:
        return q if out_h == step_h else (np.repeat(q, step_h // out_h, 0) if out_h < step_h
                                          else q.reshape(-1, out_h // step_h, q.shape[1]).mean(1))
    fine = min(step_h, out_h)
    if step_h > fine:
        q = np.repeat(q, step_h // fine, 0)
    keep, out, stored = np.exp(-fine / delay_h), np.empty_like(q), q[0] * delay_h
    for t, i in enumerate(q):
        left = stored * keep + i * delay_h * (1 - keep)
        out[t] = np.maximum(i - (left - stored) / fine, 0)
        stored = left
    return out.reshape(-1, out_h // fine, q.shape[1]).mean(1)


class Basin:
    """A network with known n, nested gauges (the outlet first) and the inflow that falls on its hillslopes."""

    def __init__(self, options, folder, seed, name):
        self.options, self.folder, self.seed, self.name = options, Path(folder), seed, name
        self.folder.mkdir(parents=True)
        self.network, self.attributes = self.folder / "network.nc", self.folder / "attributes.nc"
        self.rng = np.random.default_rng(seed)
        self.runs = 0

    def load(self, inflow_path, start, days, step_h, fine_h):
        self.reach_id, downstream, self.area = read(self.network, "reach_id", "downstream_id", "upstream_area")
        with netCDF4.Dataset(inflow_path) as file:
            q, order = file["q_lateral"], np.asarray(file["reach_id"][:])
            first = 0
            if start is not None:
                origin = np.datetime64(file["time"].units.split("since ")[1][:10])
                first = int((np.datetime64(start) - origin).astype(int)) * 24 // step_h
            rows = slice(first, first + days * 24 // step_h)
            q = np.asarray(q[rows] if q.dimensions[0] == "time" else q[:, rows].T, dtype=np.float64)
        position = {int(r): k for k, r in enumerate(order)}
        self.q, self.step_h, self.fine_h = q[:, [position[int(r)] for r in self.reach_id]], step_h, fine_h
        self.outlet = int(np.flatnonzero(downstream == 0)[0])

    def choose_gauges(self, count):
        """The outlet and reaches that drain from a half down to a fiftieth of the basin."""
        chosen = [self.outlet]
        for share in np.geomspace(0.5, 0.02, count - 1):
            miss = np.abs(np.log(self.area / (share * self.area[self.outlet])))
            miss[chosen] = np.inf
            chosen.append(int(miss.argmin()))
        self.gauges = chosen

    def write_inflow(self, q, step_h):
        path = self.folder / "inflow.nc"
        with netCDF4.Dataset(path, "w") as file:
            for name, size in (("time", len(q)), ("reach", q.shape[1])):
                file.createDimension(name, size)
            hours = file.createVariable("time", "f8", ("time",))
            hours.units, hours[:] = f"hours since {self.start} 00:00:00", np.arange(len(q)) * float(step_h)
            file.createVariable("reach_id", "i8", ("reach",))[:] = self.reach_id
            flow = file.createVariable("q_lateral", "f4", ("time", "reach"))
            flow.units, flow[:] = "m3 s-1", q
        return path

    def write_observations(self, flow, step_h):
        with netCDF4.Dataset(self.observations, "w") as file:
            for name, size in (("gauge", len(flow)), ("time", flow.shape[1]), ("strlen_gauge_id", 8)):
                file.createDimension(name, size)
            hours = file.createVariable("time", "f8", ("time",))
            hours.units, hours[:] = f"hours since {self.start} 00:00:00", np.arange(flow.shape[1]) * float(step_h)
            file.createVariable("gauge_id", "S1", ("gauge", "strlen_gauge_id"))[:] = \
                np.array([list(f"{g + 1:08}") for g in range(len(flow))], dtype="S1")
            file.createVariable("reach_id", "i8", ("gauge",))[:] = self.reach_id[self.gauges]
            observed = file.createVariable("discharge", "f8", ("gauge", "time"), fill_value=-9999.0)
            observed.units, observed[:] = "m3 s-1", np.where(np.isnan(flow), -9999.0, flow)

    def config(self, inflow, tau=0, split=0, substeps=1, gauges="['00000001']", baselines="[untrained, uniform]"):
        path = self.folder / "study.yaml"
        path.write_text(CONFIG.format(
            seed=self.seed, network=self.network, attributes=self.attributes, inflow=inflow, observations=self.observations,
            method="max_length" if split else "none", length=split or 5000, substeps=substeps, tau=tau, train=self.train,
            test=self.test, inputs=", ".join(self.inputs), folder=self.folder, gauges=gauges, baselines=baselines))
        return path

    def observe(self, step_h):
        """The truth: inflow behind the hillslope, fine grid, means over step_h; 5 % noise before the test period, none in it."""
        if not hasattr(self, "hourly"):
            inflow = self.write_inflow(hillslope(self.q, self.step_h, TRUE["delay"], self.fine_h), self.fine_h)
            config = self.config(inflow, **FINE)
            text = config.read_text().replace(f", observations: {self.observations}", "")
            config.write_text(text.replace(f"start_time: {self.test[0]}", f"start_time: {self.start}"))
            reaches = ", ".join(f"'{self.reach_id[g]}'" for g in self.gauges)
            run = program(self.options, "route", config, f"params.source={self.truth}", "output.interval_h=1",
                          f"output.reaches=[{reaches}]", "output.discharge=gauges")
            flow, order = read(run / "discharge.nc", "discharge", "reach_id")
            self.hourly = flow[[int(np.flatnonzero(order == self.reach_id[g])[0]) for g in self.gauges]]
        flow = self.hourly
        if step_h == 24:
            flow = np.full((len(flow), flow.shape[1] // 24), np.nan)
            flow[:, :-1] = self.hourly[:, TRUE["tau"]:TRUE["tau"] - 24].reshape(len(flow), -1, 24).mean(2)
        calm = (np.datetime64(self.test[0]) - np.datetime64(self.start)).astype(int) * 24 // step_h
        noise = 1 + 0.05 * np.random.default_rng(self.seed).normal(size=flow.shape) * (np.arange(flow.shape[1]) < calm)
        self.write_observations(flow * np.maximum(noise, 0), step_h)

    def learn(self, model, baselines="[untrained, uniform]", gauges="['00000001']"):
        """Trains at the outlet with the model's inflow; {contender: {outlet nse, kge, median inner nse, kge}} of the test period."""
        q = hillslope(self.q, self.step_h, 0, max(model["step"], self.step_h))
        fine = self.fine_h if model["delay"] or model["step"] < 24 else 24
        q = hillslope(q, max(model["step"], self.step_h), model["delay"], fine) * model["factor"]
        run = program(self.options, "train", self.config(self.write_inflow(q, fine), model["tau"], model["split"],
                                                         baselines=baselines, gauges=gauges))
        self.runs += 1
        return scores_by_gauge(run)


def scores_by_gauge(run):
    with open(run / "metrics_by_gauge.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    first = rows[0]["gauge_id"]
    found = {}
    for contender in {row["contender"] for row in rows}:
        mine = [row for row in rows if row["contender"] == contender]
        found[contender] = {}
        for metric in ("nse", "kge"):
            inner = [float(row[metric]) for row in mine if row["gauge_id"] != first]
            found[contender]["outlet " + metric] = [float(r[metric]) for r in mine if r["gauge_id"] == first][0]
            found[contender]["inner " + metric] = float(np.median(inner)) if inner else np.nan
    found["learned"]["training loss"] = json.loads((run / "metrics.json").read_text())["learned"]["training_loss"]
    return found


def twin_basin(options, folder, seed):
    basin = Basin(options, folder, seed, f"twin, seed {seed}")
    basin.start, basin.train, basin.test = "2000-01-01", ("2000-01-01", "2001-12-31"), ("2002-01-01", "2002-12-30")
    basin.inputs = ["log10_uparea"] + [f"a{k:02}" for k in range(1, 10)]
    basin.observations, basin.truth = basin.folder / "observations.nc", basin.folder / "truth.nc"
    program(options, "synth", basin.config(basin.folder / "lateral_inflow.nc"))
    basin.load(basin.folder / "lateral_inflow.nc", None, 1096, 1, 1)
    basin.choose_gauges(10)
    basin.observations = basin.folder / "nested.nc"
    return basin


JUNIATA_INPUTS = ("SoilGrids1km_clay", "aridity", "meanelevation", "meanP", "NDVI", "meanslope", "log10_uparea",
                  "SoilGrids1km_sand", "ETPOT_Hargr", "Porosity")


def juniata_basin(options, folder, real):
    """The Juniata: as it is (one gauge, real discharge), or with invented n and nested gauges."""
    basin = Basin(options, folder, 1, "Juniata" if real else "network of the Juniata")
    basin.network, basin.attributes = options.juniata / "network.nc", options.juniata / "attributes.nc"
    basin.inputs = JUNIATA_INPUTS
    if real:
        basin.start, basin.train, basin.test = "1980-01-01", ("1981-10-01", "1995-09-30"), ("1995-10-01", "2010-09-30")
        basin.observations = options.juniata / "observations.nc"
        basin.load(options.juniata / "lateral_inflow.nc", None, 11323, 24, 6)
        return basin
    basin.start, basin.train, basin.test = "1990-10-01", ("1990-10-01", "1993-09-30"), ("1993-10-01", "1995-09-29")
    basin.load(options.juniata / "lateral_inflow.nc", basin.start, 5 * 365 + 1, 24, 6)
    basin.observations, basin.truth = basin.folder / "nested.nc", basin.folder / "truth.nc"
    basin.choose_gauges(10)
    area, slope, clay = read(basin.attributes, "log10_uparea", "meanslope", "SoilGrids1km_clay")
    z = [(x - x.mean()) / x.std() for x in (area, slope, clay)]
    index = -0.8 * z[0] + 0.7 * z[1] + 0.5 * np.tanh(z[2])
    with netCDF4.Dataset(basin.truth, "w") as file:
        file.createDimension("reach", len(basin.reach_id))
        file.createVariable("reach_id", "i8", ("reach",))[:] = read(basin.attributes, "reach_id")[0]
        for name, values in (("n", 0.052 * 3 ** (0.5 * np.tanh(0.8 * index))), ("p", 21.0), ("q", 0.5)):
            file.createVariable(name, "f8", ("reach",))[:] = values
    return basin


def errors_and_corrections(basin, result):
    """Each model error alone, then all of them with one correction at a time, two of one kind, and one that goes too far."""
    basin.observe(24)
    keys = [k for k in TRUE if not (k == "step" and basin.step_h == 24)]
    true = {**TRUE, "step": max(1, basin.step_h)}
    wrong = {**ERRORS, "step": 24}
    result[basin.name, "error", "none"] = exact = basin.learn(true)
    for key in keys:
        result[basin.name, "error", NAMES[key]] = basin.learn({**true, key: wrong[key]})
    result[basin.name, "correction", "none"] = basin.learn(wrong, "[]")
    for key in keys:
        result[basin.name, "correction", NAMES[key]] = basin.learn({**wrong, key: true[key]}, "[]")
    both = {"delay": true["delay"], "tau": true["tau"]}
    result[basin.name, "correction", "delay and tau"] = basin.learn({**wrong, **both}, "[]")
    result[basin.name, "correction", "tau, 10 h too much"] = basin.learn({**wrong, "tau": true["tau"] + 10}, "[]")
    result[basin.name, "correction", "all"] = exact


def real_juniata(basin, result):
    for tau in (3, 9):
        for split in (0, 5000):
            for delay in (0, 8):
                for factor in (1.0, 0.96):
                    model = {"delay": delay, "factor": factor, "tau": tau, "step": 24, "split": split}
                    label = f"tau {tau} h | {'5 km' if split else 'none'} | {delay} h | {factor:g}"
                    result[basin.name, "Newport", label] = basin.learn(model, "[]", "[]")


def study(options, folder):
    result = {}
    for seed in options.seeds:
        basin = twin_basin(options, folder / f"twin{seed}", seed)
        basin.observe(1)
        result[basin.name, "hourly", "none"] = basin.learn({**TRUE, "tau": 0})
        errors_and_corrections(basin, result)
        print(f"{basin.name}: done after {time.monotonic() - options.began:.0f} s", flush=True)
    if (options.juniata / "network.nc").exists():
        errors_and_corrections(juniata_basin(options, folder / "nested", False), result)
        print(f"network of the Juniata: done after {time.monotonic() - options.began:.0f} s", flush=True)
        if not options.no_real:
            real_juniata(juniata_basin(options, folder / "juniata", True), result)
            print(f"Juniata: done after {time.monotonic() - options.began:.0f} s", flush=True)
    else:
        print(f"{options.juniata}: not there, the Juniata is left out")
    return result


# --- what comes out


def over_seeds(result, group, kind, label, contender, score):
    """Values of one score, one a seed of the twins, or the one of the Juniata."""
    return [scores[contender][score] for (name, k, case), scores in result.items()
            if name.startswith(group) and (k, case) == (kind, label) and contender in scores]


def labels(result, group, kind):
    return list(dict.fromkeys(case for name, k, case in result if name.startswith(group) and k == kind))


def groups(result):
    return [g for g in ("twin", "network") if any(name.startswith(g) for name, *_ in result)]


TITLES = {"twin": "Twins", "network": "Network of the Juniata, invented n"}


def tables(result, seeds):
    lines = []
    scores = ("outlet nse", "inner nse", "outlet kge", "inner kge")
    for group in groups(result):
        lines += ["", f"{TITLES[group]}{f', mean of seeds {seeds}' if group == 'twin' else ''}: learned at the outlet only; "
                  "NSE outlet / inner median, KGE outlet / inner median", "",
                  "| model error | untrained | best uniform at the outlet | learned at the outlet |", "| --- | --- | --- | --- |"]
        for kind in ("hourly", "error"):
            for label in labels(result, group, kind):
                cells = []
                for contender in CONTENDERS:
                    v = [np.mean(over_seeds(result, group, kind, label, contender, s)) for s in scores]
                    cells.append(f"{v[0]:.4f} / {v[1]:.4f}, {v[2]:.3f} / {v[3]:.3f}")
                name = label + (" (hourly observations)" if kind == "hourly" else "")
                lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines += ["", f"{TITLES[group]}: all errors at once, one thing corrected; change of NSE{' (lowest to highest seed)' if group == 'twin' else ''}", "",
                  "| corrected | outlet NSE | inner NSE | gain at the outlet | gain inside |", "| --- | --- | --- | --- | --- |"]
        for label in labels(result, group, "correction"):
            value = {s: np.array(over_seeds(result, group, "correction", label, "learned", s)) for s in scores[:2]}
            base = {s: np.array(over_seeds(result, group, "correction", "none", "learned", s)) for s in scores[:2]}
            gain = [f"{(value[s] - base[s]).min():+.4f} to {(value[s] - base[s]).max():+.4f}" if len(seeds) > 1 and group == "twin"
                    else f"{(value[s] - base[s]).mean():+.4f}" for s in scores[:2]]
            lines.append(f"| {label} | {value[scores[0]].mean():.4f} | {value[scores[1]].mean():.4f} | {gain[0]} | {gain[1]} |")
    real = labels(result, "Juniata", "Newport")
    if real:
        lines += ["", "Juniata, Newport, learned, test period 1995-10-07..2010-09-29", "",
                  "| tau | splitting | delay | factor | NSE | KGE | training loss (m3/s) |", "| --- | --- | --- | --- | --- | --- | --- |"]
        for label in real:
            nse, kge, loss = (over_seeds(result, "Juniata", "Newport", label, "learned", s)[0]
                              for s in ("outlet nse", "outlet kge", "training loss"))
            lines.append(f"| {label} | {nse:.4f} | {kge:.4f} | {loss:.2f} |")
    return "\n".join(lines).strip() + "\n"


def draw_corrections(axis, result, group):
    import matplotlib.pyplot as plt

    palette, markers, ends = plt.get_cmap("tab10"), "osD^vPX*", []
    for k, case in enumerate(CORRECTIONS):
        if case not in labels(result, group, "correction"):
            continue
        gain = [np.array(over_seeds(result, group, "correction", case, "learned", s + " nse"))
                - np.array(over_seeds(result, group, "correction", "none", "learned", s + " nse")) for s in ("outlet", "inner")]
        axis.plot(*gain, markers[k], color=palette(k), alpha=0.45, ms=5)
        axis.plot(gain[0].mean(), gain[1].mean(), markers[k], color=palette(k), ms=10, label=case)
        ends += [*gain[0], *gain[1]]
    axis.set_xscale("symlog", linthresh=0.01)
    axis.set_yscale("symlog", linthresh=0.01)
    span = np.linspace(min(ends), max(ends), 400)
    axis.plot(span, span, "--", color="#7a8794", lw=1, zorder=0)


def draw(result, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    found = groups(result)
    figure, axes = plt.subplots(2, len(found), figsize=(6.4 * len(found), 9.6), squeeze=False, layout="constrained")
    colours = {"untrained": "#d9822b", "uniform": "#7a8794", "learned": "#0b5fa5"}
    for column, group in enumerate(found):
        top, bottom = axes[0, column], axes[1, column]
        cases = labels(result, group, "error")
        for contender in CONTENDERS:
            for place, marker, offset in (("outlet", "o", -0.14), ("inner", "D", 0.14)):
                at = [np.mean([1 - v for v in over_seeds(result, group, "error", c, contender, place + " nse")]) for c in cases]
                top.plot(np.arange(len(cases)) + offset, at, marker, color=colours[contender], ms=7,
                         mfc=colours[contender] if place == "outlet" else "white", mew=1.6,
                         label=f"{contender}, {'outlet' if place == 'outlet' else 'median of 9 inner gauges'}")
        top.set(yscale="log", ylabel="1 - NSE in the test period (lower is better)", xticks=range(len(cases)),
                title=f"{TITLES[group]}: one model error at a time")
        top.set_xticklabels([c.replace("splitting", "no splitting").replace("hourly q'", "daily q'").replace(
            "hillslope delay", "no hillslope\ndelay").replace("factor on q'", "q' 10 %\ntoo high").replace("tau", "tau 5 h\noff")
            for c in cases])
        draw_corrections(bottom, result, group)
        bottom.axhline(0, color="#1a1a1a", lw=0.8)
        bottom.axvline(0, color="#1a1a1a", lw=0.8)
        bottom.set(xlabel="gain of NSE at the outlet", ylabel="gain of NSE at the median inner gauge",
                   title=f"{TITLES[group]}: all errors, one thing corrected\n(lower right quarter: helps the outlet only)")
        for axis in (top, bottom):
            axis.grid(color="#e6e9ec")
            axis.set_axisbelow(True)
            axis.spines[["top", "right"]].set_visible(False)
        bottom.legend(fontsize=9, edgecolor="none", framealpha=0.9)
    axes[0, 0].legend(frameon=False, fontsize=8.5, ncols=1)
    figure.savefig(path, dpi=130)


def write_csv(result, path):
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["basin", "kind", "case", "contender", "outlet_nse", "inner_nse", "outlet_kge", "inner_kge"])
        for (name, kind, case), scores in result.items():
            for contender in CONTENDERS:
                if contender in scores:
                    s = scores[contender]
                    rows.writerow([name, kind, case, contender,
                                   *(f"{s[k]:.5f}" for k in ("outlet nse", "inner nse", "outlet kge", "inner kge"))])


def main():
    data = os.environ.get("DPL_DATA") or (ROOT / "data" if (ROOT / "data").exists() else ROOT.parent / "shared" / "data")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.environ.get("DPL_HPC", str(ROOT / "build/release/dpl_hpc")), help="dpl_hpc")
    parser.add_argument("--juniata", type=Path, default=Path(data) / "juniata", help="folder of the Juniata's files")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3], help="seeds of the twins")
    parser.add_argument("--output", type=Path, default=Path("output/nested_gauges"), help="where tables and figure go")
    parser.add_argument("--no-real", action="store_true", help="leave out the 16 trainings on the real Juniata")
    options = parser.parse_args()
    if not Path(options.program).exists():
        sys.exit(f"error: {options.program} does not exist: build it (tools/setup) or name it with --program")
    if not options.seeds and not (options.juniata / "network.nc").exists():
        sys.exit(f"error: nothing to study: {options.juniata}/network.nc does not exist and --seeds is empty")
    options.began = time.monotonic()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        result = study(options, Path(folder))
    options.output.mkdir(parents=True, exist_ok=True)
    write_csv(result, options.output / "table.csv")
    text = tables(result, options.seeds)
    (options.output / "table.md").write_text(text)
    draw(result, options.output / "nested_gauges.png")
    print(text)
    for name in ("table.md", "table.csv", "nested_gauges.png"):
        print(options.output / name)


if __name__ == "__main__":
    main()
