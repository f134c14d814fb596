"""Talks to a server with Python's standard library. Arguments: host, port. Ends with the line `ok`."""

import http.client
import json
import sys
import urllib.error
import urllib.request

host, port = sys.argv[1], int(sys.argv[2])
connection = http.client.HTTPConnection(host, port, timeout=10)


def ask(method, target, body=None, headers={}, **options):
    connection.request(method, target, body, headers, **options)
    answer = connection.getresponse()
    return answer, answer.read()


# One connection for all of this: it would notice an answer that is too long or too short.
answer, body = ask("GET", "/inspect?a=b")
assert answer.status == 200 and json.loads(body)["query"] == "a=b", body
socket = connection.sock

answer, body = ask("HEAD", "/")
assert answer.status == 200 and body == b"" and int(answer.headers["Content-Length"]) > 0

answer, body = ask("POST", "/echo", b"x" * 100_000, {"Content-Type": "text/plain"})
assert (answer.status, len(body), answer.headers["Content-Type"]) == (200, 100_000, "text/plain")

answer, body = ask("PUT", "/echo", iter([b"a", b"", b"bc"]), encode_chunked=True)
assert (answer.status, body) == (200, b"abc"), body

answer, body = ask("OPTIONS", "/")
assert answer.status == 204 and body == b"" and "GET" in answer.headers["Allow"]

answer, body = ask("DELETE", "/", b"a body that nobody reads")
assert answer.status == 405 and json.loads(body)["error"] == "method_not_allowed"

answer, body = ask("GET", "/", headers={"Connection": "close"})
assert answer.status == 200 and answer.will_close
assert socket is not None

# urllib asks for `Connection: close` every time.
url = f"http://{host}:{port}"
assert urllib.request.urlopen(f"{url}/", timeout=10).status == 200
try:
    urllib.request.urlopen(f"{url}/nowhere", timeout=10)
    raise AssertionError("404 expected")
except urllib.error.HTTPError as error:
    assert error.code == 404 and json.load(error)["error"] == "not_found"
print("ok")
