# SPDX-License-Identifier: Apache-2.0
"""strongSwan's charon as the peer of our gateway: IKEv1 with its user-space data plane (kernel-libipsec), started in a
namespace of its own with a private /run. What must be known of it: its ESP is always UDP-encapsulated, so it makes every
peer believe in a NAT (it sends a faked NAT-D hash); its traffic selectors must not contain its own LAN.

    west 10.1.0.10 --- ours 198.51.100.2 --- middle --- theirs 203.0.113.2 --- east 10.2.0.10
                       lan0         wan0               wan0           lan0
"""
import os, shutil
import common
from common import Failed, Holdfast, check, link, masquerade, node_add, ping, route, run, spawn, stop, wait_for

CHARON = "/usr/lib/ipsec/charon"
OURS, THEIRS, MIDDLE_OURS, MIDDLE_THEIRS = "198.51.100.2", "203.0.113.2", "198.51.100.1", "203.0.113.1"
PLUGINS = ("random nonce aes sha1 sha2 md5 hmac gcm gmp curve25519 openssl kdf pem pkcs1 x509 revocation pubkey "
           "kernel-libipsec kernel-netlink socket-default vici updown")


def need():
    common.gateway_need()
    common.need(CHARON, "swanctl", "nft", "unshare")


def topology(nat=None):
    """`nat`: None, "ours" (we are behind a NAT) or "theirs"."""
    node_add("west", "ours", "middle", "theirs", "east")
    link("west", "eth0", "10.1.0.10/24", "ours", "lan0", None)
    link("ours", "wan0", None, "middle", "ours", f"{MIDDLE_OURS}/24")
    link("middle", "theirs", f"{MIDDLE_THEIRS}/24", "theirs", "wan0", f"{THEIRS}/24")
    link("theirs", "lan0", "10.2.0.1/24", "east", "eth0", "10.2.0.10/24")
    route("west", "default", "10.1.0.1")
    route("east", "default", "10.2.0.1")
    route("theirs", "default", MIDDLE_THEIRS)
    if nat:
        masquerade("middle", "theirs" if nat == "ours" else "ours")


# What is negotiated: (our policy, our transform set, our group of PFS) and strongSwan's words for the same.
class Suite:
    def __init__(self, name, policy, transform, proposal, esp, pfs=None):
        self.name, self.policy, self.transform, self.proposal, self.esp = name, policy, transform, proposal, esp
        self.pfs = pfs
        self.shown = transform.replace("esp-gcm 128", "esp-gcm")


SUITES = {s.name: s for s in (
    Suite("des-md5", ["hash md5", "group 1"], "esp-des esp-md5-hmac", "des-md5-modp768", "des-md5"),
    Suite("3des-md5", ["encr 3des", "hash md5", "group 2"], "esp-3des esp-md5-hmac", "3des-md5-modp1024", "3des-md5"),
    Suite("aes128-sha1", ["encr aes", "hash sha", "group 14"], "esp-aes esp-sha-hmac", "aes128-sha1-modp2048",
          "aes128-sha1-modp2048", pfs="group14"),
    Suite("aes256-sha256", ["encr aes 256", "hash sha256", "group 19"], "esp-aes 256 esp-sha256-hmac",
          "aes256-sha256-ecp256", "aes256-sha256-ecp256", pfs="group19"),
    Suite("gcm128", ["encr aes", "hash sha256", "group 19"], "esp-gcm 128", "aes128-sha256-ecp256", "aes128gcm16"),
    Suite("gcm256", ["encr aes 256", "hash sha512", "group 31"], "esp-gcm 256", "aes256-sha512-curve25519",
          "aes256gcm16-curve25519", pfs="group31"),
    Suite("aes256-sha384", ["encr aes 256", "hash sha384", "group 20"], "esp-aes 256 esp-sha384-hmac",
          "aes256-sha384-ecp384", "aes256-sha384"),
    Suite("aes192-sha512", ["encr aes 192", "hash sha512", "group 5"], "esp-aes 192 esp-sha512-hmac",
          "aes192-sha512-modp1536", "aes192-sha512-modp1536", pfs="group5"),
)}


def our_text(suite, peer=THEIRS, key="between-us", lifetime=86400, top=(), entry=()):
    pfs = [f" set pfs {suite.pfs}"] if suite.pfs else []
    return "\n".join([
        "hostname ours", "crypto isakmp policy 10", *(f" {p}" for p in suite.policy), " authentication pre-share",
        f" lifetime {lifetime}", f"crypto isakmp key {key} address {peer}", *top,
        f"crypto ipsec transform-set both {suite.transform}", "crypto map outside 10 ipsec-isakmp", f" set peer {peer}",
        " set transform-set both", *pfs, *(f" {e}" for e in entry), " match address protected",
        "interface FastEthernet0/0", " device lan0", " ip address 10.1.0.1 255.255.255.0",
        "interface Serial1/0:0", " device wan0", f" ip address {OURS} 255.255.255.0", " crypto map outside",
        f"ip route 0.0.0.0 0.0.0.0 {MIDDLE_OURS}",
        "ip access-list extended protected", " permit ip 10.1.0.0 0.0.0.255 10.2.0.0 0.0.0.255", "end", ""])


def ours(suite, **more):
    return Holdfast("ours", our_text(suite, **more))


class Theirs:
    """charon in node `theirs`. connection, child: further lines of swanctl.conf."""

    def __init__(self, suite, remote=OURS, key="between-us", connection=(), child=(), charon=(), local_id=THEIRS,
                 remote_id=OURS):
        self.dir = f"{common.DIR}/theirs"
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        self.uri = f"unix://{self.dir}/vici"
        more = "\n".join(charon)
        self.write("strongswan.conf", f"""charon {{
            load_modular = no
            load = {PLUGINS}
            install_routes = yes
            i_dont_care_about_security_and_use_aggressive_mode_psk = yes
            {more}
            plugins {{
                vici {{ socket = {self.uri} }}
                kernel-libipsec {{ allow_peer_ts = yes }}
            }}
            filelog {{ log {{ path = {self.dir}/charon.log
                default = 1
                flush_line = yes
                ike = 2 }} }}
        }}""")
        self.write("swanctl.conf", f"""connections {{ c {{
            version = 1
            local_addrs = {THEIRS}
            remote_addrs = {remote}
            proposals = {suite.proposal}
            {chr(10).join(connection)}
            local {{
                auth = psk
                id = {local_id}
            }}
            remote {{
                auth = psk
                id = {remote_id}
            }}
            children {{ n {{
                local_ts = 10.2.0.0/24
                remote_ts = 10.1.0.0/24
                esp_proposals = {suite.esp}
                {chr(10).join(child)}
            }} }}
        }} }}
        secrets {{ ike-a {{ secret = {key} }} }}""")
        env = dict(os.environ, STRONGSWAN_CONF=f"{self.dir}/strongswan.conf")
        self.process = spawn(["unshare", "-m", "sh", "-c", f"mount -t tmpfs none /run && exec {CHARON}"], "theirs",
                             env=env)
        wait_for(lambda: os.path.exists(f"{self.dir}/vici") or self.process.poll() is not None, 15, "charon's socket")
        if self.process.poll() is not None:
            raise Failed("charon ended: " + self.log())
        self.swanctl("--load-all", "--file", f"{self.dir}/swanctl.conf")

    def write(self, name, text):
        with open(f"{self.dir}/{name}", "w") as f:
            f.write(text)

    def log(self):
        try:
            with open(f"{self.dir}/charon.log", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def swanctl(self, *words, ok=True, seconds=30):
        return run(["swanctl", *words, "--uri", self.uri], "theirs", ok=ok, seconds=seconds)

    def initiate(self, ok=True, seconds=10):
        return self.swanctl("--initiate", "--child", "n", "--timeout", str(seconds), ok=ok)

    def sas(self):
        return self.swanctl("--list-sas", ok=False)

    def up(self):
        text = self.sas()
        return "ESTABLISHED" in text and "INSTALLED" in text

    def stop(self):
        return stop(self.process, 10)


def both_up(we, they, seconds=20):
    wait_for(lambda: we.up() and they.up(), seconds, "both sides to have their SAs")


def we_initiate(we, they):
    ping("west", "10.2.0.10", wait=1)
    both_up(we, they)


def they_initiate(we, they):
    they.initiate()
    both_up(we, they)


def echoes(we, what):
    """Pings both ways, small and large, and nothing dropped for a reason of cryptography."""
    lost = [(a, b, s) for a, b, s in (("west", "10.2.0.10", 56), ("east", "10.1.0.10", 56), ("west", "10.2.0.10", 1300),
                                      ("east", "10.1.0.10", 1300)) if ping(a, b, 3, s) != 3]
    check(not lost, f"{what}: echoes both ways {lost or ''}")
