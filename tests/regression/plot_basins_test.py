# tools/plot of a run over basins: a twin's run gets its figures, published scores stand beside them by id, and the formulas
# of climatology and scores give what is computed by hand.
# one process
# timeout: 120
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = os.environ["DPL_SOURCE_DIR"]
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import basin_run as basins
import numpy as np
import plot_basins
import twin_run as twin


def plot(run, *arguments):
    return subprocess.run([os.path.join(ROOT, "tools", "plot"), run, *arguments], capture_output=True, text=True)


def check_figures(folder):
    config = basins.make_domain(folder)
    run = twin.train(1, config, "experiment.updates=2", "experiment.targets.soil_moisture=1",
                     "output.runoff=[evapotranspiration, soil_moisture]")
    Path(folder, "other.csv").write_text("gauge_id,nse\n00000001,0.5\n00000002,\n00000003,-3\n77777777,0.9\n")
    done = plot(run, "--beside", f"Other={folder}/other.csv")
    assert done.returncode == 0 and not done.stderr, done.stderr
    drawn = [Path(line).name for line in done.stdout.splitlines()]
    assert drawn == ["loss.png", "nse.png", "map.png", "soil_moisture.png", "recovered.png", "against_truth.png"], drawn
    assert all(Path(line).stat().st_size > 10000 for line in done.stdout.splitlines())
    axes = dict(plot_basins.score_figures(Path(run), [f"Other={folder}/other.csv"]))["nse.png"].axes
    assert axes[0].get_title(loc="left").startswith("3 basins"), axes[0].get_title(loc="left")
    assert any(t.get_text() == "Other: median -1.250" for t in axes[0].get_legend().get_texts())
    wrong = plot(run, "--beside", f"Other={folder}/small.yaml")
    assert "gauge_id and nse" in wrong.stderr and "Traceback" not in wrong.stderr, wrong.stderr
    wrong = plot(run, "--beside", "Other")
    assert "NAME=FILE.csv is needed" in wrong.stderr, wrong.stderr


def check_formulas():
    simulated = np.array([[1, 2, 3, 4, 2.5], [3, 3, 3, 3, 3]])
    observed = np.array([[1.2, 1.8, 3.5, 3, 2], [1, np.nan, 3, 2, 2]])
    rmse, ubrmse, r = plot_basins.moisture_scores(simulated, observed)
    np.testing.assert_allclose([rmse[0], ubrmse[0], r[0]], [0.5621387729, np.sqrt(0.316 - 0.04), 0.8510473601], rtol=1e-9)
    np.testing.assert_allclose(rmse[1], np.sqrt(6 / 4))
    assert np.isnan(r[1]), r
    days = np.arange(0, 366)
    values = np.where(days % 2 == 0, days, np.nan)[None, :].astype(float)
    mean = plot_basins.seasonal_mean(days, values, np.array([100, 465, 366]), 2)
    np.testing.assert_allclose(mean[0], [100, (98 + 100) / 2, (0 + 2 + 364) / 3])
    np.testing.assert_allclose(plot_basins.efficiency(np.array([[1.0, 2, 3]]), np.array([[1.0, 2, 4]])), 1 - 1 / (14 / 3))


def main():
    check_formulas()
    with tempfile.TemporaryDirectory() as folder:
        check_figures(folder)
    print("figures of a run over basins, by hand and by tools/plot")
    return 0


if __name__ == "__main__":
    sys.exit(main())
