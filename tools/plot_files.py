"""What the figures of runs share: files with one-line complaints, colours, values against drainage area."""
import netCDF4
import numpy as np
from matplotlib.ticker import LogLocator, StrMethodFormatter

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


def texts(var):
    """Values of a text variable of either kind: (item, characters) or (item) of strings."""
    if var.dtype is str:
        return [str(value) for value in var[:]]
    return [b"".join(row).decode().strip("\0 ") for row in np.ma.filled(var[:], b"")]


def rows_of(ids, wanted):
    """Row of each wanted id among the distinct `ids`, -1 where there is none."""
    if len(ids) == 0:
        return np.full(len(wanted), -1)
    order = np.argsort(ids)
    place = np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)
    return np.where(ids[order[place]] == wanted, order[place], -1)


def reaches_upstream(downstream):
    """Reaches that drain through each one, itself among them; downstream: row of the next reach, -1 at an outlet."""
    count = np.ones(len(downstream), dtype=int)
    waiting = np.bincount(downstream[downstream >= 0], minlength=len(downstream))
    done = np.flatnonzero(waiting == 0)
    while len(done):
        done = done[downstream[done] >= 0]
        below = downstream[done]
        np.add.at(count, below, count[done])
        np.subtract.at(waiting, below, 1)
        done = np.unique(below[waiting[below] == 0])
    return count


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
    """(area, 10 %, 50 %, 90 %) of the values in `bins` log-spaced bins of area (positive) with at least `fewest` reaches; the area
    is the median of the bin's reaches."""
    edges = np.geomspace(area.min(), area.max(), bins + 1)
    place = np.clip(np.searchsorted(edges, area, side="right") - 1, 0, bins - 1)
    inside = [place == b for b in range(bins)]
    return np.array([[np.median(area[i]), *np.quantile(values[i], (0.1, 0.5, 0.9))] for i in inside
                     if np.count_nonzero(i) >= fewest]).reshape(-1, 4).T


def plot_density(figure, axes, x, y, log_x, log_y):
    """Reaches per hexagon, grey by the logarithm of their number, with a bar; light enough for lines on top."""
    cells = axes.hexbin(x, y, gridsize=(70, 34), bins="log", mincnt=1, xscale="log" if log_x else "linear", linewidths=0.1,
                        yscale="log" if log_y else "linear", cmap="Greys")
    most = max(cells.get_array().max(), 2)
    cells.set_clim(0.3, 30 * most)
    bar = figure.colorbar(cells, ax=axes, pad=0.01, aspect=30)
    bar.ax.set_ylim(1, most)
    bar.set_label("reaches in a cell", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.ax.grid(False)


def plain_numbers(axis):
    """0.02 instead of a power of ten on a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter("")
