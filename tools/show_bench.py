"""Prints the best of the repetitions of a dpl_bench run (JSON) beside their limits, as a Markdown table."""
import json
import sys


def best_rates(path):
    rates, more = {}, {}
    with open(path, encoding="utf-8") as file:
        for b in json.load(file)["benchmarks"]:
            if b.get("run_type") == "aggregate":
                continue
            name = b["run_name"].removesuffix("/real_time")
            rate = next((b[k] for k in ("reach_steps/s", "FLOP/s", "reaches/s", "bytes/s") if k in b), 0)
            if rate >= rates.get(name, 0):
                rates[name], more[name] = rate, b
    return rates, more


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: tools/show_bench.py FILE.json   (dpl_bench --benchmark_format=json > FILE.json)")
    rates, more = best_rates(sys.argv[1])
    read = rates.get("machine/memory_read", 0)
    print(f"machine: {rates.get('machine/multiply_add_peak', 0) / 1e9:.0f} GFLOP/s in single precision, "
          f"reads {read / 1e9:.1f} GB/s, copies {rates.get('machine/memory_copy', 0) / 1e9:.1f} GB/s\n")
    print("| benchmark | million/s | of the arithmetic alone | GB/s of memory | of its bandwidth |")
    print("| --- | --- | --- | --- | --- |")
    for name, rate in rates.items():
        if name.startswith("machine/"):
            continue
        kind, _, rest = name.partition("/")
        limit = rates.get(f"arithmetic_limit/{kind.removeprefix('routing_')}/{rest.split('/')[0]}")
        traffic = more[name].get("bytes/s", 0) if kind.startswith("routing") else 0
        print(f"| {name} | {rate / 1e6:.0f} | {f'{rate / limit:.2f}' if limit else ''} | "
              f"{f'{traffic / 1e9:.1f}' if traffic else ''} | {f'{traffic / read:.2f}' if traffic and read else ''} |")


if __name__ == "__main__":
    main()
