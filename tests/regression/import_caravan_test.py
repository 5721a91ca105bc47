# tools/import_caravan: two gauges made here as CSV, as one netCDF a gauge and as one netCDF of all become the same
# domain; wrong files are told in one line; the real extracts, where they are, keep their values and their gaps.
# timeout: 240
# one process
import gzip
import os
import sys
import tempfile
from pathlib import Path

import netCDF4
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from import_camels_test import texts
from import_network_test import accepted, refused

GAUGES = ["camels_01333000", "hysets_7"]
P, T, PET, Q, SOIL = [0.5, 3.8, 0.0], [-13.14, 2.0, 3.0], [2.0, -0.1, 4.0], [0.33, np.nan, 0.31], [0.33, 0.32, 1.2]
NAMES = ("total_precipitation_sum", "temperature_2m_mean", "potential_evaporation_sum_FAO_PENMAN_MONTEITH",
         "streamflow", "volumetric_soil_water_layer_1_mean")
UNITS = ("mm d-1", "degC", "mm d-1", "mm d-1", "m3 m-3")


def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    opened = gzip.open if str(path).endswith(".gz") else open
    with opened(path, "wt") as file:
        file.write(text)


def write_attributes(folder):
    write(
        f"{folder}/attributes/camels/attributes_other_camels.csv",
        "gauge_id,gauge_name,country,gauge_lat,gauge_lon,area\n"
        "camels_01333000,\"GREEN, MA\",USA,42.7,-73.2,111.3\n")
    write(
        f"{folder}/attributes/hysets/attributes_other_hysets.csv.gz",
        "gauge_id,gauge_name,country,gauge_lat,gauge_lon,area\n"
        "hysets_7,B,Canada,50,-80,0\nhysets_8,C,Canada,50,-80,9\n")
    write(f"{folder}/attributes/camels/attributes_hydroatlas_camels.csv",
          "gauge_id,ele_mt_sav,slp_dg_sav\ncamels_01333000,480,55\n")


def write_csv(folder, extension="csv"):
    write_attributes(folder)
    for row, gauge in enumerate(GAUGES):
        lines = ["date," + ",".join(NAMES)]
        for k in range(row, 3):  # the second starts a day later
            values = (P[k] + row, T[k], PET[k], Q[k], SOIL[k])
            lines.append(f"1981-01-0{k + 1}," + ",".join("" if np.isnan(v) else str(v) for v in values))
        write(f"{folder}/timeseries/csv/{gauge.split('_')[0]}/{gauge}.{extension}", "\n".join(lines) + "\n")


def write_one_netcdf(folder, ids=GAUGES, units=UNITS):
    write_attributes(folder)
    with netCDF4.Dataset(f"{folder}/all.nc", "w") as file:
        file.createDimension("basin", 2)
        file.createDimension("time", 3)
        file.createVariable("gauge_id", str, ("basin", ))[:] = np.array(ids, object)
        file.createVariable("time", "i4", ("time", ))[:] = range(3)
        file["time"].units = "days since 1981-01-01"
        for name, unit, values in zip(NAMES, units, (P, T, PET, Q, SOIL)):
            v = file.createVariable(name, "i2", ("basin", "time"), fill_value=-32768)
            v.scale_factor, v.units = 0.01, unit
            both = np.array([values, np.array(values) + (1 if name == NAMES[0] else 0)])
            both[1, 0] = np.nan
            v[:] = np.ma.masked_array(np.nan_to_num(both), np.isnan(both))


def write_netcdf_each(folder):
    write_attributes(folder)
    os.makedirs(f"{folder}/timeseries/netcdf/camels")
    for row, gauge in enumerate(GAUGES):
        with netCDF4.Dataset(f"{folder}/timeseries/netcdf/camels/{gauge}.nc", "w") as file:
            file.createDimension("date", 3 - row)
            file.createVariable("date", "i4", ("date", ))[:] = np.arange(row, 3)
            file["date"].units = "days since 1981-01-01"
            for name, values in zip(NAMES, (P, T, PET, Q, SOIL)):
                file.createVariable(name, "f8",
                                    ("date", ))[:] = np.array(values)[row:] + (row if name == NAMES[0] else 0)


def check_domain(folder):
    nan = np.nan
    with netCDF4.Dataset(f"{folder}/forcing.nc") as file:
        assert texts(file["place_id"]) == GAUGES and file["time"].units == "days since 1981-01-01"
        get = lambda name: np.ma.filled(file[name][:], nan)
        np.testing.assert_allclose(get("precipitation"), [P, [nan, 4.8, 1.0]], rtol=1e-6)
        np.testing.assert_allclose(get("temperature_mean"), [T, [nan, 2.0, 3.0]], rtol=1e-6)
        np.testing.assert_allclose(get("potential_evapotranspiration"), [[2, 0, 4], [nan, 0, 4]], rtol=1e-6)
        np.testing.assert_array_equal(get("area_km2"), [111.3, 0])
        np.testing.assert_array_equal(get("elevation_m"), [480, nan])
        for words in ("area_km2 is 0: 1", "potential evapotranspiration below 0: 2",
                      "precipitation: values missing: 1"):
            assert words in file.import_report, (words, file.import_report)
    with netCDF4.Dataset(f"{folder}/observations.nc") as file:
        np.testing.assert_allclose(np.ma.filled(file["streamflow"][:], nan), [Q, [nan, nan, 0.31]], rtol=1e-6)
        np.testing.assert_allclose(np.ma.filled(file["soil_moisture"][:], nan), [[0.33, 0.32, nan], [nan, 0.32, nan]],
                                   rtol=1e-6)
        assert "0 to 7 cm" in file["soil_moisture"].long_name


def check_real(data, folder):
    if os.path.exists(f"{data}/caravan_us"):
        said = accepted("import_caravan", f"{data}/caravan_us", "--output", f"{folder}/us")
        assert "far too high in many places" in said and "camels_01333000 for 01333000" in said, said
        with netCDF4.Dataset(f"{data}/caravan_us/caravan_us_era5land.nc") as raw, netCDF4.Dataset(
                f"{folder}/us/observations.nc") as made:
            raw.set_auto_maskandscale(False)
            q, flow = raw["streamflow"][:], np.ma.filled(made["streamflow"][:], np.nan)
            assert np.array_equal(np.isnan(flow), q == raw["streamflow"]._FillValue)
            np.testing.assert_allclose(flow[11][np.isfinite(flow[11])], 0.01 * q[11][np.isfinite(flow[11])], rtol=1e-6)
    if os.path.exists(f"{data}/caravan_europe_sample"):
        accepted("import_caravan", f"{data}/caravan_europe_sample", "--soil-moisture-layer", 2, "--snow", "--output",
                 f"{folder}/europe")
        with gzip.open(f"{data}/caravan_europe_sample/camelsch_4003.csv.gz", "rt") as file:
            head, *lines = [line.rstrip("\n").split(",") for line in file]
        with netCDF4.Dataset(f"{folder}/europe/forcing.nc") as forcing, netCDF4.Dataset(
                f"{folder}/europe/observations.nc") as observed:
            row = texts(forcing["place_id"]).index("camelsch_4003")
            for file, name, source in ((forcing, "temperature_min", "temperature_2m_min"),
                                       (observed, "streamflow", "streamflow"), (observed, "soil_moisture",
                                                                                "volumetric_soil_water_layer_2_mean")):
                column = [line[head.index(source)] for line in lines]
                made = np.ma.filled(file[name][row], np.nan)[:len(lines)]
                np.testing.assert_allclose(made, [float(v) if v else np.nan for v in column], rtol=1e-6)
    if os.path.exists(f"{data}/caravan_global_100d"):
        accepted("import_caravan", f"{data}/caravan_global_100d", "--source", "camelsgb", "camelscl", "--output",
                 f"{folder}/some")
        with netCDF4.Dataset(f"{folder}/some/forcing.nc") as file:
            ids = texts(file["place_id"])
            assert len(ids) == 408 + 314 and {i.split("_")[0] for i in ids} == {"camelsgb", "camelscl"}


def main():
    with tempfile.TemporaryDirectory() as folder:
        out = ("--soil-moisture-layer", "1", "--output", f"{folder}/domain")
        write_csv(f"{folder}/csv")
        assert "no units in the file" in accepted("import_caravan", f"{folder}/csv", *out)
        check_domain(f"{folder}/domain")
        write_csv(f"{folder}/gz", "csv.gz")
        accepted("import_caravan", f"{folder}/gz", *out)
        check_domain(f"{folder}/domain")
        write_netcdf_each(f"{folder}/each")
        accepted("import_caravan", f"{folder}/each", *out)
        check_domain(f"{folder}/domain")
        write_one_netcdf(f"{folder}/one")
        accepted("import_caravan", f"{folder}/one", *out)
        check_domain(f"{folder}/domain")
        said = accepted("import_caravan", f"{folder}/one", "--potential-evaporation", "none", "--source", "camels",
                        "--more", NAMES[4], *out)
        with netCDF4.Dataset(f"{folder}/domain/forcing.nc") as file:
            assert texts(file["place_id"]) == GAUGES[:1] and "potential_evapotranspiration" not in file.variables
            assert file[NAMES[4]].units in ("m3 m-3", "m3/m3"), said

        refused("no time series of a gauge", "import_caravan", f"{folder}/one", "--source", "lamah", *out)
        refused("neither potential_evaporation_sum_ERA5_LAND nor", "import_caravan", f"{folder}/one",
                "--potential-evaporation", "era5", *out)
        refused("variable wind of --more is missing", "import_caravan", f"{folder}/one", "--more", "wind", *out)
        write_one_netcdf(f"{folder}/one", units=("inch", *UNITS[1:]))
        refused("variable total_precipitation_sum has units 'inch'", "import_caravan", f"{folder}/one", *out)
        write_one_netcdf(f"{folder}/one", ids=["a_1", "a_1"])
        refused("the id a_1 comes twice", "import_caravan", f"{folder}/one", *out)
        write_one_netcdf(f"{folder}/one", ids=["a_1", "a_2"])
        refused("none of the 2 gauges has attributes", "import_caravan", f"{folder}/one", *out)
        write(f"{folder}/csv/timeseries/csv/camels/camels_01333000.csv", "date,total_precipitation_sum\n1981-01-32,5\n")
        refused("cannot be read as a time series of Caravan", "import_caravan", f"{folder}/csv", *out)
        write(f"{folder}/csv/timeseries/csv/camels/camels_01333000.csv",
              "date," + ",".join(NAMES) + "\n1981-01-01,-5,3,1,1,0.3\n")
        refused("precipitation is -5 at place camels_01333000 on 1981-01-01", "import_caravan", f"{folder}/csv", *out)

        data = os.environ.get("DPL_DATA", "")
        check_real(data, folder)
        absent = [
            name for name in ("caravan_us", "caravan_europe_sample", "caravan_global_100d")
            if not os.path.exists(f"{data}/{name}")
        ]
        if absent:
            print(f"not checked on real data: {', '.join(absent)} absent")


if __name__ == "__main__":
    sys.exit(main())
