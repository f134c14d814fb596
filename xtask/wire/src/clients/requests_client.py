"""Talks to a server with the requests library. Arguments: host, port. Ends with the line `ok`."""

import sys

try:
    import requests
except ImportError:
    print("skipped: requests is not installed")
    sys.exit()

url = f"http://{sys.argv[1]}:{sys.argv[2]}"
with requests.Session() as session:
    session.trust_env = False
    answer = session.get(f"{url}/inspect", params={"a": "b c"}, timeout=10)
    assert answer.status_code == 200 and answer.json()["query"] == "a=b+c", answer.text
    answer = session.post(f"{url}/echo", json={"a": [1, "é"]}, timeout=10)
    assert answer.json() == {"a": [1, "é"]}, answer.text
    answer = session.post(f"{url}/echo", data=(part for part in [b"one", b"two"]), timeout=10)
    assert answer.content == b"onetwo", answer.content
    answer = session.post(f"{url}/inspect", files={"file": ("a.txt", b"x" * 5000)}, timeout=10)
    assert answer.json()["body_length"] > 5000, answer.text
    answer = session.head(f"{url}/", timeout=10)
    assert answer.status_code == 200 and answer.content == b""
    answer = session.options(f"{url}/echo", timeout=10)
    assert answer.status_code == 204 and "POST" in answer.headers["Allow"]
    assert session.get(f"{url}/nowhere", timeout=10).json()["error"] == "not_found"
print("ok")
