"""Writes lists of basins of a domain: a hold-out that is never trained on, nested random subsets of the others, folds,
and regions. Which basin goes where is drawn by its id and the seed alone, so that it depends on neither the order of
the file nor on what else is asked for; adding basins to a domain does not reorder the others.

    all.txt                       all basins
    holdout.txt                   the fixed share that is held out (a fifth)
    train_1.txt, train_1_2.txt    fractions of the others, each a subset of the next larger
    fold_1_train.txt, _test.txt   fold 1 of the random folds: tested on it, trained on the rest
    region_02_train.txt, _test    the same for each value of an attribute
"""
import argparse
import hashlib
import re
from fractions import Fraction
from pathlib import Path

import numpy as np

import domain_files as d
import domain_places as p

FRACTIONS = ("1/16", "1/8", "1/4", "1/2", "1")


def fraction(text):
    value = Fraction(text)
    if not 0 < value <= 1:
        raise ValueError
    return value


def share(text):
    value = Fraction(text)
    if not 0 <= value < 1:
        raise ValueError
    return value


def arguments(argv):
    parser = argparse.ArgumentParser(
        prog="basin_lists", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: tools/basin_lists domain --only basins_531_subset.txt --folds 5 --region huc_02 --output lists"
    )
    parser.add_argument(
        "domain", type=Path, help="folder with forcing.nc and, for --region and --min-values, attributes.nc "
        "and observations.nc")
    parser.add_argument("--only", type=Path, metavar="LIST",
                        help="basins of this list alone; those that the domain lacks "
                        "are counted")
    parser.add_argument("--seed", type=int, default=1, help="of the draws (%(default)s)")
    parser.add_argument("--holdout", type=share, default=Fraction(1, 5), metavar="SHARE",
                        help="share that is held out, 0 for none (%(default)s)")
    parser.add_argument("--fractions", type=fraction, nargs="+", default=[Fraction(f) for f in FRACTIONS], metavar="F",
                        help=f"of the basins that are not held out (default: {' '.join(FRACTIONS)})")
    parser.add_argument("--folds", type=int, default=0, metavar="K", help="random folds of all basins (default: none)")
    parser.add_argument("--region", metavar="ATTRIBUTE", help="attribute whose values are the regions")
    parser.add_argument("--min-values", type=int, default=0, metavar="N",
                        help="leave out basins with fewer observed values")
    parser.add_argument("--variable", default="streamflow", help="which observations --min-values counts (%(default)s)")
    parser.add_argument("--from", dest="first", type=np.datetime64, metavar="DATE",
                        help="first day that --min-values counts")
    parser.add_argument("--to", dest="last", type=np.datetime64, metavar="DATE",
                        help="last day that --min-values counts")
    parser.add_argument("--output", type=Path, required=True, help="folder of the lists; made where it is missing")
    options = parser.parse_args(argv)
    if options.folds == 1 or options.folds < 0:
        raise d.ImportProblem(f"--folds is {options.folds}; 2 or more are needed, or 0 for none")
    return options


def read_list(path):
    """Ids of a list as the program reads it: one a line, # begins a comment, none may come twice."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise d.ImportProblem(f"{path} cannot be read ({p.first_line(problem)}); one id a line is needed") from problem
    seen = {}
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if len(words) > 1:
            raise d.ImportProblem(f"{path}: line {number} is '{line.strip()[:60]}'; one id a line is allowed")
        if words and seen.setdefault(words[0], number) != number:
            raise d.ImportProblem(f"{path}: basin {words[0]} stands in line {seen[words[0]]} and in line {number}")
    if not seen:
        raise d.ImportProblem(f"{path} holds no basin; one id a line is needed")
    return list(seen)


def text_rows(values):
    """Text of char (place, length) or string (place)."""
    values = np.asarray(values)
    if values.ndim == 2:
        return [b"".join(row).decode().replace("\0", "").strip() for row in values]
    return p.texts(values)


def place_ids(path):
    with d.open_netcdf(path) as file:
        return text_rows(np.ma.filled(d.variable(file, "place_id")[:], b""))


def regions(path, name):
    """Region of every place of attributes.nc: text, or a whole number written out."""
    ids = place_ids(path)
    with d.open_netcdf(path) as file:
        values = d.variable(file, name)[:]
        if values.dtype.kind in "SUO":
            return dict(zip(ids, text_rows(np.ma.filled(values, b"" if values.dtype.kind == "S" else ""))))
        numbers = np.ma.filled(np.ma.asarray(values, "f8"), np.nan)
    odd = np.flatnonzero(np.isfinite(numbers) & (numbers != np.round(numbers)))
    if len(odd):
        raise d.ImportProblem(
            f"{path}: attribute {name} is {numbers[odd[0]]} at basin {ids[odd[0]]}; regions are text or whole numbers")
    return {i: f"{v:.0f}" if np.isfinite(v) else "" for i, v in zip(ids, numbers)}


def counts(path, options):
    """Observed values of every place in the days asked for."""
    with p.open_dataset(path) as file:
        values = p.array(file, options.variable, path, ("place", "time"))
        days = p.days_of(path, file["time"].values)
    ids = place_ids(path)
    inside = np.ones(len(days), bool)
    if options.first is not None:
        inside &= days >= options.first
    if options.last is not None:
        inside &= days <= options.last
    return dict(zip(ids, np.isfinite(values[:, inside]).sum(1)))


def drawn(ids, seed, purpose):
    """The ids in an order that each one's own key decides."""
    key = lambda i: hashlib.sha256(f"{seed}:{purpose}:{i}".encode()).digest()
    return sorted(ids, key=key)


def chosen_basins(options, report):
    ids = place_ids(options.domain / "forcing.nc")
    report.add("basins of the domain", len(ids))
    if options.only:
        wanted = read_list(options.only)
        known = set(ids)
        lost = [i for i in wanted if i not in known]
        report.note(len(lost), f"basins of {options.only.name} that the domain lacks",
                    "left out: " + ", ".join(lost[:d.SHOWN]))
        ids = [i for i in wanted if i in known]
    if options.min_values:
        observed = counts(options.domain / "observations.nc", options)
        few = {i for i in ids if observed.get(i, 0) < options.min_values}
        report.note(len(few), f"basins with fewer than {options.min_values} values of {options.variable}", "left out")
        ids = [i for i in ids if i not in few]
    if not ids:
        raise d.ImportProblem(
            f"{options.domain / 'forcing.nc'}: no basin is left to make lists of; see --only and --min-values")
    return sorted(ids)


class Lists:
    def __init__(self, options, report):
        self.folder, self.report, self.seed, self.domain = options.output, report, options.seed, options.domain.name
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, name, ids, what):
        if not ids:
            raise d.ImportProblem(f"{name}.txt would hold no basin ({what}); take larger shares or fewer folds")
        head = f"# {what}; {len(ids)} basins of {self.domain}, seed {self.seed}\n"
        (self.folder / f"{name}.txt").write_text(head + "".join(f"{i}\n" for i in sorted(ids)))
        self.report.add(f"{name}.txt", len(ids), what)


def nested(lists, ids, options):
    order = drawn(ids, options.seed, "holdout")
    held = round(len(order) * options.holdout)
    if options.holdout:
        lists.write("holdout", order[:held], f"{options.holdout} of all, never trained on")
    others = drawn(order[held:], options.seed, "subset")
    for f in sorted(set(options.fractions)):
        name = "train_1" if f == 1 else f"train_{f.numerator}_{f.denominator}"
        lists.write(name, others[:max(1, round(len(others) * f))], f"{f} of the {len(others)} that are not held out")


def main(argv):
    options = arguments(argv)
    report = d.Report()
    ids = chosen_basins(options, report)
    lists = Lists(options, report)
    lists.write("all", ids, "all basins")
    nested(lists, ids, options)
    order = drawn(ids, options.seed, "fold")
    for k in range(options.folds):
        test = order[k::options.folds]
        lists.write(f"fold_{k + 1}_test", test, f"fold {k + 1} of {options.folds}")
        lists.write(f"fold_{k + 1}_train", set(ids) - set(test), f"all but fold {k + 1} of {options.folds}")
    if options.region:
        region = regions(options.domain / "attributes.nc", options.region)
        without = [i for i in ids if not region.get(i)]
        if without:
            raise d.ImportProblem(
                f"{options.domain / 'attributes.nc'}: attribute {options.region} is missing at {len(without)} basins: "
                f"{', '.join(without[:d.SHOWN])}; every basin needs a region")
        for value in sorted({region[i] for i in ids}):
            name = "region_" + re.sub(r"[^A-Za-z0-9]+", "_", value).strip("_").lower()
            test = [i for i in ids if region[i] == value]
            lists.write(f"{name}_test", test, f"{options.region} {value}")
            lists.write(f"{name}_train", set(ids) - set(test), f"all but {options.region} {value}")
    report.print()


if __name__ == "__main__":
    d.run(main)
