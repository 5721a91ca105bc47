"""tools/report: verdicts follow the numbers, the same report from the CSV files alone, one-line errors."""

# one process
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(os.environ.get("DPL_SOURCE_DIR", Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(ROOT / "tools"))
import report_scaling as scaling  # noqa: E402
import report_statistics as statistics  # noqa: E402


def check_statistics():
    assert list(statistics.ranks([3, 1, 3, 2])) == [3.5, 1, 3.5, 2]
    assert (
        abs(statistics.spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]) - 0.8207826816681233) < 1e-12
    )  # as R's cor(method = "spearman")
    assert np.isnan(statistics.spearman([1, 2, 3], [4, 4, 4]))
    value, low, high, count = statistics.difference(np.arange(101.0) + 5, np.arange(101.0))
    assert (value, low, high, count) == (5, 5, 5, 101), "the same places are drawn for both"
    assert statistics.verdict(0.1, 0.2) == "held" and statistics.verdict(-0.2, -0.1) == "did not hold"
    assert statistics.verdict(-0.1, 0.1).startswith("not decided")


def evolutionary(gain):
    """Twenty basins: the network's NSE is SCE-UA's and `gain` with seeds that differ, the part's less."""
    rows = []
    for k in range(20):
        base = 0.4 + 0.02 * k
        for contender, seed, which, nse, runs in (
            ("sce", 1, "train", base, 1000),
            ("dpl", 1, "train", base + gain - 0.01, 50),
            ("dpl", 2, "train", base + gain + 0.01, 50),
            ("dpl_0.125", 1, "train" if k % 2 else "holdout", base - 0.3, 90),
        ):
            rows.append(
                {
                    "place_id": f"{k:08}",
                    "list": which,
                    "nse": nse,
                    "kge": nse,
                    "contender": contender,
                    "components": 1,
                    "seed": seed,
                    "runs_per_place": runs,
                }
            )
    return pd.DataFrame(rows)


def report(folder, *arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "report_paper.py"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "MPLBACKEND": "Agg"},
        cwd=folder,
    )


def table_of(folder, gain):
    docs = Path(folder) / f"docs{gain}"
    (docs / "data").mkdir(parents=True)
    evolutionary(gain).to_csv(docs / "data" / "evolutionary.csv", index=False)
    pd.DataFrame(
        [{"experiment": "evolutionary", "step": "dpl_1", "seed": 1, "verb": "train", "seconds": 90, "ranks": 2}]
    ).to_csv(docs / "data" / "seconds.csv", index=False)
    done = report(folder, "--from", str(docs))
    assert done.returncode == 0, done.stderr
    text = (docs / "README.md").read_text()
    first = (docs / "evolutionary.png").read_bytes()
    assert report(folder, "--from", str(docs)).returncode == 0
    assert (docs / "README.md").read_text() == text and (
        docs / "evolutionary.png"
    ).read_bytes() == first, "another report from the same files"
    return text


def check_cost():
    points = [(10, 1, 0.2), (100, 10, 0.4), (1000, 100, 0.6)]
    assert np.allclose(scaling.cost_of_skill(points, 0.5), (10**2.5, 10**1.5, False)), "half way between the logarithms"
    assert scaling.cost_of_skill(points, 0.2) == (10, 1, True), "the first budget is enough"
    assert np.allclose(scaling.cost_of_skill(points, 0.4), (100, 10, False))
    assert all(np.isnan(scaling.cost_of_skill(points, 0.7)[:2])), "no budget is"


def curve(rise):
    """Places 10 and 40, three budgets, two seeds: NSE 0.3, 0.5, 0.7; the 40 need `rise` times the runs a place of the 10."""
    rows = []
    for subset, places, factor in ((0.25, 10, 1), (1, 40, rise)):
        for seed in (1, 2):
            for k, updates in enumerate((10, 100, 1000)):
                skill = 0.3 + 0.2 * k + 0.01 * seed
                runs = factor * updates
                rows.append([subset, seed, places, updates, runs, runs / 1000, skill, skill, skill, "2y"])
    return pd.DataFrame(rows, columns=[*scaling.CURVE, "record"])


def thresholds_of(folder, rise):
    data = Path(folder) / f"curve{rise}"
    data.mkdir()
    curve(rise).to_csv(data / "scaling_camels_curve.csv", index=False)
    rows = [["2y", n, where, seed, nse, n / 100] for n, nse in ((2000, 0.4), (4000, 0.6)) for where in scaling.WHERE for seed in (1, 2)]
    pd.DataFrame(rows, columns=["record", "evaluations", "where", "seed", "nse", "seconds_per_place"]).to_csv(
        data / "scaling_camels_sce_medians.csv", index=False
    )
    return {claim: (held, told) for claim, held, told in scaling.judge_thresholds(data, "scaling_camels", "CAMELS")}


def check_thresholds(folder):
    cheaper, dearer = thresholds_of(folder, 0.5), thresholds_of(folder, 2)
    falls = "A median NSE of 0.5 in unseen places costs less a place as places are added (CAMELS, 2 years)"
    assert cheaper[falls][0] == "held" and dearer[falls][0] == "did not hold", (cheaper[falls], dearer[falls])
    assert "10: 84 runs, 0.084 s; 40: 42 runs" in cheaper[falls][1], cheaper[falls]
    beside = "One network reaches a median NSE of 0.5 in unseen places at a lower cost a place than SCE-UA (CAMELS, 2 years)"
    assert cheaper[beside][0] == "held" and "2828 runs" in cheaper[beside][1], cheaper[beside]


def main():
    check_statistics()
    check_cost()
    with tempfile.TemporaryDirectory() as folder:
        check_thresholds(folder)
        better, worse = table_of(folder, 0.05), table_of(folder, -0.05)
        claim = "| One network beats SCE-UA basin by basin (1 component) |"
        assert next(line for line in better.splitlines() if line.startswith(claim)).endswith("**held** |"), better
        assert next(line for line in worse.splitlines() if line.startswith(claim)).endswith("**did not hold** |"), worse
        assert (
            "difference +0.050 (95 % interval +0.050 to +0.050, 20 places); the network is above in 20 of 20" in better
        )
        assert (
            "difference -0.050" in worse
            and "1000, 20 times as many" in better
            and "1 steps, 1.5 min on 2 ranks" in better
        )
        for line in better.splitlines():
            if line.startswith("| 12.5 %"):
                assert line.endswith("**did not hold** |"), line
        for words, arguments in (
            (["nowhere", "no folder data"], ["--from", "nowhere"]),
            (["other", "known: evolutionary"], ["other"]),
            (["give folders"], []),
        ):
            done = report(folder, *arguments)
            assert done.returncode != 0 and all(word in done.stderr for word in words), done.stderr
    print("verdicts follow the numbers; the same report from the CSV files alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
