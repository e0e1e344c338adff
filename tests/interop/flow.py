#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Numbered UDP packets. `sink ADDRESS PORT` counts until a line comes in, then prints received and different ones;
`source FROM TO PORT RATE SIZE` sends until a line comes in, then prints how many it sent."""
import select, socket, struct, sys, time


def sink(address, port):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.bind((address, int(port)))
    print("ready", flush=True)
    received, seen = 0, set()
    while True:
        ready = select.select([s, sys.stdin], [], [])[0]
        if s in ready:
            received += 1
            seen.add(struct.unpack_from("!Q", s.recv(65536))[0])
        elif sys.stdin in ready:
            print(received, len(seen), flush=True)
            return


def source(address, to, port, rate, size):
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 0))
    s.connect((to, int(port)))
    rest, number, start = bytes(int(size) - 8), 0, time.monotonic()
    while True:
        due = int((time.monotonic() - start) * int(rate))
        while number < due:
            try:
                s.send(struct.pack("!Q", number) + rest)
            except ConnectionRefusedError:
                continue
            number += 1
        if select.select([sys.stdin], [], [], 0.004)[0]:
            print(number, flush=True)
            return


globals()[sys.argv[1]](*sys.argv[2:])
