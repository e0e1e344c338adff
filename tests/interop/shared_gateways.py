# SPDX-License-Identifier: Apache-2.0
"""Two gateways of ours that share every SA (stateful failover), and a spoke behind a router: strongSwan
(test_strongswan_failover) or one of ours (tests/daemon/test_stateful).

                                   +-- first  9.1.1.35 --+
    west 10.1.0.10 -- 10.1.0.254 --+                     +-- 9.1.1.37 -- middle -- theirs 203.0.113.2 -- east 10.2.0.10
                                   +-- second 9.1.1.36 --+
    first 192.168.255.1 -- repl0 -- second 192.168.255.2
"""
import contextlib, json, os, re, signal, time

import common
from common import Flow, Holdfast, link, masquerade, node_add, ns, route, run, spawn, stop, wait_for

VIRTUAL, INSIDE, MIDDLE, MIDDLE_THEIRS, THEIRS = "9.1.1.37", "10.1.0.254", "9.1.1.33", "203.0.113.1", "203.0.113.2"
FAST, FIELD = "msec 15 msec 50", "msec 250 1"
POLICY, TRANSFORM = ["encr aes", "hash sha256", "group 19"], "esp-gcm 128"


def port(bridge, node, device, address):
    peer = f"{node}-{device}"
    run(["ip", "link", "add", peer, "netns", ns(bridge), "type", "veth", "peer", "name", device, "netns", ns(node)])
    run(f"ip link set {peer} master br0 up", bridge)
    if address:
        run(f"ip addr add {address} dev {device}", node)
        run(f"ip link set {device} up", node)


def topology(nat=False, spoke_is_ours=False):
    node_add("west", "first", "second", "middle", "theirs", "east", "inside", "outside")
    for bridge in ("inside", "outside"):
        run("ip link add br0 type bridge", bridge)
        run("ip link set br0 up", bridge)
    port("inside", "west", "eth0", "10.1.0.10/24")
    port("outside", "middle", "ours", f"{MIDDLE}/28")
    for gateway in ("first", "second"):
        port("inside", gateway, "lan0", None)
        port("outside", gateway, "wan0", None)
    link("first", "repl0", None, "second", "repl0", None)
    link("middle", "theirs", f"{MIDDLE_THEIRS}/24", "theirs", "wan0", None if spoke_is_ours else f"{THEIRS}/24")
    link("theirs", "lan0", None if spoke_is_ours else "10.2.0.1/24", "east", "eth0", "10.2.0.10/24")
    route("west", "default", INSIDE)
    route("east", "default", "10.2.0.1")
    if not spoke_is_ours:
        route("theirs", "default", MIDDLE_THEIRS)
    if nat:
        masquerade("middle", "ours")


def gateway_text(number, timers=FAST, peer=THEIRS, policy=POLICY, transform=TRANSFORM, key="between-gateways", sequence=10,
                 priority=(110, 100), shared=True, top=(), entry=(), replication="192.168.255.{}",
                 group=()):
    """Of the first (number 1) or second gateway (2). `shared`: with `ssp group 1`; `replication`: the addresses of that link,
    with the number in them; `group`: more lines of the ssp group."""
    name, other = ("first", "second")[number - 1], 3 - number

    def standby(group, virtual, name, track):
        return [" standby delay minimum 0 reload 0", f" standby {group} ip {virtual}", f" standby {group} timers {timers}",
                f" standby {group} priority {priority[number - 1]}", f" standby {group} name {name}",
                f" standby {group} track {track} shutdown"]
    return "\n".join([
        f"hostname {name}", "track 1 interface FastEthernet0/0 line-protocol",
        "track 2 interface FastEthernet0/1 line-protocol", "crypto isakmp policy 10", *(f" {p}" for p in policy),
        " authentication pre-share", f"crypto isakmp key between-us address {peer}",
        f"crypto isakmp key {key} address {'ipv6 ' * (':' in replication)}{replication.format(other)}", *top,
        f"crypto ipsec transform-set both {transform}",
        "crypto map vpn ha replay-interval inbound 1000 outbound 100000",
        f"crypto map vpn {sequence} ipsec-isakmp", f" set peer {peer}", " set transform-set both",
        *(f" {e}" for e in entry), " match address protected",
        *(["ssp group 1", f" remote {replication.format(other)}", " redundancy outside", " redundancy inside",
           *(f" {line}" for line in group),
           "crypto isakmp ssp 1"] if shared else []),
        "interface FastEthernet0/0", " device lan0", f" ip address 10.1.0.{number} 255.255.255.0",
        *standby(2, INSIDE, "inside", 2),
        "interface FastEthernet0/1", " device wan0", f" ip address 9.1.1.{34 + number} 255.255.255.240",
        *standby(1, VIRTUAL, "outside", 1), " crypto map vpn " + ("ssp 1" if shared else "redundancy outside"),
        "interface FastEthernet1/0", " device repl0", f" ip address 192.168.255.{number} 255.255.255.252",
        *([f" ipv6 address {replication.format(number)}/64"] if ":" in replication else []),
        f"ip route 0.0.0.0 0.0.0.0 {MIDDLE}",
        "ip access-list extended protected", " permit ip 10.1.0.0 0.0.0.255 10.2.0.0 0.0.0.255", "end", ""])


def spoke_text():
    return "\n".join([
        "hostname theirs", "crypto isakmp policy 10", *(f" {p}" for p in POLICY), " authentication pre-share",
        f"crypto isakmp key between-us address {VIRTUAL}", f"crypto ipsec transform-set both {TRANSFORM}",
        "crypto map vpn 10 ipsec-isakmp", f" set peer {VIRTUAL}", " set transform-set both", " match address protected",
        "interface FastEthernet0/0", " device lan0", " ip address 10.2.0.1 255.255.255.0",
        "interface Serial1/0:0", " device wan0", f" ip address {THEIRS} 255.255.255.0", " crypto map vpn",
        f"ip route 0.0.0.0 0.0.0.0 {MIDDLE_THEIRS}",
        "ip access-list extended protected", " permit ip 10.2.0.0 0.0.0.255 10.1.0.0 0.0.0.255", "end", ""])


def ssp(gateway):
    """The facts of its shared group, {} while it does not answer."""
    try:
        return json.loads(gateway.show("show ssp | json", ok=False))["groups"][0]
    except (ValueError, KeyError, IndexError):
        return {}


def owns(gateway):
    """It owns the group, and both virtual addresses are its."""
    return ssp(gateway).get("role") == "OWNER" and \
        len(re.findall(r"^Fa.* Active +local ", gateway.show("show standby brief", ok=False), re.M)) == 2


def in_step(owner, standby):
    a, b = ssp(owner), ssp(standby)
    return a.get("role") == "OWNER" and b.get("role") == "STANDBY" and a.get("in_step") and b.get("in_step") and \
        a["epoch"] == b["epoch"] and \
        len(re.findall(r"^Fa.* Standby +\S+ +local ", standby.show("show standby brief", ok=False), re.M)) == 2


def both(**more):
    """Both gateways, the first one owning."""
    first = Holdfast("first", gateway_text(1, **more))
    wait_for(lambda: owns(first), 20, "the first gateway to own the group")
    second = Holdfast("second", gateway_text(2, **more))
    settled(first, second)
    return first, second


def settled(owner, standby, seconds=20):
    wait_for(lambda: in_step(owner, standby), seconds, f"{standby.node} to be in step with {owner.node}")


def pids(gateway):
    return {p["name"].split()[0]: p["pid"] for p in json.loads(gateway.show("show processes | json"))["processes"]}


def kill(gateway, role):
    os.kill(pids(gateway)[role], signal.SIGKILL)


def kill_all(gateway):
    """SIGKILL of every process of it, in one go."""
    for pid in [gateway.process.pid, *pids(gateway).values()]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    stop(gateway.process, sig=signal.SIGKILL)


def pairs(gateway):
    """SPIs (in, out) of its ESP pairs, also of those that only stand by."""
    flows = json.loads(gateway.show("show crypto ipsec sa | json"))["ipsec_flows"]
    return sorted((i["spi"], o["spi"]) for f in flows for i, o in zip(f["inbound_esp"], f["outbound_esp"]))


def peer_place(gateway):
    """Where its tunnel's other end is: (address, port)."""
    f = json.loads(gateway.show("show crypto ipsec sa | json"))["ipsec_flows"][0]
    return f["current_peer"], f["peer_port"]


class Watch:
    """ISAKMP packets on the spoke's link (UDP 500, and 4500 with the non-ESP marker), as tcpdump sees them."""

    def __init__(self, node="middle", device="theirs"):
        self.process = spawn(["tcpdump", "--immediate-mode", "-n", "-l", "-tt", "-i", device,
                              "udp port 500 or (udp port 4500 and udp[4:2] > 12 and udp[8:4] = 0)"], node, log="isakmp.log")
        self.path = f"{common.DIR}/isakmp.log"
        wait_for(lambda: "listening on" in self.text(), 10, "tcpdump")

    def text(self):
        with open(self.path, errors="replace") as f:
            return f.read()

    def since(self, start):
        """Those after that moment (time.time())."""
        return [line for line in self.text().splitlines() if re.match(r"\d+\.\d+ ", line) and float(line.split()[0]) >= start]


def flows(rate=500):
    """Both ways, with the first packets there."""
    pair = [Flow("east", "10.2.0.10", "west", "10.1.0.10", rate), Flow("west", "10.1.0.10", "east", "10.2.0.10", rate, port=7008)]
    time.sleep(0.5)
    return pair
