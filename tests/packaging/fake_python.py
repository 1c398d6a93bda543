"""Plays the interpreter of a virtual environment, and its pip: records how it was called and does as FAKE_* says."""

import json
import os
import sys
import time
from pathlib import Path

words = sys.argv[1:]
with Path(os.environ["FAKE_CALLS"]).open("a", encoding="utf-8") as calls:
    calls.write(json.dumps(words) + "\n")

if words[:2] == ["-I", "-c"]:
    print(f"{sys.version_info[0]}.{sys.version_info[1]}")
elif words[:4] == ["-m", "pip", "config", "list"]:
    print(os.environ.get("FAKE_CONFIG", ""))
elif words[:2] == ["-m", "pip"] and words[2] != "--version":
    print("pip is at work", flush=True)
    time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
    says, _, when = os.environ.get("FAKE_FAILURE", "").partition(" when ")
    if says and (when in words or when in os.environ.get("CMAKE_ARGS", "")):
        print(says)
        sys.exit(1)
    if words[2] == "wheel":
        folder = Path(words[words.index("--wheel-dir") + 1])
        folder.mkdir(parents=True)
        (folder / "llama_cpp_python-0.3.36-py3-none-any.whl").write_text(os.environ["CMAKE_ARGS"])
elif words[0] != "-c" and words[:2] != ["-m", "pip"]:
    print("started", *words)
    sys.exit(int(os.environ.get("FAKE_STATUS", "0")))
