"""Prints the scores of a run's test period: show_scores.py RUN_DIR (reads metrics.json)."""
import json
import sys
from pathlib import Path

CONTENDERS = (
    ("learned", "learned"),
    ("untrained", "untrained start"),
    ("uniform", "best uniform parameters"),
    ("summed_lateral_inflow", "summed lateral inflow"),
    ("delayed_lateral_inflow", "summed inflow, best delay"),
)
METRICS = ("nse", "kge", "bias")


def number(value, digits):
    return "-" if value is None else f"{value:.{digits}f}"


def table(metrics):
    """The lines of the table; `metrics` is what metrics.json holds."""
    period, gauges = metrics["set"], metrics["set"]["gauges"]
    first, last = period.get("scored_start") or period["start"], period.get("scored_end") or period["end"]
    which = "1 gauge" if gauges == 1 else f"median of {gauges} gauges"
    lines = [f"Test period {first} to {last}, {which}", f"{'':<28}{'NSE':>8}{'KGE':>8}{'bias m3/s':>12}"]
    for key, label in CONTENDERS:
        scores = metrics.get(key)
        if scores is None:
            lines.append(f"{label:<28}  not computed: {metrics.get('absent', {}).get(key, 'no reason given')}")
            continue
        nse, kge, bias = (scores[name]["median"] for name in METRICS)
        lines.append(f"{label:<28}{number(nse, 4):>8}{number(kge, 4):>8}{number(bias, 3):>12}")
    return lines


def main(arguments):
    if len(arguments) != 1:
        sys.exit("error: show_scores.py needs one argument: a run folder")
    path = Path(arguments[0]) / "metrics.json"
    try:
        lines = table(json.loads(path.read_text()))
    except FileNotFoundError:
        sys.exit(f"error: {path} does not exist; the run has no test period or did not end")
    except (json.JSONDecodeError, KeyError, TypeError) as problem:
        sys.exit(f"error: {path} is not the metrics file of a run ({type(problem).__name__}: {problem})")
    print("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
