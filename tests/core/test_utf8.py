"""What Qt says of the character set, in processes that begin with another."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BEGUN = """
import os
from companion.core.utf8 import use_utf8
use_utf8()
from PySide6.QtCore import QLocale
from PySide6.QtGui import QGuiApplication
application = QGuiApplication([])
print(QLocale.system().name())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere Qt takes any")
@pytest.mark.parametrize(
    "settings",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "LC_TIME": "C"},
        {"LANG": "C"},
        {"LANG": "xx_XX.UTF-8", "LC_CTYPE": "xx_XX.UTF-8"},
        {"LANG": "C.UTF-8", "LC_CTYPE": "xx_XX"},
        {"LANG": "C.UTF-8"},
        {},
    ],
    ids=str,
)
def test_qt_has_nothing_to_complain_of(settings):
    kept = {name: value for name, value in os.environ.items() if name != "LANG" and not name.startswith("LC_")}
    surroundings = kept | settings | {"QT_QPA_PLATFORM": "offscreen", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", BEGUN], env=surroundings, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
