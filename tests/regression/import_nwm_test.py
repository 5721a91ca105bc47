# tools/import_nwm: a small RouteLink, channel output and gauges made here become domain files, value by value; a
# sub-domain; what is imported routes to the same bits on 1 and 2 ranks; files that cannot be right are told in one
# line.
# one process
# timeout: 120
import os
import sys
import tempfile

import netCDF4
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from import_network_test import accepted, check_routing, refused

LINK = np.array([50, 7, 31, 12, 900])
TO = np.array([31, 31, 900, 900, 0])
COLUMNS = {"Length": [3000.0, 900.0, 5000.0, 2000.0, 4000.0], "So": [1e-3, 1e-5, 3.8, 2e-3, 5e-4],
           "n": [0.06, 0.055, 0.05, 0.05, 0.05],
           "BtmWdth": [3.0, 6.0, 6.0, 3.0, 30.0], "TopWdth": [5.0, 10.0, 10.0, 5.0, 50.0],
           "ChSlp": [0.2, 0.1, 0.1, 0.4, 0.1],
           "alt": [90.0, 80.0, 70.0, 60.0, 50.0], "lat": [30.0] * 5, "lon": [-98.0] * 5}
HOURS, FIRST = 28, 27162060  # minutes since 1970: 2021-08-23 13:00, the end of the first hour
ORDER = np.array([900, 12, 7, 50, 31])  # of the channel output


def write_routelink(path, to=TO, gages=("", "08000007", "", "", "8900"), **changed):
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("feature_id", 5)
        file.createDimension("IDLength", 15)
        whole = {"link": LINK, "to": to, "order": [1, 1, 2, 1, 3], "NHDWaterbodyComID": [-9999, -9999, 44, -9999,
                                                                                         -9999]}
        for name, values in whole.items():
            file.createVariable(name, "i4", ("feature_id",))[:] = values
        for name, values in {**COLUMNS, **changed}.items():
            file.createVariable(name, "f4", ("feature_id",))[:] = values
        file.createVariable("gages", "S1", ("feature_id", "IDLength"))[:] = np.array([list(g.rjust(15)) for g in gages],
                                                                                     "S1")
    return path


def write_channel_output(path, first=0, count=HOURS, parts=True):
    bucket, surface = flows()
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", count)
        file.createDimension("feature_id", 5)
        file.createVariable("time", "i4", ("time",))[:] = FIRST + 60 * np.arange(first, first + count)
        file["time"].units = "minutes since 1970-01-01T00:00:00+00:00"
        file.createVariable("feature_id", "i8", ("feature_id",))[:] = ORDER
        packed = {"q_lateral": (bucket + surface, 0.1), **({"qBucket": (bucket, 1e-5), "qSfcLatRunoff": (surface, 1e-5)}
                                                           if parts else {})}
        for name, (values, scale) in packed.items():
            v = file.createVariable(name, "i4", ("time", "feature_id"), fill_value=-999900000)
            v.setncatts({"scale_factor": np.float32(scale), "add_offset": np.float32(0), "units": "m3 s-1"})
            v[:] = values[first:first + count][:, [LINK.tolist().index(i) for i in ORDER]]
    return path


def flows():
    """[hour][link], multiples of the packing step."""
    hour = np.arange(HOURS)[:, None]
    return 0.01 * (1 + np.arange(5)) + 0.001 * hour, 0.02 * (hour % 3) * np.ones(5)


def variables(path):
    with netCDF4.Dataset(path) as file:
        values = {name: np.ma.filled(np.ma.asarray(v[:]), np.nan) if v.dtype.kind == "f" else v[:]
                  for name, v in file.variables.items()}
        return values, file.import_report


def write_gauges(path, rows=96):
    with open(path, "w") as file:
        file.write("time_utc,08000007,8900,08999999\n")
        for k in range(rows):
            file.write(f"2021-08-23T{k // 4:02}:{k % 4 * 15:02}:00,{k},{'' if k == 60 else 2 * k},1\n")
    return path


def check_network(folder):
    network, report = variables(f"{folder}/network.nc")
    assert network["reach_id"].tolist() == LINK.tolist() and network["downstream_id"].tolist() == TO.tolist()
    np.testing.assert_allclose(network["length"], COLUMNS["Length"])
    np.testing.assert_allclose(network["slope"], [1e-3, 1e-5, 1.0, 2e-3, 5e-4], rtol=1e-6)
    assert "reaches inside lakes: 1" in report and "slopes too large: 1" in report, report
    theta, _ = variables(f"{folder}/parameters.nc")
    np.testing.assert_allclose(theta["n"], COLUMNS["n"], rtol=1e-6)
    bottom, top, slope = (np.array(COLUMNS[name]) for name in ("BtmWdth", "TopWdth", "ChSlp"))
    depth = (top - bottom) / 2 * slope  # side slope 1 / ChSlp
    np.testing.assert_allclose(theta["p"] * depth ** theta["q"], top, rtol=1e-6)
    np.testing.assert_allclose(theta["p"] * depth ** (theta["q"] + 1) / (theta["q"] + 1), (top + bottom) / 2 * depth,
                               rtol=1e-6)
    attributes, _ = variables(f"{folder}/attributes.nc")
    np.testing.assert_allclose(10 ** attributes["log10_upstream_length"], [3000, 900, 8900, 2000, 14900], rtol=1e-6)
    np.testing.assert_array_equal(attributes["altitude"], COLUMNS["alt"])


def main():
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: f"{folder}/{name}"
        routelink, output = write_routelink(at("RouteLink.nc")), write_channel_output(at("chrtout.nc"))
        gauges = write_gauges(at("gauges.csv"))
        out = ("--output", at("domain"))
        whole = ("import_nwm", routelink, "--inflow", output, "--observations", gauges, "--midnight", "shift",
                 "--fill-last-day", *out)
        said = accepted(*whole)
        assert "qBucket + qSfcLatRunoff" in said and "stations not in the domain" in said, said
        check_network(at("domain"))
        lateral, report = variables(at("domain/lateral_inflow.nc"))
        expected = sum(flows())
        np.testing.assert_allclose(lateral["q_lateral"][:HOURS], expected, rtol=1e-6)
        np.testing.assert_allclose(lateral["q_lateral"][HOURS:], np.repeat(expected[-1:], 20, 0), rtol=1e-6)
        assert "clock moved back, s: 43200" in report, report  # the first hour starts at 12:00
        observed, _ = variables(at("domain/observations.nc"))
        assert [b"".join(g).decode().strip()
                for g in observed["gauge_id"].tolist()] == ["08000007", "8900"], observed["gauge_id"]
        assert observed["reach_id"].tolist() == [7, 900]
        hours = np.arange(24) * 4 + 1.5
        np.testing.assert_allclose(observed["discharge"], [hours, np.where(np.arange(24) == 15, np.nan, 2 * hours)])
        with netCDF4.Dataset(at("domain/observations.nc")) as file:
            assert file["time"].units == "seconds since 2021-08-22 12:00:00", file["time"].units
        check_routing(at("domain"))

        # three files; filled instead of moved; only the sum is there; a part of the domain
        cuts = ((0, 1), (1, 20), (21, 7))
        parts = [write_channel_output(at(f"part{k}.nc"), *cut, parts=False) for k, cut in enumerate(cuts)]
        accepted("import_nwm", routelink, "--inflow", *parts, "--midnight", "fill", "--above", 31, "--slope-max", 5,
                 *out)
        network, report = variables(at("domain/network.nc"))
        assert network["reach_id"].tolist() == [50, 7, 31] and network["downstream_id"].tolist() == [31, 31, 0], network
        assert "links of the file: 5 (reaches: those above 31)" in report, report
        lateral, report = variables(at("domain/lateral_inflow.nc"))
        np.testing.assert_allclose(lateral["q_lateral"], np.round(np.concatenate([np.repeat(expected[:1], 12, 0),
                                                                                  expected])[:, :3], 1), atol=1e-6)
        for said in ("inflow steps made at the start: 12", "inflow steps after the last whole day: 16"):
            assert said in report, report

        plain = ("import_nwm", routelink)
        refused("the first interval starts at 2021-08-23 12:00:00", *plain, "--inflow", output, *out)
        refused("RouteLink.nc has no link 4711", *plain, "--above", 4711, *out)
        refused("there is no variable qBucketX", *plain, "--inflow", output, "--inflow-variables", "qBucketX", *out)
        refused("its 21 times have steps of -72000, 3600 s", *plain, "--inflow", parts[1], parts[0], *out)
        refused("must divide a day and be a multiple of the 900 s", *plain, "--observations", gauges,
                "--observation-step-h", 0.3, *out)
        refused("do not fill one interval", *plain, "--observations", write_gauges(at("short.csv"), 3), *out)
        with open(at("wrong.csv"), "w") as file:
            file.write("time_utc,8900\n2021-08-23T00:00:00,1\n2021-08-23T00:15:00,one\n")
        refused("line 3 cannot be read", *plain, "--observations", at("wrong.csv"), *out)
        refused("station 8900 is at the links 7 and 900", "import_nwm",
                write_routelink(at("twice.nc"), gages=("", "8900", "", "", "8900")),
                "--observations", gauges, *out)
        refused("TopWdth is 2.0, BtmWdth 3.0 at reach 50", "import_nwm",
                write_routelink(at("narrow.nc"), TopWdth=[2.0, 10, 10, 5, 50]), *out)
        refused("1 downstream ids are in no row: 77 (of reach 900)", "import_nwm",
                write_routelink(at("cut.nc"), np.where(TO == 0, 77, TO)), *out)


if __name__ == "__main__":
    sys.exit(main())
