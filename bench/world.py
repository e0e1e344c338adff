# SPDX-License-Identifier: Apache-2.0
"""What the measurements share: namespaces with unique names, processes that end with us, cleaning up whatever happens,
the gateways (ours, strongSwan's, none) on the topology of one link, and a hub with a farm of spokes.

    host-west 10.1.0.10 --- west 9.1.1.22 --- backbone --- spoke 9.1.1.130 --- host-spoke 10.0.64.10
                            lan0         wan0          wan0          lan0
"""
import atexit, contextlib, ctypes, os, shutil, signal, subprocess, sys, tempfile, time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.path.abspath(os.environ.get("HOLDFAST_BUILD", ROOT + "/build"))
CHARON = "/usr/lib/ipsec/charon"
# libcrypto first: its AES-GCM is far faster than the portable code of the plugins aes and gcm.
PLUGINS = "openssl random nonce pem pkcs1 x509 revocation pubkey hmac kdf kernel-libipsec kernel-netlink socket-default vici updown"
TAG = f"hfb{os.getpid()}"
DIR = None
_namespaces, _processes = [], []


class Failed(Exception):
    pass


def say(text):
    print(text, file=sys.stderr, flush=True)


# ---- the frame ----

def begin():
    global DIR
    DIR = tempfile.mkdtemp(prefix=TAG + "-")
    atexit.register(end)
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda number, _: sys.exit(128 + number))


def end():
    global DIR
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(ValueError):
            signal.signal(s, signal.SIG_IGN)
    for p in reversed(list(_processes)):
        stop(p, 3)
    for n in list(_namespaces):
        subprocess.run(["ip", "netns", "del", n], stderr=subprocess.DEVNULL)
        _namespaces.remove(n)
    if DIR and not os.environ.get("KEEP"):
        shutil.rmtree(DIR, ignore_errors=True)
    DIR = None


def wait_for(condition, seconds, what, pause=0.02):
    limit = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= limit:
            raise Failed(f"waited {seconds} s in vain for {what}")
        time.sleep(pause)


# ---- processes ----

def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def inside(namespace, command):
    words = command.split() if isinstance(command, str) else list(command)
    return ["ip", "netns", "exec", namespace, *words] if namespace else words


def run(command, namespace=None, ok=True, seconds=120):
    r = subprocess.run(inside(namespace, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=seconds, stdin=subprocess.DEVNULL, errors="replace")
    if ok and r.returncode != 0:
        raise Failed(f"{command}: exit {r.returncode}\n{r.stdout}")
    return r.stdout


def spawn(command, namespace=None, log=None, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **more):
    out = open(log, "ab") if log else stdout
    p = subprocess.Popen(inside(namespace, command), stdin=stdin, stdout=out,
                         stderr=subprocess.STDOUT if log else None, start_new_session=True,
                         preexec_fn=_die_with_parent, **more)
    _processes.append(p)
    return p


def stop(p, seconds=8):
    if p.poll() is None:
        p.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            p.wait(seconds)
    if p.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(p.pid, signal.SIGKILL)
        p.wait(10)
    if p in _processes:
        _processes.remove(p)


def family(pid):
    """A process and all that came from it."""
    found = [pid]
    for p in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{p}/task"):
                with open(f"/proc/{p}/task/{task}/children") as f:
                    found += [int(c) for c in f.read().split()]
    return found


def cpu_seconds(pid):
    ticks = 0
    for p in family(pid):
        with contextlib.suppress(OSError):
            with open(f"/proc/{p}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def pss(pid):
    """{process: KiB}, shared pages shared out among those who map them."""
    result = {}
    for p in family(pid):
        with contextlib.suppress(OSError):
            with open(f"/proc/{p}/smaps_rollup") as f:
                kib = next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
            with open(f"/proc/{p}/cmdline") as f:
                words = f.read().split("\0")
            name = words[words.index("--role") + 1] if "--role" in words else os.path.basename(words[0])
            result[f"{name}/{p}"] = kib
    return result


# ---- namespaces ----

class World:
    """Namespaces that belong together; `close` ends what runs in them."""

    _count = 0

    def __init__(self):
        World._count += 1
        self.tag = f"{TAG}-{World._count}"
        self.dir = f"{DIR}/{World._count}"
        os.makedirs(self.dir)
        self.nodes, self.processes = [], []

    def ns(self, node):
        return f"{self.tag}-{node}"

    def add(self, *nodes):
        for n in nodes:
            run(f"ip netns add {self.ns(n)}")
            _namespaces.append(self.ns(n))
            self.nodes.append(n)
            self.run(n, "ip link set lo up")
            self.run(n, "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 "
                        "net.ipv4.conf.default.rp_filter=0")

    def run(self, node, command, **more):
        return run(command, self.ns(node), **more)

    def spawn(self, node, command, **more):
        p = spawn(command, self.ns(node), **more)
        self.processes.append(p)
        return p

    def link(self, a, device_a, address_a, b, device_b, address_b):
        run(["ip", "link", "add", device_a, "netns", self.ns(a), "type", "veth", "peer", "name", device_b, "netns",
             self.ns(b)])
        for node, device, address in ((a, device_a, address_a), (b, device_b, address_b)):
            if address:
                self.run(node, f"ip addr add {address} dev {device}")
            self.run(node, f"ip link set {device} up")

    def close(self):
        for p in reversed(self.processes):
            stop(p)
        for n in self.nodes:
            run(f"ip netns del {self.ns(n)}", ok=False)
            _namespaces.remove(self.ns(n))
        self.nodes = []


# ---- gateways ----

class Holdfast:
    name = "Holdfast"

    def __init__(self, world, node, text):
        self.dir = f"{world.dir}/{node}"
        os.makedirs(self.dir, exist_ok=True)
        with open(f"{self.dir}/gateway.conf", "w") as f:
            f.write(text)
        self.log = f"{self.dir}/holdfastd.log"
        self.process = world.spawn(node, [f"{BUILD}/holdfastd", "--foreground", "--config", f"{self.dir}/gateway.conf",
                                          "--run-directory", self.dir], log=self.log)
        self.pid = self.process.pid

    def load(self):
        pass

    def ready(self):
        """Its processes are there and the configuration is in force (the command's socket answers)."""
        if self.process.poll() is not None:
            with open(self.log, errors="replace") as f:
                raise Failed(f"holdfastd ended with {self.process.returncode}:\n{f.read()[-3000:]}")
        return os.path.exists(f"{self.dir}/control.sock") and len(family(self.pid)) >= 3


class Strongswan:
    name = "strongSwan"

    def __init__(self, world, node, text):
        self.world, self.node, self.dir = world, node, f"{world.dir}/{node}"
        os.makedirs(self.dir, exist_ok=True)
        self.uri = f"unix://{self.dir}/vici"
        self.write("strongswan.conf", f"""charon {{
            load_modular = no
            load = {PLUGINS}
            install_routes = yes
            dos_protection = no
            ikesa_table_size = 1024
            ikesa_table_segments = 16
            plugins {{
                vici {{ socket = {self.uri} }}
                kernel-libipsec {{ allow_peer_ts = yes }}
            }}
            filelog {{ log {{ path = {self.dir}/charon.log
                default = 0 }} }}
        }}""")
        self.write("swanctl.conf", text)
        env = dict(os.environ, STRONGSWAN_CONF=f"{self.dir}/strongswan.conf")
        self.process = world.spawn(node, ["unshare", "-m", "sh", "-c", f"mount -t tmpfs none /run && exec {CHARON}"],
                                   env=env)
        self.pid = self.process.pid

    def load(self):
        wait_for(lambda: os.path.exists(f"{self.dir}/vici") or self.process.poll() is not None, 15, "charon's socket",
                 pause=0.002)
        if self.process.poll() is not None:
            raise Failed(f"charon ended with {self.process.returncode}")
        self.swanctl("--load-all", "--file", f"{self.dir}/swanctl.conf")

    def write(self, name, text):
        with open(f"{self.dir}/{name}", "w") as f:
            f.write(text)

    def swanctl(self, *words, ok=True):
        return self.world.run(self.node, ["swanctl", *words, "--uri", self.uri], ok=ok)

    def ready(self):
        return True


class Clear:
    name = "clear"


# ---- one link ----

WEST, SPOKE = "9.1.1.22", "9.1.1.130"
LANS = {"west": "10.1.0.0/24", "spoke": "10.0.64.0/24"}
OUTSIDE = {"west": (WEST, "9.1.1.21"), "spoke": (SPOKE, "9.1.1.129")}
INSIDE = {"west": "10.1.0.1", "spoke": "10.0.64.1"}


def holdfast_text(node, transform="esp-gcm 128"):
    peer = "spoke" if node == "west" else "west"
    wild = {n: LANS[n].replace("/24", " 0.0.0.255") for n in LANS}
    return "\n".join([
        f"hostname {node}", "crypto isakmp policy 10", " encryption aes", " hash sha256", " authentication pre-share",
        " group 19", f"crypto isakmp key bench address {OUTSIDE[peer][0]}",
        f"crypto ipsec transform-set bench {transform}", "crypto map outside 10 ipsec-isakmp",
        f" set peer {OUTSIDE[peer][0]}", " set transform-set bench", " match address protected",
        "interface FastEthernet0/0", " device lan0", f" ip address {INSIDE[node]} 255.255.255.0",
        "interface Serial1/0:0", " device wan0", f" ip address {OUTSIDE[node][0]} 255.255.255.252",
        " crypto map outside", f"ip route 0.0.0.0 0.0.0.0 {OUTSIDE[node][1]}",
        "ip access-list extended protected", f" permit ip {wild[node]} {wild[peer]}", "end", ""])


def strongswan_text(node):
    peer = "spoke" if node == "west" else "west"
    return f"""connections {{ c {{
        version = 1
        local_addrs = {OUTSIDE[node][0]}
        remote_addrs = {OUTSIDE[peer][0]}
        proposals = aes128-sha256-ecp256
        local {{
            auth = psk
            id = {OUTSIDE[node][0]}
        }}
        remote {{
            auth = psk
            id = {OUTSIDE[peer][0]}
        }}
        children {{ n {{
            local_ts = {LANS[node]}
            remote_ts = {LANS[peer]}
            esp_proposals = aes128gcm16
            start_action = {"start" if node == "west" else "none"}
        }} }}
    }} }}
    secrets {{ ike-a {{ secret = bench }} }}"""


class OneLink(World):
    """`kind`: Clear, Holdfast or Strongswan. The gateways start with `start`."""

    def __init__(self, kind, addressed=False):
        """`addressed`: the addresses are there before the gateways start, so that no neighbour waits for its next
        ARP request."""
        super().__init__()
        self.kind = kind
        self.add("host-west", "west", "backbone", "spoke", "host-spoke")
        own = addressed or kind is not Holdfast  # Holdfast sets its addresses and routes itself
        self.link("host-west", "eth0", "10.1.0.10/24", "west", "lan0", "10.1.0.1/24" if own else None)
        self.link("west", "wan0", f"{WEST}/30" if own else None, "backbone", "hub0", "9.1.1.21/30")
        self.link("backbone", "spoke0", "9.1.1.129/30", "spoke", "wan0", f"{SPOKE}/30" if own else None)
        self.link("spoke", "lan0", "10.0.64.1/24" if own else None, "host-spoke", "eth0", "10.0.64.10/24")
        self.run("host-west", "ip route add default via 10.1.0.1")
        self.run("host-spoke", "ip route add default via 10.0.64.1")
        if own:
            for node in ("west", "spoke"):
                self.run(node, f"ip route add default via {OUTSIDE[node][1]}")
        if kind is Clear:
            self.run("backbone", f"ip route add {LANS['west']} via {WEST}")
            self.run("backbone", f"ip route add {LANS['spoke']} via {SPOKE}")

    def start(self):
        self.gateways = []
        if self.kind is not Clear:
            text = holdfast_text if self.kind is Holdfast else strongswan_text
            self.gateways = [self.kind(self, node, text(node)) for node in ("spoke", "west")]
            for g in self.gateways:
                g.load()

    def reach(self, seconds=20):
        for g in self.gateways:
            wait_for(g.ready, seconds, f"{g.name}")
        wait_for(lambda: " 0% packet loss" in self.run("host-west", "ping -n -q -c 1 -W 1 10.0.64.10", ok=False),
                 seconds, f"{self.kind.name}: host-west to reach host-spoke")

    def cpu(self):
        return sum(cpu_seconds(g.pid) for g in self.gateways)


# ---- a hub and a farm of spokes ----

def hub_holdfast_text(count):
    lines = ["hostname hub", "crypto isakmp policy 10", " encryption aes", " hash sha256", " authentication pre-share",
             " group 19", "crypto isakmp key bench address 0.0.0.0 0.0.0.0",
             "crypto ipsec transform-set bench esp-gcm 128"]
    for i in range(count):
        lines += [f"crypto map outside {i + 1} ipsec-isakmp", f" set peer {farm_address(i)}",
                  " set transform-set bench", f" match address spoke-{i}"]
    lines += ["interface FastEthernet0/0", " device lan0", " ip address 10.0.0.1 255.255.255.0",
              "interface Serial1/0:0", " device wan0", f" ip address {WEST} 255.255.255.252", " crypto map outside",
              "ip route 0.0.0.0 0.0.0.0 9.1.1.21"]
    for i in range(count):
        lines += [f"ip access-list extended spoke-{i}",
                  f" permit ip 10.0.0.0 0.127.255.255 10.{128 + (i >> 8)}.{i & 255}.0 0.0.0.255"]
    return "\n".join(lines + ["end", ""])


def hub_strongswan_text(_count):
    return f"""connections {{ c {{
        version = 1
        local_addrs = {WEST}
        proposals = aes128-sha256-ecp256
        unique = no
        local {{
            auth = psk
            id = {WEST}
        }}
        remote {{
            auth = psk
            id = %any
        }}
        children {{ n {{
            local_ts = 10.0.0.0/9
            remote_ts = 10.128.0.0/9
            esp_proposals = aes128gcm16
        }} }}
    }} }}
    secrets {{ ike-a {{ secret = bench }} }}"""


def farm_address(i):
    i += 1  # the network's own address is left out
    return f"9.2.{i >> 8}.{i & 255}"


class Hub(World):
    def __init__(self, kind, count):
        super().__init__()
        self.add("hub", "farm")
        self.link("hub", "wan0", None if kind is Holdfast else f"{WEST}/30", "farm", "eth0", "9.1.1.21/30")
        self.run("hub", "ip link add lan0 type bridge")
        self.run("hub", "ip link set lan0 up")
        if kind is not Holdfast:
            self.run("hub", "ip addr add 10.0.0.1/24 dev lan0")
            self.run("hub", "ip route add default via 9.1.1.21")
        text = hub_holdfast_text if kind is Holdfast else hub_strongswan_text
        self.gateway = kind(self, "hub", text(count))
        self.gateway.load()
        wait_for(self.gateway.ready, 30, kind.name)
        wait_for(lambda: "1 received" in self.run("farm", f"ping -n -q -c 1 -W 1 {WEST}", ok=False), 30, "the hub")
        self.farm = self.spawn("farm", [f"{BUILD}/holdfast", "lab", "farm", "--gateway", WEST, "--count", str(count)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.farm.stdout.readline().strip() != "ready":
            raise Failed("the farm did not start")

    def up(self, count):
        import json
        before = cpu_seconds(self.gateway.pid)
        self.farm.stdin.write(f"up {count}\n")
        self.farm.stdin.flush()
        result = json.loads(self.farm.stdout.readline() or '{"up": 0}')
        if result["up"] != count:
            raise Failed(f"{self.gateway.name}: {result['up']} of {count} tunnels came up: {result}")
        result["cpu"] = cpu_seconds(self.gateway.pid) - before
        return result
