"""Turns finished experiments into docs/paper/: README.md with a table of claims, figures, the values in them (CSV)."""

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

import report_calibration as calibration
import report_history as history
import report_parameters as parameters
import report_regionalization as regionalization
import report_routing as routing
import report_runs as runs
import report_scaling as scaling
import report_surrogate as surrogate
import report_untrained as untrained

ROOT = Path(__file__).resolve().parent.parent
# Experiment: what reads it, what judges its tables, what draws them; its first table tells whether it is there.
EXPERIMENTS = {
    "evolutionary": (
        calibration.collect_evolutionary,
        calibration.judge_evolutionary,
        calibration.draw_evolutionary,
        "evolutionary.csv",
    ),
    "scaling_camels": (
        lambda at: scaling.collect_scaling(at, "scaling_camels"),
        lambda at: scaling.judge_scaling(at, "scaling_camels", "CAMELS"),
        lambda at: scaling.draw_scaling(at, "scaling_camels", "CAMELS"),
        "scaling_camels_curve.csv",
    ),
    "scaling_twin": (
        lambda at: scaling.collect_scaling(at, "scaling_twin"),
        lambda at: scaling.judge_scaling(at, "scaling_twin", "twin"),
        lambda at: scaling.draw_scaling(at, "scaling_twin", "Twin of 4096 places"),
        "scaling_twin_curve.csv",
    ),
    "coherence": (
        parameters.collect_coherence,
        parameters.judge_coherence,
        parameters.draw_coherence,
        "coherence_parameters.csv",
    ),
    "untrained": (
        untrained.collect_untrained,
        untrained.judge_untrained,
        untrained.draw_untrained,
        "untrained_twin.csv",
    ),
    "observed_snow": (untrained.collect_snow, untrained.judge_snow, untrained.draw_snow, "observed_snow.csv"),
    "ungauged": (parameters.collect_ungauged, parameters.judge_ungauged, parameters.draw_ungauged, "ungauged.csv"),
    "regionalization": (
        regionalization.collect_regionalization,
        regionalization.judge_regionalization,
        regionalization.draw_regionalization,
        "regionalization.csv",
    ),
    "history": (history.collect_history, history.judge_history, history.draw_history, "history.csv"),
    "surrogate": (
        lambda at: surrogate.collect_surrogate(at, "surrogate"),
        lambda at: surrogate.judge_surrogate(at, "surrogate", "GR4J"),
        lambda at: surrogate.draw_surrogate(at, "surrogate", "GR4J, a script without gradients"),
        "surrogate.csv",
    ),
    "surrogate_hbv": (
        lambda at: surrogate.collect_surrogate(at, "surrogate_hbv"),
        lambda at: surrogate.judge_surrogate(at, "surrogate_hbv", "HBV"),
        lambda at: surrogate.draw_surrogate(at, "surrogate_hbv", "HBV as an external program, whose gradients are known"),
        "surrogate_hbv.csv",
    ),
    "unseen_country": (
        regionalization.collect_country,
        regionalization.judge_country,
        regionalization.draw_country,
        "unseen_country.csv",
    ),
    "routing_twin": (routing.collect_routing, routing.judge_routing, routing.draw_routing, "routing_twin.csv"),
}
HEAD = """# The claims of differentiable parameter learning, tested

Made by `tools/report` from the CSV files in `data/` beside this page: no verdict and no figure is typed by hand. Again,
without any run: `tools/report --from docs/paper`. Each experiment is one command (`mpirun -n 2 dpl_hpc experiment
configs/paper/NAME.yaml`), goes on where it stopped when it is given again, and is read by `tools/report
output/paper/NAME`. Intervals: 95 %, bootstrap over places, the same places for both sides, seed 1. A claim is *held*
where the whole interval is on its side, *did not hold* where it is on the other, else *not decided*:
the interval reaches to both sides.

"""


def arguments(argv):
    parser = argparse.ArgumentParser(prog="tools/report", description=__doc__)
    parser.add_argument("experiments", nargs="*", type=Path, metavar="OUTPUT", help="folder of a finished experiment")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="DOCS",
        help="draw and judge again from the CSV files of this folder",
    )
    parser.add_argument(
        "--to", type=Path, default=ROOT / "docs" / "paper", help="where the report goes (default docs/paper)"
    )
    parser.add_argument(
        "--partial", action="store_true", help="read the finished steps of experiments that are not finished"
    )
    given = parser.parse_args(argv)
    if bool(given.experiments) == bool(given.source):
        parser.error("give folders of experiments, or --from and the folder of a report")
    return given


def collect(folder, docs):
    """Adds the tables of one experiment to the report's."""
    name = folder.resolve().name
    if name not in EXPERIMENTS or not (folder / "experiment.yaml").exists():
        raise runs.Missing(
            f"{folder}: is not the folder of an experiment that the report knows; known: {', '.join(EXPERIMENTS)}"
        )
    for file, table in EXPERIMENTS[name][0](folder).items():
        runs.write(table, docs / "data" / file)
    seconds, path = runs.seconds_table(folder, name), docs / "data" / "seconds.csv"
    if path.exists():
        before = pd.read_csv(path, dtype=str)
        seconds = pd.concat([before[before.experiment != name], seconds.astype("string")])
    runs.write(seconds, path)


def minutes(data, name):
    table = pd.read_csv(data / "seconds.csv")
    mine = table[table.experiment == name]
    done = mine[mine.seconds.notna()]
    steps = f"{len(done)} steps" if len(done) == len(mine) else f"{len(done)} of its {len(mine)} steps have run so far"
    ranks = f"{int(done.ranks.max())} rank{'s' if done.ranks.max() > 1 else ''}"
    return f"{steps}, {done.seconds.sum() / 60:.1f} min on {ranks}"


def write_report(docs):
    data, rows, sections = docs / "data", [], []
    for name, (_, judge, draw, first) in EXPERIMENTS.items():
        if not (data / first).exists():
            continue
        figures = []
        for file, figure, caption in draw(data):
            figure.savefig(docs / file, dpi=110)
            plt.close(figure)
            figures.append((file, caption))
        sections.append(
            f"## {name}\n\n`configs/paper/{name}.yaml`: {minutes(data, name)}.\n\n"
            + "\n\n".join(f"![{name}]({file})\n\n{caption}" for file, caption in figures)
            + "\n\n"
        )
        for claim, held, told in judge(data):
            rows.append(f"| {claim} | [{name}](#{name}) | [{figures[0][0]}]({figures[0][0]}) | **{held}** |")
            sections[-1] += f"- {claim}: **{held}**. {told}\n"
    table = "| claim | experiment | figure | |\n| --- | --- | --- | --- |\n" + "\n".join(rows) + "\n\n"
    (docs / "README.md").write_text(HEAD + table + "\n".join(sections))


def main(argv=None):
    given = arguments(argv)
    runs.PARTIAL = given.partial
    try:
        for folder in given.experiments:
            collect(folder, given.to)
        docs = given.source or given.to
        if not (docs / "data").is_dir():
            raise runs.Missing(f"{docs}: has no folder data with the CSV files of a report")
        write_report(docs)
    except (runs.Missing, OSError, KeyError, ValueError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    print(f"{docs}/README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
