# SPDX-License-Identifier: Apache-2.0
"""What the interop tests share: namespaces with unique names, processes in them, gateways of ours and of others,
waiting for a condition, numbered-packet flows, and cleaning up whatever happens. A test is a program that imports this,
calls main() and is run by tests/run: exit status 0 passed, 1 failed, 77 skipped (the last line says why).

Environment: HOLDFAST_BUILD (build folder, default build/), KEEP=1 (leave the working folder)."""
import atexit, contextlib, ctypes, os, shutil, signal, subprocess, sys, tempfile, time, traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", ROOT + "/build"))
TAG = f"hfi{os.getpid()}"
DIR = None  # working folder of this run
_namespaces, _processes = [], []
_failures = []


class Failed(Exception):
    pass


def skip(why):
    print(f"skipped: {why}")
    sys.stdout.flush()
    _cleanup()
    os._exit(77)


def need(*programs):
    """Skips the test unless every program is here (by name or path)."""
    for p in programs:
        if not shutil.which(p):
            skip(f"{p} is not installed or not built")


def check(ok, what):
    """Notes a failure and goes on; main() turns it into the exit status."""
    print(("ok    " if ok else "FAIL  ") + what, flush=True)
    if not ok:
        _failures.append(what)
    return ok


def demand(ok, what):
    if not check(ok, what):
        raise Failed(what)


def wait_for(condition, seconds, what):
    """The first true value of condition(), or Failed after that many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Failed(f"waited {seconds} s in vain for: {what}")
        time.sleep(0.05)


# ---- processes ----

def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _in(node, command):
    words = command.split() if isinstance(command, str) else list(command)
    return ["ip", "netns", "exec", ns(node), *words] if node else words


def run(command, node=None, ok=True, seconds=60, stdin=None):
    """Runs a command to its end and returns its output (both streams). Failed if it fails, unless ok=False."""
    r = subprocess.run(_in(node, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds,
                       input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL, errors="replace")
    if ok and r.returncode != 0:
        raise Failed(f"{command}: exit {r.returncode}\n{r.stdout}")
    return r.stdout


def spawn(command, node=None, log=None, stdin=subprocess.DEVNULL, stdout=None, **more):
    """Starts a process that ends with the test. `log`: file in the working folder for both streams."""
    out = open(f"{DIR}/{log}", "ab") if log else (stdout or subprocess.DEVNULL)
    p = subprocess.Popen(_in(node, command), stdin=stdin, stdout=out, stderr=subprocess.STDOUT if log else None,
                         start_new_session=True, preexec_fn=_die_with_parent, **more)
    _processes.append(p)
    return p


def stop(p, seconds=5, sig=signal.SIGTERM):
    if p.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(p.pid, sig)
        with contextlib.suppress(subprocess.TimeoutExpired):
            p.wait(seconds)
    if p.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(p.pid, signal.SIGKILL)
        p.wait(10)
    if p in _processes:
        _processes.remove(p)
    return p.returncode


# ---- namespaces ----

def ns(node):
    return f"{TAG}-{node}"


def node_add(*nodes):
    for n in nodes:
        run(f"ip netns add {ns(n)}")
        _namespaces.append(n)
        run("ip link set lo up", n)
        for knob in ("net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0"):
            run(["sysctl", "-qw", knob], n)


def nodes_remove():
    """Ends the processes and removes the namespaces; for the next case of the same test."""
    for p in reversed(list(_processes)):
        stop(p)
    for n in list(_namespaces):
        run(f"ip netns del {ns(n)}", ok=False)
        _namespaces.remove(n)


def link(a, device_a, address_a, b, device_b, address_b):
    """A veth pair between two nodes; an address is text with prefix length or None."""
    run(["ip", "link", "add", device_a, "netns", ns(a), "type", "veth", "peer", "name", device_b, "netns", ns(b)])
    for node, device, address in ((a, device_a, address_a), (b, device_b, address_b)):
        if address:
            run(["ip", "addr", "add", address, "dev", device] + (["nodad"] if ":" in address else []), node)
        run(f"ip link set {device} up", node)


def route(node, prefix, via):
    run(f"ip route add {prefix} via {via}", node)


def masquerade(node, out):
    """Everything that leaves `node` by `out` gets its address, with ports of its own choice."""
    run(["nft", "-f", "-"], node, stdin=f"""table ip nat {{
        chain out {{ type nat hook postrouting priority 100; oifname "{out}" masquerade random; }}
    }}""")


# ---- our gateway ----

class Holdfast:
    """holdfastd in a namespace; `text` is its configuration."""

    def __init__(self, node, text):
        self.node, self.dir = node, f"{DIR}/{node}"
        os.makedirs(self.dir, exist_ok=True)
        self.config = f"{self.dir}/gateway.conf"
        with open(self.config, "w") as f:
            f.write(text)
        self.log = f"{node}.log"
        open(f"{DIR}/{self.log}", "w").close()  # what an earlier daemon said is no answer
        self.process = spawn([f"{BUILD}/holdfastd", "--config", self.config, "--run-directory", self.dir,
                              "--foreground"], node,
                             log=self.log)
        wait_for(self.answers, 15, f"{node}'s holdfastd to answer")

    def answers(self):
        if self.process.poll() is not None:
            raise Failed(f"holdfastd of {self.node} ended with {self.process.returncode}:\n{self.log_text()}")
        return "bursts" in self.show("show crypto engine", ok=False)

    def show(self, line, ok=True):
        return run([f"{BUILD}/holdfast", "-r", self.dir, *line.split()], self.node, ok=ok)

    def configure(self, *lines):
        text = "configure terminal\n" + "\n".join(lines) + "\nend\n"
        return run([f"{BUILD}/holdfast", "-r", self.dir], self.node, stdin=text)

    def log_text(self):
        with open(f"{DIR}/{self.log}", errors="replace") as f:
            return f.read()

    def logs(self, pattern):
        import re
        return re.search(pattern, self.log_text() + self.show("show logging", ok=False))

    def up(self):
        return "QM_IDLE" in self.show("show crypto isakmp sa", ok=False)

    def stop(self):
        return stop(self.process, 10)


def gateway_need():
    root_need()
    need(f"{BUILD}/holdfastd", f"{BUILD}/holdfast", "ip")


def root_need():
    if os.geteuid() != 0:
        skip("needs root")


# ---- traffic ----

def ping(node, address, count=1, size=56, interval=0.2, wait=2, source=None):
    """How many of `count` echoes came back."""
    words = f"ping -n -q -c {count} -i {interval} -W {wait} -s {size} {address}".split()
    out = run(words + (["-I", source] if source else []), node, ok=False, seconds=count * (interval + wait) + 20)
    for line in out.splitlines():
        if "received" in line:
            return int(line.split(",")[1].split()[0])
    return 0


def ping_until(node, address, seconds=20):
    wait_for(lambda: ping(node, address, wait=1), seconds, f"{node} to reach {address}")


class Flow:
    """Numbered UDP packets from one node to another at a steady rate; `stop` gives (sent, lost, duplicated)."""

    def __init__(self, source, source_address, sink, sink_address, rate=500, size=200, port=7007):
        program = f"{HERE}/flow.py"
        self.sink = spawn(["/usr/bin/python3", program, "sink", sink_address, str(port)], sink,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.sink.stdout.readline()
        self.source = spawn(["/usr/bin/python3", program, "source", source_address, sink_address, str(port), str(rate),
                             str(size)], source, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self):
        sent = int(self.source.communicate("\n", timeout=20)[0])
        time.sleep(0.5)
        got, different = map(int, self.sink.communicate("\n", timeout=20)[0].split())
        for p in (self.source, self.sink):
            stop(p)
        return sent, sent - different, got - different


# ---- the frame ----

def _cleanup():
    global DIR
    with contextlib.suppress(Exception):
        nodes_remove()
    if DIR and not os.environ.get("KEEP"):
        shutil.rmtree(DIR, ignore_errors=True)
    DIR = None


def show_logs():
    """After a failure: what everybody said, the last lines."""
    for folder, _, files in os.walk(DIR):
        for name in sorted(files):
            path = os.path.join(folder, name)
            if name.endswith(".log"):
                with open(path, errors="replace") as f:
                    lines = f.read().splitlines()
                print(f"---- {name}\n" + "\n".join(lines[-40:]))


def main(*cases):
    """Runs the cases (functions) in turn, each in fresh namespaces, and exits. Words on the command line choose some."""
    global DIR
    DIR = tempfile.mkdtemp(prefix=TAG + "-")
    atexit.register(_cleanup)
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda number, _: sys.exit(128 + number))
    wanted = sys.argv[1:]
    for case in cases:
        if wanted and case.__name__ not in wanted:
            continue
        print(f"== {case.__name__.replace('_', ' ')}", flush=True)
        before, start = len(_failures), time.monotonic()
        try:
            case()
        except SystemExit:
            raise
        except Failed as e:
            if str(e) not in _failures:
                check(False, str(e))
        except BaseException:
            check(False, f"{case.__name__}: {traceback.format_exc()}")
        if len(_failures) > before:
            show_logs()
        nodes_remove()
        print(f"   {time.monotonic() - start:.1f} s", flush=True)
    if _failures:
        print(f"{len(_failures)} failed: " + "; ".join(f.splitlines()[0][:100] for f in _failures[:10]))
    sys.exit(1 if _failures else 0)
