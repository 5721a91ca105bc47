# tools/import_camels: a small CAMELS made here in its text form and in the packed one becomes the same domain, value
# by value; wrong files are told in one line; the real data, where they are, are unpacked to what their integers say.
# timeout: 240
# one process
import os
import sys
import tempfile
from pathlib import Path

import netCDF4
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from import_network_test import accepted, refused

GAUGES = {"01333000": "01", "02000007": "03"}
AREA_M2 = {"01333000": 86.4e6, "02000007": 864e6}  # 1 ft3/s is 0.0283 and 0.00283 mm/day
DAYS = ["1999-12-31", "2000-01-01", "2000-01-02"]
PRCP, TMAX, TMIN, SRAD, VP, DAYL = [0.0, 1.25, 7.5], [4.0, -1.0, 2.0], [-2.0, -3.0,
                                                                        0.0], [200.0, 100.0,
                                                                               150.0], [300.0, 310.0, 320.0], 43200.0
FLOW = {"01333000": [100.0, -999.0, 50.0], "02000007": [1000.0, 2000.0]}  # the second lacks a day
FT3 = 0.028316846592


def write(path, text):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def write_text_form(folder, head="Year Mnth Day Hr dayl(s) prcp(mm/day) srad(W/m2) swe(mm) tmax(C) tmin(C) vp(Pa)"):
    for row, (gauge, huc) in enumerate(GAUGES.items()):
        lines = ["42.5", "482.0", f"{AREA_M2[gauge]:.0f}", head]
        lines += [
            f"{day[:4]} {day[5:7]} {day[8:]} 12 {DAYL} {PRCP[k] + row} {SRAD[k]} 0 {TMAX[k]} {TMIN[k]} {VP[k]}"
            for k, day in enumerate(DAYS)
        ]
        write(f"{folder}/basin_mean_forcing/maurer_extended/{huc}/{gauge}_lump_maurer_forcing_leap.txt",
              "\n".join(lines) + "\n")
        flow = FLOW[gauge]
        days = DAYS if len(flow) == 3 else [DAYS[0], DAYS[2]]
        write(f"{folder}/usgs_streamflow/{huc}/{gauge}_streamflow_qc.txt",
              "".join(f"{gauge} {day.replace('-', ' ')} {q} {'M' if q < 0 else 'A'}\n" for day, q in zip(days, flow)))
    write(f"{folder}/camels_attributes_v2.0/camels_topo.txt", "gauge_id;gauge_lon;elev_mean;area_gages2\n"
          "02000007;-77.5;NA;864\n01333000;-73.2;485.9;100.0\n")
    write(f"{folder}/camels_attributes_v2.0/camels_name.txt",
          "gauge_id;huc_02;gauge_name\n01333000;01;GREEN RIVER, MA\n02000007;03;B\n")
    write(f"{folder}/camels_attributes_v2.0/camels_hydro.txt", "gauge_id;q_mean\n01333000;1\n02000007;2\n")


def put_packed(file, name, values, units, kind="i4", scale=0.01):
    fill = np.iinfo(kind).min
    v = file.createVariable(name, kind, ("basin", "time"), fill_value=fill)
    v.set_auto_maskandscale(False)
    v.scale_factor, v.add_offset, v.units = scale, 0.0, units
    v[:] = np.where(np.isnan(values), fill, np.round(np.nan_to_num(values) / scale))


def write_packed_form(folder, precipitation_units="mm d-1"):
    os.makedirs(folder, exist_ok=True)
    two = lambda values: np.array([values, values])
    for name in ("forcing", "streamflow"):
        with netCDF4.Dataset(f"{folder}/x_{name}.nc", "w") as file:
            file.createDimension("basin", 2)
            file.createDimension("time", 3)
            file.createVariable("gauge_id", str, ("basin", ))[:] = np.array(list(GAUGES), object)
            file.createVariable("time", "i4", ("time", ))[:] = np.arange(3)
            file["time"].units = "days since 1999-12-31"
            if name == "forcing":
                put_packed(file, "prcp", two(PRCP) + np.array([[0], [1]]), precipitation_units, "i2")
                put_packed(file, "tmax", two(TMAX), "degC", "i2")
                put_packed(file, "tmin", two(TMIN), "degC", "i2")
                put_packed(file, "srad", two(SRAD), "W m-2")
                put_packed(file, "vp", two(VP), "Pa")
                put_packed(file, "dayl", two([DAYL] * 3), "s")
                continue
            put_packed(file, "streamflow", np.array([[100, np.nan, 50], [1000, np.nan, 2000]]), "ft3 s-1")
            for variable, values, units in (("area_m2", list(AREA_M2.values()), "m2"),
                                            ("lat", [42.5, 42.5], "degrees_north"), ("elev_m", [482, 482], "m")):
                file.createVariable(variable, "f8", ("basin", ))[:] = values
                file[variable].units = units
    write(
        f"{folder}/attributes.csv", "gauge_id,huc_02,gauge_name,gauge_lon,elev_mean,area_gages2\n"
        "01333000,01,\"GREEN RIVER, MA\",-73.2,485.9,100.0\n02000007,03,B,-77.5,NA,864\n")


def texts(v):
    return [row.tobytes().decode().rstrip("\0 ") for row in np.ma.filled(v[:], b"")]


def check_domain(folder):
    with netCDF4.Dataset(f"{folder}/forcing.nc") as file:
        assert texts(file["place_id"]) == list(GAUGES)
        assert file["time"].units == "days since 1999-12-31" and file["time"][:].tolist() == [0, 1, 2]
        np.testing.assert_allclose(file["precipitation"][:], [PRCP, np.array(PRCP) + 1])
        np.testing.assert_allclose(file["temperature_mean"][0], [1, -2, 1])
        np.testing.assert_allclose(file["shortwave_radiation"][1], [100, 50, 75])  # half of the day is light
        np.testing.assert_allclose(file["vapour_pressure"][1], VP)
        np.testing.assert_allclose(file["area_km2"][:], [86.4, 864])
        assert file["longitude"][:].tolist() == [-73.2, -77.5] and file["elevation_m"][:].tolist() == [482, 482]
        assert file["precipitation"].units == "mm/day" and file["temperature_min"].units == "degC"
    with netCDF4.Dataset(f"{folder}/observations.nc") as file:
        flow = np.ma.filled(file["streamflow"][:], np.nan)
        np.testing.assert_allclose(flow, [[100 * FT3, np.nan, 50 * FT3], [100 * FT3, np.nan, 200 * FT3]], rtol=1e-6)
        assert file["streamflow"].units == "mm/day" and texts(file["place_id"]) == list(GAUGES)
    with netCDF4.Dataset(f"{folder}/attributes.nc") as file:
        assert texts(file["huc_02"]) == ["01", "03"] and texts(file["gauge_name"]) == ["GREEN RIVER, MA", "B"]
        np.testing.assert_array_equal(np.ma.filled(file["elev_mean"][:], np.nan), [485.9, np.nan])
        assert "q_mean" not in file.variables and file["elev_mean"].units == "m"
        assert "differ by more than 10 %: 1" in file.import_report, file.import_report


def check_real(source, folder):
    accepted("import_camels", source, "--output", folder)
    with netCDF4.Dataset(f"{source}/camels_us_maurer_forcing.nc") as raw, netCDF4.Dataset(
            f"{folder}/forcing.nc") as made:
        raw.set_auto_maskandscale(False)
        for basin in (0, 200, 463):
            stored = {name: raw[name][basin].astype("f8") for name in ("prcp", "tmin", "tmax", "srad", "dayl")}
            np.testing.assert_allclose(made["precipitation"][basin], 0.01 * stored["prcp"], rtol=1e-6)
            np.testing.assert_allclose(made["temperature_mean"][basin], 0.005 * (stored["tmin"] + stored["tmax"]),
                                       rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(made["shortwave_radiation"][basin],
                                       1e-4 * stored["srad"] * stored["dayl"] / 86400, rtol=1e-6)
        assert made["precipitation"].shape == (464, 10593) and not np.ma.is_masked(made["precipitation"][:])
    with netCDF4.Dataset(f"{source}/camels_us_streamflow.nc") as raw, netCDF4.Dataset(
            f"{folder}/observations.nc") as made:
        raw.set_auto_maskandscale(False)
        q, area = raw["streamflow"], raw["area_m2"][:]
        flow = np.ma.filled(made["streamflow"][:], np.nan)
        assert np.array_equal(np.isnan(flow), q[:] == q._FillValue), "gaps stay gaps"
        expected = 0.01 * q[7].astype("f8") * FT3 * 86400 * 1000 / area[7]  # the data's README
        has = q[7] != q._FillValue
        np.testing.assert_allclose(flow[7][has], expected[has], rtol=1e-6)
    print("464 real basins")


def main():
    with tempfile.TemporaryDirectory() as folder:
        text, packed, out = f"{folder}/text", f"{folder}/packed", ("--output", f"{folder}/domain")
        write_text_form(text)
        write_packed_form(packed)
        said = accepted("import_camels", text, *out)
        assert "attribute file derived from the observed flow" in said and "gauge_name" in said, said
        check_domain(f"{folder}/domain")
        accepted("import_camels", packed, *out)
        check_domain(f"{folder}/domain")
        accepted("import_camels", packed, "--area", "area_gages2", *out)
        with netCDF4.Dataset(f"{folder}/domain/observations.nc") as file:
            np.testing.assert_allclose(file["streamflow"][0, 0], 100 * FT3 * 86.4 / 100, rtol=1e-6)

        refused("does not exist; there are maurer_extended", "import_camels", text, "--product", "daymet", *out)
        refused("neither a netCDF file named *forcing.nc nor a folder basin_mean_forcing", "import_camels",
                f"{text}/camels_attributes_v2.0", *out)
        write_packed_form(packed, "furlong")
        refused("variable prcp has units 'furlong'; allowed for water: mm/day", "import_camels", packed, *out)
        write_text_form(text, "Year Mnth Day Hr dayl(s) prcp(stone) srad(W/m2) swe(mm) tmax(C) tmin(C) vp(Pa)")
        refused("variable prcp has units 'stone'", "import_camels", text, *out)
        write_text_form(text, "Year Mnth Day Hr dayl(s) prcp(mm/day) srad(W/m2) swe(mm) tmax(C) vp(Pa)")
        refused("10 names in line 4 but 11 numbers a line", "import_camels", text, *out)
        write_text_form(text)
        write(f"{text}/usgs_streamflow/01/01333000_streamflow_qc.txt",
              "01333000 2000 01 01 5 A\n01333000 2000 01 01 6 A\n")
        refused("the day 2000-01-01 comes twice", "import_camels", text, *out)
        write(f"{text}/usgs_streamflow/01/01333000_streamflow_qc.txt", "01333000 2000 01 01 fast A\n")
        refused("is not a streamflow file of CAMELS", "import_camels", text, *out)
        write_text_form(text)
        write(f"{text}/camels_attributes_v2.0/camels_name.txt", "gauge_id;huc_02\n01333000;01\n01333000;01\n")
        refused("the id 01333000 comes twice in column gauge_id", "import_camels", text, *out)

        source = os.path.join(os.environ.get("DPL_DATA", ""), "camels_us")
        if os.path.exists(source):
            check_real(source, f"{folder}/real")
        else:
            print("not checked on real data: camels_us is absent")


if __name__ == "__main__":
    sys.exit(main())
