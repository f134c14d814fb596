"""Latency percentiles of a server that has slow requests as well: python3 final/steps/percentiles.py 127.0.0.1:8080

Sends 100 requests for / one after another, and meanwhile 2 requests for /slow?ms=1000 on other connections."""

import socket
import sys
import threading
import time

host, port = sys.argv[1].rsplit(":", 1)


def get(target):
    """Sends a request, and returns how many seconds the response took."""
    start = time.monotonic()
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        while client.recv(4096):
            pass
    return time.monotonic() - start


latencies = []
for number in range(100):
    if number in (30, 60):
        threading.Thread(target=get, args=("/slow?ms=1000",)).start()
        time.sleep(0.1)
    latencies.append(get("/"))

latencies.sort()
mean = sum(latencies) / 100
print(f"mean {mean:.2f} s, p50 {latencies[49]:.2f} s, p99 {latencies[98]:.1f} s")
