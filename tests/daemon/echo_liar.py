# SPDX-License-Identifier: Apache-2.0
"""Answers ICMP echo requests for 10.9.0.2 in a wrong way: echo_liar.py MODE. The kernel's own answers are off."""
import socket, struct, sys, time


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def message(kind, code, rest, data):
    head = struct.pack("!BBH", kind, code, 0) + rest
    return struct.pack("!BBH", kind, code, checksum(head + data)) + rest + data


def reply(request, sequence=None, flip=False):
    identifier, number = struct.unpack("!HH", request[4:8])
    data = bytes([request[8] ^ 1]) + request[9:] if flip else request[8:]
    return message(0, 0, struct.pack("!HH", identifier, number if sequence is None else sequence(number) & 0xffff), data)


mode = sys.argv[1]
hear = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
say = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
say.bind(("10.9.0.3" if mode == "elsewhere" else "10.9.0.2", 0))
while True:
    packet, (who, _) = hear.recvfrom(2048)
    request = packet[(packet[0] & 15) * 4:]
    if request[0] != 8:
        continue
    answers = [reply(request)]
    refusal = message(3, 1, bytes(4), packet[:28])
    if mode == "twice":
        answers *= 2
    elif mode == "late":
        time.sleep(0.2)
    elif mode == "slow":
        time.sleep(0.15)
    elif mode == "former":
        answers = [reply(request, lambda n: n - 1)]
    elif mode == "tag":
        answers = [reply(request, flip=True)]
    elif mode == "refuse":
        answers = [refusal]
    elif mode == "refuse-then-answer":
        answers.insert(0, refusal)
    elif mode == "noise":  # cut off, of nobody, of nothing; then the true one
        identifier = struct.unpack("!H", request[4:6])[0]
        answers = [message(0, 0, struct.pack("!HH", identifier, 0), b""),
                   message(0, 0, struct.pack("!HH", identifier + 7 & 0xffff, 1), bytes(28)),
                   message(3, 1, bytes(4), packet[:20]), message(3, 1, bytes(4), b"\x4f" + bytes(63)),
                   message(11, 0, bytes(4), b"\x60" + bytes(67)), *answers]
    for a in answers:
        say.sendto(a, (who, 0))
