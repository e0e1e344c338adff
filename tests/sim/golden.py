#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Golden timelines: each scenario that the simulator can play, as a listing of who said what when, compared byte for byte.

    golden.py SITE_SCENARIO [NAME.VARIANT...]            compare (all without a name); shows what differs
    golden.py SITE_SCENARIO --write [NAME.VARIANT...]    write them anew

The files are golden/NAME.VARIANT.txt beside this program; the scenario is scenarios/NAME or tests/scenarios/NAME."""
import difflib, os, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CONTEXT, SHOWN = 3, 80
BRIEF = {"stateful-failover-fast", "stateful-failover-probes", "virtual-peer-shared", "virtual-peer",
         "virtual-peer-probes"}  # long: what happens while flows run


def played(program, golden):
    name, variant = golden.split(".", 1)
    folder = next(f for f in (f"{ROOT}/scenarios/{name}", f"{ROOT}/tests/scenarios/{name}") if os.path.isdir(f))
    words = [program, folder] + (["--variant", variant] if variant != "default" else [])
    words += ["--brief"] if name in BRIEF else []
    r = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return r.stdout, r.returncode


def compared(program, golden):
    path = f"{HERE}/golden/{golden}.txt"
    text, code = played(program, golden)
    kept = open(path).read() if os.path.exists(path) else ""
    if kept == text and code == 0:
        return True
    lines = list(difflib.unified_diff(kept.splitlines(), text.splitlines(), f"golden/{golden}.txt", "now", "", "", CONTEXT, ""))
    print("\n".join(lines[:SHOWN]))
    if len(lines) > SHOWN:
        print(f"... {len(lines) - SHOWN} lines more")
    print(f"{golden}: {'differs' if kept != text else 'is the same'}, exit code {code}. If it is meant: tests/sim/golden.py {program} --write {golden}")
    return False


def main():
    words = sys.argv[2:]
    write = "--write" in words
    names = [w for w in words if w != "--write"] or sorted(f[:-4] for f in os.listdir(f"{HERE}/golden") if f.endswith(".txt"))
    good = True
    for golden in names:
        if write:
            text, code = played(sys.argv[1], golden)
            if code != 0:
                print(f"{golden}: exit code {code}, not written\n{text}")
                good = False
                continue
            open(f"{HERE}/golden/{golden}.txt", "w").write(text)
            print(f"golden/{golden}.txt: {text.count(chr(10))} lines")
        else:
            good &= compared(sys.argv[1], golden)
    return 0 if good and names else 1


if len(sys.argv) < 2:
    sys.exit(__doc__)
sys.exit(main())
