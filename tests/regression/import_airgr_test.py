# tools/import_airgr, climate_attributes and import_tuwmodel: catchments made here become domains whose values, units,
# elevations and indices are those known by hand; wrong files are told in one line; the real catchments, where they are,
# keep values and gaps.
# timeout: 120
# one process
import os
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from import_camels_test import texts
from import_network_test import accepted, refused

DAYS = 1461  # 2001 to 2004
SINE = np.sin(2 * np.pi * np.arange(1, DAYS + 1) / 365.25)


def write(folder, units="mm d-1", codes=("A1", "B2"), quantiles=101):
    os.makedirs(folder, exist_ok=True)
    dry = np.where(np.arange(DAYS) % 20 < 2, 20.0, 0.0)  # two days in a row, then 18 dry ones
    with netCDF4.Dataset(f"{folder}/camels_fr_airgr.nc", "w") as file:
        file.createDimension("basin", 2)
        file.createDimension("time", DAYS)

        def put(name, dimensions, values, unit):
            file.createVariable(name, "f8", dimensions)[...] = values
            file[name].units = unit

        file.createVariable("station_code", str, ("basin", ))[:] = np.array(["A1", "B2"], dtype=object)
        put("time", ("time", ), range(DAYS), "days since 2001-01-01")
        put("Ptot", ("basin", "time"), [2 + SINE, dry], units)
        put("Temp", ("basin", "time"), [10 + 8 * SINE, -1 + 0 * SINE], "degC")
        put("Evap", ("basin", "time"), 1.5, "mm d-1")
        put("Qls", ("basin", "time"), [[1000.0] * DAYS, [np.nan] * DAYS], "L s-1")
        put("area_km2", ("basin", ), [86.4, 1000.0], "km2")
    names = ["Zmin"] + [f"Z{k:02}" for k in range(1, 100)] + ["Zmax"]
    with open(f"{folder}/metadata_hypsometry.csv", "w") as file:
        file.write(",".join(["code", "name", "lon", "lat"] + names[:quantiles]) + "\n")
        for k, code in enumerate(codes):
            row = [code, "x", f"{5 + k}", "45.0"] + [str(100 * (k + 1) + z) for z in range(quantiles)]
            file.write(",".join(row) + "\n")
    return folder


def check_values(domain):
    with netCDF4.Dataset(f"{domain}/forcing.nc") as f, netCDF4.Dataset(f"{domain}/observations.nc") as o:
        assert texts(f["place_id"]) == ["A1", "B2"]
        np.testing.assert_allclose(f["elevation_m"][:], [150, 250])
        np.testing.assert_allclose(f["area_km2"][:], [86.4, 1000])
        np.testing.assert_allclose(o["streamflow"][0], 1.0, rtol=1e-6)  # 1 m3/s over 86.4 km2
        assert np.ma.count_masked(o["streamflow"][1]) == DAYS or np.isnan(o["streamflow"][1]).all()
    with netCDF4.Dataset(f"{domain}/attributes_climate.nc") as a:
        value = {name: np.ma.filled(a[name][:], np.nan) for name in a.variables if name != "place_id"}
    for name, expected in (("p_mean", [2, 2]), ("t_mean", [10, -1]), ("t_amplitude", [8, 0]), ("frac_snow", [0, 1]),
                           ("high_prec_freq", [0, 36.5]), ("high_prec_dur", [0, 2]), ("low_prec_freq", [0, 328.7]),
                           ("low_prec_dur", [0, 18]), ("area_km2_log10", np.log10([86.4, 1000])),
                           ("elevation_m", [150, 250])):
        np.testing.assert_allclose(value[name], expected, rtol=1e-2, atol=2e-3, err_msg=name)
    # An amplitude of 1 about a mean of 2, in the warm season.
    np.testing.assert_allclose(value["p_seasonality"][0], 0.5, rtol=1e-3)
    np.testing.assert_allclose(value["aridity"], value["pet_mean"] / value["p_mean"])
    assert 0.8 < value["pet_mean"][0] < 2.5 and value["pet_mean"][1] > 0


def check_zones(folder):
    """Two zones of 1 and 3 km2 become one place."""
    path = f"{folder}/zones.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("zone", 2)
        file.createDimension("time", 400)
        for name, values, unit in (("P", [4.0, 8.0], "mm d-1"), ("T", [2.0, -2.0], "degC"),
                                   ("PET", [1.0, 1.0], "mm d-1"), ("SWE", [0.0, 40.0], "mm")):
            file.createVariable(name, "f8", ("time", "zone"))[...] = np.tile(values, (400, 1))
            file[name].units = unit
        for name, dimensions, values, unit in (("area", ("zone", ), [1.0, 3.0], "km2"),
                                               ("time", ("time", ), range(400), "days since 2001-01-01"),
                                               ("Q", ("time", ), [9.0] * 400, "mm d-1")):
            file.createVariable(name, "f8", dimensions)[...] = values
            file[name].units = unit
    out = ["--id", "v", "--output", f"{folder}/zones"]
    refused("Q is 9.00 mm/day in the mean and precipitation 7.00", "import_tuwmodel", path, *out)
    with netCDF4.Dataset(path, "a") as file:
        file["Q"][:] = 0.25
    accepted("import_tuwmodel", path, *out, "--discharge-unit", "m3/s")
    with netCDF4.Dataset(f"{folder}/zones/forcing.nc") as f, netCDF4.Dataset(f"{folder}/zones/observations.nc") as o:
        assert f["precipitation"][0, 0] == 7 and f["temperature_mean"][0, 0] == -1 and f["area_km2"][0] == 4
        np.testing.assert_allclose([o["streamflow"][0, 0], o["snow_water_equivalent"][0, 0]], [5.4, 30], rtol=1e-6)


def check_real(source, folder):
    accepted("import_airgr", source, "--output", folder)
    accepted("climate_attributes", folder)
    with netCDF4.Dataset(f"{source}/camels_fr_airgr.nc") as raw, netCDF4.Dataset(f"{folder}/forcing.nc") as f, \
            netCDF4.Dataset(f"{folder}/observations.nc") as o:
        np.testing.assert_allclose(f["precipitation"][:], raw["Ptot"][:], atol=1e-3)
        flow = np.ma.filled(raw["Qls"][:].astype("f8"), np.nan) * 86400 / raw["area_km2"][:][:, None] / 1e6
        np.testing.assert_allclose(np.ma.filled(o["streamflow"][:], np.nan), flow, rtol=1e-4, atol=1e-4)
    print("real catchments keep values and gaps")


def main():
    with tempfile.TemporaryDirectory() as folder:
        made, domain = write(f"{folder}/made"), f"{folder}/domain"
        accepted("import_airgr", made, "--output", domain)
        accepted("climate_attributes", domain)
        check_values(domain)
        for text, arguments in (("variable Ptot has units 'parsec'", dict(units="parsec")),
                                ("there is no row of B2 (1 of 2 catchments)", dict(codes=("A1", "C3"))),
                                ("100 columns Zmin, Z01", dict(quantiles=100))):
            refused(text, "import_airgr", write(f"{folder}/bad", **arguments), "--output", f"{folder}/none")
        refused("a year at least is needed", "climate_attributes", domain, "--to", "2001-03-01")
        check_zones(folder)
        source = os.path.join(os.environ.get("DPL_DATA", ""), "camels_fr_airgr")
        if os.path.isdir(source):
            check_real(source, f"{folder}/real")
        else:
            print("not checked on real data: camels_fr_airgr is absent")
    return 0


if __name__ == "__main__":
    sys.exit(main())
