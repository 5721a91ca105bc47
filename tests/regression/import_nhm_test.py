# tools/import_nhm: three segments and four response units made here become network, forcing and gauges, value by
# value; wrong files are told in one line; the Delaware, where it is, keeps its areas and flows.
# timeout: 180
# one process
import os
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from import_camels_test import texts
from import_network_test import accepted, refused

SEG, TO = [2048, 4182, 77], [3, 3, 0]  # both drain into the third
HRU, HRU_SEG, ACRES = [5307, 5308, 9, 12], [1, 2, 3, 0], [1000.0, 2000.0, 500.0, 100.0]
ACRE, FT3 = 0.0040468564224, 0.028316846592
INCHES, TMAX_F, TMIN_F = [0.5, 0.0], [50.0, 41.0], [32.0, 23.0]


def dataset(path, dimensions):
    file = netCDF4.Dataset(path, "w")
    for name, size in dimensions.items():
        file.createDimension(name, size)
    return file


def put(file, name, dimensions, values, units="none"):
    values = np.asarray(values)
    file.createVariable(name, values.dtype if values.dtype.kind != "U" else str, dimensions)[...] = \
        values if values.dtype.kind != "U" else values.astype(object)
    file[name].units = units


def write(folder, to=TO, hru_segment=HRU_SEG, prcp_units="in", elevation=(100.0, 90.0, 60.0, 40.0), days_of_tmax=2,
          discharge=(200.0, -5.0)):
    os.makedirs(folder, exist_ok=True)
    with dataset(f"{folder}/parameters_dis_seg.nc", {"nsegment": 3, "npoigages": 2}) as file:
        put(file, "nhm_seg", ("nsegment", ), SEG)
        put(file, "tosegment", ("nsegment", ), to)
        for name, values, units in (("seg_length", [4000.0, 3500.0,
                                                    5000.0], "meters"), ("seg_slope", [1e-3, 1e-7,
                                                                                       5e-3], "decimal fraction"),
                                    ("seg_width", [10.0, 12.0, 20.0], "meter"), ("seg_depth", [1.0, 1.0, 4.0], "meter"),
                                    ("seg_elev", [80.0, 70.0,
                                                  50.0], "meters"), ("seg_lat", [39.0] * 3, "degrees north")):
            put(file, name, ("nsegment", ), values, units)
        put(file, "poi_gage_id", ("npoigages", ), ["01411456", "01411500"])
        put(file, "poi_gage_segment", ("npoigages", ), [3, 1])
    with dataset(f"{folder}/parameters_PRMSChannel.nc", {"nsegment": 3, "nhru": 4}) as file:
        put(file, "hru_segment", ("nhru", ), hru_segment)
        put(file, "nhm_id", ("nhru", ), HRU)
        put(file, "nhm_seg", ("nsegment", ), SEG)
        put(file, "mann_n", ("nsegment", ), [0.03, 0.04, 0.05])
        put(file, "x_coef", ("nsegment", ), [0.2] * 3)
    with dataset(f"{folder}/parameters_dis_hru.nc", {"nhru": 4}) as file:
        put(file, "nhm_id", ("nhru", ), HRU)
        for name, values, units in (("hru_area", ACRES, "acres"), ("hru_elev", elevation, "elev_units"),
                                    ("hru_lat", [40.0] * 4, "degrees North"), ("hru_lon", [-75.0] * 4, "degrees East"),
                                    ("hru_aspect", [0.0, 90.0, 180.0, 270.0],
                                     "angular degrees"), ("hru_slope", [0.1, 0.2, 0.3, 0.4], "decimal fraction")):
            put(file, name, ("nhru", ), values, units)
    with dataset(f"{folder}/parameters_PRMSAtmosphere.nc", {"nhru": 4, "nmonth": 12}) as file:
        put(file, "jh_coef", ("nmonth", "nhru"), np.arange(12.0)[:, None] + np.arange(4.0))
    order = [2, 0, 1, 3]  # rows of the forcing in another order
    for name, values, units in (("prcp", INCHES, prcp_units), ("tmax", TMAX_F, "degree_fahrenheit"),
                                ("tmin", TMIN_F, "degree_fahrenheit")):
        days = days_of_tmax if name == "tmax" else 2
        with dataset(f"{folder}/{name}.nc", {"time": days, "nhm_id": 4}) as file:
            put(file, "nhm_id", ("nhm_id", ), np.array(HRU)[order])
            put(file, "time", ("time", ), np.arange(days), "days since 1979-01-01")
            put(file, name, ("time", "nhm_id"), np.resize(values, days)[:, None] + 0.01 * np.array(order), units)
    with dataset(f"{folder}/two_obs.nc", {"poi_id": 3, "time": 2}) as file:
        put(file, "poi_id", ("poi_id", ), ["01411500", "01411456", "none"])
        put(file, "time", ("time", ), [0, 1], "days since 1979-01-01")
        put(file, "drainage_area", ("poi_id", ), [np.float64(ACRES[0] * ACRE / 2.589988110336)] * 3, "mi2")
        put(file, "latitude", ("poi_id", ), [39.5] * 3, "degrees_north")
        put(file, "longitude", ("poi_id", ), [-75.1] * 3, "degrees_east")
        put(file, "discharge", ("poi_id", "time"), [discharge, (np.nan, np.nan), (1.0, 1.0)], "ft3 s-1")


def check_domain(folder):
    with netCDF4.Dataset(f"{folder}/network.nc") as file:
        assert file["reach_id"][:].tolist() == SEG and file["downstream_id"][:].tolist() == [77, 77, 0]
        np.testing.assert_allclose(file["slope"][:], [1e-3, 1e-5, 5e-3])
        np.testing.assert_allclose(file["local_area"][:], np.array(ACRES[:3]) * ACRE)
        np.testing.assert_allclose(file["upstream_area"][2], 3500 * ACRE)
    with netCDF4.Dataset(f"{folder}/parameters.nc") as file:
        np.testing.assert_allclose(file["p"][:] * np.array([1, 1, 4.0])**file["q"][:], [10, 12, 20])
        assert file["n"][:].tolist() == [0.03, 0.04, 0.05]
    with netCDF4.Dataset(f"{folder}/forcing.nc") as file:
        assert texts(file["place_id"]) == ["5307", "5308", "9", "12"] and file["hru_reach"][:].tolist() == [*SEG, 0]
        np.testing.assert_allclose(file["precipitation"][:, 0], (0.5 + 0.01 * np.arange(4)) * 25.4, rtol=1e-6)
        np.testing.assert_allclose(file["temperature_max"][0], [10, 5], atol=1e-5)
        np.testing.assert_allclose(file["temperature_mean"][0], [5, 0], atol=1e-5)
        np.testing.assert_allclose(file["area_km2"][:], np.array(ACRES) * ACRE)
        assert "drain into no segment: 1 (kept, hru_reach 0: 0.4047 km2)" in file.import_report, file.import_report
    with netCDF4.Dataset(f"{folder}/place_attributes.nc") as file:
        assert texts(file["place_id"]) == ["5307", "5308", "9", "12"]
        np.testing.assert_allclose(file["jh_coef"][:], 5.5 + np.arange(4))
        np.testing.assert_allclose(file["aspect_sin"][:], [0, 1, 0, -1], atol=1e-12)
    with netCDF4.Dataset(f"{folder}/observations.nc") as file:
        assert texts(file["gauge_id"]) == ["01411500"] and file["reach_id"][:].tolist() == [2048]
        np.testing.assert_allclose(np.ma.filled(file["discharge"][:], np.nan), [[200 * FT3, np.nan]])
        assert file["utc_offset_h"][:].tolist() == [-5]
        for words in ("gauges on no segment: 1", "gauges without a value: 1", "negative discharge: 1"):
            assert words in file.import_report, (words, file.import_report)


def check_real(source, folder):
    accepted("import_nhm", source, "--output", folder)
    with netCDF4.Dataset(f"{folder}/network.nc") as network, \
            netCDF4.Dataset(f"{source}/parameters_dis_seg.nc") as segments, \
            netCDF4.Dataset(f"{folder}/forcing.nc") as forcing, netCDF4.Dataset(f"{folder}/observations.nc") as gauges:
        assert (network["downstream_id"][:] == 0).sum() == 6 and len(network["reach_id"][:]) == 456
        # The source's own sums (their unit is "unknown" there) are these in acres.
        np.testing.assert_allclose(network["upstream_area"][:], segments["seg_cum_area"][:] * ACRE, rtol=1e-6)
        assert set(forcing["hru_reach"][:].tolist()) <= {0, *network["reach_id"][:].tolist()}
        area = dict(zip(network["reach_id"][:].tolist(), network["upstream_area"][:]))
        depth = np.nanmean(np.ma.filled(gauges["discharge"][:], np.nan),
                           1) * 86.4 / [area[r] for r in gauges["reach_id"][:].tolist()] * 365
        rain = np.average(forcing["precipitation"][:].mean(1), weights=forcing["area_km2"][:]) * 365
        assert len(depth) == 103 and 400 < np.median(depth) < rain < 1500, (np.median(depth), rain)
        print(
            f"the Delaware: {rain:.0f} mm of precipitation, {np.median(depth):.0f} mm of runoff a year at the median "
            "gauge"
        )


def main():
    with tempfile.TemporaryDirectory() as folder:
        made, out = f"{folder}/nhm", ("--output", f"{folder}/domain")
        write(made)
        accepted("import_nhm", made, "--utc-offset-h", "-5", *out)
        check_domain(f"{folder}/domain")

        wrong = lambda text, *more, **changes: (write(made, **changes), refused(text, "import_nhm", made, *more, *out))
        wrong("tosegment is 4 in row 0; 0 to 3 are allowed", to=[4, 3, 0])
        wrong("drain in a circle", to=[3, 3, 1])
        wrong("hru_segment is -1 in row 1", hru_segment=[1, -1, 3, 0])
        wrong("variable prcp has units 'mile'", prcp_units="mile")
        wrong("precipitation is 43200 at place 5307 on 1979-01-01", prcp_units="mm s-1")
        wrong("another --elevation-unit is likely", "--elevation-unit", "ft")
        wrong("are not those of prcp.nc", days_of_tmax=3)
        write(made)
        os.remove(f"{made}/tmin.nc")
        refused("tmin.nc does not exist", "import_nhm", made, *out)

        source = os.path.join(os.environ.get("DPL_DATA", ""), "nhm_prms_drb")
        if os.path.exists(source):
            check_real(source, f"{folder}/real")
        else:
            print("not checked on real data: nhm_prms_drb is absent")


if __name__ == "__main__":
    sys.exit(main())
