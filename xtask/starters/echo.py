#!/usr/bin/env python3
# An echo for stage 1 of the climb: cargo xtask climb --server 'python3 my_server/echo.py'
import socket
import sys

host, port = sys.argv[1].rsplit(":", 1)
listener = socket.create_server((host, int(port)))
print("listening on tcp://%s:%d" % listener.getsockname(), flush=True)

while True:
    stream, peer = listener.accept()
    # Stage 1: receive what the client sends, and send it back, until recv returns nothing.
    stream.close()
