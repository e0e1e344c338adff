#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What an attacker does with packets: recorded.py record DEVICE DESTINATION FILE COUNT, recorded.py send FILE. And bulk
traffic by TCP: recorded.py receive PORT, recorded.py stream ADDRESS PORT BYTES."""
import socket, struct, sys


def sealed(packet, destination):
    """ESP, or UDP 4500 that is not IKE, to that address and as the wire has it (not merged by an offload)."""
    if len(packet) < 60 or len(packet) > 1500 or packet[0] != 0x45 or packet[16:20] != destination:
        return False
    return packet[9] == 50 or (packet[9] == 17 and packet[22:24] == struct.pack(">H", 4500) and packet[28:32] != bytes(4))


def record(device, destination, path, count):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    s.bind((device, 0x0800))
    s.settimeout(20)
    kept = 0
    with open(path, "wb") as f:
        while kept < int(count):
            packet, where = s.recvfrom(65535)
            if where[2] != 4 and sealed(packet, socket.inet_aton(destination)):
                if packet[9] == 17:  # the sender's device would have filled in the checksum
                    packet = packet[:26] + bytes(2) + packet[28:]
                f.write(struct.pack(">H", len(packet)) + packet)
                kept += 1


def send(path):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with open(path, "rb") as f:
        while head := f.read(2):
            packet = f.read(struct.unpack(">H", head)[0])
            s.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))


def receive(port):
    s = socket.create_server(("", int(port)))
    c, _ = s.accept()
    total = 0
    while data := c.recv(1 << 20):
        total += len(data)
    c.sendall(b"%d" % total)


def stream(address, port, count):
    s = socket.create_connection((address, int(port)), timeout=20)
    for _ in range(int(count) // 65536):
        s.sendall(bytes(65536))
    s.shutdown(socket.SHUT_WR)
    print("the other side received", s.recv(100).decode())


{"record": record, "send": send, "receive": receive, "stream": stream}[sys.argv[1]](*sys.argv[2:])
