#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two gateways, end to end, in network namespaces of this test:

    left:  lan0 10.0.0.1/24 -- holdfastd -- wan0 9.1.1.129/30 ==== wan0 9.1.1.130/30 -- holdfastd -- lan0 10.0.64.1/24 :right

Checks that a ping brings the tunnel up, that killing control and engine loses nothing and says nothing to the peer, that
failures at start are one clear line, and that a clean stop leaves the machine as it was. Needs root (exit 77 without).
Usage: smoke.py HOLDFASTD
"""
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

CLI_RUN, CLI_TEXT, CLI_DONE = 1, 64, 65


def config(name, local, remote, lan, mine, theirs, key="secret1", group="14"):
    return f"""hostname {name}
crypto isakmp policy 10
 encr aes
 authentication pre-share
 group {group}
crypto isakmp key {key} address {remote}
crypto ipsec transform-set strong esp-aes esp-sha-hmac
crypto map vpn 10 ipsec-isakmp
 set peer {remote}
 set transform-set strong
 match address tunnel
ip access-list extended tunnel
 permit ip {mine} 0.0.0.255 {theirs} 0.0.0.255
interface Serial1/0
 device wan0
 ip address {local} 255.255.255.252
 crypto map vpn
interface FastEthernet0/0
 device lan0
 ip address {lan} 255.255.255.0
ip route {theirs} 255.255.255.0 {remote}
"""


class Gateway:
    def __init__(self, scene, name, text):
        self.namespace = f"{scene.prefix}.{name}"
        self.directory = os.path.join(scene.directory, name)
        self.binary = scene.binary
        self.text = text
        self.process = None
        os.makedirs(self.directory, exist_ok=True)
        run("ip", "netns", "add", self.namespace)
        run("ip", "-n", self.namespace, "link", "set", "lo", "up")
        run("ip", "-n", self.namespace, "link", "add", "lan0", "type", "veth", "peer", "name", "lanx")
        run("ip", "-n", self.namespace, "link", "set", "lanx", "up")

    def command(self):
        path = os.path.join(self.directory, "conf")
        with open(path, "w") as f:
            f.write(self.text)
        return ["ip", "netns", "exec", self.namespace, self.binary, "--config", path, "--run-directory",
                self.directory + "/run", "--foreground"]

    def start(self):
        self.log = open(os.path.join(self.directory, "log"), "w")
        self.process = subprocess.Popen(self.command(), stderr=self.log)
        until(lambda: "ready in" in self.lines(), "the gateway to be ready")

    def lines(self):
        with open(os.path.join(self.directory, "log")) as f:
            return f.read()

    def pid(self, name):
        with open(f"{self.directory}/run/{name}.pid") as f:
            return int(f.read())

    def kill(self, name):
        before = self.pid(name)
        os.kill(before, signal.SIGKILL)

        def replaced():
            try:
                return self.pid(name) != before
            except (FileNotFoundError, ValueError):
                return False
        until(replaced, f"a new {name}")

    def say(self, *lines):
        s = socket.socket(socket.AF_UNIX)
        s.connect(self.directory + "/run/control.sock")
        answer = []

        def frame():
            def exactly(n):
                data = b""
                while len(data) < n:
                    more = s.recv(n - len(data))
                    if not more:
                        raise EOFError("control closed the connection")
                    data += more
                return data
            kind, length = struct.unpack("II", exactly(8))
            return kind, exactly(length)

        def finish():
            while True:
                kind, data = frame()
                if kind == CLI_TEXT:
                    answer.append(data.decode())
                if kind == CLI_DONE:
                    return
        finish()
        for line in lines:
            s.sendall(struct.pack("II", CLI_RUN, len(line)) + line.encode())
            finish()
        s.close()
        return "".join(answer)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(15)

    def ip(self, *words):
        return run("ip", "-n", self.namespace, *words)


class Scene:
    def __init__(self, binary):
        self.binary = os.path.abspath(binary)
        self.prefix = f"hfsmoke{os.getpid()}"
        self.temporary = tempfile.TemporaryDirectory()
        self.directory = self.temporary.name
        self.left = Gateway(self, "left", config("left", "9.1.1.129", "9.1.1.130", "10.0.0.1", "10.0.0.0", "10.0.64.0"))
        self.right = Gateway(self, "right", config("right", "9.1.1.130", "9.1.1.129", "10.0.64.1", "10.0.64.0", "10.0.0.0"))
        run("ip", "-n", self.left.namespace, "link", "add", "wan0", "type", "veth", "peer", "name", "wan0", "netns",
            self.right.namespace)

    def end(self):
        for g in (self.left, self.right):
            g.stop()
            subprocess.run(["ip", "netns", "del", g.namespace], check=False)
        self.temporary.cleanup()


def run(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


def until(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.01)


def expect(text, pattern):
    if not re.search(pattern, text):
        raise AssertionError(f"expected /{pattern}/ in:\n{text}")


def a_ping_brings_the_tunnel_up(s):
    s.left.start()
    s.right.start()
    expect(s.left.say("ping 10.0.64.1 source Fa0/0 repeat 5"), r"Success rate is (100|80) percent")
    expect(s.left.say("show crypto isakmp sa"), r"QM_IDLE\s+1 ACTIVE")
    expect(s.left.say("show crypto ipsec sa"), r"#pkts encaps: [1-9]")


def kills_cost_nothing_and_say_nothing(s):
    sniffer = subprocess.Popen(["ip", "netns", "exec", s.right.namespace, "timeout", "20", "tcpdump", "-lni", "wan0", "-c", "1",
                                "udp port 500 or udp port 4500"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    ping = subprocess.Popen(["ip", "netns", "exec", s.left.namespace, "ping", "-i", "0.01", "-c", "250", "-I", "10.0.0.1",
                             "10.0.64.1"], stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    for gateway, name in ((s.left, "control"), (s.right, "control"), (s.left, "engine"), (s.right, "engine")):
        gateway.kill(name)
        time.sleep(0.4)
    expect(ping.communicate()[0], r" 250 received")
    if sniffer.poll() is not None:
        raise AssertionError("IKE spoke although only processes died")
    sniffer.terminate()
    sniffer.wait()
    expect(s.left.say("show crypto isakmp sa"), r"QM_IDLE\s+1 ACTIVE")
    expect(s.left.lines(), r"1 pairs of SAs kept, 0 removed, 0 asked for anew")


def the_configuration_changes_without_touching_the_tunnel(s):
    before = re.findall(r"spi: 0x\w+", s.left.say("show crypto ipsec sa"))
    out = s.left.say("configure terminal", "interface Loopback5", "ip address 10.9.9.9 255.255.255.255", "encr fly", "end")
    expect(out, r"(?s)encr fly\n\^\n% ")
    expect(s.left.ip("-4", "addr", "show", "lo"), r"10\.9\.9\.9/32")
    s.left.say("configure terminal", "no interface Loopback5", "end")
    if "10.9.9.9" in s.left.ip("-4", "addr", "show", "lo"):
        raise AssertionError("the address stayed")
    if re.findall(r"spi: 0x\w+", s.left.say("show crypto ipsec sa")) != before:
        raise AssertionError("the tunnel was touched")


def a_second_one_is_refused(s):
    second = subprocess.run(s.left.command(), stderr=subprocess.PIPE, text=True, timeout=10)
    expect(second.stderr, r"^holdfastd: another holdfastd uses the run directory .*\n$")
    command = s.left.command()
    command[command.index("--run-directory") + 1] += "2"
    second = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=10)
    expect(second.stderr, r"^holdfastd: the device holdfast0 is in use")
    if second.returncode != 1:
        raise AssertionError("a second holdfastd must fail")


def a_stop_leaves_nothing(s):
    for g in (s.left, s.right):
        g.stop()
        if g.process.returncode != 0:
            raise AssertionError(f"exit status {g.process.returncode}")
        for words in (("rule",), ("-4", "addr"), ("route", "show", "table", "all")):
            out = g.ip(*words)
            if re.search(r"18502|holdfast0|proto 85|10\.0\.|9\.1\.1\.", out):
                raise AssertionError(f"left behind: {out}")
    expect(s.right.lines(), r"tunnel is DOWN")


def wrong_key_is_one_clear_line(s):
    s.right.text = s.right.text.replace("secret1", "secret2")
    s.left.start()
    s.right.start()
    s.left.say("ping 10.0.64.1 source Fa0/0 repeat 1 timeout 1")
    until(lambda: re.search(r"(?i)9\.1\.1\.1(29|30).*key|key.*9\.1\.1\.1(29|30)", s.left.lines() + s.right.lines()),
          "a line that names the key and the peer")
    s.left.stop()
    s.right.stop()


def wrong_proposal_and_no_route_are_named(s):
    s.left.text = config("left", "9.1.1.129", "9.1.1.130", "10.0.0.1", "10.0.0.0", "10.0.64.0", group="2")
    s.left.text = s.left.text.replace("ip route", f"""crypto isakmp key x address 192.0.2.1
crypto map vpn 20 ipsec-isakmp
 set peer 192.0.2.1
 set transform-set strong
 match address far
ip access-list extended far
 permit ip 10.0.0.0 0.0.0.255 10.0.99.0 0.0.0.255
ip route 10.0.99.0 255.255.255.0 9.1.1.130
ip route""", 1)
    s.right.text = config("right", "9.1.1.130", "9.1.1.129", "10.0.64.1", "10.0.64.0", "10.0.0.0")
    s.left.start()
    s.right.start()
    s.left.say("ping 10.0.64.1 source Fa0/0 repeat 1 timeout 1", "ping 10.0.99.1 source Fa0/0 repeat 1 timeout 1")
    until(lambda: re.search(r"(?i)(proposal|policy|polic).*9\.1\.1\.129|9\.1\.1\.129.*(proposal|polic)", s.right.lines()),
          "a line about the proposal")
    expect(s.left.lines(), r"peer 192\.0\.2\.1 of crypto map vpn 20 \(interface Serial1/0\) cannot be reached: no route to it")
    s.left.stop()
    s.right.stop()


def reload_carrier_and_late_devices(s):
    text = config("left", "9.1.1.129", "9.1.1.130", "10.0.0.1", "10.0.0.0", "10.0.64.0")
    text += ("interface FastEthernet0/1\n device lan1\n ip address 10.0.1.1 255.255.255.0\n"
             "ip route 172.16.0.0 255.255.0.0 9.1.1.130\nip route 172.16.0.0 255.255.0.0 10.0.0.2 50\n")
    s.left.text = text
    s.left.start()
    s.right.start()
    expect(s.left.say("ping 10.0.64.1 source Fa0/0 repeat 3"), r"Success rate is (100|66) percent")
    expect(s.left.lines(), r"conf:\d+: interface FastEthernet0/1: there is no device lan1")
    s.left.ip("link", "add", "lan1", "type", "veth", "peer", "name", "lan1x")
    s.left.ip("link", "set", "lan1x", "up")
    until(lambda: "10.0.1.1/24" in s.left.ip("-4", "addr"), "the address of the device that came late")
    expect(s.left.ip("route"), r"172\.16\.0\.0/16 via 9\.1\.1\.130 dev wan0 proto 85 metric 1\b")
    s.right.ip("link", "set", "wan0", "down")
    until(lambda: "via 9.1.1.130" not in s.left.ip("route", "show", "172.16.0.0/16"), "the route to be withdrawn")
    expect(s.left.ip("route"), r"172\.16\.0\.0/16 via 10\.0\.0\.2 dev lan0 proto 85 metric 50\b")
    expect(s.left.lines(), r"%LINEPROTO-5-UPDOWN: Line protocol on Interface Serial1/0, changed state to down")
    s.right.ip("link", "set", "wan0", "up")
    until(lambda: "via 9.1.1.130" in s.left.ip("route", "show", "172.16.0.0/16"), "the route to come back")
    expect(s.left.say("ping 10.0.64.1 source Fa0/0 repeat 3"), r"Success rate is (100|66) percent")
    before = re.findall(r"spi: 0x\w+", s.left.say("show crypto ipsec sa"))
    s.left.text = text.replace("172.16", "172.17") + "bogus\n"
    s.left.command()
    s.left.process.send_signal(signal.SIGHUP)
    until(lambda: "the former configuration stays" in s.left.lines(), "a bad file to be refused")
    s.left.text = text.replace("172.16", "172.17")
    s.left.command()
    s.left.process.send_signal(signal.SIGHUP)
    until(lambda: "172.17.0.0/16" in s.left.ip("route"), "the new file")
    if "172.16" in s.left.ip("route") or re.findall(r"spi: 0x\w+", s.left.say("show crypto ipsec sa")) != before:
        raise AssertionError("a reload must change what changed, and only that")
    s.left.stop()
    s.right.stop()


def port_in_use_and_bad_files(s):
    holder = subprocess.Popen(["ip", "netns", "exec", s.left.namespace, sys.executable, "-c",
                               "import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind(('',500))\n"
                               "print('bound',flush=True)\nsys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    refused = subprocess.run(s.left.command(), stderr=subprocess.PIPE, text=True, timeout=10)
    holder.stdin.close()
    holder.wait()
    expect(refused.stderr, r"^holdfastd: UDP port 500 is in use: another IKE daemon runs here\n$")
    s.left.text = "crypto map vpn 10 ipsec-isakmp\n set peer 1.2.3\nbogus\n"
    refused = subprocess.run(s.left.command(), stderr=subprocess.PIPE, text=True, timeout=10)
    expect(refused.stderr, r"conf:2:\d+: error")
    expect(refused.stderr, r"conf:3:1: error")
    if refused.returncode != 2:
        raise AssertionError(f"exit status {refused.returncode}, expected 2")


def main():
    if os.geteuid() != 0:
        return 77
    scene = Scene(sys.argv[1])
    try:
        for check in (a_ping_brings_the_tunnel_up, kills_cost_nothing_and_say_nothing,
                      the_configuration_changes_without_touching_the_tunnel, a_second_one_is_refused, a_stop_leaves_nothing,
                      wrong_key_is_one_clear_line, wrong_proposal_and_no_route_are_named, reload_carrier_and_late_devices,
                      port_in_use_and_bad_files):
            start = time.monotonic()
            check(scene)
            for g in (scene.left, scene.right):
                if re.search("runtime error|Sanitizer|Assertion|killed by signal (6|11)", g.lines()):
                    raise AssertionError("a process failed")
            print(f"ok {check.__name__} ({time.monotonic() - start:.2f} s)", flush=True)
    except BaseException:
        for g in (scene.left, scene.right):
            if os.path.exists(os.path.join(g.directory, "log")):
                print(f"---- {g.namespace}\n{g.lines()}")
        raise
    finally:
        scene.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
