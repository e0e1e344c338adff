# SPDX-License-Identifier: Apache-2.0
"""Two gateways of ours with a router between them that a test may listen at or attack from.

    west 10.1.0.10 --- a 198.51.100.2 --- middle --- b 203.0.113.2 --- east 10.2.0.10
                   lan0         wan0  left   right  wan0         lan0
"""
import json

from common import Holdfast, link, node_add, route

A, B, MIDDLE = "198.51.100.2", "203.0.113.2", "198.51.100.1"
# Lines of the policy, the transform set, lines of the crypto map entry.
SUITES = {
    "des-md5": (["hash md5"], "esp-des esp-md5-hmac", []),
    "aes-sha": (["encr aes", "group 14"], "esp-aes esp-sha-hmac", ["set pfs group14"]),
    "aes256-sha256": (["encr aes 256", "hash sha256", "group 19"], "esp-aes 256 esp-sha256-hmac", []),
    "gcm": (["encr aes", "hash sha256", "group 19"], "esp-gcm 128", ["set pfs group19"]),
    "gcm256": (["encr aes 256", "hash sha512", "group 31"], "esp-gcm 256", []),
}


def topology():
    node_add("west", "a", "middle", "b", "east")
    link("west", "eth0", "10.1.0.10/24", "a", "lan0", None)
    link("a", "wan0", None, "middle", "left", f"{MIDDLE}/24")
    link("middle", "right", "203.0.113.1/24", "b", "wan0", None)
    link("b", "lan0", None, "east", "eth0", "10.2.0.10/24")
    route("west", "default", "10.1.0.1")
    route("east", "default", "10.2.0.1")


def text(name, lan, wan, via, peer, there, suite, more):
    policy, transform, entry = suite
    return "\n".join([
        f"hostname {name}", "crypto isakmp policy 10", *(f" {p}" for p in policy), " authentication pre-share",
        f"crypto isakmp key between-us address {peer}", "crypto isakmp keepalive 10 2 periodic", *more,
        f"crypto ipsec transform-set both {transform}", "crypto map outside 10 ipsec-isakmp", f" set peer {peer}",
        " set transform-set both", *(f" {e}" for e in entry), " match address protected",
        "interface FastEthernet0/0", " device lan0", f" ip address {lan}.1 255.255.255.0",
        "interface Serial1/0:0", " device wan0", f" ip address {wan} 255.255.255.0", " crypto map outside",
        f"ip route 0.0.0.0 0.0.0.0 {via}", "ip access-list extended protected",
        f" permit ip {lan}.0 0.0.0.255 {there}.0 0.0.0.255", "end", ""])


def gateways(suite, more=()):
    """Starts both; `more`: further lines of configuration for a."""
    return (Holdfast("a", text("a", "10.1.0", A, MIDDLE, B, "10.2.0", SUITES[suite], more)),
            Holdfast("b", text("b", "10.2.0", B, "203.0.113.1", A, "10.1.0", SUITES[suite], ())))


def cookies(gateway):
    """The cookies of the IKE SA between the two, as bytes; None if there is none."""
    for sa in sas(json.loads(gateway.show("show crypto isakmp sa detail | json"))):
        if {sa.get("destination"), sa.get("source")} == {A, B} and sa.get("state") == "QM_IDLE":
            return bytes.fromhex(sa["initiator_cookie"]), bytes.fromhex(sa["responder_cookie"])
    return None


def sas(facts):
    if isinstance(facts, dict):
        found = [facts] if "initiator_cookie" in facts else []
        return found + [s for v in facts.values() for s in sas(v)]
    return [s for v in facts for s in sas(v)] if isinstance(facts, list) else []
