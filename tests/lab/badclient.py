#!/usr/bin/python3
"""badclient.py SOCKET ACTION [ARG…]: a client that does not behave, for t/53-bad-client.sh.

send TEXT            a request of that text; prints the answer, or "closed"
bytes TEXT           the bytes that TEXT stands for with Python's escapes, sent as they are; the same
half TEXT            the request, then the end of our direction; the same
wait TEXT            the bytes; prints how many seconds it takes until the connection is closed, and the answer
leave TEXT           the request, and away
crowd N TEXT         so many clients at once, all connected before the first says anything; prints how many were answered
latency N            so many `status`; prints their median in ms, and how many found the VM suspending
deaf N TEXT          N clients that ask so and read nothing, until a line comes on standard input
toggle N             N times pause and unpause
"""
# Few modules: in the lab each takes some tenths of a second to load.
import socket
import struct
import sys
import time


def connect():
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(60)
    client.connect(sys.argv[1])
    return client


def frame(text):
    return struct.pack(">I", len(text)) + text


def answer(client):
    data = b""
    try:
        while piece := client.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data.decode() or "closed"


def ask(data, shut=False):
    client = connect()
    try:
        client.sendall(data)
    except BrokenPipeError:
        pass
    if shut:
        client.shutdown(socket.SHUT_WR)
    return answer(client)


def escaped(text):
    return text.encode().decode("unicode_escape").encode("latin1")


STATUS = frame(b'{"jsonrpc":"2.0","method":"status"}')
action, arguments = sys.argv[2], sys.argv[3:]
if action == "send":
    print(ask(frame(arguments[0].encode())))
elif action == "bytes":
    print(ask(escaped(arguments[0])))
elif action == "half":
    print(ask(frame(arguments[0].encode()), True))
elif action == "wait":
    began = time.monotonic()
    said = ask(escaped(arguments[0]))
    print(round(time.monotonic() - began), said)
elif action == "leave":
    connect().sendall(frame(arguments[0].encode()))
elif action == "crowd":
    clients = [connect() for _ in range(int(arguments[0]))]
    for client in clients:
        client.sendall(frame(arguments[1].encode()))
    print(sum('"result"' in answer(client) for client in clients))
elif action == "latency":
    times, suspending = [], 0
    for _ in range(int(arguments[0])):
        began = time.monotonic()
        said = ask(STATUS)
        times.append(time.monotonic() - began)
        suspending += '"suspending"' in said
    print(round(sorted(times)[len(times) // 2] * 1000), suspending)
elif action == "deaf":
    clients = [connect() for _ in range(int(arguments[0]))]
    for client in clients:
        client.sendall(frame(arguments[1].encode()))
    print("listening", flush=True)
    sys.stdin.readline()
    rests = [len(answer(client)) for client in clients]
    print(max(rests), flush=True)
elif action == "toggle":
    for _ in range(int(arguments[0])):
        for method in (b"pause", b"unpause"):
            ask(frame(b'{"jsonrpc":"2.0","method":"' + method + b'"}'))
