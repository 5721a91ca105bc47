"""What the figures of runs share: files with one-line complaints, colours, values against drainage area."""
import matplotlib.pyplot as plt
import netCDF4
import numpy as np

INK, MODEL, START, QUIET = "#1a1a1a", "#0b5fa5", "#d9822b", "#b9c2cc"
PARAMETERS = {"n": ("Manning's n", "s m$^{-1/3}$"), "p": ("width coefficient p", "m$^{1-q}$"), "q": ("width exponent q", "-"),
              "muskingum_k": ("Muskingum K", "s"), "muskingum_x": ("Muskingum X", "-")}
# Above so many reaches single ones are no longer told apart: their density is drawn instead.
MOST_SINGLE_REACHES = 3000


class MissingData(Exception):
    """One line that says which file or variable is missing."""


def existing(path, what):
    if not path.exists():
        raise MissingData(f"{path} does not exist: no {what} drawn")
    return path


def dataset(path, what):
    existing(path, what)
    try:
        return netCDF4.Dataset(path)
    except OSError as problem:
        raise MissingData(f"{path} cannot be read ({problem}): no {what} drawn") from problem


def variable(file, name, what):
    if name not in file.variables:
        raise MissingData(f"{file.filepath()} has no variable {name}: no {what} drawn")
    return file.variables[name]


def floats(var, *index):
    return np.ma.filled(np.ma.asarray(var[index] if index else var[:], dtype=float), np.nan)


def rows_of(ids, wanted):
    """Row of each wanted id among the distinct `ids`, -1 where there is none."""
    if len(ids) == 0:
        return np.full(len(wanted), -1)
    order = np.argsort(ids)
    place = np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)
    return np.where(ids[order[place]] == wanted, order[place], -1)


def spread(values):
    """(smallest, largest) of the finite values; NaN where there is none."""
    finite = values[np.isfinite(values)]
    return (finite.min(), finite.max()) if len(finite) else (np.nan, np.nan)


def is_constant(values):
    """One value everywhere but for rounding (single precision), as where a parameter is not learned."""
    low, high = spread(values)
    return not high - low > 1e-6 * max(abs(low), abs(high))


def is_wide(values):
    """Wants a logarithmic axis: positive and over more than a factor of 5."""
    low, high = spread(values)
    return low > 0 and high > 5 * low


def quantiles_by_area(area, values, bins, fewest):
    """(area, 10 %, 50 %, 90 %) of the values in `bins` log-spaced bins of area (km2, positive) with at least `fewest` reaches."""
    edges = np.geomspace(area.min(), area.max() * (1 + 1e-9), bins + 1)
    if not edges[-1] > edges[0] * (1 + 1e-6):
        return np.array([[area[0], *np.quantile(values, (0.1, 0.5, 0.9))]]).T
    place = np.clip(np.digitize(area, edges) - 1, 0, bins - 1)
    inside = [(np.sqrt(edges[b] * edges[b + 1]), values[place == b]) for b in range(bins)]
    return np.array([[middle, *np.quantile(v, (0.1, 0.5, 0.9))] for middle, v in inside if len(v) >= fewest]).reshape(-1, 4).T


def plot_density(figure, axes, x, y, log_x, log_y, colours="Greys"):
    """Reaches per hexagon, shades by the logarithm of their number, the darkest left out so that lines stay visible."""
    cells = axes.hexbin(x, y, gridsize=(70, 34), bins="log", mincnt=1, xscale="log" if log_x else "linear", linewidths=0.1,
                        yscale="log" if log_y else "linear", cmap=plt.get_cmap(colours).with_extremes(bad="white"))
    cells.set_clim(0.3, 30 * max(cells.get_array().max(), 1))
    top = max(cells.get_array().max(), 1.01)
    bar = figure.colorbar(cells, ax=axes, pad=0.01, aspect=30, boundaries=None)
    bar.ax.set_ylim(1, top)
    bar.set_label("reaches in a cell", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.ax.grid(False)
