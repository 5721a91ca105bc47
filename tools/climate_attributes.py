"""Climate indices of the places of a domain, from its forcing: the same attributes, made the same way, for data sets of
different countries. Writes attributes_climate.nc beside forcing.nc:

    p_mean, pet_mean              mm/day; PET after Oudin et al. (2005) from temperature_mean and latitude
    t_mean, t_amplitude           degC; of the sine of a year
    aridity                       pet_mean / p_mean
    frac_snow                     share of precipitation on days below 0 degC
    p_seasonality                 Woods (2009): above 0 where it rains in the warm season, below where in the cold one
    high_prec_freq, high_prec_dur days a year of 5 times p_mean and more; their mean run in days
    low_prec_freq, low_prec_dur   the same of days below 1 mm
    area_km2_log10, elevation_m   of forcing.nc

Indices after Addor et al. (2017). A place with a gap in the days used has none.
"""
import argparse
from pathlib import Path

import numpy as np

import domain_files as d
import domain_places as p

DAYS_A_YEAR = 365.25
UNITS = {"p_mean": "mm day-1", "pet_mean": "mm day-1", "t_mean": "degC", "t_amplitude": "degC", "aridity": "1",
         "frac_snow": "1", "p_seasonality": "1", "high_prec_freq": "day year-1", "high_prec_dur": "day",
         "low_prec_freq": "day year-1", "low_prec_dur": "day", "area_km2_log10": "1", "elevation_m": "m"}


def arguments(argv):
    parser = argparse.ArgumentParser(prog="climate_attributes", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="example: tools/climate_attributes domain --to 2008-09-30")
    parser.add_argument("domain", type=Path, help="folder with forcing.nc")
    for name, text in (("from", "first"), ("to", "last")):
        parser.add_argument(f"--{name}", dest=text, type=np.datetime64, metavar="DATE",
                            help=f"{text} day used (default: of the file)")
    return parser.parse_args(argv)


def extraterrestrial_radiation(latitude, day_of_year):
    """MJ/m2/day [place][day], FAO paper 56, equations 21 to 25."""
    angle = 2 * np.pi * day_of_year / 365
    distance, declination = 1 + 0.033 * np.cos(angle), 0.409 * np.sin(angle - 1.39)
    phi = np.radians(latitude)[:, None]
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1, 1))
    return 24 * 60 / np.pi * 0.0820 * distance * (sunset * np.sin(phi) * np.sin(declination) +
                                                  np.cos(phi) * np.cos(declination) * np.sin(sunset))


def oudin(temperature, radiation):
    """mm/day; Ra / (2.45 MJ/kg) (T + 5) / 100 above -5 degC."""
    return np.where(temperature > -5, radiation / 2.45 * (temperature + 5) / 100, 0)


def sine_of_year(values, phase):
    """Mean, amplitude and phase of the least-squares sine [place]."""
    design = np.stack([np.ones_like(phase), np.sin(phase), np.cos(phase)], axis=1)
    mean, sine, cosine = np.linalg.lstsq(design, values.T, rcond=None)[0]
    return mean, np.hypot(sine, cosine), np.arctan2(cosine, sine)


def runs(chosen):
    """Days a year and mean length of the runs of chosen days [place]."""
    count = chosen.sum(1)
    begins = chosen[:, :1].sum(1) + (chosen[:, 1:] & ~chosen[:, :-1]).sum(1)
    return DAYS_A_YEAR * count / chosen.shape[1], np.where(begins > 0, count / np.maximum(begins, 1), 0)


def indices(precipitation, temperature, latitude, days):
    of_year = (days - days.astype("datetime64[Y]")).astype(int) + 1
    phase = 2 * np.pi * of_year / DAYS_A_YEAR
    rain, warmth = precipitation.mean(1), temperature.mean(1)
    evaporation = oudin(temperature, extraterrestrial_radiation(latitude, of_year)).mean(1)
    _, rain_amplitude, rain_phase = sine_of_year(precipitation, phase)
    _, amplitude, warm_phase = sine_of_year(temperature, phase)
    with np.errstate(divide="ignore", invalid="ignore"):
        table = {
            "p_mean": rain, "pet_mean": evaporation, "t_mean": warmth, "t_amplitude": amplitude,
            "aridity": evaporation / rain,
            "frac_snow": np.where(temperature < 0, precipitation, 0).sum(1) / precipitation.sum(1),
            "p_seasonality": rain_amplitude / rain * np.cos(rain_phase - warm_phase)
        }
    table["high_prec_freq"], table["high_prec_dur"] = runs(precipitation >= 5 * rain[:, None])
    table["low_prec_freq"], table["low_prec_dur"] = runs(precipitation < 1)
    missing = np.isnan(rain) | np.isnan(warmth)
    return {name: np.where(missing, np.nan, values) for name, values in table.items()}


def main(argv):
    options = arguments(argv)
    report = d.Report()
    source = options.domain / "forcing.nc"
    with p.open_dataset(source) as file:
        ids = p.texts(p.array(file, "place_id", source))
        days = p.check_daily(source, p.days_of(source, p.array(file, "time", source)))
        used = np.ones(len(days), bool)
        if options.first is not None:
            used &= days >= options.first
        if options.last is not None:
            used &= days <= options.last
        if used.sum() < 366:
            raise d.ImportProblem(f"{source}: {used.sum()} of its days ({days[0]} to {days[-1]}) are chosen by --from "
                                  "and --to; a year at least is needed")
        series = [p.array(file, name, source, ("place", "time"))[:, used]
                  for name in ("precipitation", "temperature_mean")]
        latitude, area, elevation = (p.array(file, name, source, ("place", ))
                                     for name in ("latitude", "area_km2", "elevation_m"))
    table = indices(*series, latitude, days[used])
    with np.errstate(divide="ignore", invalid="ignore"):
        table["area_km2_log10"] = np.where(area > 0, np.log10(area), np.nan)
    table["elevation_m"] = elevation
    report.add("days used", used.sum(), f"{days[used][0]} to {days[used][-1]}")
    report.note(np.isnan(table["p_mean"]).sum(), "places with a gap of the forcing", "no indices")
    p.write_attributes(options.domain / "attributes_climate.nc", source, report, ids, table, UNITS)
    report.print()


if __name__ == "__main__":
    d.run(main)
