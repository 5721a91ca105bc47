# tools/import_smap: two cells made here become forcing and soil moisture in the project's units; units that cannot be
# are told in one line; the real cells, where they are, keep values and gaps.
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

DISTRIBUTED = "as distributed (NLDAS-2 APCP, mm h-1)"


def write(path, rain=0.1, temperature=(293.15, 263.15), rain_units=DISTRIBUTED, moisture_units="m3 m-3", constants=True,
          latitude=(35.5, -10.25)):
    with netCDF4.Dataset(path, "w") as file:
        for name, size in (("cell", 2), ("time", 4), ("time_smap", 2)):
            file.createDimension(name, size)

        def put(name, dimensions, values, units=None):
            file.createVariable(name, "f8", dimensions)[...] = values
            if units:
                file[name].units = units

        put("lat", ("cell", ), latitude, "degrees_north")
        put("lon", ("cell", ), [-101.46, 20.0], "degrees_east")
        put("time", ("time", ), range(4), "days since 2015-04-01")
        put("time_smap", ("time_smap", ), [1, 2], "days since 2015-04-01")
        put("APCP_FORA", ("cell", "time"), [[rain] * 4, [2 * rain] * 4], rain_units)
        put("TMP_2_FORA", ("cell", "time"), np.array(temperature)[:, None] * np.ones(4), "as distributed")
        put("DSWRF_FORA", ("cell", "time"), 150.0, "W m-2")
        put("DLWRF_FORA", ("cell", "time"), 300.0, "W m-2")
        put("SPFH_2_FORA", ("cell", "time"), 0.004, "kg kg-1")
        put("SMAP_AM", ("cell", "time_smap"), [[0.2, np.nan], [1.5, 0.3]], moisture_units)
        if constants:
            put("const_Sand", ("cell", ), [50.0, 30.0], "as distributed")
            put("const_Clay", ("cell", ), [-9999.0, 30.0], "as distributed")
        file.license = "of the source"
    return path


def check_real(source, folder):
    accepted("import_smap", source, "--output", folder)
    with netCDF4.Dataset(source) as raw, netCDF4.Dataset(f"{folder}/forcing.nc") as forcing, \
            netCDF4.Dataset(f"{folder}/observations.nc") as observed:
        np.testing.assert_allclose(forcing["precipitation"][:], 24 * raw["APCP_FORA"][:].astype("f8"), rtol=1e-6)
        np.testing.assert_allclose(forcing["temperature_mean"][:], raw["TMP_2_FORA"][:].astype("f8") - 273.15,
                                   atol=1e-4)
        np.testing.assert_array_equal(np.ma.filled(observed["soil_moisture"][:], np.nan),
                                      np.ma.filled(raw["SMAP_AM"][:], np.nan))
        assert forcing["time"].units == "days since 2015-04-01" and forcing.license.startswith("NON-COMMERCIAL")
        assert len(set(texts(forcing["place_id"]))) == 263


def main():
    with tempfile.TemporaryDirectory() as folder:
        made, out = f"{folder}/smap.nc", ("--output", f"{folder}/domain")
        accepted("import_smap", write(made), *out)
        with netCDF4.Dataset(f"{folder}/domain/forcing.nc") as file:
            assert texts(file["place_id"]) == ["N35.5000W101.4600", "S10.2500E20.0000"
                                               ] and file.license == "of the source"
            np.testing.assert_allclose(file["precipitation"][:], np.array([[2.4], [4.8]]) * np.ones(4), rtol=1e-6)
            np.testing.assert_allclose(file["temperature_mean"][:, 0], [20, -10], atol=1e-5)
            assert file["shortwave_radiation"][0, 0] == 150 and file["specific_humidity"].units == "kg kg-1"
        with netCDF4.Dataset(f"{folder}/domain/observations.nc") as file:
            assert file["time"].units == "days since 2015-04-02"
            np.testing.assert_allclose(np.ma.filled(file["soil_moisture"][:], np.nan), [[0.2, np.nan], [np.nan, 0.3]],
                                       rtol=1e-6)
            assert "soil_moisture: values that cannot be: 1" in file.import_report, file.import_report
        with netCDF4.Dataset(f"{folder}/domain/attributes.nc") as file:
            assert file["Sand"][:].tolist() == [50, 30] and file["latitude"][:].tolist() == [35.5, -10.25]
            assert np.isnan(np.ma.filled(file["Clay"][0], np.nan)) and "const_Clay is -9999: 1" in file.import_report
        accepted("import_smap", write(made, rain=2.4, rain_units="mm d-1"), *out)  # what the file says wins
        with netCDF4.Dataset(f"{folder}/domain/forcing.nc") as file:
            np.testing.assert_allclose(file["precipitation"][0], 2.4, rtol=1e-6)
        accepted("import_smap", write(made, rain=2.4), "--precipitation-unit", "mm/day", *out)

        refused("is 31558 mm a year at the median cell", "import_smap", write(made, rain=2.4), *out)
        refused("temperature_mean is 293.15 at place N35.5000W101.4600", "import_smap", write(made),
                "--temperature-unit", "degC", *out)
        refused("variable SMAP_AM has units 'inch'", "import_smap", write(made, moisture_units="inch"), *out)
        refused("no variable const_*", "import_smap", write(made, constants=False), *out)

        source = os.path.join(os.environ.get("DPL_DATA", ""), "smap_conus_hydrodl", "smap_conus.nc")
        if os.path.exists(source):
            check_real(source, f"{folder}/real")
        else:
            print("not checked on real data: smap_conus_hydrodl is absent")


if __name__ == "__main__":
    sys.exit(main())
