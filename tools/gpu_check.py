"""tools/gpu_check: the checks, the measurements and their report. Python's own library only: the machine may have no more."""
import argparse
import csv
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NO_GPU = 77
TESTS = ("routing_gpu_test", "runoff_gpu_test", "network_gpu_test", "reducer_gpu_test")
# What must be shown (reach-steps and component-days a second), and the bandwidth by NVIDIA's data sheets (bytes a second).
ROUTING_FORWARD, ROUTING_BOTH, RUNOFF_BOTH = 20e9, 6e9, 10e9
DATA_SHEET = (("H200", 4.8e12), ("H100 PCIe", 2.0e12), ("H100", 3.35e12), ("A100", 1.555e12))
REACHES, YEARS_STEPS = 346321, 40 * 365.25 * 24

TWIN = """
name: check
seed: 5
data_sources: {{network: {f}/domain/network.nc, attributes: {f}/domain/attributes.nc,
  lateral_inflow: {f}/domain/lateral_inflow.nc, observations: {f}/domain/observations.nc}}
synth: {{reaches: {reaches}, gauges: 8, start: 2000-01-01, days: 120, noise: 0.05, truth: attributes, attributes: 4}}
routing: {{scheme: conservative, dt_s: 3600}}
params: {{defaults: {{n: 0.1, p: 21, q: 0.5}}, tau: 3}}
experiment: {{start_time: 2000-01-01, end_time: 2000-03-29, rho: 20, warmup: 2, epochs: 1, updates: 8,
  learning_rate: 1.0e-2, clip: 1, loss: l1, batch_size: 4}}
network: {{kind: mlp, hidden_size: 16, num_hidden_layers: 1, input_var_names: [log10_uparea, a01, a02, a03]}}
test: {{start_time: 2000-03-30, end_time: 2000-04-29, baselines: []}}
output: {f}/output
"""


class Report:
    """What was done, with its words; verdicts: passed, passed in part, failed, not run."""

    def __init__(self, out):
        self.out, self.machine, self.steps, self.figures, self.verdicts = out, {}, [], [], []

    def step(self, name, status, seconds, detail):
        self.steps.append({"name": name, "status": status, "seconds": round(seconds, 1), "detail": detail})
        print(f"==> {name}: {status} ({seconds:.1f} s) {detail}", flush=True)

    def verdict(self, line, status, detail):
        self.verdicts.append({"line": line, "status": status, "detail": detail})

    def status_of(self, *names):
        found = [s["status"] for s in self.steps if s["name"] in names]
        if "failed" in found:
            return "failed"
        if "passed" not in found:
            return "not run"
        return "passed in part" if "not run" in found else "passed"

    def write(self):
        with open(os.path.join(self.out, "gpu_report.json"), "w") as file:
            json.dump({"machine": self.machine, "verdicts": self.verdicts, "steps": self.steps, "figures": self.figures}, file,
                      indent=1)
        lines = ["# Report of tools/gpu_check", ""]
        lines += [f"- {k}: {v}" for k, v in self.machine.items()]
        lines += ["", "## What must be shown", "", "| | verdict | |", "| --- | --- | --- |"]
        lines += [f"| {v['line']} | {v['status']} | {v['detail']} |" for v in self.verdicts]
        lines += ["", "## Steps", "", "| step | status | s | |", "| --- | --- | --- | --- |"]
        lines += [f"| {s['name']} | {s['status']} | {s['seconds']} | {s['detail']} |" for s in self.steps]
        if self.figures:
            lines += ["", "## Measurements", "", "| benchmark | ms | a second | GB/s at least | share of data sheet | further |",
                      "| --- | --- | --- | --- | --- | --- |"]
            for f in self.figures:
                share = f"{100 * f['share']:.0f} %" if f.get("share") else ""
                rate = f"{f['rate'] / 1e9:.3g} billion {f['unit']}" if f.get("rate") else ""
                bandwidth = f"{f['bytes'] / 1e9:.0f}" if f.get("bytes") else ""
                lines.append(f"| {f['name']} | {f['ms']:.3g} | {rate} | {bandwidth} | {share} | {f['more']} |")
        with open(os.path.join(self.out, "gpu_report.md"), "w") as file:
            file.write("\n".join(lines) + "\n")


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def clocks():
    return output_of("nvidia-smi", "--query-gpu=clocks.sm,clocks.mem,temperature.gpu,power.draw",
                     "--format=csv,noheader").replace("\n", "; ")


class Programs:
    """Where the programs lie, and how they are run."""

    def __init__(self, bundle, out):
        self.out = out
        self.env = dict(os.environ, OMP_NUM_THREADS="1", OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
                        OMPI_MCA_btl_vader_single_copy_mechanism="none", OMPI_MCA_rmaps_base_oversubscribe="1",
                        OMPI_MCA_hwloc_base_binding_policy="none")
        if bundle:
            self.folders = [os.path.join(bundle, "bin")]
            said = subprocess.run(["bash", "-c", f". '{bundle}/env.sh' && env -0"], capture_output=True, env=self.env, check=True)
            self.env = dict(item.split("=", 1) for item in said.stdout.decode().split("\0") if "=" in item)
        else:
            build = os.path.join(ROOT, "build", "cuda")
            self.folders = [build, os.path.join(build, "tests")]

    def path(self, name):
        for folder in self.folders:
            if os.access(os.path.join(folder, name), os.X_OK):
                return os.path.join(folder, name)
        return None

    def run(self, command, log, timeout=900, **more):
        """Exit status and output; 124 where it took too long. The output is kept in the report's folder."""
        begin = time.monotonic()
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                  timeout=timeout, env=dict(self.env, **more))
            status, text = done.returncode, done.stdout
        except subprocess.TimeoutExpired as late:
            said = late.stdout or b""
            status, text = 124, (said.decode(errors="replace") if isinstance(said, bytes) else said) + "\nstopped: too long"
        with open(os.path.join(self.out, log), "w") as file:
            file.write(text)
        return status, text, time.monotonic() - begin


def build(report):
    """build/cuda, where this machine can."""
    nvcc = shutil.which("nvcc") or os.path.exists("/usr/local/cuda/bin/nvcc")
    if not shutil.which("cmake") or not shutil.which("ninja") or not nvcc:
        report.step("build", "not run", 0, "cmake, ninja or nvcc is missing: the programs there are taken")
        return
    begin = time.monotonic()
    script = ("source tools/steps.sh; configure cuda; cmake -S . --preset cuda -DDPL_BENCHMARKS=ON >/dev/null; "
              "build cuda dpl_hpc dpl_bench " + " ".join(TESTS))
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with open(os.path.join(report.out, "build.log"), "w") as file:
        file.write(done.stdout)
    last = (done.stdout.strip().splitlines() or [""])[-1][:150]
    report.step("build", "failed" if done.returncode else "passed", time.monotonic() - begin, last)


def look_at_machine(report, programs):
    m = report.machine
    m["machine"] = f"{platform.machine()}, {os.cpu_count()} processors, {platform.system()} {platform.release()}"
    m["GPU"] = output_of("nvidia-smi", "--query-gpu=name,memory.total,driver_version,clocks.max.sm,clocks.max.mem,power.limit",
                         "--format=csv,noheader").replace("\n", "; ") or "none seen by nvidia-smi"
    m["clocks before"] = clocks()
    status, text, _ = programs.run([programs.path("dpl_hpc"), "--version"], "version.log")
    m["program"] = text.splitlines()[0] if status == 0 and text else f"status {status}"
    m["CUDA"] = next((" ".join(line.split()) for line in text.splitlines() if line.startswith("CUDA")), "")
    return status == 0


def run_test(report, programs, name, ranks):
    program = programs.path(name)
    if program is None:
        return report.step(f"{name}, {ranks} rank(s)", "not run", 0, "the program is missing")
    command = [programs.path("mpirun") or "mpirun", "-n", str(ranks), program, "--gtest_color=no"]
    status, text, seconds = programs.run(command, f"{name}_{ranks}.log")
    passed, skipped = (len(re.findall(rf"^\[ +{word} +\] \S+\.\S+", text, re.M)) for word in ("OK", "SKIPPED"))
    failed = sorted(set(re.findall(r"^\[  FAILED  \] ([\w/.]+)", text, re.M)))
    word = "failed" if status else "passed" if passed else "not run"
    detail = f"{passed} passed, {skipped // 2 or skipped} skipped" + (f", failed: {', '.join(failed)[:300]}" if failed else "")
    report.step(f"{name}, {ranks} rank(s)", word, seconds, detail)


def look_at_kernels(report, programs):
    """Registers of every kernel, and the memory of those whose registers do not suffice."""
    tool = shutil.which("cuobjdump") or "/usr/local/cuda/bin/cuobjdump"
    if not os.access(tool, os.X_OK):
        return report.step("registers and spills", "not run", 0, "cuobjdump is not on this machine")
    status, text, seconds = programs.run([tool, "--dump-resource-usage", programs.path("dpl_hpc")], "kernels.log")
    kernels = re.findall(r"Function (\S+):\s+REG:(\d+) STACK:(\d+) SHARED:\d+ LOCAL:(\d+)", text)
    own = [(name, int(reg), int(stack) + int(local)) for name, reg, stack, local in kernels if "3dpl" in name]
    spilling = sorted({name for name, _, memory in own if memory > 0})
    most = max((registers for _, registers, _ in own), default=0)
    detail = f"{len(own)} kernels, at most {most} registers, {len(spilling)} use stack or local memory"
    report.step("registers and spills", "failed" if status else "passed" if own else "not run", seconds, detail)
    if spilling:  # spills, or arrays of a thread
        detail += f" (tools/gpu_registers tells which are spills): {', '.join(spilling)[:400]}"
    report.verdict("kernels without spills", "not run" if not own else "passed in part" if spilling else "passed", detail)


def run_sanitizer(report, programs):
    tool = shutil.which("compute-sanitizer") or "/usr/local/cuda/bin/compute-sanitizer"
    if not os.access(tool, os.X_OK):
        return report.step("compute-sanitizer", "not run", 0, "it is not on this machine")
    for check in ("memcheck", "racecheck", "initcheck"):
        for name, some in (("routing_gpu_test", "*RoutingOnGpu*/1"), ("runoff_gpu_test", "*RunoffOnGpu*/4")):
            command = [tool, "--tool", check, "--error-exitcode", "9", programs.path(name), f"--gtest_filter={some}"]
            status, text, seconds = programs.run(command, f"sanitizer_{check}_{name}.log", timeout=300)
            refused = "Device not supported" in text or "Unable to" in text or status == 124
            last = [line for line in text.splitlines() if "ERROR SUMMARY" in line or "RACECHECK SUMMARY" in line]
            word = "not run" if refused else "failed" if status else "passed"
            report.step(f"compute-sanitizer {check} {name}", word, seconds, (last or ["no summary"])[-1].strip("= ")[:120])


class Twin:
    """A synthetic domain and trainings on it."""

    def __init__(self, programs, reaches):
        self.programs, self.folder = programs, os.path.join(programs.out, "twin")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.config = os.path.join(self.folder, "twin.yaml")
        with open(self.config, "w") as file:
            file.write(TWIN.format(f=self.folder, reaches=reaches))
        status, text, _ = programs.run([programs.path("dpl_hpc"), "synth", self.config], "twin_synth.log")
        assert status == 0, text[-500:]

    def train(self, name, ranks, *settings, **environment):
        mpirun = self.programs.path("mpirun") or "mpirun"
        command = [mpirun, "-n", str(ranks), self.programs.path("dpl_hpc"), "train", self.config]
        status, text, seconds = self.programs.run([*command, *settings], f"twin_{name}.log", **environment)
        assert status == 0, f"{name} ended with status {status}: {text.strip()[-300:]}"
        folder = re.findall(r"^run folder: (.*)$", text, re.M)[-1]
        with open(os.path.join(folder, "training.csv"), newline="") as file:
            losses = [float(row["loss"]) for row in csv.DictReader(file)]
        newest = sorted(glob.glob(os.path.join(folder, "checkpoints", "update_??????")))[-1]
        with open(os.path.join(newest, "manifest.json")) as file:
            fingerprint = json.load(file)["more"]["weights_fingerprint"]
        return losses, fingerprint, seconds


def direct_messages(report, twin, weights):
    """Two ranks, rivers cut between them: messages out of GPU memory, and through the host's."""
    name, settings = "two ranks, direct messages", ("device=cuda", "parallel.share_gpus=true", "routing.pieces_per_rank=3")
    with open(os.path.join(twin.programs.out, "twin_shared.log")) as file:
        said = re.search(r"messages over cut edges go (.*)", file.read())
    if said is None or said[1].startswith("through"):
        return report.step(name, "not run", 0, f"messages go {said[1]}" if said else "the log does not say how messages go")
    runs = [twin.train(way, 2, *settings, DPL_DEVICE_MESSAGES=way) for way in ("direct", "staged")]
    report.step(name, "passed" if all(run[1] == weights for run in runs) else "failed", sum(run[2] for run in runs),
                f"fingerprints of the weights: one rank {weights}, direct {runs[0][1]}, through the host {runs[1][1]}")


def whole_runs(report, programs, quick):
    begin = time.monotonic()
    try:
        twin = Twin(programs, 400 if quick else 4000)
        cpu, gpu = twin.train("cpu", 1, "device=cpu"), twin.train("gpu", 1, "device=cuda")
        difference = max(abs(a - b) / abs(a) for a, b in zip(cpu[0], gpu[0]))
        report.step("training, CPU and GPU", "passed" if difference < 1e-3 else "failed", time.monotonic() - begin,
                    f"largest relative difference of a loss in {len(cpu[0])} updates: {difference:.2e} (allowed 1e-3); "
                    f"{cpu[2]:.1f} s and {gpu[2]:.1f} s, start and end included")
        again = twin.train("again", 1, "device=cuda")
        shared = twin.train("shared", 2, "device=cuda", "parallel.share_gpus=true")
        report.step("training twice on the GPU", "passed" if again[1] == gpu[1] else "failed", again[2],
                    f"fingerprints of the weights {gpu[1]} and {again[1]}")
        report.step("two ranks on one GPU by MPI", "passed" if shared[1] == gpu[1] else "failed", shared[2],
                    f"fingerprints of the weights: one rank {gpu[1]}, two {shared[1]}")
        direct_messages(report, twin, gpu[1])
    except (AssertionError, OSError, KeyError, IndexError, ValueError) as problem:
        report.step("training, CPU and GPU", "failed", time.monotonic() - begin, str(problem).replace("\n", " ")[-300:])


def benchmarks(report, programs, quick):
    program = programs.path("dpl_bench")
    if program is None:
        return report.step("benchmarks", "not run", 0, "dpl_bench is missing (-DDPL_BENCHMARKS=ON)")
    some = "gpu/(.*conservative.*x(240|48)/|runoff.*/(1000|40)/)" if quick else "gpu/"  # 48, 40: emulated
    path = os.path.join(report.out, "benchmarks.json")
    command = [program, f"--benchmark_filter={some}", "--benchmark_repetitions=3", f"--benchmark_out={path}",
               "--benchmark_out_format=json"]
    status, text, seconds = programs.run(command, "benchmarks.log", timeout=1500)
    peak = next((b for name, b in DATA_SHEET if name in report.machine.get("GPU", "")), None)
    try:
        with open(path) as file:
            runs = json.load(file)["benchmarks"]
    except (OSError, ValueError):
        return report.step("benchmarks", "failed", seconds, text.strip()[-200:].replace("\n", " "))
    for run in runs:
        if run.get("aggregate_name") != "median" or run.get("error_occurred"):
            continue
        unit = next((u for u in ("reach_steps/s", "component_days/s") if u in run), None)
        bandwidth = run.get("bytes/s")
        further = "; ".join(f"{k} {run[k]:.3g}" for k in run if "_B/" in k)
        of_memory = peak and bandwidth and "upload" not in run["run_name"]
        report.figures.append({"name": run["run_name"], "ms": run["real_time"], "rate": run.get(unit),
                               "unit": (unit or "").replace("_", "-").removesuffix("/s"), "bytes": bandwidth,
                               "share": bandwidth / peak if of_memory else None, "more": further})
    bad = [run["name"] + ": " + run.get("error_message", "") for run in runs if run.get("error_occurred")]
    report.step("benchmarks", "failed" if status else "passed" if report.figures else "not run", seconds,
                f"{len(report.figures)} medians of 3" + (f"; {len(bad)} could not run: {bad[0]}" if bad else ""))


def best(report, *words):
    rates = [(f["rate"], f) for f in report.figures if all(w in f["name"] for w in words) and f.get("rate")]
    return max(rates, key=lambda r: r[0]) if rates else (None, None)


def judge_rate(report, line, needed, found):
    rate, figure = found
    if rate is None:
        return report.verdict(line, "not run", "no measurement")
    share = f", {100 * figure['share']:.0f} % of the data sheet's bandwidth" if figure.get("share") else ""
    report.verdict(line, "passed" if rate >= needed else "failed",
                   f"{rate / 1e9:.2f} billion a second, {figure['name']}{share}; needed {needed / 1e9:.0f}")


def camels(report, programs, line, option, config, limit):
    """A training of the user's configuration, whose data lie where it says."""
    if config is None:
        report.verdict(line, "not run", f"give {option} CONFIG.yaml")
        return
    command = [programs.path("dpl_hpc"), "train", config, "device=cuda"]
    status, text, seconds = programs.run(command, option.strip("-") + ".log", timeout=1500)
    scores = re.findall(r"median of \d+ basins.*\n.*NSE.*\n(.+)", text)  # of the first contender: the model itself
    found = f"{seconds:.1f} s; NSE, KGE, bias, RMSE: {scores[0].strip() if scores else 'not found'}"
    report.step(line, "failed" if status else "passed", seconds, found)
    report.verdict(line, "failed" if status or seconds >= limit else "passed",
                   found + ": compare with the CPU's in docs/results.md")


def judge(report, programs, arguments):
    tests = [f"{t}, 1 rank(s)" for t in ("routing_gpu_test", "runoff_gpu_test", "network_gpu_test")]
    report.verdict("1. forward within 1e-5, gradients within 1e-4 of the CPU's, same bits from run to run",
                   report.status_of(*tests, "training, CPU and GPU", "training twice on the GPU"), "tests and whole runs below")
    sanitized = [s["name"] for s in report.steps if s["name"].startswith("compute-sanitizer")]
    report.verdict("1. compute-sanitizer on the small ones", report.status_of(*sanitized), "below")
    forward = best(report, "routing_forward/")
    judge_rate(report, f"2. routing forward on {REACHES:,} reaches", ROUTING_FORWARD, forward)
    judge_rate(report, f"2. routing forward + adjoint on {REACHES:,} reaches", ROUTING_BOTH,
               best(report, "routing_forward_adjoint/"))
    judge_rate(report, "2. HBV forward + adjoint", RUNOFF_BOTH, best(report, "runoff_forward_adjoint/"))
    upload = best(report, "upload_of_inflow")
    if forward[0]:
        work = REACHES * YEARS_STEPS
        slower = min(forward[0], upload[0]) if upload[0] else forward[0]
        beside = f", {work / upload[0]:.0f} s of uploading hourly inflow beside it" if upload[0] else ""
        report.verdict(f"2. 40 years of hourly routing of {REACHES:,} reaches in minutes",
                       "passed" if work / slower < 600 else "failed",
                       f"{work / forward[0]:.0f} s of routing at the rate above{beside} (calculated)")
    camels(report, programs, "3. CAMELS, 382 basins: the CPU's dynamic model in under 20 s", "--camels", arguments.camels, 20)
    camels(report, programs, "3. CAMELS: LSTM 256, 50 epochs by the 99 % rule in under 5 minutes", "--camels-large",
           arguments.camels_large, 300)
    report.verdict("4. NCCL path run with one rank", report.status_of("reducer_gpu_test, 1 rank(s)"), "reducer_gpu_test")
    report.verdict("4. two ranks on one GPU through MPI give the same weights",
                   report.status_of("two ranks on one GPU by MPI"), "whole run")


def main():
    parser = argparse.ArgumentParser(prog="tools/gpu_check",
                                     description="checks and measures the program on a machine with a GPU")
    parser.add_argument("--bundle", help="folder that tools/gpu_bundle made (default: build/gpu_bundle where it is there)")
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "gpu_check"),
                        help="folder of the report (default build/gpu_check)")
    parser.add_argument("--no-build", action="store_true", help="take build/cuda as it is")
    parser.add_argument("--quick", action="store_true", help="smaller runs and fewer benchmarks, about 3 minutes")
    parser.add_argument("--camels", metavar="CONFIG.yaml", help="training of the dynamic model on CAMELS to run and time")
    parser.add_argument("--camels-large", metavar="CONFIG.yaml", help="the same with LSTM 256 and the 99 %% rule")
    arguments = parser.parse_args()
    out = os.path.abspath(arguments.out)
    os.makedirs(out, exist_ok=True)
    report = Report(out)
    bundle = arguments.bundle or os.path.join(ROOT, "build", "gpu_bundle")
    if not os.path.isdir(bundle):
        if arguments.bundle:
            print(f"error: {bundle} is no folder; make it with tools/gpu_bundle", file=sys.stderr)
            return 2
        bundle = None
        if not arguments.no_build:
            build(report)
    programs = Programs(bundle and os.path.abspath(bundle), out)
    if programs.path("dpl_hpc") is None or not look_at_machine(report, programs):
        print("error: there is no dpl_hpc that starts: build it (cmake --preset cuda) or give --bundle; see "
              f"{out}/version.log and build.log", file=sys.stderr)
        return 2
    gpus = re.search(r"(\d+) device", report.machine["CUDA"])
    if (gpus is None or gpus.group(1) == "0") and not os.environ.get("DPL_EMULATE_DEVICE"):
        report.verdict("all of it", "not run", "no GPU here, or no build with CUDA: " + (report.machine["CUDA"] or "?"))
        report.write()
        print(f"no GPU on this machine ({report.machine['CUDA']}): nothing was checked; {out}/gpu_report.md says so")
        return NO_GPU
    for name in TESTS:
        for ranks in (1, 2) if name == "reducer_gpu_test" else (1,):
            run_test(report, programs, name, ranks)
    report.write()
    whole_runs(report, programs, arguments.quick)
    report.write()
    benchmarks(report, programs, arguments.quick)
    report.write()
    look_at_kernels(report, programs)
    run_sanitizer(report, programs)
    report.machine["clocks after"] = clocks()
    judge(report, programs, arguments)
    report.write()
    bad = any(s["status"] == "failed" for s in report.steps + report.verdicts)
    print(f"{out}/gpu_report.md: " + ("something FAILED" if bad else "all that could be checked holds"))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
