"""What ptxas says of every kernel: registers, stack and spilled bytes in an aligned table; exit status 1 on a spill."""

import json
import re
import shlex
import subprocess
import sys
import tempfile

KERNEL = re.compile(r"Compiling entry function '(\w+)'")
STACK = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
REGISTERS = re.compile(r"Used (\d+) registers")


def cuda_commands(build):
    """The compile commands of the build's CUDA files, as lists of words, without the compiler's cache."""
    database = subprocess.run(["ninja", "-C", build, "-t", "compdb"], capture_output=True, text=True, check=True).stdout
    for entry in json.loads(database):
        words = shlex.split(entry["command"])
        nvcc = next((k for k, word in enumerate(words) if word.endswith("/nvcc")), None)
        if nvcc is not None and "-x" in words and words[words.index("-x") + 1] == "cu":
            yield entry["file"], words[nvcc:]


def device_only(words, architecture, output):
    """The command that compiles the device's code of a file for one architecture and tells of its kernels."""
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ("-MF", "-MT", "-o"):
            skip = True
        elif word not in ("-c", "-MD") and not word.startswith("--generate-code"):
            kept.append(word)
    code = f"arch=compute_{architecture},code=sm_{architecture}"
    return kept + ["-gencode", code, "-cubin", "-Xptxas", "-v", "-o", output]


def kernels_of(text):
    """[mangled name, registers, stack, spilled bytes] of ptxas's lines."""
    rows = []
    for line in text.splitlines():
        if found := KERNEL.search(line):
            rows.append([found.group(1), 0, 0, 0])
        elif rows and (found := STACK.search(line)):
            rows[-1][2] = int(found.group(1))
            rows[-1][3] = int(found.group(2)) + int(found.group(3))
        elif rows and (found := REGISTERS.search(line)):
            rows[-1][1] = int(found.group(1))
    return rows


def short_name(name):
    """A kernel's name without what is the same for all of them."""
    name = re.sub(r"^void ", "", name)
    name = name.replace("dpl::", "").replace("(anonymous namespace)::", "").replace("_NV_ANON_NAMESPACE::", "")
    if found := re.match(r"for_each_kernel<(.*)>\(.*", name):
        name = found.group(1)
    return name.strip()


def main():
    build, architecture = sys.argv[1], sys.argv[2]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for file, words in cuda_commands(build):
            done = subprocess.run(device_only(words, architecture, folder + "/kernels.cubin"), cwd=build,
                                  capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"error: {file} does not compile for sm_{architecture}:\n{done.stderr}")
            rows += kernels_of(done.stdout + done.stderr)
    if not rows:
        sys.exit(f"error: no kernel was found in {build}")
    names = subprocess.run(["c++filt"], input="\n".join(row[0] for row in rows), capture_output=True, text=True,
                           check=True).stdout.splitlines()
    table = sorted((short_name(name), *row[1:]) for name, row in zip(names, rows))
    width = max(len(row[0]) for row in table)
    print(f"{'kernel':{width}} | registers | stack bytes | spill bytes")
    for name, registers, stack, spill in table:
        print(f"{name:{width}} | {registers:9} | {stack:11} | {spill:11}")
    spilling = [row[0] for row in table if row[3] > 0]
    most = max(row[1] for row in table)
    print(f"{len(table)} kernels for sm_{architecture}, {len(spilling)} spill, at most {most} registers")
    if spilling:
        sys.exit("error: kernels spill registers: " + "; ".join(spilling))


if __name__ == "__main__":
    main()
