#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab's own test: runs, faults, clean-up after ^C, kill and crash, two labs side by side, gateways that come, go and
refuse. Usage: test_lab.py PROGRAM, where PROGRAM runs `lab` (the word `lab` is not passed). Needs root; ends with 77
(skipped) without it."""
import json, os, signal, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN, GATEWAY = f"{HERE}/plain-routing", f"{HERE}/one-gateway"
PROGRAM = os.path.abspath(sys.argv[1])
TAG = f"t{os.getpid()}"
ENV = dict(os.environ, HOLDFASTD=f"{HERE}/actor", HOLDFAST=f"{HERE}/actor")


def lab(*words, expect=0, env=None):
    r = subprocess.run([PROGRAM, *words], env=env or ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=120)
    assert expect is None or r.returncode == expect, f"{words}: code {r.returncode}, expected {expect}\n{r.stdout}"
    return r.stdout


def left(name):
    """What is left of a lab: namespaces, folders, processes."""
    ns = [n for n in os.listdir("/run/netns") if n.startswith(name + ".")] if os.path.isdir("/run/netns") else []
    run = [n for n in os.listdir("/run/holdfast") if n == name]
    pids = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = open(f"/proc/{pid}/cmdline").read()
        except OSError:
            continue
        if f"/run/holdfast/{name}/" in line or f"\0{name}\0" in line:
            pids.append(line.replace("\0", " "))
    return ns + run + pids


def wait_for(what, seconds=10):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def begin(name, scenario=PLAIN, *words):
    p = subprocess.Popen([PROGRAM, "run", scenario, "--name", name, *words], env=ENV, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, start_new_session=True)
    for line in p.stdout:
        if " start quiet" in line:
            break
    time.sleep(0.3)
    assert left(name)
    return p


def test_figures():
    """Every figure of the plain scenario is checked by its timeline; here, that the JSON says the same."""
    with tempfile.NamedTemporaryFile() as out:
        lab("run", PLAIN, "--name", TAG, "--variant", "slow", "--json", out.name)
        data = json.load(open(out.name))
    assert data["ok"] is True and data["scenario"] == "plain-routing"
    assert [v["variant"] for v in data["variants"]] == ["slow"]
    assert data["flows"] == data["variants"][0]["flows"] and data["checks"] == data["variants"][0]["checks"]
    hole = next(f for f in data["flows"] if f["name"] == "blackhole")
    assert hole["sent"] == hole["received"] + hole["lost"] and 990 <= hole["longest_gap_ms"] <= 1300
    assert hole["gap_less_stall_ms"] <= hole["longest_gap_ms"] and hole["stall_in_gap_ms"] >= 0
    stalls = data["variants"][0]["stalls"]
    assert data["variants"][0]["kernel_wait_ms"] >= 0
    assert {s["processor"] for s in stalls} == os.sched_getaffinity(0)
    assert all(0 <= s["longest_ms"] <= s["total_ms"] or s["total_ms"] == 0 for s in stalls)
    assert all(set(c) == {"name", "ok", "detail"} and c["ok"] for c in data["checks"])
    assert not left(TAG)


def test_failed_check():
    """A run that does not hold says so by its code and in its JSON."""
    with tempfile.TemporaryDirectory() as d:
        scenario = f"{d}/{TAG}"
        os.mkdir(scenario)
        open(f"{scenario}/topology.lab", "w").write("node a host\n address e 10.0.0.1/24\nnode b host\nlink l a:e b:e\n")
        open(f"{scenario}/timeline.lab", "w").write(
            'flow f from a 10.0.0.1 to b 10.0.0.2 rate 100\nstart f\n'
            'check exec a "true" fails as "wrong"\ncheck exec a "true" succeeds as "right"\n'
            'wait until flow f receives within 200ms as "never"\ncheck exec a "true" succeeds as "beyond"\n')
        lab("run", scenario, "--json", f"{d}/j", expect=1)
        data = json.load(open(f"{d}/j"))
        assert data["ok"] is False
        assert {c["name"]: c["ok"] for c in data["checks"]} == {"wrong": False, "right": True, "never": False,
                                                                 "beyond": False}
        assert data["checks"][3]["detail"] == "not reached"
        assert data["flows"][0]["lost"] == data["flows"][0]["sent"] > 0
        open(f"{scenario}/timeline.lab", "w").write("start g\n")
        assert ":1:7: expected the name of a flow" in lab("run", scenario, expect=2)
    assert not left(TAG)


def test_variants():
    """All of them, or those that are named, in that order; nothing runs if there is one that is not there."""
    with tempfile.TemporaryDirectory() as d:
        scenario = f"{d}/{TAG}"
        os.mkdir(scenario)
        open(f"{scenario}/topology.lab", "w").write(
            "variant a\n set x 1\nvariant b\n set x 2\nvariant c\n set x 3\nnode n host\n address e 10.0.0.1/24\n"
            "node m host\nlink l n:e m:e\n")
        open(f"{scenario}/timeline.lab", "w").write('check exec n "true" succeeds as "x ${x}"\n')
        for words, expected in (((), "abc"), (("--variant", "c,a"), "ca"), (("--variant", "b"), "b")):
            lab("run", scenario, "--json", f"{d}/j", *words)
            data = json.load(open(f"{d}/j"))
            assert [v["variant"] for v in data["variants"]] == list(expected), data
            assert [v["checks"][0]["name"] for v in data["variants"]] == [f"x {'abc'.index(v) + 1}" for v in expected]
        os.unlink(f"{d}/j")
        for words in ("a,none", ","):
            assert "no variant named" in lab("run", scenario, "--json", f"{d}/j", "--variant", words, expect=2)
        assert not os.path.exists(f"{d}/j")
    assert not left(TAG)


def test_data_alone():
    """`--json -` leaves standard output to the data, and --keep leaves the lab to be looked at."""
    out = subprocess.run([PROGRAM, "run", GATEWAY, "--name", TAG, "--json", "-", "--keep"], env=ENV, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60).stdout
    assert json.loads(out)["scenario"] == "one-gateway"
    assert lab("cli", "--name", TAG, "gate", "show", "version") == "Holdfast actor\n"
    lab("down", TAG)
    assert not left(TAG)


def test_interrupt():
    for number, to_group in ((signal.SIGINT, True), (signal.SIGTERM, False)):
        p = begin(TAG)
        (os.killpg if to_group else os.kill)(p.pid, number)
        p.stdout.read()
        assert p.wait(20) == 1
        assert not left(TAG), left(TAG)


def test_killed():
    """The runner is killed: its worker cleans up."""
    p = begin(TAG)
    p.kill()
    p.wait()
    wait_for(lambda: not left(TAG))


def test_all_killed():
    """Nobody is left to clean up: `down` does it."""
    p = begin(TAG)
    os.killpg(p.pid, signal.SIGKILL)
    p.wait()
    assert left(TAG)
    lab("down", TAG)
    assert not left(TAG)
    lab("down", TAG, expect=1)


def test_down_while_running():
    p = begin(TAG)
    lab("down", TAG)
    assert p.wait(10) == 1 and not left(TAG)


def test_side_by_side():
    a, b = TAG + "-a", TAG + "-b"
    lab("up", PLAIN, "--name", a)
    lab("up", PLAIN, "--name", b)
    lab("up", PLAIN, "--name", b, expect=1)
    ping = ["host-a", "ping", "-c", "1", "-W", "1", "10.2.0.10"]
    for name in (a, b):
        lab("exec", "--name", name, *ping)
    lab("fault", "--name", a, "blackhole", "lan-a")
    lab("exec", "--name", a, *ping, expect=1)
    lab("exec", "--name", b, *ping)
    assert "several labs" in lab("exec", *ping, expect=1)
    lab("fault", "--name", a, "repair", "lan-a")
    lab("exec", "--name", a, *ping)
    lab("fault", "--name", a, "cut", "lan-a", "at", "host-a")
    carrier = ["cat", "/sys/class/net/eth0/carrier"]
    assert lab("exec", "--name", a, "host-a", *carrier) == "0\n"
    assert lab("exec", "--name", a, "router-a", "cat", "/sys/class/net/lan0/carrier") == "1\n"
    assert lab("exec", "--name", b, "host-a", *carrier) == "1\n"
    assert ":1:5: expected the name of a link" in lab("fault", "--name", a, "cut", "lan-x", expect=2)
    assert a in lab("list") and b in lab("list")
    lab("down", a)
    assert not left(a) and left(b)
    lab("down", b)
    assert not left(b)


def test_free_name():
    """Without --name a second lab of a scenario takes the next free name."""
    with tempfile.TemporaryDirectory() as d:
        os.symlink(PLAIN, f"{d}/{TAG}")
        os.mkdir(f"{d}/{TAG}.x")
        for f in ("topology.lab", "timeline.lab"):
            os.symlink(f"{PLAIN}/{f}", f"{d}/{TAG}.x/{f}")
        lab("up", f"{d}/{TAG}.x")
        lab("up", f"{d}/{TAG}.x")
        assert left(f"{TAG}-x") and left(f"{TAG}-x-2")
        lab("down", f"{TAG}-x")
        assert not left(f"{TAG}-x") and left(f"{TAG}-x-2")
        lab("down", f"{TAG}-x-2")


def states():
    """What the kernel says of the gateway's processes."""
    found = {}
    for role in ("supervisor", "control", "engine"):
        try:
            pid = open(f"/run/holdfast/{TAG}/gate/{role}.pid").read().strip()
            found[role] = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]
        except OSError:
            pass
    return found


def test_gateway():
    out = lab("run", GATEWAY, "--name", TAG, expect=1)
    assert "FAIL  an error is never a good answer" in out
    assert "7 of 8 checks hold" in out, out
    assert not left(TAG)
    lab("up", GATEWAY, "--name", TAG)
    assert lab("cli", "--name", TAG, "gate", "show", "version") == "Holdfast actor\n"
    lab("fault", "--name", TAG, "kill", "gate", "supervisor")
    lab("fault", "--name", TAG, "restart", "gate")
    assert lab("cli", "--name", TAG, "gate", "show", "version") == "Holdfast actor\n"
    for role in ("control", None):
        lab("fault", "--name", TAG, "freeze", "gate", *([role] if role else []))
        want = {r: role in (None, r) for r in states()}
        assert {r: s == "T" for r, s in states().items()} == want and "control" in want, states()
        lab("fault", "--name", TAG, "thaw", "gate")
        assert "T" not in states().values()
    lab("fault", "--name", TAG, "freeze", "gate")
    lab("down", TAG)
    assert not left(TAG)


def test_gateway_refuses():
    out = lab("run", GATEWAY, "--name", TAG, expect=1, env=dict(ENV, ACTOR="refuse"))
    assert "holdfastd ended while starting" in out and "gate.conf:1:1: refused" in out
    lab("up", GATEWAY, "--name", TAG, expect=1, env=dict(ENV, ACTOR="refuse"))
    assert "cannot be started" in lab("run", GATEWAY, "--name", TAG, expect=1, env=dict(ENV, HOLDFASTD="/nonexistent"))
    assert not left(TAG)


def test_gateway_dies():
    """A gateway that ends by itself makes the run fail, although no check asks for it."""
    with tempfile.TemporaryDirectory() as d:
        for f in ("topology.lab", "gate.conf"):
            os.symlink(f"{GATEWAY}/{f}", f"{d}/{f}")
        open(f"{d}/timeline.lab", "w").write('after 2s say "x"\n')
        out = lab("run", d, "--name", TAG, expect=1, env=dict(ENV, ACTOR="die"))
        assert "gate keeps running  [the supervisor ended with code 7]" in out
        lab("run", d, "--name", TAG)
    assert not left(TAG)


def main():
    if os.geteuid() != 0:
        print("network namespaces need root: skipped")
        return 77
    failed = 0
    chosen = sys.argv[2:]
    for name, test in list(globals().items()):
        if not name.startswith("test_") or (chosen and name not in chosen):
            continue
        start = time.monotonic()
        try:
            test()
            print(f"ok   {name} {time.monotonic() - start:.1f} s", flush=True)
        except (AssertionError, subprocess.TimeoutExpired, OSError, KeyError) as e:
            failed += 1
            print(f"FAIL {name}: {type(e).__name__} line {e.__traceback__.tb_next.tb_lineno if e.__traceback__.tb_next else 0}: {e}", flush=True)
            for suffix in ("", "-a", "-b", "-x", "-x-2"):
                lab("down", TAG + suffix, expect=None)
    return 1 if failed else 0


sys.exit(main())
